package drift

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/picluster/picluster/internal/command"
	"github.com/picluster/picluster/ops/engine"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// changing returns a step that changes a resource of the name it.
func changing(op apitype.OpType, kind string, inputs map[string]any, changed ...string) engine.Step {
	r := resource(kind, inputs)
	return engine.Step{Op: op, URN: r.URN, Old: r, Changed: differ(changed)}
}

var seen = []engine.Step{
	changing(apitype.OpDelete, engine.BucketType, map[string]any{"bucket": "traces"}),
	changing(apitype.OpUpdate, engine.UserType, map[string]any{"name": "tempo"}, "tags", "status"),
	changing(apitype.OpUpdate, engine.AttachmentType, map[string]any{"userName": "tempo", "policyName": "p"}),
	changing(apitype.OpUpdate, engine.PolicyType, map[string]any{"name": "p"}, "policy"),
	changing(apitype.OpUpdate, engine.ReleaseType, map[string]any{"namespace": "n", "name": "r"}, "values"),
	changing(apitype.OpUpdate, configMapType, manifest("c", nil), "data"),
	changing(apitype.OpCreateReplacement, engine.PasswordType, nil),
}

func TestRefreshed(t *testing.T) {
	by := func(i int, where, what, is string) Finding {
		return Finding{Where: where, What: what, Is: is, URN: seen[i].URN, ByUp: true}
	}
	assert.Equal(t, []Finding{
		by(0, inMinIO, "bucket traces", "is gone"),
		by(1, inMinIO, "user tempo", "differs from the state: status, tags"),
		by(2, inMinIO, "user tempo", "differs from the state"),
		by(3, inMinIO, "policy p", "differs from the state: policy"),
		by(4, inKubernetes, "release n/r", "differs from the state: values"),
		by(5, inKubernetes, "ConfigMap n/c", "differs from the state: data"),
		by(6, inPulumi, "random:index/randomPassword:RandomPassword it", "differs from the state"),
	}, refreshed(seen, true))
}

func TestPreviewed(t *testing.T) {
	findings := previewed(seen, []*engine.Resource{{URN: seen[1].URN}})
	require.Len(t, findings, len(seen))
	assert.Equal(t, Finding{Where: inPulumi, What: "bucket traces", Is: "is not yet as the configuration has it; up would delete it",
		URN: seen[0].URN, ByUp: true, Pending: true}, findings[0])
	assert.Equal(t, "an up of it was interrupted; the next up continues: status, tags", findings[1].Is)
	assert.Equal(t, "is not yet as the configuration has it; up would create replacement it", findings[6].Is)
}

func TestAdd(t *testing.T) {
	bucket, user, configMap := seen[0], seen[1], seen[5]
	direct := func(s engine.Step, what string) Finding {
		return Finding{Where: inKubernetes, What: what, Is: "is gone", URN: s.URN}
	}
	for name, test := range map[string]struct {
		look             Look
		refresh, preview []engine.Step
		found            []string
		changesState     bool
	}{
		"nothing":               {},
		"by itself":             {look: Look{Findings: []Finding{direct(configMap, "ConfigMap n/c")}}, found: []string{"ConfigMap n/c is gone: repair restores it"}},
		"seen by refresh too":   {look: Look{Findings: []Finding{direct(configMap, "ConfigMap n/c")}}, refresh: []engine.Step{configMap}, found: []string{"ConfigMap n/c is gone: up restores it"}, changesState: true},
		"in the preview too":    {look: Look{Findings: []Finding{direct(configMap, "ConfigMap n/c")}}, preview: []engine.Step{configMap}, found: []string{"ConfigMap n/c is gone: up restores it", "ConfigMap n/c is not yet as the configuration has it; up would update it: data: up deploys it"}},
		"of another resource":   {look: Look{Findings: []Finding{direct(configMap, "ConfigMap n/c")}}, refresh: []engine.Step{bucket}, found: []string{"ConfigMap n/c is gone: repair restores it", "bucket traces is gone: up restores it"}, changesState: true},
		"seen by refresh alone": {refresh: []engine.Step{bucket}, found: []string{"bucket traces is gone: up restores it"}, changesState: true},
		"in the preview alone":  {preview: []engine.Step{user}, found: []string{"user tempo is not yet as the configuration has it; up would update it: status, tags: up deploys it"}},
		"ignored, and refreshed": {look: Look{Ignored: []Finding{direct(configMap, "ConfigMap n/c")}}, refresh: []engine.Step{configMap}, preview: []engine.Step{configMap}, changesState: true,
			found: []string{"ConfigMap n/c is not yet as the configuration has it; up would update it: data: up deploys it"}},
		"a failed release": {
			look:    Look{Findings: []Finding{{Where: inKubernetes, What: "release n/r", Is: "has failed", URN: user.URN, Release: "n/r", Failed: true}}},
			refresh: []engine.Step{bucket}, preview: []engine.Step{user},
			found: []string{"bucket traces is gone: repair restores it", "release n/r has failed: up restores it", "user tempo is not yet as the configuration has it; up would update it: status, tags: up deploys it"},
		},
		"a revision that the state has not": {
			look:         Look{Findings: []Finding{{Where: inKubernetes, What: "release n/r", Is: "is at 3", URN: user.URN, Release: "n/r", Stale: true}}},
			found:        []string{"release n/r is at 3: up restores it"},
			changesState: true,
		},
		"a refresh that fails": {
			look:    Look{RefreshErr: errors.New("failed"), Findings: []Finding{direct(configMap, "ConfigMap n/c")}},
			found:   []string{"ConfigMap n/c is gone: repair restores it", "bucket traces is gone: repair restores it"},
			refresh: []engine.Step{configMap, bucket},
		},
		"reported only": {look: Look{Findings: []Finding{{Where: inKubernetes, What: "ConfigMap n/c", Is: "has more"}}}, refresh: []engine.Step{configMap},
			found: []string{"ConfigMap n/c has more: reported only"}, changesState: true},
	} {
		t.Run(name, func(t *testing.T) {
			test.look.add(test.refresh, test.preview, nil)
			assert.Equal(t, test.found, found(test.look.Findings))
			assert.Equal(t, test.changesState, test.look.Refresh)
		})
	}
}

func TestDrifted(t *testing.T) {
	look := &Look{Findings: []Finding{{What: "a"}, {What: "b", Pending: true}, {What: "c"}}}
	assert.Equal(t, []Finding{{What: "a"}, {What: "c"}}, look.Drifted())
	assert.Len(t, look.Findings, 3, "the findings stay")
}

func TestTable(t *testing.T) {
	findings := sorted([]Finding{
		{Where: inPulumi, What: "user next", Is: "is not yet", URN: "u", ByUp: true, Pending: true},
		{Where: inMinIO, What: "user tempo", Is: "is disabled", URN: "u"},
		{Where: inMinIO, What: "bucket b", Is: "is gone", URN: "u", ByUp: true},
		{Where: inKubernetes, What: "ConfigMap n/c", Is: "data.a has \"<b>|`x`\nmore\""},
	})
	var text bytes.Buffer
	require.NoError(t, Table(&text, findings))
	assert.Equal(t, "NO  WHERE       WHAT           THEN                IS\n"+
		"1   Kubernetes  ConfigMap n/c  reported only       data.a has \"<b>|`x` more\"\n"+
		"2   MinIO       bucket b       up restores it      is gone\n"+
		"3   MinIO       user tempo     repair restores it  is disabled\n"+
		"4   Pulumi      user next      up deploys it       is not yet\n", text.String())
}

func TestMarkdown(t *testing.T) {
	look := &Look{Findings: []Finding{
		{Where: inKubernetes, What: "ConfigMap n/c", Is: "data.a has \"<b>|`x`\nmore\""},
		{Where: inMinIO, What: "user tempo", Is: "is disabled", URN: "u"},
	}, Ignored: []Finding{{What: "x"}, {What: "y"}}}
	assert.Equal(t, "Stack `lab` has drifted.\n\n| no | where | what | then | is |\n|---|---|---|---|---|\n"+
		"| 1 | Kubernetes | ConfigMap n/c | reported only | data.a has \"&lt;b>\\|'x' more\" |\n"+
		"| 2 | MinIO | user tempo | repair restores it | is disabled |\n"+
		"\nIgnored by `driftIgnore`: 2\n\n```\n"+NextSteps(look.Findings, own)+"```\n", look.Markdown(own))
	assert.Equal(t, "Stack `lab` has not drifted.\n", (&Look{}).Markdown(own))
	assert.Equal(t, "Stack `lab` has not drifted.\n\nIgnored by `driftIgnore`: 1\n", (&Look{Ignored: []Finding{{}}}).Markdown(own))
}

// An issue on GitHub has at most 65,536 characters.
func TestMarkdownTooLong(t *testing.T) {
	look := &Look{}
	for i := range 3000 {
		look.Findings = append(look.Findings, Finding{Where: inKubernetes, What: fmt.Sprintf("ConfigMap n/c%d", i+1), Is: "is gone", URN: "u"})
	}
	text := look.Markdown(own)
	assert.Less(t, len(text), 65_536)
	rows := strings.Count(text, "| Kubernetes |")
	assert.Greater(t, rows, 500)
	assert.Contains(t, text, fmt.Sprintf("| %d | Kubernetes | ConfigMap n/c%d |", rows, rows))
	assert.Contains(t, text, fmt.Sprintf("\n%d more: `picluster drift --stack lab`\n", 3000-rows))
	assert.Contains(t, text, "picluster repair --stack lab\n", "what to do next is not cut off")
	assert.Contains(t, look.Markdown(command.Names{Stack: "dev", Make: true}), fmt.Sprintf("\n%d more: `make drift STACK=dev`\n", 3000-rows))
}

// own is a user's own stack of that name.
var own = command.Names{Stack: "lab"}

// TestNextStepsOfMake has make's targets, which the lab requires.
func TestNextStepsOfMake(t *testing.T) {
	findings := []Finding{{URN: "u", ByUp: true, Pending: true}, {Release: "n/r"}}
	for stack, of := range map[string]string{"lab": "", "dev": " STACK=dev"} {
		text := NextSteps(findings, command.Names{Stack: stack, Make: true})
		assert.Equal(t, "Deploy the change:        make up"+of+"\nRestore it:               make repair"+of+"\nAccept it into the state: make refresh"+of+"\n", text)
	}
}

func TestNextSteps(t *testing.T) {
	const deploy, restore, accept, reported = "picluster up --stack lab\n", "picluster repair --stack lab\n", "picluster refresh --stack lab\n", "Reported only: "
	pending, repairable, added := Finding{URN: "u", ByUp: true, Pending: true}, Finding{Release: "n/r"}, Finding{}
	for name, test := range map[string]struct {
		findings []Finding
		want     []string
	}{
		"nothing":       {nil, nil},
		"pending":       {[]Finding{pending}, []string{deploy}},
		"repairable":    {[]Finding{repairable}, []string{restore, accept}},
		"reported only": {[]Finding{added}, []string{reported}},
		"all":           {[]Finding{pending, repairable, added}, []string{deploy, restore, accept, reported}},
	} {
		t.Run(name, func(t *testing.T) {
			text := NextSteps(test.findings, own)
			for _, step := range []string{deploy, restore, accept, reported} {
				assert.Equal(t, strings.Contains(strings.Join(test.want, ""), step), strings.Contains(text, step), step)
			}
			assert.Equal(t, len(test.want), strings.Count(text, "\n"))
		})
	}
}
