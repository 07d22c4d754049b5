package kubernetes_test

import (
	"cmp"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/picluster/picluster/components/componenttest"
	"github.com/picluster/picluster/components/kubernetes"
	provider "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	namespaceType = "kubernetes:core/v1:Namespace"
	secretType    = "kubernetes:core/v1:Secret"
	configMapType = "kubernetes:core/v1:ConfigMap"

	labelRule     = "1 to 63 lower-case letters, digits or -, with a letter or digit first and last"
	subdomainRule = "1 to 253 lower-case letters, digits, - or ., with a letter or digit first and last in each part"
)

// password is a value of a Secret, which no error may show.
const password = "hunter2"

// create runs a program that returns a component's own error.
func create(t *testing.T, preview bool, program pulumi.RunFunc, options ...componenttest.Option) ([]componenttest.Resource, error) {
	t.Helper()
	var own error
	resources, err := componenttest.Run(t, preview, nil, func(ctx *pulumi.Context) error {
		own = program(ctx)
		return own
	}, options...)
	componenttest.AssertParents(t, resources)
	err = cmp.Or(own, err)
	if err != nil {
		assert.NotContains(t, err.Error(), password)
	}
	return resources, err
}

// known returns a channel that gets an output's value once it is known.
func known(output pulumi.StringOutput) chan string {
	values := make(chan string, 1)
	output.ApplyT(func(value string) error { values <- value; return nil })
	return values
}

// received returns what an output has sent. An output that fails sends nothing.
func received[T any](t *testing.T, values chan T) (value T) {
	t.Helper()
	select {
	case value = <-values:
	case <-time.After(10 * time.Second):
		require.Fail(t, "the output is not known")
	}
	return value
}

func output(value string) pulumi.StringOutput { return pulumi.String(value).ToStringOutput() }

// assertLines asserts that an error starts with what it is of, and has problems in this order,
// of which the words after the rule's own are not compared.
func assertLines(t *testing.T, of string, want []string, err error) {
	t.Helper()
	require.Error(t, err)
	text, found := strings.CutPrefix(err.Error(), of)
	assert.True(t, found, "%s: does not start with %s", err, of)
	lines := strings.Split(text, "\n")
	if !assert.Len(t, lines, len(want), "%s", err) {
		return
	}
	for i, line := range lines {
		assert.Truef(t, strings.HasPrefix(line, want[i]), "%s\ndoes not start with\n%s", line, want[i])
	}
}

// everyComponent creates one of each under a name, in a namespace of the name.
func everyComponent(ctx *pulumi.Context, name, namespace string, opts ...pulumi.ResourceOption) error {
	n, err := kubernetes.NewNamespace(ctx, name, &kubernetes.NamespaceArgs{Name: pulumi.String(namespace)}, opts...)
	if err != nil {
		return err
	}
	if _, err := kubernetes.NewSecret(ctx, name, &kubernetes.SecretArgs{
		Name: pulumi.String(name), Namespace: n.Name, StringData: map[string]pulumi.StringInput{"PASSWORD": pulumi.String(password)},
	}, opts...); err != nil {
		return err
	}
	_, err = kubernetes.NewConfigMap(ctx, name, &kubernetes.ConfigMapArgs{
		Name: pulumi.String(name), Namespace: n.Name, Data: map[string]pulumi.StringInput{"ca.crt": pulumi.String("PEM")},
	}, opts...)
	return err
}

func TestWaits(t *testing.T) {
	resources, err := create(t, false, func(ctx *pulumi.Context) error { return everyComponent(ctx, "app", "apps") })
	require.NoError(t, err)
	assert.Equal(t, map[string][]string{
		"app-namespace": {},
		"app-secret":    {"app-namespace"},
		"app-configmap": {"app-namespace"},
	}, componenttest.Waits(resources))
}

// TestNamesWait has what uses a component's name wait for the object.
func TestNamesWait(t *testing.T) {
	resources, err := create(t, false, func(ctx *pulumi.Context) error {
		namespace, err := kubernetes.NewNamespace(ctx, "app", &kubernetes.NamespaceArgs{Name: pulumi.String("apps")})
		if err != nil {
			return err
		}
		secret, err := kubernetes.NewSecret(ctx, "app", &kubernetes.SecretArgs{Name: pulumi.String("keys"), Namespace: pulumi.String("apps")})
		if err != nil {
			return err
		}
		configMap, err := kubernetes.NewConfigMap(ctx, "app", &kubernetes.ConfigMapArgs{
			Name: pulumi.String("ca"), Namespace: pulumi.String("apps"), Data: map[string]pulumi.StringInput{"ca.crt": pulumi.String("PEM")},
		})
		if err != nil {
			return err
		}
		for name, output := range map[string]pulumi.StringOutput{
			"namespace": namespace.Name, "created": namespace.Created, "secret": secret.Name, "configmap": configMap.Name,
		} {
			if _, err := kubernetes.NewConfigMap(ctx, "of-"+name, &kubernetes.ConfigMapArgs{
				Name: pulumi.String(name), Namespace: pulumi.String("apps"), Data: map[string]pulumi.StringInput{"name": output},
			}); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, err)
	waits := componenttest.Waits(resources)
	assert.Equal(t, []string{"app-namespace"}, waits["of-namespace-configmap"])
	assert.Equal(t, []string{"app-namespace"}, waits["of-created-configmap"])
	assert.Equal(t, []string{"app-secret"}, waits["of-secret-configmap"])
	assert.Equal(t, []string{"app-configmap"}, waits["of-configmap-configmap"])
}

func TestOptionsReachEveryChild(t *testing.T) {
	children := componenttest.AssertOptions(t, func(ctx *pulumi.Context, opts ...pulumi.ResourceOption) error {
		return everyComponent(ctx, "app", "apps", opts...)
	})
	assert.Len(t, children, 3)
}

// TestTwo has two of each component in one namespace, and in two clusters.
func TestTwo(t *testing.T) {
	_, err := create(t, false, func(ctx *pulumi.Context) error {
		if err := everyComponent(ctx, "one", "apps"); err != nil {
			return err
		}
		n, err := kubernetes.NewNamespace(ctx, "two", &kubernetes.NamespaceArgs{Name: pulumi.String("apps"), Existing: true})
		if err != nil {
			return err
		}
		for _, name := range []string{"two", "three"} {
			_, err := kubernetes.NewSecret(ctx, name, &kubernetes.SecretArgs{Name: pulumi.String(name), Namespace: n.Name})
			if err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, err)

	resources, err := create(t, false, func(ctx *pulumi.Context) error {
		for _, cluster := range []string{"one", "two"} {
			p, err := provider.NewProvider(ctx, cluster, nil)
			if err != nil {
				return err
			}
			if err := everyComponent(ctx, cluster, "apps", pulumi.Providers(p)); err != nil {
				return err
			}
			if _, err := kubernetes.NewNamespace(ctx, cluster+"-read", &kubernetes.NamespaceArgs{
				Name: pulumi.String("kube-system"), Existing: true,
			}, pulumi.Providers(p)); err != nil {
				return err
			}
			if _, err := kubernetes.NewSecret(ctx, cluster+"-read", &kubernetes.SecretArgs{
				Name: pulumi.String("keys"), Namespace: pulumi.String("apps"), Existing: true,
			}, pulumi.Providers(p)); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, err)
	seen := 0
	for _, r := range resources {
		if cluster, _, found := strings.Cut(r.Name, "-"); found && r.Custom {
			seen++
			assert.Contains(t, r.Provider, "::"+cluster+"::", r.Name)
		}
	}
	assert.Equal(t, 10, seen)
}

// TestOutputsAreChecked gives a component another resource's output: it is checked once it is
// known, and nothing is created by it.
func TestOutputsAreChecked(t *testing.T) {
	for name, test := range map[string]struct {
		program pulumi.RunFunc
		want    string
	}{
		"namespace": {func(ctx *pulumi.Context) error {
			_, err := kubernetes.NewNamespace(ctx, "app", &kubernetes.NamespaceArgs{Name: output("Apps")})
			return err
		}, `Name: got "Apps"; want ` + labelRule},
		"existing namespace": {func(ctx *pulumi.Context) error {
			_, err := kubernetes.NewNamespace(ctx, "app", &kubernetes.NamespaceArgs{Name: output("Apps"), Existing: true})
			return err
		}, `Name: got "Apps"; want ` + labelRule},
		"Secret": {func(ctx *pulumi.Context) error {
			_, err := kubernetes.NewSecret(ctx, "app", &kubernetes.SecretArgs{Name: output("a/b"), Namespace: output("apps")})
			return err
		}, `Name: got "a/b"; want ` + subdomainRule},
		"existing Secret": {func(ctx *pulumi.Context) error {
			_, err := kubernetes.NewSecret(ctx, "app", &kubernetes.SecretArgs{Name: output("a/b"), Namespace: output("apps"), Existing: true})
			return err
		}, `Name: got "a/b"; want ` + subdomainRule},
		"Secret's namespace": {func(ctx *pulumi.Context) error {
			_, err := kubernetes.NewSecret(ctx, "app", &kubernetes.SecretArgs{Name: output("keys"), Namespace: output("a/b")})
			return err
		}, `Namespace: got "a/b"; want ` + labelRule},
		"ConfigMap": {func(ctx *pulumi.Context) error {
			_, err := kubernetes.NewConfigMap(ctx, "app", &kubernetes.ConfigMapArgs{
				Name: output("a/b"), Namespace: output("apps"), Data: map[string]pulumi.StringInput{"a": output("b")},
			})
			return err
		}, `Name: got "a/b"; want ` + subdomainRule},
		"ConfigMap's namespace": {func(ctx *pulumi.Context) error {
			_, err := kubernetes.NewConfigMap(ctx, "app", &kubernetes.ConfigMapArgs{
				Name: output("ca"), Namespace: output(""), Data: map[string]pulumi.StringInput{"a": output("b")},
			})
			return err
		}, `Namespace: got nothing; want ` + labelRule},
	} {
		for _, preview := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, preview=%t", name, preview), func(t *testing.T) {
				resources, err := create(t, preview, test.program)
				assert.ErrorContains(t, err, test.want)
				for _, r := range resources {
					assert.False(t, r.Custom, "%s is created", r.Name)
				}
			})
		}
	}
}

// TestRegisteredOutputs has what a program in another language, and the state, see.
func TestRegisteredOutputs(t *testing.T) {
	asCreated := func(name string) func(componenttest.Resource) resource.PropertyMap {
		return func(componenttest.Resource) resource.PropertyMap {
			return resource.PropertyMap{"metadata": resource.NewProperty(resource.PropertyMap{"name": resource.NewProperty(name)})}
		}
	}
	resources, err := create(t, false, func(ctx *pulumi.Context) error { return everyComponent(ctx, "app", "apps") },
		componenttest.Outputs(namespaceType, asCreated("created-namespace")),
		componenttest.Outputs(secretType, asCreated("created-secret")),
		componenttest.Outputs(configMapType, asCreated("created-configmap")))
	require.NoError(t, err)
	for kind, want := range map[string]map[string]any{
		"Namespace": {"name": "created-namespace", "created": "apps"},
		"Secret":    {"name": "created-secret"},
		"ConfigMap": {"name": "created-configmap"},
	} {
		component := componenttest.Find(t, resources, "picluster:kubernetes:"+kind, "app")
		assert.Equal(t, want, component.Outputs.Mappable(), kind)
	}
}
