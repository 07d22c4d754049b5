package summary_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/picluster/picluster/internal/command"
	"github.com/picluster/picluster/ops/engine"
	"github.com/picluster/picluster/ops/summary"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
	"github.com/stretchr/testify/assert"
)

func step(op apitype.OpType, kind, name string, old, new map[string]any, changed ...string) engine.Step {
	s := engine.Step{Op: op, URN: urn.URN("urn:pulumi:s::p::a:b:C$" + kind + "::" + name), Changed: map[string]apitype.PropertyDiff{}}
	resource := func(inputs map[string]any) *engine.Resource {
		if inputs == nil {
			return nil
		}
		return &engine.Resource{URN: s.URN, Type: kind, Custom: true, Inputs: inputs}
	}
	s.Old, s.New = resource(old), resource(new)
	for _, path := range changed {
		s.Changed[path] = apitype.PropertyDiff{Kind: apitype.DiffUpdate}
	}
	return s
}

const (
	bucket    = engine.BucketType
	configMap = "kubernetes:core/v1:ConfigMap"
)

// lab is a user's own stack of that name.
var lab = command.Names{Stack: "lab"}

func object(name, text string) map[string]any {
	return map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": name, "namespace": "n"}, "data": map[string]any{"a": text}}
}

func TestNoChanges(t *testing.T) {
	text := summary.Markdown(t.Context(), lab, []engine.Step{step(apitype.OpSame, bucket, "b", map[string]any{}, map[string]any{})}, &engine.State{})
	assert.Equal(t, "### Stack `lab`: no changes\n", text)
}

func TestChangesThatLoseSomethingAreFirst(t *testing.T) {
	component := step(apitype.OpUpdate, "picluster:tempo:Tempo", "tempo", map[string]any{}, map[string]any{})
	component.Old.Custom, component.New.Custom = false, false
	text := summary.Markdown(t.Context(), lab, []engine.Step{
		component,
		step(apitype.OpCreate, configMap, "new", nil, object("new", "x")),
		step(apitype.OpUpdate, configMap, "changed", object("c", "old"), object("c", "new"), "data.a"),
		step(apitype.OpUpdate, configMap, "labelled", object("l", "same"), object("l", "same"), "data|`a`"),
		step(apitype.OpDelete, configMap, "gone", object("gone", "x"), nil),
		step(apitype.OpCreateReplacement, bucket, "traces", nil, map[string]any{}, "bucket"),
		step(apitype.OpReplace, bucket, "traces", map[string]any{}, map[string]any{}, "forceDestroy"),
		step(apitype.OpDeleteReplaced, bucket, "traces", map[string]any{}, nil),
	}, &engine.State{})

	assert.True(t, strings.HasPrefix(text, "### Stack `lab`: ⚠️ replace 1, ⚠️ delete 1, update 2, create 1\n"), text)
	last := -1
	for _, row := range []string{
		"| ⚠️ replace | `traces` | `" + bucket + "` | `bucket`, `forceDestroy` |\n",
		"| ⚠️ delete | `gone` | `" + configMap + "` |  |\n",
		"| update | `changed` | `" + configMap + "` | `data.a` |\n",
		"| update | `labelled` | `" + configMap + "` | `data\\|'a'` |\n",
		"| create | `new` | `" + configMap + "` |  |\n",
		"#### Kubernetes objects: 3 change, 1 do not\n",
		"- ⚠️ delete ConfigMap n/gone",
		"- create ConfigMap n/new",
		"<details><summary>update ConfigMap n/c</summary>\n\n````diff\n",
		"-  a: old\n+  a: new\n",
	} {
		at := strings.Index(text, row)
		assert.Greater(t, at, last, "%q is missing, or not after the row before:\n%s", row, text)
		last = at
	}
	assert.NotContains(t, text, "picluster:tempo:Tempo", "a component has no change of its own")
}

func TestNoSecret(t *testing.T) {
	secret := map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "s"}, "data": map[string]any{"a": "aHVudGVyMmh1bnRlcjI="}}
	other := map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "s"}, "stringData": map[string]any{"a": "other"}}
	text := summary.Markdown(t.Context(), lab, []engine.Step{
		step(apitype.OpUpdate, "kubernetes:core/v1:Secret", "s", secret, other, "data"),
		step(apitype.OpUpdate, configMap, "c", object("c", "hunter2hunter2"), object("c", "new"), "data.a"),
	}, &engine.State{Secrets: []string{"hunter2hunter2"}})
	assert.NotContains(t, text, "hunter2")
	assert.NotContains(t, text, "aHVudGVyM")
	assert.Contains(t, text, "'[secret, changed]'")
	assert.Contains(t, text, "-  a: '[secret]'\n+  a: new\n")
}

// most is the number of characters that a comment on GitHub may have.
const most = 65_536

func TestDifferencesTooLong(t *testing.T) {
	var steps []engine.Step
	for i := range 20 {
		name := fmt.Sprintf("c%d", i)
		steps = append(steps, step(apitype.OpUpdate, configMap, name, object(name, strings.Repeat("x", 2000)), object(name, strings.Repeat("y", 2000)), "data.a"))
	}
	text := summary.Markdown(t.Context(), lab, steps, &engine.State{})
	assert.Less(t, len(text), most)
	assert.Contains(t, text, "Their differences are too long for a comment: `picluster preview --stack lab` shows them.")
	assert.Contains(t, text, "- update ConfigMap n/c19")
	assert.NotContains(t, text, "xxx")
	text = summary.Markdown(t.Context(), command.Names{Stack: "dev", Make: true}, steps, &engine.State{})
	assert.Contains(t, text, "`make preview STACK=dev` shows them.")
}

func TestManyTenants(t *testing.T) {
	var steps []engine.Step
	for i := range 300 {
		tenant := fmt.Sprintf("tenant-%03d", i)
		for _, kind := range []string{
			"kubernetes:core/v1:Namespace", "kubernetes:core/v1:Secret", engine.ReleaseType, engine.BucketType,
			engine.UserType, engine.PolicyType, engine.AttachmentType, engine.PasswordType,
		} {
			s := step(apitype.OpCreate, kind, tenant, nil, map[string]any{"name": tenant})
			if strings.HasPrefix(kind, "kubernetes:core") {
				s.New.Inputs = map[string]any{"apiVersion": "v1", "kind": s.URN.Type().Name().String(), "metadata": map[string]any{"name": tenant}}
			}
			steps = append(steps, s)
		}
	}
	t.Setenv("KUBECONFIG", "/nonexistent")
	text := summary.Markdown(t.Context(), lab, steps, &engine.State{})
	assert.Less(t, len(text), most)
	assert.True(t, strings.HasPrefix(text, "### Stack `lab`: create 2400\n"), text[:80])
	assert.Contains(t, text, "| create | `tenant-000` |")
	assert.True(t, strings.HasSuffix(text, " |\n\nThe rest is too long for a comment: `picluster preview --stack lab` shows it.\n"), text[len(text)-200:])
	text = summary.Markdown(t.Context(), command.Names{Stack: "dev", Make: true}, steps, &engine.State{})
	assert.Contains(t, text, "`make preview STACK=dev` shows it.")
}

// Without a reachable cluster there is a summary nonetheless.
func TestObjectsThatCannotBeShown(t *testing.T) {
	t.Setenv("KUBECONFIG", "/nonexistent")
	text := summary.Markdown(t.Context(), lab, []engine.Step{
		step(apitype.OpUpdate, engine.ReleaseType, "tempo-release", map[string]any{"name": "t"}, map[string]any{"name": "t"}, "values.a"),
	}, &engine.State{})
	assert.Contains(t, text, "| update | `tempo-release` |")
	assert.Contains(t, text, "⚠️ The objects of `tempo-release` are not shown: ")
}
