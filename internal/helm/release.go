// Package helm has Helm's release as a typed Pulumi resource.
//
// It is the kubernetes provider's own resource under its own token. The SDK's
// package helm/v3 has it too, but imports every API group of Kubernetes, which
// would be most of what this program costs to compile. A test compares the fields
// here with the provider's schema.
package helm

import (
	"reflect"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/utilities"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// ReleaseToken is the resource's type in the provider's schema.
const ReleaseToken = "kubernetes:helm.sh/v3:Release" // #nosec G101 -- a type

// Release is a Helm release: `helm upgrade --install --wait`, seen as one
// resource. Its objects are Helm's; Pulumi does not look at them.
type Release struct {
	pulumi.CustomResourceState

	// Name is the release's name.
	Name pulumi.StringPtrOutput `pulumi:"name"`
	// Namespace is the namespace that the release is installed into.
	Namespace pulumi.StringPtrOutput `pulumi:"namespace"`
}

// ReleaseArgs are those of the provider's inputs that this project sets.
type ReleaseArgs struct {
	// Chart is a chart's name in Repository, a path to a directory or an archive, or
	// an oci:// reference.
	Chart pulumi.StringInput
	// Version is the chart's version, exact.
	Version pulumi.StringPtrInput
	// RepositoryOpts says where a Chart that is a bare name is found.
	RepositoryOpts RepositoryOptsArgs
	// Name is the release's name. Default: the provider
	// generates one, with a random suffix that every Service's DNS name then has.
	Name pulumi.StringInput
	// Namespace is the namespace to install into; it must exist, unless
	// CreateNamespace is true.
	Namespace pulumi.StringInput
	// CreateNamespace has Helm create the namespace if it does not exist. Provider's
	// default: false.
	CreateNamespace pulumi.BoolPtrInput
	// Values are merged over the chart's own.
	Values pulumi.MapInput
	// Timeout is how long to wait for the pods, in seconds. Provider's default: 300.
	Timeout pulumi.IntPtrInput
	// Description is stored in Helm's record of the release. A change of it alone
	// makes the provider upgrade the release, and Helm restore its objects.
	Description pulumi.StringPtrInput
}

// Restored is the description of a release that was restored n times, or none if
// it never was.
func Restored(n int) pulumi.StringPtrInput {
	if n == 0 {
		return nil
	}
	return pulumi.Sprintf("restore %d", n)
}

// RepositoryOptsArgs says where a chart is found.
type RepositoryOptsArgs struct {
	// Repo is the URL of a chart repository; empty for a path and for oci://.
	Repo pulumi.StringPtrInput
}

// MaxTimeout is the longest timeout of a release, in seconds: a day. No pod needs it, and a
// number that is mistyped would have an update wait for years.
const MaxTimeout = 86400

// NewRelease installs the release, or upgrades it, and waits for its pods.
func NewRelease(ctx *pulumi.Context, name string, args *ReleaseArgs, opts ...pulumi.ResourceOption) (*Release, error) {
	r := &Release{}
	err := ctx.RegisterResource(ReleaseToken, name, args, r, utilities.PkgResourceDefaultOpts(opts)...)
	return r, err
}

// ElementType is how Pulumi finds the plain form of the arguments.
func (ReleaseArgs) ElementType() reflect.Type { return reflect.TypeFor[releaseArgs]() }

// ElementType is how Pulumi finds the plain form of the arguments.
func (RepositoryOptsArgs) ElementType() reflect.Type { return reflect.TypeFor[repositoryOpts]() }

// releaseArgs is the plain form of ReleaseArgs: its tags are the wire names.
type releaseArgs struct {
	Chart           string         `pulumi:"chart"`
	Version         *string        `pulumi:"version"`
	RepositoryOpts  repositoryOpts `pulumi:"repositoryOpts"`
	Name            string         `pulumi:"name"`
	Namespace       string         `pulumi:"namespace"`
	CreateNamespace *bool          `pulumi:"createNamespace"`
	Values          map[string]any `pulumi:"values"`
	Timeout         *int           `pulumi:"timeout"`
	Description     *string        `pulumi:"description"`
}

type repositoryOpts struct {
	Repo *string `pulumi:"repo"`
}

// OptionalString is s as an input, or none if it is empty.
func OptionalString(s string) pulumi.StringPtrInput {
	if s == "" {
		return nil
	}
	return pulumi.String(s)
}

// OptionalInt is n as an input, or none if it is zero.
func OptionalInt(n int) pulumi.IntPtrInput {
	if n == 0 {
		return nil
	}
	return pulumi.Int(n)
}
