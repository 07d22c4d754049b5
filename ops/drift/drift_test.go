package drift

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/picluster/picluster/ops/engine"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func step(op, kind string, inputs map[string]any, custom bool, changed ...string) engine.Step {
	s := engine.Step{Op: op, URN: engine.URN("urn:pulumi:s::p::" + kind + "::it"), Changed: map[string]any{}}
	s.Old = &engine.Resource{URN: s.URN, Type: kind, Inputs: inputs, Custom: custom}
	for _, path := range changed {
		s.Changed[path] = map[string]any{}
	}
	return s
}

var steps = []engine.Step{
	step("update", "pulumi:pulumi:Stack", nil, false, "outputs"),
	step("refresh", engine.BucketType, map[string]any{"bucket": "same"}, true),
	step("delete", engine.BucketType, map[string]any{"bucket": "traces"}, true),
	step("update", engine.UserType, map[string]any{"name": "tempo"}, true, "tags", "status"),
	step("update", engine.AttachmentType, map[string]any{"userName": "tempo", "policyName": "p"}, true),
	step("update", engine.PolicyType, map[string]any{"name": "p"}, true, "policy"),
	step("update", engine.ReleaseType, map[string]any{"namespace": "n", "name": "r"}, true, "values"),
	step("update", "kubernetes:core/v1:Secret", map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "s", "namespace": "n"}}, true, "data"),
	step("create-replacement", "random:index/randomPassword:RandomPassword", nil, true),
}

func TestRefreshed(t *testing.T) {
	assert.Equal(t, []Finding{
		{Where: inMinIO, What: "bucket traces", Is: "is gone"},
		{Where: inMinIO, What: "user tempo", Is: "is another than in the state: status, tags"},
		{Where: inMinIO, What: "user tempo", Is: "is another than in the state: "},
		{Where: inMinIO, What: "policy p", Is: "is another than in the state: policy"},
		{Where: inKubernetes, What: "release n/r", Is: "is another than in the state: values"},
		{Where: inKubernetes, What: "Secret n/s", Is: "is another than in the state: data"},
		{Where: inPulumi, What: "random:index/randomPassword:RandomPassword it", Is: "is another than in the state: "},
	}, refreshed(steps))
}

func TestPreviewed(t *testing.T) {
	found := previewed(steps)
	require.Len(t, found, 7)
	assert.Equal(t, Finding{Where: inPulumi, What: "bucket traces", Is: "is not yet as the configuration has it; up would delete it"}, found[0])
	assert.Equal(t, "is not yet as the configuration has it; up would update it: status, tags", found[1].Is)
	assert.Equal(t, "is not yet as the configuration has it; up would create replacement it", found[6].Is)
}

func TestTable(t *testing.T) {
	findings := sorted([]Finding{
		{Where: inMinIO, What: "user tempo", Is: "is disabled"},
		{Where: inKubernetes, What: "ConfigMap n/c", Is: "data.a has \"<b>|`x`\nmore\""},
	})
	var text bytes.Buffer
	require.NoError(t, Table(&text, findings))
	assert.Equal(t, "WHERE       WHAT           IS\n"+
		"Kubernetes  ConfigMap n/c  data.a has \"<b>|`x` more\"\n"+
		"MinIO       user tempo     is disabled\n", text.String())

	markdown := Markdown("lab", findings)
	assert.Contains(t, markdown, "| Kubernetes | ConfigMap n/c | data.a has \"&lt;b>\\|'x' more\" |\n")
	assert.Contains(t, markdown, "make up STACK=lab")
}

func TestMend(t *testing.T) {
	var done []string
	mend := func(name string, err error) Finding {
		return Finding{What: name, mend: func(context.Context) error { done = append(done, name); return err }}
	}
	findings := []Finding{mend("a", nil), {What: "left to Pulumi"}, mend("b", errors.New("denied")), mend("c", nil)}
	assert.Len(t, Mendable(findings), 3)
	var said bytes.Buffer
	assert.ErrorContains(t, (&Target{}).Mend(t.Context(), findings, &said), "putting b right: denied")
	assert.Equal(t, []string{"a", "b"}, done)
	assert.Equal(t, "put right: a\n", said.String())
}
