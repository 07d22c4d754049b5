package kubernetes_test

import (
	"testing"

	"github.com/picluster/picluster/components/componenttest"
	"github.com/picluster/picluster/components/kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNewConfigMap(t *testing.T) {
	var name chan string
	resources, err := create(t, false, func(ctx *pulumi.Context) error {
		c, err := kubernetes.NewConfigMap(ctx, "app", &kubernetes.ConfigMapArgs{
			Name: pulumi.String("ca"), Namespace: pulumi.String("apps"),
			Data:   map[string]pulumi.StringInput{"ca.crt": pulumi.String("PEM")},
			Labels: map[string]string{"team": "a"}, Annotations: map[string]string{"note": "b"},
		})
		if err != nil {
			return err
		}
		name = known(c.Name)
		return nil
	})
	require.NoError(t, err)
	configMap := componenttest.Find(t, resources, configMapType, "app-configmap")
	assert.Equal(t, map[string]any{"ca.crt": "PEM"}, configMap.Inputs["data"].Mappable())
	assert.Equal(t, map[string]any{
		"name": "ca", "namespace": "apps",
		"labels":      map[string]any{"team": "a"},
		"annotations": map[string]any{"pulumi.com/patchForce": "true", "note": "b"},
	}, configMap.Inputs["metadata"].Mappable())
	assert.Equal(t, "ca", <-name)
	assert.Len(t, resources, 2, "the component and the ConfigMap")
}

func TestBadConfigMap(t *testing.T) {
	for name, test := range map[string]struct {
		args kubernetes.ConfigMapArgs
		want []string
	}{
		"empty": {kubernetes.ConfigMapArgs{}, []string{
			"Name: got nothing; want " + subdomainRule, "Namespace: got nothing; want " + labelRule, "Data: got nothing; want at least one key",
		}},
		"all bad": {
			kubernetes.ConfigMapArgs{
				Name: pulumi.String("a/b"), Namespace: pulumi.String("N"),
				Data: map[string]pulumi.StringInput{"b": nil, "a/b": pulumi.String("")},
			},
			[]string{
				`Name: got "a/b"; want ` + subdomainRule,
				`Namespace: got "N"; want ` + labelRule,
				`Data: got "a/b"; want 1 to 253 letters`,
				"Data.b: got nothing; want a text",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			resources, err := create(t, false, func(ctx *pulumi.Context) error {
				_, err := kubernetes.NewConfigMap(ctx, "app", &test.args)
				return err
			})
			assertLines(t, `kubernetes config map "app": `, test.want, err)
			assertLines(t, "", test.want, test.args.Validate())
			assert.Empty(t, resources, "something is registered")
		})
	}
	_, err := create(t, false, func(ctx *pulumi.Context) error {
		_, err := kubernetes.NewConfigMap(ctx, "app", nil)
		return err
	})
	assert.EqualError(t, err, "kubernetes: args are missing")
}
