package kubernetes_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/picluster/picluster/components/componenttest"
	"github.com/picluster/picluster/components/kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNewNamespace(t *testing.T) {
	for _, preview := range []bool{false, true} {
		t.Run(fmt.Sprintf("preview=%t", preview), func(t *testing.T) {
			var name, created chan string
			resources, err := create(t, preview, func(ctx *pulumi.Context) error {
				n, err := kubernetes.NewNamespace(ctx, "app", &kubernetes.NamespaceArgs{
					Name:        pulumi.String("apps"),
					PodSecurity: "baseline",
					Labels:      map[string]string{"team": "a"},
					Annotations: map[string]string{"note": "b"},
				})
				if err != nil {
					return err
				}
				name, created = known(n.Name), known(n.Created)
				return nil
			})
			require.NoError(t, err)
			namespace := componenttest.Find(t, resources, namespaceType, "app-namespace")
			assert.Equal(t, "v1", namespace.Inputs["apiVersion"].StringValue())
			assert.Equal(t, "Namespace", namespace.Inputs["kind"].StringValue())
			assert.Equal(t, map[string]any{
				"name":        "apps",
				"labels":      map[string]any{"app.kubernetes.io/managed-by": "pulumi", "pod-security.kubernetes.io/enforce": "baseline", "team": "a"},
				"annotations": map[string]any{"pulumi.com/patchForce": "true", "note": "b"},
			}, namespace.Inputs["metadata"].Mappable())
			if preview { // what follows waits for Kubernetes
				assert.Empty(t, name)
				assert.Empty(t, created)
				return
			}
			assert.Equal(t, "apps", <-name)
			assert.Equal(t, "apps", <-created)
		})
	}
}

func TestNamespaceWithoutPodSecurity(t *testing.T) {
	resources, err := create(t, false, func(ctx *pulumi.Context) error {
		_, err := kubernetes.NewNamespace(ctx, "app", &kubernetes.NamespaceArgs{Name: pulumi.String("apps")})
		return err
	})
	require.NoError(t, err)
	namespace := componenttest.Find(t, resources, namespaceType, "app-namespace")
	assert.Equal(t, map[string]any{"app.kubernetes.io/managed-by": "pulumi"}, namespace.Inputs["metadata"].ObjectValue()["labels"].Mappable())
}

func TestExistingNamespace(t *testing.T) {
	for _, preview := range []bool{false, true} {
		t.Run(fmt.Sprintf("preview=%t", preview), func(t *testing.T) {
			var name, created chan string
			resources, err := create(t, preview, func(ctx *pulumi.Context) error {
				n, err := kubernetes.NewNamespace(ctx, "app", &kubernetes.NamespaceArgs{Name: pulumi.String("apps"), Existing: true})
				if err != nil {
					return err
				}
				name, created = known(n.Name), known(n.Created)
				return nil
			})
			require.NoError(t, err)
			assert.Equal(t, "apps", componenttest.Find(t, resources, namespaceType, "app-namespace").ID, "it is read")
			assert.Equal(t, "apps", <-name, "a preview reads too")
			assert.Equal(t, "apps", <-created)
		})
	}
}

func TestBadNamespace(t *testing.T) {
	for name, test := range map[string]struct {
		args kubernetes.NamespaceArgs
		want []string
	}{
		"empty": {kubernetes.NamespaceArgs{}, []string{"Name: got nothing; want " + labelRule}},
		"all bad": {
			kubernetes.NamespaceArgs{Name: pulumi.String("Apps"), PodSecurity: "strict", Existing: true},
			[]string{
				`Name: got "Apps"; want ` + labelRule,
				`PodSecurity: got "strict"; want one of restricted, baseline, privileged`,
				"Existing: got true; want false with PodSecurity, Labels or Annotations, which change the namespace",
			},
		},
		"a label of an existing one": {
			kubernetes.NamespaceArgs{Name: pulumi.String("apps"), Existing: true, Labels: map[string]string{"a": "b"}},
			[]string{"Existing: got true; want false with"},
		},
		"an annotation of an existing one": {
			kubernetes.NamespaceArgs{Name: pulumi.String("apps"), Existing: true, Annotations: map[string]string{"a": "b"}},
			[]string{"Existing: got true; want false with"},
		},
		"too long": {
			kubernetes.NamespaceArgs{Name: pulumi.String(strings.Repeat("n", 64))},
			[]string{`Name: got "` + strings.Repeat("n", 64) + `"; want ` + labelRule},
		},
	} {
		t.Run(name, func(t *testing.T) {
			resources, err := create(t, false, func(ctx *pulumi.Context) error {
				_, err := kubernetes.NewNamespace(ctx, "app", &test.args)
				return err
			})
			assertLines(t, `kubernetes namespace "app": `, test.want, err)
			assertLines(t, "", test.want, test.args.Validate())
			assert.Empty(t, resources, "something is registered")
		})
	}
	_, err := create(t, false, func(ctx *pulumi.Context) error {
		_, err := kubernetes.NewNamespace(ctx, "app", nil)
		return err
	})
	assert.EqualError(t, err, "kubernetes: args are missing")
}

// Kubernetes' own namespaces are read, and never created: an update would enforce a Pod Security
// Standard on all that runs there.
func TestNamespacesOfKubernetes(t *testing.T) {
	for _, name := range []string{"default", "kube-node-lease", "kube-public", "kube-system"} {
		assert.ErrorContains(t, kubernetes.NamespaceArgs{Name: pulumi.String(name)}.Validate(), `Name: got "`+name+`"; want a namespace that Kubernetes does not create`)
		assert.NoError(t, kubernetes.NamespaceArgs{Name: pulumi.String(name), Existing: true}.Validate())
	}
	assert.NoError(t, kubernetes.NamespaceArgs{Name: pulumi.String("kube-prometheus")}.Validate())
}
