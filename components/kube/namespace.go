// Package kube makes a Kubernetes namespace and the Secret that its pods read.
package kube

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation"
)

// NamespaceArgs describes the namespace and its Secret.
type NamespaceArgs struct {
	// Name is the namespace's name, a DNS label. Required.
	Name string
	// SecretName is the Secret's name, a DNS subdomain. Required.
	SecretName string
	// SecretData is what the Secret holds, in plain text, by key; it is marked
	// as a Pulumi secret, whatever comes in. Required.
	SecretData map[string]pulumi.StringInput
}

// Namespace is a namespace with its Secret.
type Namespace struct {
	pulumi.ResourceState

	// Name is the namespace's name.
	Name pulumi.StringOutput `pulumi:"name"`
	// SecretName is the Secret's name, known once the Secret is there.
	SecretName pulumi.StringOutput `pulumi:"secretName"`
}

// NewNamespace makes the namespace, then the Secret in it. It returns one error
// that names every bad field.
func NewNamespace(ctx *pulumi.Context, name string, args *NamespaceArgs, opts ...pulumi.ResourceOption) (*Namespace, error) {
	if args == nil {
		return nil, errors.New("kube: args are missing")
	}
	if err := args.validate(); err != nil {
		return nil, fmt.Errorf("kube namespace %q: %w", name, err)
	}

	n := &Namespace{}
	if err := ctx.RegisterComponentResource("picluster:kube:Namespace", name, n, opts...); err != nil {
		return nil, err
	}

	namespace, err := corev1.NewNamespace(ctx, name+"-namespace", &corev1.NamespaceArgs{
		Metadata: &metav1.ObjectMetaArgs{Name: pulumi.String(args.Name)},
	}, pulumi.Parent(n))
	if err != nil {
		return nil, err
	}

	data := pulumi.StringMap{}
	for key, value := range args.SecretData {
		data[key] = pulumi.ToSecret(value).(pulumi.StringOutput)
	}
	secret, err := corev1.NewSecret(ctx, name+"-secret", &corev1.SecretArgs{
		Metadata: &metav1.ObjectMetaArgs{
			Name:      pulumi.String(args.SecretName),
			Namespace: namespace.Metadata.Name(),
		},
		Type:       pulumi.String("Opaque"),
		StringData: data,
	}, pulumi.Parent(n))
	if err != nil {
		return nil, err
	}

	n.Name = namespace.Metadata.Name().Elem()
	n.SecretName = secret.Metadata.Name().Elem()
	return n, ctx.RegisterResourceOutputs(n, pulumi.Map{
		"name":       n.Name,
		"secretName": n.SecretName,
	})
}

// ValidateLabel says what is wrong with a DNS label, as a namespace is named by,
// or nil.
func ValidateLabel(name string) error { return join(validation.IsDNS1123Label(name)) }

// ValidateSubdomain says what is wrong with a DNS subdomain, as most objects are
// named by, or nil.
func ValidateSubdomain(name string) error { return join(validation.IsDNS1123Subdomain(name)) }

func join(problems []string) error {
	if len(problems) == 0 {
		return nil
	}
	return errors.New(strings.Join(problems, "; "))
}

func (a NamespaceArgs) validate() error {
	var problems []error
	check := func(field, value string, err error) {
		if err != nil {
			problems = append(problems, fmt.Errorf("%s %q: %w", field, value, err))
		}
	}
	check("Name", a.Name, ValidateLabel(a.Name))
	check("SecretName", a.SecretName, ValidateSubdomain(a.SecretName))
	if len(a.SecretData) == 0 {
		problems = append(problems, errors.New("SecretData: is empty"))
	}
	for _, key := range slices.Sorted(maps.Keys(a.SecretData)) {
		check("SecretData key", key, join(validation.IsConfigMapKey(key)))
	}
	return errors.Join(problems...)
}
