package kube

import (
	"strings"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/utilities"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Object is a Kubernetes object as a Pulumi resource.
//
// It is the kubernetes provider's own resource under its own token, for any kind:
// the SDK's package of a group of kinds costs more to compile than the rest of
// this program. A test holds what is sent against the provider's schema.
type Object struct {
	pulumi.CustomResourceState

	// Metadata is the object's metadata as Kubernetes has it.
	Metadata pulumi.MapOutput `pulumi:"metadata"`
	// Data is what a Secret holds, in base64, or a ConfigMap.
	Data pulumi.StringMapOutput `pulumi:"data"`
}

// Name is the object's name, known once it is there.
func (o *Object) Name() pulumi.StringOutput {
	return o.Metadata.ApplyT(func(metadata map[string]any) string {
		name, _ := metadata["name"].(string)
		return name
	}).(pulumi.StringOutput)
}

// patchForce has the provider take over fields of the object that another field
// manager has changed. Without it every later update of the object fails with a
// conflict, also one that rotates a key. See
// https://www.pulumi.com/registry/packages/kubernetes/how-to-guides/managing-resources-with-server-side-apply/.
const patchForce = "pulumi.com/patchForce"

// Metadata is an object's own.
type Metadata struct {
	// Name is the object's name. Required.
	Name string
	// Namespace is the namespace that it is in. Nil for an object that is in none.
	Namespace pulumi.StringInput
	// Labels are the object's labels.
	Labels map[string]string
}

// NewObject makes an object of a kind, like "ConfigMap" of version "v1", or
// "NetworkPolicy" of version "networking.k8s.io/v1". Fields are all but its
// metadata, by their names in Kubernetes.
func NewObject(ctx *pulumi.Context, version, kind, name string, metadata Metadata, fields pulumi.Map, opts ...pulumi.ResourceOption) (*Object, error) {
	inputs := pulumi.Map{
		"apiVersion": pulumi.String(version),
		"kind":       pulumi.String(kind),
		"metadata":   metadata.input(),
	}
	for field, value := range fields {
		inputs[field] = value
	}
	o := &Object{}
	return o, ctx.RegisterResource(token(version, kind), name, inputs, o, utilities.PkgResourceDefaultOpts(opts)...)
}

// token is the resource's type in the provider's schema: a core kind's version
// has no group in Kubernetes, and the group "core" there.
func token(version, kind string) string {
	if !strings.Contains(version, "/") {
		version = "core/" + version
	}
	return "kubernetes:" + version + ":" + kind
}

func (m Metadata) input() pulumi.Map {
	input := pulumi.Map{
		"name":        pulumi.String(m.Name),
		"annotations": pulumi.StringMap{patchForce: pulumi.String("true")},
	}
	if m.Namespace != nil {
		input["namespace"] = m.Namespace
	}
	if len(m.Labels) > 0 {
		input["labels"] = pulumi.ToStringMap(m.Labels)
	}
	return input
}
