package engine

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func summaryOf(preview bool, changes map[apitype.OpType]int) apitype.EngineEvent {
	return apitype.EngineEvent{SummaryEvent: &apitype.SummaryEvent{IsPreview: preview, ResourceChanges: changes}}
}

func stackOutputs(preview bool, kind string, before, after map[string]any) apitype.EngineEvent {
	m := apitype.StepEventMetadata{Type: kind, New: &apitype.StepEventStateMetadata{Outputs: after}}
	if before != nil {
		m.Old = &apitype.StepEventStateMetadata{Outputs: before}
	}
	return apitype.EngineEvent{ResOutputsEvent: &apitype.ResOutputsEvent{Metadata: m, Planning: preview}}
}

func TestUp(t *testing.T) {
	const stackType = "pulumi:pulumi:Stack"
	before := map[string]any{"same": "a", "list": []any{"x"}, "gone": "g", "changed": "1"}
	after := map[string]any{"same": "a", "list": []any{"x"}, "changed": "2", "added": "n"}
	for name, test := range map[string]struct {
		events []apitype.EngineEvent
		want   Outcome
	}{
		"a first up": {
			[]apitype.EngineEvent{
				summaryOf(true, map[apitype.OpType]int{apitype.OpCreate: 9}),
				stackOutputs(false, stackType, nil, map[string]any{"b": "1", "a": "2"}),
				summaryOf(false, map[apitype.OpType]int{apitype.OpCreate: 7}),
			},
			Outcome{map[apitype.OpType]int{apitype.OpCreate: 7}, []string{"a", "b"}},
		},
		"outputs that differ": {
			[]apitype.EngineEvent{stackOutputs(false, stackType, before, after), summaryOf(false, map[apitype.OpType]int{apitype.OpSame: 7})},
			Outcome{map[apitype.OpType]int{apitype.OpSame: 7}, []string{"added", "changed", "gone"}},
		},
		"a preview that was declined": {
			[]apitype.EngineEvent{stackOutputs(true, stackType, before, after), summaryOf(true, map[apitype.OpType]int{apitype.OpCreate: 9})},
			Outcome{},
		},
		"outputs of a component": {
			[]apitype.EngineEvent{stackOutputs(false, "picluster:index:Tracing", before, after), summaryOf(false, map[apitype.OpType]int{apitype.OpSame: 7})},
			Outcome{map[apitype.OpType]int{apitype.OpSame: 7}, nil},
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack, arguments := scenario{"up": {{Events: test.events}}}.use(t)
			outcome, err := stack.Up(t.Context(), 0, "--yes")
			require.NoError(t, err)
			assert.Equal(t, test.want, outcome)
			assert.Equal(t, []string{"up --stack s --event-log LOG --suppress-outputs --yes"}, arguments())
		})
	}
}

func TestUpFails(t *testing.T) {
	stack, _ := scenario{"up": {{Stderr: "error: no user", Code: 255}}}.use(t)
	outcome, err := stack.Up(t.Context(), 0)
	require.EqualError(t, err, "pulumi up: exit status 255")
	assert.Empty(t, outcome)
}
