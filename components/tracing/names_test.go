package tracing_test

import (
	"strings"
	"testing"

	"github.com/picluster/picluster/components/componenttest"
	"github.com/picluster/picluster/components/tracing"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The providers write over what exists: two of the same names are rejected where they are seen,
// before anything of the second is registered.
func TestTwoOfOneName(t *testing.T) {
	own := func(a *tracing.Args) {
		a.ObjectStore.Bucket, a.ObjectStore.User = pulumi.String("traces-2"), pulumi.String("tempo-2")
		a.Namespace.Name = pulumi.String("two")
	}
	beside := func(a *tracing.Args) { // in the namespace of the first
		own(a)
		a.Namespace.Name, a.Namespace.Existing = pulumi.String("tempo"), true
	}
	for name, test := range map[string]struct {
		second *tracing.Args
		want   []string // the fields
	}{
		"of all defaults":         {least(), []string{"ObjectStore.Bucket", "ObjectStore.User", "Namespace.Name", "SecretName", "Tempo.Release"}},
		"of its own":              {least(own), nil},
		"of another version":      {least(own, func(a *tracing.Args) { a.ObjectStore.User, a.ObjectStore.KeyVersion = pulumi.String("tempo"), 2 }), nil},
		"in the same namespace":   {least(beside), []string{"SecretName", "Tempo.Release"}},
		"its own Secret":          {least(beside, func(a *tracing.Args) { a.SecretName = pulumi.String("keys-2") }), []string{"Tempo.Release"}},
		"inline":                  {least(beside, releaseTwo, func(a *tracing.Args) { a.Credentials = tracing.CredentialsInline }), nil},
		"the Secret of the first": {least(beside, releaseTwo, func(a *tracing.Args) { a.Credentials = tracing.CredentialsExisting }), nil},
		"values only":             {least(beside, func(a *tracing.Args) { a.SecretName, a.ValuesOnly = pulumi.String("keys-2"), true }), nil},
		"the bucket of the first": {least(own, func(a *tracing.Args) {
			a.ObjectStore.Bucket, a.ObjectStore.ExistingBucket = pulumi.String("traces"), true
		}), nil},
		"another's policy":         {least(own, func(a *tracing.Args) { a.ObjectStore.Policy = pulumi.String("of-one") }), []string{"ObjectStore.Policy"}},
		"a name that is an output": {least(own, func(a *tracing.Args) { a.Namespace.Name = pulumi.String("tempo").ToStringOutput() }), nil},
		"the user of the first": {least(own, func(a *tracing.Args) {
			a.ObjectStore.User, a.ObjectStore.ExistingUser, a.Credentials = pulumi.String("tempo"), true, tracing.CredentialsExisting
		}), nil},
	} {
		t.Run(name, func(t *testing.T) {
			var err error
			resources, _ := componenttest.Run(t, false, nil, func(ctx *pulumi.Context) error {
				first := least(func(a *tracing.Args) { a.ObjectStore.Policy = pulumi.String("of-one") })
				if _, first := tracing.New(ctx, "one", first); first != nil {
					return first
				}
				_, err = tracing.New(ctx, "two", test.second)
				return nil
			})
			if test.want == nil {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			text, _ := strings.CutPrefix(err.Error(), `tracing "two": `)
			lines := strings.Split(text, "\n")
			require.Len(t, lines, len(test.want), text)
			for i, path := range test.want {
				assert.Regexp(t, `^`+path+`: got "\S+"; want a name that tracing "one" does not have, because both would write to it$`, lines[i])
			}
			for _, r := range resources {
				assert.False(t, strings.HasPrefix(r.Name, "two"), r.URN)
			}
		})
	}
}

// The same names in another cluster are no conflict, nor are those of another program.
func TestOneNameInTwoClusters(t *testing.T) {
	for range 2 {
		_, err := componenttest.Run(t, false, nil, func(ctx *pulumi.Context) error {
			for _, cluster := range []string{"a", "b"} {
				k, err := kubernetes.NewProvider(ctx, cluster, nil)
				if err != nil {
					return err
				}
				if _, err := tracing.New(ctx, "in-"+cluster, least(), pulumi.Providers(k)); err != nil {
					return err
				}
				_, err = tracing.New(ctx, "in-"+cluster+"-again", least(), pulumi.Providers(k))
				assert.ErrorContains(t, err, `a name that tracing "in-`+cluster+`" does not have`)
			}
			return nil
		})
		require.NoError(t, err)
	}
}
