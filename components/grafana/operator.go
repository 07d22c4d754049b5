package grafana

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/picluster/picluster/internal/field"
	"github.com/picluster/picluster/internal/kube"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Operator delivers the data sources as objects of the Grafana Operator, one a data source.
// It requires version 5.16 or later of the operator.
type Operator struct {
	// Name is what the objects' names start with, a DNS label. Default: the component's
	// name.
	Name pulumi.StringInput `pulumi:"name,optional"`
	// Namespace is the objects' namespace, which must exist. Default: DefaultNamespace.
	Namespace pulumi.StringInput `pulumi:"namespace,optional"`
	// InstanceSelector are labels of the Grafana objects that get the data sources.
	// Required.
	InstanceSelector map[string]string `pulumi:"instanceSelector"`
	// AllowCrossNamespaceImport has Grafana objects of other namespaces get the data
	// sources too.
	AllowCrossNamespaceImport bool `pulumi:"allowCrossNamespaceImport,optional"`
}

const (
	// OperatorVersion is the API version of the operator's kinds.
	OperatorVersion = "grafana.integreatly.org/v1beta1"
	dashboardKind   = "GrafanaDashboard"
	operatorKind    = "GrafanaDatasource"
)

// immutable are the fields that the operator does not let change.
// Source: https://github.com/grafana/grafana-operator/blob/master/api/v1beta1/grafanadatasource_types.go
var immutable = []string{"spec.uid", "spec.instanceSelector", "spec.allowCrossNamespaceImport"}

// newOperatorObjects creates an object for each data source.
func (g *Grafana) newOperatorObjects(ctx *pulumi.Context, name string, a Args, known pulumi.Output) error {
	for i, entry := range a.entries() {
		slug := objectName(entry.name)
		spec := known.ApplyT(func(datasources any) (map[string]any, error) {
			return operatorSpec(datasources.(document).datasources[i], *a.Operator, entry.path)
		}).(pulumi.MapOutput)
		_, err := kube.NewObject(ctx, OperatorVersion, operatorKind, name+"-datasource-"+slug,
			kube.Metadata{
				Name:      pulumi.Sprintf("%s-%s", field.Checked("Operator.Name", a.Operator.Name, kube.ValidateLabel), slug),
				Namespace: field.Checked("Operator.Namespace", a.Operator.Namespace, kube.ValidateLabel),
			},
			pulumi.Map{"spec": spec},
			pulumi.Parent(g), pulumi.ReplaceOnChanges(immutable),
			// If the new object came first, it would update the data source in Grafana, and the
			// deletion of the previous object would then delete that data source by its uid.
			pulumi.DeleteBeforeReplace(true))
		if err != nil {
			return err
		}
	}
	return nil
}

// operatorSpec returns the section spec of a GrafanaDatasource. The operator sends it to
// Grafana's API as it is: no $ is expanded, because it names no values from elsewhere.
func operatorSpec(d datasource, o Operator, path string) (map[string]any, error) {
	var errs field.Errors
	for _, key := range slices.Sorted(maps.Keys(d.SecureJSONData)) {
		if d.references && reference.MatchString(d.SecureJSONData[key]) {
			errs.Add(path+"SecureJSONData."+key, nil, "a value with Operator, because a reference is expanded in provisioning files alone")
		}
	}
	if err := errs.Err(); err != nil {
		return nil, err
	}
	plain, err := d.plain()
	if err != nil {
		return nil, err
	}
	delete(plain, "uid") // spec.uid; this one is deprecated
	labels := map[string]any{}
	for key, value := range o.InstanceSelector {
		labels[key] = value
	}
	spec := map[string]any{
		"instanceSelector": map[string]any{"matchLabels": labels},
		"uid":              d.UID,
		"datasource":       plain,
	}
	if o.AllowCrossNamespaceImport {
		spec["allowCrossNamespaceImport"] = true
	}
	return spec, nil
}

// maxObjectName leaves room for Operator.Name in the name of an object.
const maxObjectName = 63

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// objectName returns the part of an object's name for a data source's name: "Loki shop" is
// loki-shop. If anything but case and blanks is lost, a hash of the name is at its end.
func objectName(name string) string {
	simple := strings.ReplaceAll(strings.ToLower(name), " ", "-")
	slug := strings.Trim(notInNames.ReplaceAllString(simple, "-"), "-")
	if slug == simple && len(slug) <= maxObjectName {
		return slug
	}
	sum := sha256.Sum256([]byte(name))
	if room := maxObjectName - 1 - hashLength; len(slug) > room {
		slug = slug[:room]
	}
	return strings.TrimPrefix(slug+"-"+hex.EncodeToString(sum[:])[:hashLength], "-")
}
