// Package kube has Kubernetes objects as Pulumi resources by their token in the provider, and
// the rules for their names.
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
// this program. A test compares what is sent with the provider's schema.
type Object struct {
	pulumi.CustomResourceState

	// Metadata is the object's metadata as Kubernetes has it.
	Metadata pulumi.MapOutput `pulumi:"metadata"`
	// Data is the data of a Secret, in base64, or of a ConfigMap.
	Data pulumi.StringMapOutput `pulumi:"data"`
}

// Outputs are what Kubernetes has of an object.
type Outputs struct {
	// ID is the object's namespace, / and name, or the name alone if it is in no namespace.
	ID pulumi.IDOutput
	// Metadata is the object's metadata.
	Metadata pulumi.MapOutput
	// Data is the data of a Secret, in base64, or of a ConfigMap.
	Data pulumi.StringMapOutput
}

// Outputs returns what Kubernetes has of the object.
func (o *Object) Outputs() Outputs { return Outputs{o.ID(), o.Metadata, o.Data} }

// Name is the object's name, known once the object exists.
func (o *Object) Name() pulumi.StringOutput { return o.Outputs().Name() }

// Name is the object's name, known once the object exists.
func (o Outputs) Name() pulumi.StringOutput {
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

// Metadata is what a program sets of an object's metadata.
type Metadata struct {
	// Name is the object's name. Required.
	Name pulumi.StringInput
	// Namespace is the namespace that it is in. Nil for an object that is in none.
	Namespace pulumi.StringInput
	// Labels and Annotations are the object's own.
	Labels, Annotations map[string]string
}

// NewObject creates an object of a kind, like "ConfigMap" of version "v1", or
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
	return o, ctx.RegisterResource(Token(version, kind), name, inputs, o, utilities.PkgResourceDefaultOpts(opts)...)
}

// Token returns the resource's type in the provider's schema: a core kind's version
// has no group in Kubernetes, and the group "core" there.
func Token(version, kind string) string {
	if !strings.Contains(version, "/") {
		version = "core/" + version
	}
	return "kubernetes:" + version + ":" + kind
}

func (m Metadata) input() pulumi.Map {
	annotations := pulumi.StringMap{patchForce: pulumi.String("true")}
	for key, value := range m.Annotations {
		annotations[key] = pulumi.String(value)
	}
	input := pulumi.Map{"name": m.Name, "annotations": annotations}
	if m.Namespace != nil {
		input["namespace"] = m.Namespace
	}
	if len(m.Labels) > 0 {
		input["labels"] = pulumi.ToStringMap(m.Labels)
	}
	return input
}

// ReadObject reads an object that is managed elsewhere, once its name and its namespace
// are known. Namespace is nil for an object that is in none. In a preview that does not know
// both, nothing is read, and the outputs are unknown.
func ReadObject(ctx *pulumi.Context, version, kind, name string, objectName, namespace pulumi.StringInput, opts ...pulumi.ResourceOption) (Outputs, error) {
	// Without inputs every refresh would find that the live object has some.
	metadata := pulumi.Map{"name": objectName}
	path := objectName
	if namespace != nil {
		metadata["namespace"] = namespace
		path = pulumi.Sprintf("%s/%s", namespace, objectName)
	}
	inputs := pulumi.Map{
		"apiVersion": pulumi.String(version),
		"kind":       pulumi.String(kind),
		"metadata":   metadata,
	}
	id := path.ToStringOutput().ApplyT(func(path string) pulumi.ID { return pulumi.ID(path) }).(pulumi.IDOutput)
	o := &Object{}
	err := ctx.ReadResource(Token(version, kind), name, id, inputs, o, utilities.PkgResourceDefaultOpts(opts)...)
	// What is not read has no URN, and the engine rejects what depends on it.
	return Outputs{
		ID:       id.ApplyT(func(pulumi.ID) pulumi.IDOutput { return o.ID() }).(pulumi.IDOutput),
		Metadata: id.ApplyT(func(pulumi.ID) pulumi.MapOutput { return o.Metadata }).(pulumi.MapOutput),
		Data:     id.ApplyT(func(pulumi.ID) pulumi.StringMapOutput { return o.Data }).(pulumi.StringMapOutput),
	}, err
}
