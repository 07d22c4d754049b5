// Package kubernetes creates a Kubernetes namespace, and what its pods read: a Secret, a
// ConfigMap.
package kubernetes

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/picluster/picluster/internal/credential"
	"github.com/picluster/picluster/internal/field"
	"github.com/picluster/picluster/internal/kube"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// NamespaceArgs describes a namespace.
type NamespaceArgs struct {
	// Name is the namespace's name, a DNS label. Required. One that Kubernetes creates, such
	// as default, must be Existing.
	Name pulumi.StringInput `pulumi:"name"`
	// Existing refers to a namespace that is managed elsewhere: it is read, and never
	// changed. It is an error if the cluster has none of the name.
	Existing bool `pulumi:"existing,optional"`
	// PodSecurity is the Pod Security Standard that the namespace's pods must meet: one of
	// PodSecurityLevels. Default: the cluster's. See
	// https://kubernetes.io/docs/concepts/security/pod-security-standards/.
	PodSecurity string `pulumi:"podSecurity,optional"`
	// Labels and Annotations are added to the namespace's own.
	Labels      map[string]string `pulumi:"labels,optional"`
	Annotations map[string]string `pulumi:"annotations,optional"`
}

// enforceLabel has Kubernetes enforce a Pod Security Standard.
const enforceLabel = "pod-security.kubernetes.io/enforce"

// PodSecurityLevels returns the Pod Security Standards, the strictest first.
func PodSecurityLevels() []string { return []string{"restricted", "baseline", "privileged"} }

// Namespace is a Kubernetes namespace that the component creates or reads.
type Namespace struct {
	pulumi.ResourceState

	// Name is the namespace's name. A preview knows it before the namespace exists.
	Name pulumi.StringOutput `pulumi:"name"`
	// Created is the namespace's name, known once the namespace exists. What is read from
	// the namespace waits for it.
	Created pulumi.StringOutput `pulumi:"created"`
}

// NewNamespace creates the namespace, or reads an existing one. It returns one error that
// names every bad field.
func NewNamespace(ctx *pulumi.Context, name string, args *NamespaceArgs, opts ...pulumi.ResourceOption) (*Namespace, error) {
	if args == nil {
		return nil, errors.New("kubernetes: args are missing")
	}
	a := *args
	if err := a.Validate(); err != nil {
		return nil, fmt.Errorf("kubernetes namespace %q: %w", name, err)
	}
	n := &Namespace{}
	if err := ctx.RegisterComponentResource("picluster:kubernetes:Namespace", name, n, opts...); err != nil {
		return nil, err
	}
	parent := pulumi.Parent(n)
	namespaceName := field.Checked("Name", a.Name, a.validateName)
	var outputs kube.Outputs
	var err error
	if a.Existing {
		outputs, err = kube.ReadObject(ctx, "v1", "Namespace", name+"-namespace", namespaceName, nil, parent)
	} else {
		labels := map[string]string{"app.kubernetes.io/managed-by": "pulumi"}
		if a.PodSecurity != "" {
			labels[enforceLabel] = a.PodSecurity
		}
		maps.Copy(labels, a.Labels)
		metadata := kube.Metadata{Name: namespaceName, Labels: labels, Annotations: a.Annotations}
		var object *kube.Object
		if object, err = kube.NewObject(ctx, "v1", "Namespace", name+"-namespace", metadata, nil, parent); err == nil {
			outputs = object.Outputs()
		}
	}
	if err != nil {
		return nil, err
	}
	n.Name = outputs.Name()
	n.Created = outputs.ID.ApplyT(func(id pulumi.ID) string { return string(id) }).(pulumi.StringOutput)
	return n, ctx.RegisterResourceOutputs(n, pulumi.Map{"name": n.Name, "created": n.Created})
}

// Validate returns an error with every field that has a bad value. Outputs of other
// resources are checked once they are known.
func (a NamespaceArgs) Validate() error {
	var errs field.Errors
	errs.CheckInput("Name", a.Name, a.validateName)
	if a.PodSecurity != "" && !slices.Contains(PodSecurityLevels(), a.PodSecurity) {
		errs.Add("PodSecurity", a.PodSecurity, "one of %s", strings.Join(PodSecurityLevels(), ", "))
	}
	if _, ok := a.Labels[enforceLabel]; ok && a.PodSecurity != "" {
		errs.Add(credential.Join("Labels", enforceLabel), nil, "nothing with PodSecurity, which sets it")
	}
	checkMetadata(&errs, a.Labels, a.Annotations)
	if a.Existing && (a.PodSecurity != "" || len(a.Labels) > 0 || len(a.Annotations) > 0) {
		errs.Add("Existing", true, "false with PodSecurity, Labels or Annotations, which change the namespace")
	}
	return errs.Err()
}

// validateName returns an error unless name can be that of the namespace.
func (a NamespaceArgs) validateName(name string) error {
	if !a.Existing && kube.IsBuiltIn(name) {
		return errors.New("a namespace that Kubernetes does not create, because PodSecurity and its deletion would affect what else runs in it")
	}
	return kube.ValidateLabel(name)
}
