package kubernetes

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/picluster/picluster/internal/field"
	"github.com/picluster/picluster/internal/kube"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// ConfigMapArgs describes a ConfigMap.
type ConfigMapArgs struct {
	// Name is the ConfigMap's name, a DNS subdomain. Required.
	Name pulumi.StringInput `pulumi:"name"`
	// Namespace is the namespace that the ConfigMap is in. Required.
	Namespace pulumi.StringInput `pulumi:"namespace"`
	// Data is the text by key. Required.
	Data map[string]pulumi.StringInput `pulumi:"data"`
	// Labels and Annotations are added to the ConfigMap's own.
	Labels      map[string]string `pulumi:"labels,optional"`
	Annotations map[string]string `pulumi:"annotations,optional"`
}

// ConfigMap is a Kubernetes ConfigMap that the component creates.
type ConfigMap struct {
	pulumi.ResourceState

	// Name is the ConfigMap's name, known once the ConfigMap exists.
	Name pulumi.StringOutput `pulumi:"name"`
}

// NewConfigMap creates the ConfigMap. It returns one error that names every bad field.
func NewConfigMap(ctx *pulumi.Context, name string, args *ConfigMapArgs, opts ...pulumi.ResourceOption) (*ConfigMap, error) {
	if args == nil {
		return nil, errors.New("kubernetes: args are missing")
	}
	a := *args
	if err := a.Validate(); err != nil {
		return nil, fmt.Errorf("kubernetes config map %q: %w", name, err)
	}
	c := &ConfigMap{}
	if err := ctx.RegisterComponentResource("picluster:kubernetes:ConfigMap", name, c, opts...); err != nil {
		return nil, err
	}
	object, err := kube.NewObject(ctx, "v1", "ConfigMap", name+"-configmap",
		kube.Metadata{
			Name:        field.Checked("Name", a.Name, kube.ValidateSubdomain),
			Namespace:   field.Checked("Namespace", a.Namespace, kube.ValidateLabel),
			Labels:      a.Labels,
			Annotations: a.Annotations,
		},
		pulumi.Map{"data": pulumi.StringMap(a.Data)}, pulumi.Parent(c))
	if err != nil {
		return nil, err
	}
	c.Name = object.Name()
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{"name": c.Name})
}

// Validate returns an error with every field that has a bad value. Outputs of other
// resources are checked once they are known.
func (a ConfigMapArgs) Validate() error {
	var errs field.Errors
	errs.CheckInput("Name", a.Name, kube.ValidateSubdomain)
	errs.CheckInput("Namespace", a.Namespace, kube.ValidateLabel)
	errs.Require("Data", len(a.Data) == 0, "at least one key")
	for _, key := range slices.Sorted(maps.Keys(a.Data)) {
		if err := kube.ValidateDataKey(key); err != nil {
			errs.Check("Data", key, err)
		}
		errs.Require("Data."+key, a.Data[key] == nil, "a text")
	}
	checkMetadata(&errs, a.Labels, a.Annotations)
	return errs.Err()
}
