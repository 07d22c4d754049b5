package kube_test

import (
	"fmt"
	"testing"

	"github.com/picluster/picluster/components/kube"
	"github.com/picluster/picluster/internal/pulumitest"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const secretType = "kubernetes:core/v1:Secret"

// within runs a program in a namespace.
func within(t *testing.T, preview bool, program func(*pulumi.Context, *kube.Namespace) error) ([]pulumitest.Resource, error) {
	t.Helper()
	return pulumitest.Run(t, preview, nil, func(ctx *pulumi.Context) error {
		namespace, err := kube.NewNamespace(ctx, "tempo", args("traces"))
		if err != nil {
			return err
		}
		return program(ctx, namespace)
	})
}

func TestNewSecret(t *testing.T) {
	for _, preview := range []bool{false, true} {
		t.Run(fmt.Sprintf("preview=%t", preview), func(t *testing.T) {
			resources, err := within(t, preview, func(ctx *pulumi.Context, namespace *kube.Namespace) error {
				_, err := namespace.NewSecret(ctx, "tempo", "keys", map[string]pulumi.StringInput{"PASSWORD": pulumi.String("hunter2")})
				return err
			})
			require.NoError(t, err)
			secret := pulumitest.Find(t, resources, secretType, "tempo-secret")
			metadata := secret.Inputs["metadata"].ObjectValue()
			assert.Equal(t, "keys", metadata["name"].StringValue())
			assert.Contains(t, secret.AdditionalSecretOutputs, "data")
			data := pulumitest.Secret(t, secret.Inputs["stringData"])
			assert.Equal(t, "hunter2", data.ObjectValue()["PASSWORD"].StringValue())
			if preview {
				assert.False(t, pulumitest.Has(metadata, "namespace"))
				return
			}
			assert.Equal(t, "traces", metadata["namespace"].StringValue())
		})
	}
}

func TestReadSecret(t *testing.T) {
	for _, preview := range []bool{false, true} {
		t.Run(fmt.Sprintf("preview=%t", preview), func(t *testing.T) {
			values := make(chan any, 1)
			resources, err := within(t, preview, func(ctx *pulumi.Context, namespace *kube.Namespace) error {
				secret, err := namespace.ReadSecret(ctx, "tempo", "keys")
				if err != nil {
					return err
				}
				value := secret.Value("MINIO_SECRET_ACCESS_KEY")
				value.ApplyT(func(value string) error { values <- value; return nil })
				return nil
			})
			require.NoError(t, err)
			if preview {
				assert.Empty(t, values, "the namespace is not there yet")
				return
			}
			secret := pulumitest.Find(t, resources, secretType, "tempo-secret")
			assert.Equal(t, "tempo-namespace-id/keys", secret.ID)
			require.Len(t, values, 1)
			assert.Equal(t, "keptByVault0123456789", <-values)
		})
	}
}

func TestSecretWithoutTheKey(t *testing.T) {
	_, err := within(t, false, func(ctx *pulumi.Context, namespace *kube.Namespace) error {
		secret, err := namespace.ReadSecret(ctx, "tempo", "keys")
		if err != nil {
			return err
		}
		ctx.Export("value", secret.Value("PASSWORD"))
		return nil
	})
	assert.ErrorContains(t, err, "secret traces/keys has no key PASSWORD")
}

func TestBadSecret(t *testing.T) {
	_, err := within(t, false, func(ctx *pulumi.Context, namespace *kube.Namespace) error {
		_, err := namespace.NewSecret(ctx, "tempo", "a_b", map[string]pulumi.StringInput{"a key": pulumi.String("")})
		return err
	})
	assert.ErrorContains(t, err, `Secret's name "a_b"`)
	assert.ErrorContains(t, err, `Secret's key "a key"`)
	_, err = within(t, false, func(ctx *pulumi.Context, namespace *kube.Namespace) error {
		_, err := namespace.ReadSecret(ctx, "tempo", "a/b")
		return err
	})
	assert.ErrorContains(t, err, `name "a/b"`)
}
