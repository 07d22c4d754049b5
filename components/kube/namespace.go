// Package kube makes a Kubernetes namespace, and what its pods read: a Secret, a
// ConfigMap.
package kube

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/picluster/picluster/internal/problems"
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
	// ConfigMapName is the ConfigMap's name, known once it is there; empty if
	// there is none.
	ConfigMapName pulumi.StringOutput `pulumi:"configMapName"`

	// id is the namespace's, known once it is there, as its name need not be.
	id pulumi.IDOutput
}

// NewNamespace makes the namespace, then its ConfigMap. It returns one error that
// names every bad field.
func NewNamespace(ctx *pulumi.Context, name string, args *NamespaceArgs, opts ...pulumi.ResourceOption) (*Namespace, error) {
	if args == nil {
		return nil, errors.New("kube: args are missing")
	}
	if err := args.validate(); err != nil {
		return nil, fmt.Errorf("kube namespace %q: %w", name, err)
	}

	n := &Namespace{ConfigMapName: pulumi.String("").ToStringOutput()}
	if err := ctx.RegisterComponentResource("picluster:kube:Namespace", name, n, opts...); err != nil {
		return nil, err
	}
	parent := pulumi.Parent(n)

	labels := map[string]string{"app.kubernetes.io/managed-by": "pulumi"}
	if args.PodSecurity != "" {
		labels["pod-security.kubernetes.io/enforce"] = args.PodSecurity
	}
	namespace, err := NewObject(ctx, "v1", "Namespace", name+"-namespace", Metadata{Name: args.Name, Labels: labels}, nil, parent)
	if err != nil {
		return nil, err
	}
	n.Name, n.id = namespace.Name(), namespace.ID()

	if args.ConfigMapName != "" {
		configMap, err := NewObject(ctx, "v1", "ConfigMap", name+"-config",
			Metadata{Name: args.ConfigMapName, Namespace: n.Name},
			pulumi.Map{"data": pulumi.ToStringMap(args.ConfigMapData)}, parent)
		if err != nil {
			return nil, err
		}
		n.ConfigMapName = configMap.Name()
	}

	return n, ctx.RegisterResourceOutputs(n, pulumi.Map{
		"name":          n.Name,
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
	if a.ConfigMapName != "" {
		p.Check("ConfigMapName", a.ConfigMapName, ValidateSubdomain(a.ConfigMapName))
	}
	if (a.ConfigMapName == "") != (len(a.ConfigMapData) == 0) {
		p.Add("ConfigMapName %q: goes with ConfigMapData, and neither without the other", a.ConfigMapName)
	}
	for _, key := range slices.Sorted(maps.Keys(a.ConfigMapData)) {
		p.Check("ConfigMapData key", key, join(validation.IsConfigMapKey(key)))
	}
	return p.Err()
}
