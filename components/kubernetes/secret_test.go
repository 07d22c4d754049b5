package kubernetes_test

import (
	"fmt"
	"testing"

	"github.com/picluster/picluster/components/componenttest"
	"github.com/picluster/picluster/components/kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNewSecret(t *testing.T) {
	for _, preview := range []bool{false, true} {
		t.Run(fmt.Sprintf("preview=%t", preview), func(t *testing.T) {
			args := &kubernetes.SecretArgs{
				Name: pulumi.String("keys"), Namespace: pulumi.String("apps"),
				StringData: map[string]pulumi.StringInput{"PASSWORD": pulumi.String(password)},
				Labels:     map[string]string{"team": "a"}, Annotations: map[string]string{"note": "b"},
			}
			var name chan string
			resources, err := create(t, preview, func(ctx *pulumi.Context) error {
				s, err := kubernetes.NewSecret(ctx, "app", args)
				if err != nil {
					return err
				}
				name = known(s.Name)
				return nil
			})
			require.NoError(t, err)
			secret := componenttest.Find(t, resources, secretType, "app-secret")
			assert.Equal(t, "Opaque", secret.Inputs["type"].StringValue())
			assert.Equal(t, map[string]any{
				"name": "keys", "namespace": "apps",
				"labels":      map[string]any{"team": "a"},
				"annotations": map[string]any{"pulumi.com/patchForce": "true", "note": "b"},
			}, secret.Inputs["metadata"].Mappable())
			assert.Equal(t, []string{"data", "stringData"}, secret.AdditionalSecretOutputs)
			data := componenttest.Secret(t, secret.Inputs["stringData"])
			assert.Equal(t, password, data.ObjectValue()["PASSWORD"].StringValue())
			if preview {
				assert.Empty(t, name)
				return
			}
			assert.Equal(t, "keys", <-name)
		})
	}
}

func TestTypeOfSecret(t *testing.T) {
	resources, err := create(t, false, func(ctx *pulumi.Context) error {
		_, err := kubernetes.NewSecret(ctx, "app", &kubernetes.SecretArgs{
			Name: pulumi.String("pull"), Namespace: pulumi.String("apps"), Type: "kubernetes.io/dockerconfigjson",
		})
		return err
	})
	require.NoError(t, err)
	assert.Equal(t, "kubernetes.io/dockerconfigjson", componenttest.Find(t, resources, secretType, "app-secret").Inputs["type"].StringValue())
}

// TestExistingSecret reads a Secret in a namespace that the program creates: a preview waits for
// it, and one of a known namespace reads.
func TestExistingSecret(t *testing.T) {
	for _, test := range []struct {
		preview, existing, read bool
	}{{false, false, true}, {false, true, true}, {true, true, true}, {true, false, false}} {
		t.Run(fmt.Sprintf("%+v", test), func(t *testing.T) {
			var value, name chan string
			secret := make(chan bool, 1)
			resources, err := create(t, test.preview, func(ctx *pulumi.Context) error {
				n, err := kubernetes.NewNamespace(ctx, "app", &kubernetes.NamespaceArgs{Name: pulumi.String("apps"), Existing: test.existing})
				if err != nil {
					return err
				}
				s, err := kubernetes.NewSecret(ctx, "app", &kubernetes.SecretArgs{Name: pulumi.String("keys"), Namespace: n.Created, Existing: true})
				if err != nil {
					return err
				}
				of := s.Value("PASSWORD")
				of.ApplyT(func(string) error { secret <- pulumi.IsSecret(of); return nil })
				value, name = known(of), known(s.Name)
				return nil
			}, componenttest.SecretData(map[string]string{"PASSWORD": password}))
			require.NoError(t, err)
			assert.Equal(t, "keys", <-name)
			if !test.read {
				assert.Empty(t, value, "the namespace does not exist yet")
				return
			}
			read := componenttest.Find(t, resources, secretType, "app-secret")
			assert.Equal(t, "apps/keys", read.ID)
			assert.Equal(t, []string{"data", "stringData"}, read.AdditionalSecretOutputs)
			assert.Equal(t, password, received(t, value))
			assert.True(t, received(t, secret))
		})
	}
}

// A value is encrypted also if the provider does not say that the data is secret.
func TestValueIsSecret(t *testing.T) {
	secret := make(chan bool, 1)
	_, err := create(t, false, func(ctx *pulumi.Context) error {
		s, err := kubernetes.NewSecret(ctx, "app", &kubernetes.SecretArgs{
			Name: pulumi.String("keys"), Namespace: pulumi.String("apps"), Existing: true,
		})
		if err != nil {
			return err
		}
		value := s.Value("PASSWORD")
		value.ApplyT(func(string) error { secret <- pulumi.IsSecret(value); return nil })
		return nil
	}, componenttest.Outputs(secretType, func(componenttest.Resource) resource.PropertyMap {
		return resource.PropertyMap{"data": resource.NewProperty(resource.PropertyMap{"PASSWORD": resource.NewProperty("aHVudGVyMg==")})}
	}))
	require.NoError(t, err)
	assert.True(t, received(t, secret))
}

func TestSecretWithoutTheKey(t *testing.T) {
	_, err := create(t, false, func(ctx *pulumi.Context) error {
		s, err := kubernetes.NewSecret(ctx, "app", &kubernetes.SecretArgs{
			Name: pulumi.String("keys"), Namespace: pulumi.String("apps"), Existing: true,
		})
		if err != nil {
			return err
		}
		ctx.Export("value", s.Value("TOKEN"))
		return nil
	}, componenttest.SecretData(map[string]string{"PASSWORD": password}))
	assert.ErrorContains(t, err, `secret apps/keys: got no key "TOKEN"; want one. Fix: kubectl describe secret --namespace apps keys`)
}

func TestBadSecret(t *testing.T) {
	for name, test := range map[string]struct {
		args kubernetes.SecretArgs
		want []string
	}{
		"empty": {kubernetes.SecretArgs{}, []string{"Name: got nothing; want " + subdomainRule, "Namespace: got nothing; want " + labelRule}},
		"all bad": {
			kubernetes.SecretArgs{
				Name: pulumi.String("a_b"), Namespace: pulumi.String("a.b"), Existing: true,
				StringData: map[string]pulumi.StringInput{"b": nil, "a key": pulumi.String(password)},
			},
			[]string{
				`Name: got "a_b"; want ` + subdomainRule,
				`Namespace: got "a.b"; want `,
				`StringData: got "a key"; want 1 to 253 letters, digits`,
				"StringData.b: got nothing; want a value",
				"Existing: got true; want false with StringData, Type, Labels or Annotations, which change the Secret",
			},
		},
		"a type of an existing one": {
			kubernetes.SecretArgs{Name: pulumi.String("a"), Namespace: pulumi.String("b"), Existing: true, Type: "Opaque"},
			[]string{"Existing: got true; want false with"},
		},
		"labels of an existing one": {
			kubernetes.SecretArgs{Name: pulumi.String("a"), Namespace: pulumi.String("b"), Existing: true, Labels: map[string]string{"a": "b"}},
			[]string{"Existing: got true; want false with"},
		},
		"annotations of an existing one": {
			kubernetes.SecretArgs{Name: pulumi.String("a"), Namespace: pulumi.String("b"), Existing: true, Annotations: map[string]string{"a": "b"}},
			[]string{"Existing: got true; want false with"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			resources, err := create(t, false, func(ctx *pulumi.Context) error {
				_, err := kubernetes.NewSecret(ctx, "app", &test.args)
				return err
			})
			assertLines(t, `kubernetes secret "app": `, test.want, err)
			assertLines(t, "", test.want, test.args.Validate())
			assert.Empty(t, resources, "something is registered")
		})
	}
	_, err := create(t, false, func(ctx *pulumi.Context) error {
		_, err := kubernetes.NewSecret(ctx, "app", nil)
		return err
	})
	assert.EqualError(t, err, "kubernetes: args are missing")
}
