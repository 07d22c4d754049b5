package componenttest_test

import (
	"testing"

	"github.com/picluster/picluster/components/componenttest"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	groupType = "example:index:Group"
	thingType = "example:index:Thing"
)

// thing is a resource of a provider that the mocks do not know.
type thing struct {
	pulumi.CustomResourceState

	Size pulumi.StringOutput `pulumi:"size"`
}

type group struct{ pulumi.ResourceState }

// program is one that has nothing of picluster's: two things in a component, the second of
// which has the first one's size.
func program(opts ...pulumi.ResourceOption) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		provider, err := kubernetes.NewProvider(ctx, "other", nil)
		if err != nil {
			return err
		}
		var g group
		if err := ctx.RegisterComponentResource(groupType, "group", &g, append(opts, pulumi.Providers(provider))...); err != nil {
			return err
		}
		var first, second thing
		err = ctx.RegisterResource(thingType, "first", pulumi.Map{"token": pulumi.ToSecret(pulumi.String("t"))}, &first,
			pulumi.Parent(&g), pulumi.Protect(false), pulumi.IgnoreChanges([]string{"token"}),
			pulumi.AdditionalSecretOutputs([]string{"size"}),
			pulumi.Aliases([]pulumi.Alias{{Name: pulumi.String("old"), NoParent: pulumi.Bool(true)}}))
		if err != nil {
			return err
		}
		return ctx.RegisterResource(thingType, "second", pulumi.Map{"size": first.Size}, &second, pulumi.Parent(&g))
	}
}

// TestRecord runs a program of another project: all that it says of a resource is recorded.
func TestRecord(t *testing.T) {
	resources, err := componenttest.Run(t, false, nil, program(pulumi.RetainOnDelete(true)),
		componenttest.Project("shop", "prod"),
		componenttest.Outputs(thingType, func(r componenttest.Resource) resource.PropertyMap {
			return resource.PropertyMap{"size": resource.NewProperty("size of " + r.Name)}
		}))
	require.NoError(t, err)
	componenttest.AssertParents(t, resources)

	g := componenttest.Find(t, resources, groupType, "group")
	assert.False(t, g.Custom)
	assert.Equal(t, "urn:pulumi:prod::shop::example:index:Group::group", g.URN)
	assert.Contains(t, g.Providers["kubernetes"], "pulumi:providers:kubernetes::other::other-id")
	componenttest.AssertSet(t, true, g.RetainOnDelete)
	assert.Nil(t, g.Protect)

	first := componenttest.Find(t, resources, thingType, "first")
	assert.True(t, first.Custom)
	assert.Equal(t, g.URN, first.Parent)
	assert.Equal(t, "urn:pulumi:prod::shop::example:index:Group$example:index:Thing::first", first.URN)
	assert.Equal(t, "t", componenttest.Secret(t, first.Inputs["token"]).StringValue())
	assert.Equal(t, []string{"token"}, first.IgnoreChanges)
	assert.Equal(t, []string{"size"}, first.AdditionalSecretOutputs)
	assert.Equal(t, []componenttest.Alias{{Name: "old", NoParent: true}}, first.Aliases)
	componenttest.AssertSet(t, false, first.Protect, "an explicit false is told from nothing")
	componenttest.AssertSet(t, true, first.RetainOnDelete, "it inherits")

	second := componenttest.Find(t, resources, thingType, "second")
	assert.Equal(t, "size of first", second.Inputs["size"].StringValue())
	assert.Equal(t, map[string][]string{"size": {first.URN}}, second.PropertyDependencies)
	assert.True(t, componenttest.WaitsFor(second, "first"))
	assert.False(t, componenttest.WaitsFor(first, "second"))
	assert.Equal(t, map[string][]string{"first": {}, "second": {"first"}, "other": {}}, componenttest.Waits(resources))
}

func TestPreview(t *testing.T) {
	resources, err := componenttest.Run(t, true, nil, program())
	require.NoError(t, err)
	second := componenttest.Find(t, resources, thingType, "second")
	assert.False(t, componenttest.Has(second.Inputs, "size"), "the size is not known before")
	assert.True(t, componenttest.WaitsFor(second, "first"))
}

// A secret that a preview does not know is missing too.
func TestUnknownSecret(t *testing.T) {
	resources, err := componenttest.Run(t, true, nil, func(ctx *pulumi.Context) error {
		var first, second thing
		if err := ctx.RegisterResource(thingType, "first", pulumi.Map{}, &first); err != nil {
			return err
		}
		return ctx.RegisterResource(thingType, "second", pulumi.Map{
			"token": pulumi.ToSecret(first.Size),
			"data":  pulumi.Map{"known": pulumi.ToSecret(pulumi.String("a")), "unknown": pulumi.ToSecret(first.Size)},
			"list":  pulumi.Array{first.Size, pulumi.String("b")},
		}, &second)
	})
	require.NoError(t, err)
	second := componenttest.Find(t, resources, thingType, "second")
	assert.False(t, componenttest.Has(second.Inputs, "token"))
	data := second.Inputs["data"].ObjectValue()
	assert.False(t, componenttest.Has(data, "unknown"))
	assert.Equal(t, "a", componenttest.Secret(t, data["known"]).StringValue())
	assert.Equal(t, []any{"b"}, second.Inputs["list"].Mappable())
}

// What the program exports and logs is recorded, and what a component has as outputs.
func TestInto(t *testing.T) {
	var p componenttest.Program
	resources, err := componenttest.Run(t, false, map[string]string{"picluster:size": "3"}, func(ctx *pulumi.Context) error {
		size, _ := ctx.GetConfig("picluster:size")
		ctx.Export("size", pulumi.String(size))
		ctx.Export("token", pulumi.ToSecret(pulumi.String("t")))
		if err := ctx.Log.Warn("careful", nil); err != nil {
			return err
		}
		if err := ctx.Log.Info("all is well", nil); err != nil {
			return err
		}
		var g group
		if err := ctx.RegisterComponentResource(groupType, "group", &g); err != nil {
			return err
		}
		return ctx.RegisterResourceOutputs(&g, pulumi.Map{"size": pulumi.String(size)})
	}, componenttest.Into(&p))
	require.NoError(t, err)
	assert.Equal(t, []string{"careful"}, p.Warnings)
	assert.Equal(t, "3", p.Outputs["size"].StringValue())
	assert.Equal(t, "t", componenttest.Secret(t, p.Outputs["token"]).StringValue())
	assert.Equal(t, "3", componenttest.Find(t, resources, groupType, "group").Outputs["size"].StringValue())
}

// TestRead reads a Secret, whose data the test sets.
func TestRead(t *testing.T) {
	for _, preview := range []bool{false, true} {
		data := make(chan map[string]string, 1)
		resources, err := componenttest.Run(t, preview, nil, func(ctx *pulumi.Context) error {
			secret := &struct {
				pulumi.CustomResourceState
				Data pulumi.StringMapOutput `pulumi:"data"`
			}{}
			err := ctx.ReadResource("kubernetes:core/v1:Secret", "keys", pulumi.ID("apps/keys"), nil, secret)
			secret.Data.ApplyT(func(got map[string]string) error { data <- got; return nil })
			return err
		}, componenttest.SecretData(map[string]string{"TOKEN": "t"}))
		require.NoError(t, err)
		keys := componenttest.Find(t, resources, "kubernetes:core/v1:Secret", "keys")
		assert.Equal(t, "apps/keys", keys.ID)
		assert.True(t, keys.Custom)
		assert.Equal(t, map[string]string{"TOKEN": "dA=="}, <-data)
	}
}

// TestFaults has Run fail a test with two resources of one URN, and AssertParents one with a
// resource without a component.
func TestFaults(t *testing.T) {
	twice := &recorder{TB: t}
	_, err := componenttest.Run(twice, false, nil, func(ctx *pulumi.Context) error {
		for range 2 {
			if err := ctx.RegisterComponentResource(groupType, "group", &group{}); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, err)
	assert.True(t, twice.failed, "two resources of one URN")

	orphan := &recorder{TB: t}
	resources, err := componenttest.Run(t, false, nil, func(ctx *pulumi.Context) error {
		return ctx.RegisterResource(thingType, "orphan", pulumi.Map{}, &thing{})
	})
	require.NoError(t, err)
	componenttest.AssertParents(orphan, resources)
	assert.True(t, orphan.failed, "a resource without a component")
}

// recorder is a test that fails without failing this one.
type recorder struct {
	testing.TB

	failed bool
}

func (r *recorder) Errorf(string, ...any) { r.failed = true }
