package kubernetes

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/picluster/picluster/internal/field"
	"github.com/picluster/picluster/internal/kube"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// SecretArgs describes a Secret.
type SecretArgs struct {
	// Name is the Secret's name, a DNS subdomain. Required.
	Name pulumi.StringInput `pulumi:"name"`
	// Namespace is the namespace that the Secret is in. Required. For an Existing one give
	// Namespace.Created: an output that is known once the namespace exists.
	Namespace pulumi.StringInput `pulumi:"namespace"`
	// Existing refers to a Secret that is managed elsewhere: it is read at every run, and
	// never changed. It is an error if the namespace has none of the name.
	Existing bool `pulumi:"existing,optional"`
	// StringData is the data in plain text by key. It is marked as a Pulumi secret.
	StringData map[string]pulumi.StringInput `pulumi:"stringData,optional"`
	// Type is the Secret's type. Default: Opaque.
	Type string `pulumi:"type,optional"`
	// Labels and Annotations are added to the Secret's own.
	Labels      map[string]string `pulumi:"labels,optional"`
	Annotations map[string]string `pulumi:"annotations,optional"`
}

// Secret is a Kubernetes Secret that the component creates or reads.
type Secret struct {
	pulumi.ResourceState

	// Name is the Secret's name. Of one that is created here it is known once the Secret
	// exists.
	Name pulumi.StringOutput `pulumi:"name"`

	namespace pulumi.StringOutput
	data      pulumi.StringMapOutput // in base64
}

// NewSecret creates the Secret, or reads an existing one. It returns one error that names
// every bad field.
func NewSecret(ctx *pulumi.Context, name string, args *SecretArgs, opts ...pulumi.ResourceOption) (*Secret, error) {
	if args == nil {
		return nil, errors.New("kubernetes: args are missing")
	}
	a := *args
	if err := a.Validate(); err != nil {
		return nil, fmt.Errorf("kubernetes secret %q: %w", name, err)
	}
	namespace := field.Checked("Namespace", a.Namespace, kube.ValidateLabel)
	s := &Secret{namespace: namespace}
	if err := ctx.RegisterComponentResource("picluster:kubernetes:Secret", name, s, opts...); err != nil {
		return nil, err
	}
	secretName := field.Checked("Name", a.Name, kube.ValidateSubdomain)
	// Pulumi encrypts these outputs in its state.
	options := []pulumi.ResourceOption{pulumi.Parent(s), pulumi.AdditionalSecretOutputs([]string{"data", "stringData"})}
	var outputs kube.Outputs
	var err error
	if a.Existing {
		outputs, err = kube.ReadObject(ctx, "v1", "Secret", name+"-secret", secretName, namespace, options...)
		s.Name = secretName
	} else {
		kind := a.Type
		if kind == "" {
			kind = "Opaque"
		}
		var object *kube.Object
		object, err = kube.NewObject(ctx, "v1", "Secret", name+"-secret",
			kube.Metadata{Name: secretName, Namespace: namespace, Labels: a.Labels, Annotations: a.Annotations},
			pulumi.Map{"type": pulumi.String(kind), "stringData": pulumi.ToSecret(pulumi.StringMap(a.StringData))},
			options...)
		if err == nil {
			outputs = object.Outputs()
			s.Name = outputs.Name()
		}
	}
	if err != nil {
		return nil, err
	}
	s.data = outputs.Data
	return s, ctx.RegisterResourceOutputs(s, pulumi.Map{"name": s.Name})
}

// Value returns the value of a key of the Secret, in plain text, as a Pulumi secret. The
// output fails if the Secret does not have the key.
func (s *Secret) Value(key string) pulumi.StringOutput {
	value := pulumi.All(s.data, s.namespace, s.Name).ApplyT(func(all []any) (string, error) {
		encoded, ok := all[0].(map[string]string)[key]
		if !ok {
			return "", fmt.Errorf("secret %s/%s: got no key %q; want one. Fix: kubectl describe secret --namespace %[1]s %[2]s", all[1], all[2], key)
		}
		value, err := base64.StdEncoding.DecodeString(encoded)
		return string(value), err
	})
	return pulumi.ToSecret(value).(pulumi.StringOutput)
}

// Validate returns an error with every field that has a bad value. Outputs of other
// resources are checked once they are known.
func (a SecretArgs) Validate() error {
	var errs field.Errors
	errs.CheckInput("Name", a.Name, kube.ValidateSubdomain)
	errs.CheckInput("Namespace", a.Namespace, kube.ValidateLabel)
	for _, key := range slices.Sorted(maps.Keys(a.StringData)) {
		if err := kube.ValidateDataKey(key); err != nil {
			errs.Check("StringData", key, err)
		}
		errs.Require("StringData."+key, a.StringData[key] == nil, "a value")
	}
	checkMetadata(&errs, a.Labels, a.Annotations)
	if a.Existing && (len(a.StringData) > 0 || a.Type != "" || len(a.Labels) > 0 || len(a.Annotations) > 0) {
		errs.Add("Existing", true, "false with StringData, Type, Labels or Annotations, which change the Secret")
	}
	return errs.Err()
}
