// Package kube makes a Kubernetes namespace, and the Secret and the ConfigMap
// that its pods read.
package kube

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/picluster/picluster/internal/problems"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation"
)

// NamespaceArgs describes the namespace and what is in it.
type NamespaceArgs struct {
	// Name is the namespace's name, a DNS label. Required.
	Name string
	// PodSecurity is the Pod Security Standard that its pods must meet: one of
	// PodSecurityLevels. Empty: the cluster's default. See
	// https://kubernetes.io/docs/concepts/security/pod-security-standards/.
	PodSecurity string
	// SecretName is the Secret's name, a DNS subdomain. Empty: there is none.
	SecretName string
	// SecretData is what the Secret holds, in plain text, by key; it is marked
	// as a Pulumi secret, whatever comes in. It goes with SecretName.
	SecretData map[string]pulumi.StringInput
	// ConfigMapName is the ConfigMap's name, a DNS subdomain. Empty: there is
	// none.
	ConfigMapName string
	// ConfigMapData is what the ConfigMap holds. It goes with ConfigMapName.
	ConfigMapData map[string]string
}

// PodSecurityLevels are the Pod Security Standards, the strictest first.
var PodSecurityLevels = []string{"restricted", "baseline", "privileged"}

// Namespace is a namespace with what is in it.
type Namespace struct {
	pulumi.ResourceState

	// Name is the namespace's name.
	Name pulumi.StringOutput `pulumi:"name"`
	// SecretName is the Secret's name, known once the Secret is there; empty if
	// there is none.
	SecretName pulumi.StringOutput `pulumi:"secretName"`
	// ConfigMapName is the ConfigMap's name, known once it is there; empty if
	// there is none.
	ConfigMapName pulumi.StringOutput `pulumi:"configMapName"`
}

// NewNamespace makes the namespace, then what is in it. It returns one error that
// names every bad field.
func NewNamespace(ctx *pulumi.Context, name string, args *NamespaceArgs, opts ...pulumi.ResourceOption) (*Namespace, error) {
	if args == nil {
		return nil, errors.New("kube: args are missing")
	}
	if err := args.validate(); err != nil {
		return nil, fmt.Errorf("kube namespace %q: %w", name, err)
	}

	n := &Namespace{
		SecretName:    pulumi.String("").ToStringOutput(),
		ConfigMapName: pulumi.String("").ToStringOutput(),
	}
	if err := ctx.RegisterComponentResource("picluster:kube:Namespace", name, n, opts...); err != nil {
		return nil, err
	}
	parent := pulumi.Parent(n)

	labels := pulumi.StringMap{"app.kubernetes.io/managed-by": pulumi.String("pulumi")}
	if args.PodSecurity != "" {
		labels["pod-security.kubernetes.io/enforce"] = pulumi.String(args.PodSecurity)
	}
	namespace, err := corev1.NewNamespace(ctx, name+"-namespace", &corev1.NamespaceArgs{
		Metadata: &metav1.ObjectMetaArgs{
			Name:   pulumi.String(args.Name),
			Labels: labels,
		},
	}, parent)
	if err != nil {
		return nil, err
	}
	n.Name = namespace.Metadata.Name().Elem()

	if args.SecretName != "" {
		secret, err := corev1.NewSecret(ctx, name+"-secret", &corev1.SecretArgs{
			Metadata: &metav1.ObjectMetaArgs{
				Name:      pulumi.String(args.SecretName),
				Namespace: namespace.Metadata.Name(),
			},
			Type:       pulumi.String("Opaque"),
			StringData: pulumi.StringMap(args.SecretData), // which the SDK marks as a secret
		}, parent)
		if err != nil {
			return nil, err
		}
		n.SecretName = secret.Metadata.Name().Elem()
	}

	if args.ConfigMapName != "" {
		configMap, err := corev1.NewConfigMap(ctx, name+"-config", &corev1.ConfigMapArgs{
			Metadata: &metav1.ObjectMetaArgs{
				Name:      pulumi.String(args.ConfigMapName),
				Namespace: namespace.Metadata.Name(),
			},
			Data: pulumi.ToStringMap(args.ConfigMapData),
		}, parent)
		if err != nil {
			return nil, err
		}
		n.ConfigMapName = configMap.Metadata.Name().Elem()
	}

	return n, ctx.RegisterResourceOutputs(n, pulumi.Map{
		"name":          n.Name,
		"secretName":    n.SecretName,
		"configMapName": n.ConfigMapName,
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
	var p problems.List
	p.Check("Name", a.Name, ValidateLabel(a.Name))
	if a.PodSecurity != "" && !slices.Contains(PodSecurityLevels, a.PodSecurity) {
		p.Add("PodSecurity %q: is none of %s", a.PodSecurity, strings.Join(PodSecurityLevels, ", "))
	}
	contents := func(kind, name string, keys []string) {
		if name != "" {
			p.Check(kind+"Name", name, ValidateSubdomain(name))
		}
		if (name == "") != (len(keys) == 0) {
			p.Add("%sName %q: goes with %sData, and neither without the other", kind, name, kind)
		}
		for _, key := range keys {
			p.Check(kind+"Data key", key, join(validation.IsConfigMapKey(key)))
		}
	}
	contents("Secret", a.SecretName, slices.Sorted(maps.Keys(a.SecretData)))
	contents("ConfigMap", a.ConfigMapName, slices.Sorted(maps.Keys(a.ConfigMapData)))
	return p.Err()
}
