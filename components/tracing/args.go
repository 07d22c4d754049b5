package tracing

import (
	"cmp"
	"reflect"
	"regexp"
	"strings"

	"github.com/picluster/picluster/components/grafana"
	"github.com/picluster/picluster/components/kubernetes"
	"github.com/picluster/picluster/components/objectstore"
	"github.com/picluster/picluster/components/tempo"
	"github.com/picluster/picluster/internal/field"
	"github.com/picluster/picluster/internal/kube"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Where Tempo's pods have the keys of the bucket's user from.
const (
	// CredentialsSecret is a Secret that the component creates.
	CredentialsSecret = "secret"
	// CredentialsExisting is a Secret that is managed elsewhere. The user gets the secret
	// key that is in it.
	CredentialsExisting = "existing"
	// CredentialsInline is the chart's values, in plain text: in Helm's record of the
	// release and in the ConfigMap of Tempo's configuration.
	CredentialsInline = "inline"
)

// CredentialsModes returns the values of Args.Credentials, the default first.
func CredentialsModes() []string {
	return []string{CredentialsSecret, CredentialsInline, CredentialsExisting}
}

// Args describes distributed tracing for a cluster, or for one of its tenants. The least
// that it needs is ObjectStore.Bucket and Tempo.Endpoint.
type Args struct {
	// ObjectStore is the bucket of the traces and its user. Default of User: tempo. The
	// default of Actions is tempo.BucketActions. With Existing or ExistingUser the user is the
	// access key in the Secret.
	ObjectStore objectstore.Args `pulumi:"objectStore"`
	// Namespace is the namespace of Tempo and its Secret. Default of Name: tempo.
	Namespace kubernetes.NamespaceArgs `pulumi:"namespace,optional"`
	// Credentials is where the pods have the keys from: one of CredentialsModes. Default:
	// CredentialsSecret.
	Credentials string `pulumi:"credentials,optional"`
	// SecretName is the name of the Secret with the keys, in Tempo.AccessKeyField and
	// Tempo.SecretKeyField. Neither the name nor these fields can be combined with
	// CredentialsInline. Default: tempo-minio-secret.
	SecretName pulumi.StringInput `pulumi:"secretName,optional"`
	// Tempo is the release of Tempo. The component sets Namespace, Bucket, SecretName,
	// AccessKey, SecretKey and CAConfigMap, and the default of ServiceMonitors with
	// Monitoring.
	Tempo tempo.Args `pulumi:"tempo"`
	// ValuesOnly leaves the release to another tool, which gets its values from the output
	// TempoValues. Grafana gets no data sources, and Kubernetes no NetworkPolicies: it cannot
	// be combined with a field of Grafana, nor with Tempo.Network.
	ValuesOnly bool `pulumi:"valuesOnly,optional"`
	// Grafana is how Grafana shows the traces. The component sets TempoURL, and
	// Preset.StreamOverHTTP unless Tempo.DisableStreamOverHTTP.
	Grafana grafana.Args `pulumi:"grafana,optional"`
	// Monitoring is how Tempo itself is watched. Nil: it is not.
	Monitoring *Monitoring `pulumi:"monitoring,optional"`
}

// existingUser returns whether the bucket's user is managed elsewhere.
func (a Args) existingUser() bool { return a.ObjectStore.Existing || a.ObjectStore.ExistingUser }

// withDefaults returns the arguments with what is empty filled in.
func (a Args) withDefaults() Args {
	if a.Credentials == "" {
		a.Credentials = CredentialsSecret
	}
	if a.Namespace.Name == nil {
		a.Namespace.Name = pulumi.String("tempo")
	}
	if a.Credentials != CredentialsInline {
		if a.SecretName == nil {
			a.SecretName = pulumi.String("tempo-minio-secret")
		}
		a.Tempo.AccessKeyField = cmp.Or(a.Tempo.AccessKeyField, tempo.AccessKeyField)
		a.Tempo.SecretKeyField = cmp.Or(a.Tempo.SecretKeyField, tempo.SecretKeyField)
	}
	if a.ObjectStore.User == nil {
		a.ObjectStore.User = pulumi.String("tempo")
	}
	if !a.existingUser() && len(a.ObjectStore.Actions) == 0 && len(a.ObjectStore.Statements) == 0 {
		// The Sid is the one of all earlier versions, whatever the component's name is.
		a.ObjectStore.Statements = []objectstore.Statement{{Sid: "TempoPermissions", Actions: tempo.BucketActions()}}
	}
	if a.Monitoring != nil {
		a.Monitoring = a.Monitoring.withDefaults(a.Tempo)
	}
	return a
}

// Validate returns an error with every field that has a bad value. Outputs of other
// resources are checked once they are known.
func (a Args) Validate() error { return a.withDefaults().problems().Err() }

func (a Args) problems() (errs field.Errors) {
	errs.Under("ObjectStore", a.ObjectStore.Validate())
	errs.Under("Namespace", a.Namespace.Validate())
	if name, _ := field.Plain(a.Namespace.Name); a.Namespace.Existing && a.Tempo.Network != nil && kube.IsBuiltIn(name) {
		errs.Add("Namespace.Name", name, "a namespace that Kubernetes does not create, because Tempo.Network would close it for what else runs in it")
	}
	switch a.Credentials {
	case CredentialsExisting, CredentialsInline, CredentialsSecret:
	default:
		errs.Add("Credentials", a.Credentials, "one of %s", strings.Join(CredentialsModes(), ", "))
	}
	if a.Credentials == CredentialsInline {
		a.unusedSecret(&errs)
	} else {
		errs.CheckInput("SecretName", a.SecretName, kube.ValidateSubdomain)
	}
	if a.existingUser() && a.Credentials != CredentialsExisting {
		with := "ObjectStore.ExistingUser"
		if a.ObjectStore.Existing {
			with = "ObjectStore.Existing"
		}
		errs = append(errs, field.Error{
			Path: "Credentials", Got: a.Credentials, Suggestion: CredentialsExisting,
			Want: "existing with " + with + ", whose key is not created here",
		})
	}
	if a.ObjectStore.SecretKey != nil && a.Credentials == CredentialsExisting {
		errs.Add("ObjectStore.SecretKey", nil, "nothing with Credentials: existing, which has the key")
	}
	for _, set := range []struct {
		path string
		is   bool
	}{
		{"Tempo.Namespace", a.Tempo.Namespace != nil},
		{"Tempo.Bucket", a.Tempo.Bucket != nil},
		{"Tempo.SecretName", a.Tempo.SecretName != nil},
		{"Tempo.AccessKey", a.Tempo.AccessKey != nil},
		{"Tempo.SecretKey", a.Tempo.SecretKey != nil},
		{"Tempo.CAConfigMap", a.Tempo.CAConfigMap != nil},
		{"Grafana.TempoURL", a.Grafana.TempoURL != nil},
	} {
		if set.is {
			errs.Add(set.path, nil, "nothing: the component sets it")
		}
	}
	errs.Under("Tempo", a.plainTempo().Validate())
	a.checkMonitoring(&errs)
	if a.ValuesOnly {
		a.unusedGrafana(&errs)
		return errs
	}
	grafana := a.Grafana
	grafana.TempoURL = pulumi.String("http://tempo")
	errs.Under("Grafana", grafana.Validate())
	if a.Grafana.Preset.StreamOverHTTP && a.Tempo.DisableStreamOverHTTP {
		errs.Add("Grafana.Preset.StreamOverHTTP", true, "false with Tempo.DisableStreamOverHTTP, because Tempo streams nothing then")
	}
	a.tempoTenant(&errs)
	return errs
}

// unusedSecret appends a problem for each field of the Secret that is set although Tempo reads
// no Secret.
func (a Args) unusedSecret(errs *field.Errors) {
	const want = "nothing with Credentials: inline, because it has no effect without a Secret"
	if a.SecretName != nil {
		name, _ := field.Plain(a.SecretName)
		errs.Add("SecretName", name, want)
	}
	if f := a.Tempo.AccessKeyField; f != "" {
		errs.Add("Tempo.AccessKeyField", f, want)
	}
	if f := a.Tempo.SecretKeyField; f != "" {
		errs.Add("Tempo.SecretKeyField", f, want)
	}
}

// unusedGrafana appends a problem for each field that is set though nothing of it is created
// with ValuesOnly.
func (a Args) unusedGrafana(errs *field.Errors) {
	const want = "nothing with ValuesOnly, because it has no effect without a release"
	if a.Tempo.Network != nil {
		errs.Add("Tempo.Network", nil, want)
	}
	fields := reflect.ValueOf(a.Grafana)
	for i := range fields.NumField() {
		if name := fields.Type().Field(i).Name; name != "TempoURL" && !fields.Field(i).IsZero() {
			errs.Add("Grafana."+name, nil, want)
		}
	}
}

// tenantID is narrower than what Tempo accepts: a tenant is a directory of the bucket too,
// and a policy reads "*" as any.
// Source: https://grafana.com/docs/tempo/latest/operations/manage-advanced-systems/multitenancy/
var tenantID = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,150}$`)

// tempoTenant appends a problem if Tempo is multi-tenant and there is no tenant, or the reverse.
// A multi-tenant Tempo rejects the queries of a data source, and the traces of a collector,
// that do not name a tenant.
func (a Args) tempoTenant(errs *field.Errors) {
	const path = "Grafana.Preset.TempoTenant"
	tenant := a.Grafana.Preset.TempoTenant
	if a.Tempo.MultiTenancy && tenant == "" {
		errs.Add(path, field.Nothing, "a tenant with Tempo.MultiTenancy, because Grafana and the collector send one")
	}
	if !a.Tempo.MultiTenancy && tenant != "" {
		errs.Add("Tempo.MultiTenancy", false, "true with %s, because Tempo has no tenants otherwise", path)
	} else if tenant != "" && (!tenantID.MatchString(tenant) || tenant == "." || tenant == "..") {
		errs.Add(path, tenant, "1 to 150 letters, digits or any of . _ -, and not . or ..")
	}
}

// plainTempo returns the arguments of the release for their validation, with placeholders for
// what the component sets.
func (a Args) plainTempo() tempo.Args {
	t := a.Tempo
	t.Namespace, t.SecretName = pulumi.String("tempo"), pulumi.String("tempo")
	t.Bucket = pulumi.String("tempo") // ObjectStore's own problem is reported once
	if t.CA != "" {
		t.CAConfigMap = pulumi.String("tempo")
	}
	return t
}
