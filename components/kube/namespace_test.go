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

const namespaceType = "kubernetes:core/v1:Namespace"

func args(namespace string) *kube.NamespaceArgs {
	return &kube.NamespaceArgs{
		Name:        namespace,
		PodSecurity: "baseline",
	}
}

func TestNamespace(t *testing.T) {
	for _, preview := range []bool{false, true} {
		t.Run(fmt.Sprintf("preview=%t", preview), func(t *testing.T) {
			names := make(chan string, 1)
			resources, err := pulumitest.Run(t, preview, nil, func(ctx *pulumi.Context) error {
				namespace, err := kube.NewNamespace(ctx, "tempo", args("traces"))
				if err != nil {
					return err
				}
				namespace.Name.ApplyT(func(name string) error { names <- name; return nil })
				return nil
			})
			require.NoError(t, err)

			namespace := pulumitest.Find(t, resources, namespaceType, "tempo-namespace")
			assert.Equal(t, "v1", namespace.Inputs["apiVersion"].StringValue())
			assert.Equal(t, "Namespace", namespace.Inputs["kind"].StringValue())
			assert.Equal(t, "traces", namespace.Inputs["metadata"].ObjectValue()["name"].StringValue())
			labels := namespace.Inputs["metadata"].ObjectValue()["labels"].ObjectValue()
			assert.Equal(t, "pulumi", labels["app.kubernetes.io/managed-by"].StringValue())
			assert.Equal(t, "baseline", labels["pod-security.kubernetes.io/enforce"].StringValue())

			if preview { // what follows waits for what Kubernetes will say
				assert.Empty(t, names)
				return
			}
			assert.Equal(t, "traces", <-names)
		})
	}
}

func TestWithAConfigMap(t *testing.T) {
	names := make(chan string, 1)
	resources, err := pulumitest.Run(t, false, nil, func(ctx *pulumi.Context) error {
		namespace, err := kube.NewNamespace(ctx, "tempo", &kube.NamespaceArgs{
			Name:          "traces",
			ConfigMapName: "ca",
			ConfigMapData: map[string]string{"ca.crt": "PEM"},
		})
		if err != nil {
			return err
		}
		namespace.ConfigMapName.ApplyT(func(name string) error { names <- name; return nil })
		return nil
	})
	require.NoError(t, err)
	configMap := pulumitest.Find(t, resources, "kubernetes:core/v1:ConfigMap", "tempo-config")
	assert.Equal(t, "PEM", configMap.Inputs["data"].ObjectValue()["ca.crt"].StringValue())
	assert.Len(t, resources, 3, "the component, the namespace and the ConfigMap")
	assert.Equal(t, "ca", <-names)
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
	pulumitest.Find(t, resources, namespaceType, "one-namespace")
	pulumitest.Find(t, resources, namespaceType, "two-namespace")
}

func TestBadArgs(t *testing.T) {
	for name, test := range map[string]struct {
		args *kube.NamespaceArgs
		want []string
	}{
		"nil":   {nil, []string{"args are missing"}},
		"empty": {&kube.NamespaceArgs{}, []string{`Name ""`}},
		"names without data": {
			&kube.NamespaceArgs{Name: "tempo", ConfigMapName: "b"},
			[]string{`ConfigMapName "b": goes with ConfigMapData`},
		},
		"data without names": {
			&kube.NamespaceArgs{Name: "tempo", ConfigMapData: map[string]string{"a": "b"}},
			[]string{`ConfigMapName "": goes with ConfigMapData`},
		},
		"all bad": {
			&kube.NamespaceArgs{
				Name:          "Tempo",
				ConfigMapName: "a_b",
				ConfigMapData: map[string]string{"a key": ""},
			},
			[]string{`Name "Tempo"`, `ConfigMapName "a_b"`, `ConfigMapData key "a key"`},
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
