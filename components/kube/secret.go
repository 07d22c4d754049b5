package kube

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"

	"github.com/picluster/picluster/internal/problems"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/utilities"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Secret is a Secret of a namespace.
type Secret struct {
	// Name is the Secret's name. Of one that is made here it is known once the
	// Secret is there.
	Name pulumi.StringOutput

	namespace pulumi.StringOutput
	data      pulumi.StringMapOutput // in base64
}

// NewSecret makes a Secret in the namespace. Its data, in plain text by key, is
// marked as a Pulumi secret, whatever comes in.
func (n *Namespace) NewSecret(ctx *pulumi.Context, name, secretName string, data map[string]pulumi.StringInput) (*Secret, error) {
	var p problems.List
	p.Check("Secret's name", secretName, ValidateSubdomain(secretName))
	for _, key := range slices.Sorted(maps.Keys(data)) {
		p.Check("Secret's key", key, join(validation.IsConfigMapKey(key)))
	}
	if err := p.Err(); err != nil {
		return nil, fmt.Errorf("kube secret %q: %w", name, err)
	}
	object, err := NewObject(ctx, "v1", "Secret", name+"-secret",
		Metadata{Name: secretName, Namespace: n.Name},
		pulumi.Map{
			"type":       pulumi.String("Opaque"),
			"stringData": pulumi.ToSecret(pulumi.StringMap(data)),
		},
		pulumi.Parent(n), encrypted)
	if err != nil {
		return nil, err
	}
	return &Secret{object.Name(), n.Name, object.Data}, nil
}

// ReadSecret reads a Secret of the namespace that somebody else keeps, at every
// run. It is an error if it is not there.
func (n *Namespace) ReadSecret(ctx *pulumi.Context, name, secretName string) (*Secret, error) {
	if err := ValidateSubdomain(secretName); err != nil {
		return nil, fmt.Errorf("kube secret %q: name %q: %w", name, secretName, err)
	}
	// The id is not known before the namespace is there, and nothing is read then.
	id := n.id.ApplyT(func(namespace pulumi.ID) pulumi.ID { return namespace + "/" + pulumi.ID(secretName) }).(pulumi.IDOutput)
	object := &Object{}
	err := ctx.ReadResource(token("v1", "Secret"), name+"-secret", id, nil, object,
		utilities.PkgResourceDefaultOpts([]pulumi.ResourceOption{pulumi.Parent(n), encrypted})...)
	if err != nil {
		return nil, err
	}
	return &Secret{pulumi.String(secretName).ToStringOutput(), n.Name, object.Data}, nil
}

// encrypted keeps what a Secret holds encrypted in Pulumi's state.
var encrypted = pulumi.AdditionalSecretOutputs([]string{"data", "stringData"})

// Value returns what the Secret holds under a key, in plain text, as a Pulumi
// secret. It is an error if there is nothing.
func (s *Secret) Value(key string) pulumi.StringOutput {
	value := pulumi.All(s.data, s.namespace, s.Name).ApplyT(func(all []any) (string, error) {
		encoded, ok := all[0].(map[string]string)[key]
		if !ok {
			return "", fmt.Errorf("secret %s/%s has no key %s", all[1], all[2], key)
		}
		value, err := base64.StdEncoding.DecodeString(encoded)
		return string(value), err
	})
	return pulumi.ToSecret(value).(pulumi.StringOutput)
}
