package componenttest

import (
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// AssertOptions runs a program that hands options to a component, and asserts that they reach
// every resource that the component creates: explicit providers of Kubernetes, MinIO and
// random, Protect, RetainOnDelete and a transformation. The component itself gets an alias,
// from which the engine derives those of its children. AssertOptions returns the custom
// resources, without providers.
func AssertOptions(t testing.TB, program func(ctx *pulumi.Context, opts ...pulumi.ResourceOption) error, options ...Option) (children []Resource) {
	t.Helper()
	const name = "elsewhere"
	transformed := map[string]bool{}
	resources, err := Run(t, false, nil, func(ctx *pulumi.Context) error {
		var providers []pulumi.ProviderResource
		for _, of := range []string{"kubernetes", "minio", "random"} {
			provider := &pulumi.ProviderResourceState{}
			if err := ctx.RegisterResource("pulumi:providers:"+of, name, nil, provider); err != nil {
				return err
			}
			providers = append(providers, provider)
		}
		return program(ctx, pulumi.Providers(providers...), pulumi.Protect(true), pulumi.RetainOnDelete(true),
			pulumi.Aliases([]pulumi.Alias{{Name: pulumi.String("old")}}),
			pulumi.Transformations([]pulumi.ResourceTransformation{func(args *pulumi.ResourceTransformationArgs) *pulumi.ResourceTransformationResult {
				transformed[args.Type+" "+args.Name] = true
				return nil
			}}))
	}, options...)
	require.NoError(t, err)
	AssertParents(t, resources)
	components := map[string]bool{}
	for _, r := range resources {
		components[r.URN] = !r.Custom
	}
	for _, r := range resources {
		what := r.Type + " " + r.Name
		if !r.Custom && !components[r.Parent] {
			isOld := func(alias Alias) bool { return alias.Name == "old" }
			assert.True(t, slices.ContainsFunc(r.Aliases, isOld), "%s has no alias", what)
		}
		if !r.Custom || strings.HasPrefix(r.Type, "pulumi:providers:") {
			continue
		}
		children = append(children, r)
		of, _, _ := strings.Cut(r.Type, ":")
		assert.Contains(t, r.Provider, "pulumi:providers:"+of+"::"+name+"::", "%s has another provider", what)
		if r.ID != "" {
			continue // it is read: no option protects it
		}
		AssertSet(t, true, r.Protect, what)
		AssertSet(t, true, r.RetainOnDelete, what)
		assert.True(t, transformed[what], "%s is not transformed", what)
	}
	return children
}
