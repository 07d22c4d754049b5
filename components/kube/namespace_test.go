package kube_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/picluster/picluster/components/kube"
	"github.com/picluster/picluster/internal/pulumitest"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	namespaceType = "kubernetes:core/v1:Namespace"
	secretType    = "kubernetes:core/v1:Secret"
)

func args(namespace string) *kube.NamespaceArgs {
	return &kube.NamespaceArgs{
		Name:        namespace,
		PodSecurity: "baseline",
		SecretName:  "keys",
		SecretData:  map[string]pulumi.StringInput{"PASSWORD": pulumi.String("hunter2")},
	}
}

func TestNamespace(t *testing.T) {
	for _, preview := range []bool{false, true} {
		t.Run(fmt.Sprintf("preview=%t", preview), func(t *testing.T) {
			outputs := make(chan []any, 1)
			resources, err := pulumitest.Run(t, preview, nil, func(ctx *pulumi.Context) error {
				namespace, err := kube.NewNamespace(ctx, "tempo", args("traces"))
				if err != nil {
					return err
				}
				pulumi.All(namespace.Name, namespace.SecretName).ApplyT(func(all []any) error {
					outputs <- all
					return nil
				})
				return nil
			})
			require.NoError(t, err)

			namespace := pulumitest.Find(t, resources, namespaceType, "tempo-namespace")
			assert.Equal(t, "traces", namespace.Inputs["metadata"].ObjectValue()["name"].StringValue())
			labels := namespace.Inputs["metadata"].ObjectValue()["labels"].ObjectValue()
			assert.Equal(t, "pulumi", labels["app.kubernetes.io/managed-by"].StringValue())
			assert.Equal(t, "baseline", labels["pod-security.kubernetes.io/enforce"].StringValue())

			secret := pulumitest.Find(t, resources, secretType, "tempo-secret")
			metadata := secret.Inputs["metadata"].ObjectValue()
			assert.Equal(t, "keys", metadata["name"].StringValue())
			assert.Contains(t, secret.AdditionalSecretOutputs, "data")
			data := pulumitest.Secret(t, secret.Inputs["stringData"])
			assert.Equal(t, "hunter2", data.ObjectValue()["PASSWORD"].StringValue())

			if preview { // what follows waits for what Kubernetes will say
				assert.False(t, pulumitest.Has(metadata, "namespace"))
				assert.Empty(t, outputs)
				return
			}
			assert.Equal(t, "traces", metadata["namespace"].StringValue())
			assert.Equal(t, []any{"traces", "keys"}, <-outputs)
		})
	}
}

func TestWithAConfigMapAlone(t *testing.T) {
	outputs := make(chan []any, 1)
	resources, err := pulumitest.Run(t, false, nil, func(ctx *pulumi.Context) error {
		namespace, err := kube.NewNamespace(ctx, "tempo", &kube.NamespaceArgs{
			Name:          "traces",
			ConfigMapName: "ca",
			ConfigMapData: map[string]string{"ca.crt": "PEM"},
		})
		if err != nil {
			return err
		}
		pulumi.All(namespace.SecretName, namespace.ConfigMapName).ApplyT(func(all []any) error {
			outputs <- all
			return nil
		})
		return nil
	})
	require.NoError(t, err)
	configMap := pulumitest.Find(t, resources, "kubernetes:core/v1:ConfigMap", "tempo-config")
	assert.Equal(t, "PEM", configMap.Inputs["data"].ObjectValue()["ca.crt"].StringValue())
	assert.Len(t, resources, 3, "the component, the namespace and the ConfigMap")
	assert.Equal(t, []any{"", "ca"}, <-outputs)
}

func TestTwoNamespaces(t *testing.T) {
	resources, err := pulumitest.Run(t, false, nil, func(ctx *pulumi.Context) error {
		for _, name := range []string{"one", "two"} {
			if _, err := kube.NewNamespace(ctx, name, args(name)); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, err)
	pulumitest.Find(t, resources, secretType, "one-secret")
	pulumitest.Find(t, resources, secretType, "two-secret")
}

func TestBadArgs(t *testing.T) {
	for name, test := range map[string]struct {
		args *kube.NamespaceArgs
		want []string
	}{
		"nil":   {nil, []string{"args are missing"}},
		"empty": {&kube.NamespaceArgs{}, []string{`Name ""`}},
		"names without data": {
			&kube.NamespaceArgs{Name: "tempo", SecretName: "a", ConfigMapName: "b"},
			[]string{`SecretName "a": goes with SecretData`, `ConfigMapName "b": goes with ConfigMapData`},
		},
		"data without names": {
			&kube.NamespaceArgs{Name: "tempo", SecretData: args("x").SecretData, ConfigMapData: map[string]string{"a": "b"}},
			[]string{`SecretName "": goes with SecretData`, `ConfigMapName "": goes with ConfigMapData`},
		},
		"all bad": {
			&kube.NamespaceArgs{
				Name:       "Tempo",
				SecretName: "a_b",
				SecretData: map[string]pulumi.StringInput{"a key": pulumi.String("")},
			},
			[]string{`Name "Tempo"`, `SecretName "a_b"`, `SecretData key "a key"`},
		},
		"too long": {args(strings.Repeat("n", 64)), []string{"no more than 63"}},
	} {
		t.Run(name, func(t *testing.T) {
			resources, err := pulumitest.Run(t, false, nil, func(ctx *pulumi.Context) error {
				_, err := kube.NewNamespace(ctx, "tempo", test.args)
				return err
			})
			for _, want := range test.want {
				assert.ErrorContains(t, err, want)
			}
			assert.Empty(t, resources, "something was registered")
		})
	}
}
