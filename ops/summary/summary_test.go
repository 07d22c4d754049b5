package summary_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/picluster/picluster/ops/engine"
	"github.com/picluster/picluster/ops/summary"
	"github.com/stretchr/testify/assert"
)

func step(op, kind, name string, old, new map[string]any, changed ...string) engine.Step {
	s := engine.Step{Op: op, URN: engine.URN("urn:pulumi:s::p::a:b:C$" + kind + "::" + name), Changed: map[string]any{}}
	resource := func(inputs map[string]any) *engine.Resource {
		if inputs == nil {
			return nil
		}
		return &engine.Resource{URN: s.URN, Type: kind, Custom: true, Inputs: inputs}
	}
	s.Old, s.New = resource(old), resource(new)
	for _, path := range changed {
		s.Changed[path] = map[string]any{}
	}
	return s
}

const (
	bucket    = "minio:index/s3Bucket:S3Bucket"
	configMap = "kubernetes:core/v1:ConfigMap"
)

func object(name, text string) map[string]any {
	return map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": name, "namespace": "n"}, "data": map[string]any{"a": text}}
}

func TestNothing(t *testing.T) {
	text := summary.Markdown(t.Context(), "lab", []engine.Step{step("same", bucket, "b", map[string]any{}, map[string]any{})}, &engine.State{})
	assert.Equal(t, "### Stack `lab`: no changes\n", text)
}

func TestWhatLosesSomethingIsFirst(t *testing.T) {
	component := step("update", "picluster:tempo:Tempo", "tempo", map[string]any{}, map[string]any{})
	component.Old.Custom, component.New.Custom = false, false
	text := summary.Markdown(t.Context(), "lab", []engine.Step{
		component,
		step("create", configMap, "new", nil, object("new", "x")),
		step("update", configMap, "changed", object("c", "old"), object("c", "new"), "data.a"),
		step("delete", configMap, "gone", object("gone", "x"), nil),
		step("create-replacement", bucket, "traces", nil, map[string]any{}, "bucket"),
		step("replace", bucket, "traces", map[string]any{}, map[string]any{}, "bucket"),
		step("delete-replaced", bucket, "traces", map[string]any{}, nil),
	}, &engine.State{})

	assert.True(t, strings.HasPrefix(text, "### Stack `lab`: ⚠️ replace 1, ⚠️ delete 1, update 1, create 1\n"), text)
	last := -1
	for _, row := range []string{
		"| ⚠️ replace | `traces` | `" + bucket + "` | `bucket` |\n",
		"| ⚠️ delete | `gone` | `" + configMap + "` |  |\n",
		"| update | `changed` | `" + configMap + "` | `data.a` |\n",
		"| create | `new` | `" + configMap + "` |  |\n",
		"#### Kubernetes objects: 3 change, 0 do not\n",
		"- ⚠️ delete ConfigMap n/gone",
		"- create ConfigMap n/new",
		"<details><summary>update ConfigMap n/c</summary>\n\n````diff\n",
		"-  a: old\n+  a: new\n",
	} {
		at := strings.Index(text, row)
		assert.Greater(t, at, last, "%q is not there, or not after the one before:\n%s", row, text)
		last = at
	}
	assert.NotContains(t, text, "picluster:tempo:Tempo", "a component has no change of its own")
}

func TestNoSecret(t *testing.T) {
	secret := map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "s"}, "data": map[string]any{"a": "aHVudGVyMmh1bnRlcjI="}}
	other := map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "s"}, "stringData": map[string]any{"a": "other"}}
	text := summary.Markdown(t.Context(), "lab", []engine.Step{
		step("update", "kubernetes:core/v1:Secret", "s", secret, other, "data"),
		step("update", configMap, "c", object("c", "hunter2hunter2"), object("c", "new"), "data.a"),
	}, &engine.State{Secrets: []string{"hunter2hunter2"}})
	assert.NotContains(t, text, "hunter2")
	assert.NotContains(t, text, "aHVudGVyM")
	assert.Contains(t, text, "'[secret, changed]'")
	assert.Contains(t, text, "-  a: [secret]\n+  a: new\n")
}

func TestTooLong(t *testing.T) {
	var steps []engine.Step
	for i := range 20 {
		name := fmt.Sprintf("c%d", i)
		steps = append(steps, step("update", configMap, name, object(name, strings.Repeat("x", 2000)), object(name, strings.Repeat("y", 2000)), "data.a"))
	}
	text := summary.Markdown(t.Context(), "lab", steps, &engine.State{})
	assert.Less(t, len(text), 65536)
	assert.Contains(t, text, "too long for a comment")
	assert.Contains(t, text, "- update ConfigMap n/c19")
	assert.NotContains(t, text, "xxx")
}

// A cluster that does not answer is no reason to have no summary.
func TestObjectsThatCannotBeShown(t *testing.T) {
	t.Setenv("KUBECONFIG", "/nonexistent")
	text := summary.Markdown(t.Context(), "lab", []engine.Step{
		step("update", "kubernetes:helm.sh/v3:Release", "tempo-release", map[string]any{"name": "t"}, map[string]any{"name": "t"}, "values.a"),
	}, &engine.State{})
	assert.Contains(t, text, "| update | `tempo-release` |")
	assert.Contains(t, text, "⚠️ The objects of `tempo-release` are not shown: ")
}
