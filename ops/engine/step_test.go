package engine

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const secret = urn.URN("urn:pulumi:s::p::a:b:C$kubernetes:core/v1:Secret::keys")

// metadata returns a step with the Secret, as the engine reports it.
func metadata(op apitype.OpType, changed ...string) apitype.StepEventMetadata {
	state := &apitype.StepEventStateMetadata{Type: "kubernetes:core/v1:Secret", URN: string(secret), Custom: true, ID: "n/keys", Parent: "urn:parent",
		Inputs: map[string]any{"a": "x"}, Outputs: map[string]any{"b": "y"}, Provider: "urn:pulumi:s::p::pulumi:providers:kubernetes::default_4_24_0::id"}
	m := apitype.StepEventMetadata{Op: op, URN: string(secret), Type: state.Type, Old: state, New: state, DetailedDiff: map[string]apitype.PropertyDiff{}}
	for _, path := range changed {
		m.DetailedDiff[path] = apitype.PropertyDiff{Kind: apitype.DiffUpdate}
	}
	return m
}

func begins(op apitype.OpType, changed ...string) apitype.EngineEvent {
	return apitype.EngineEvent{ResourcePreEvent: &apitype.ResourcePreEvent{Metadata: metadata(op, changed...), Planning: true}}
}

func ends(op apitype.OpType, changed ...string) apitype.EngineEvent {
	return apitype.EngineEvent{ResOutputsEvent: &apitype.ResOutputsEvent{Metadata: metadata(op, changed...), Planning: true}}
}

func says(severity, message string) apitype.EngineEvent {
	return apitype.EngineEvent{DiagnosticEvent: &apitype.DiagnosticEvent{Severity: severity, Message: message}}
}

var done = apitype.EngineEvent{SummaryEvent: &apitype.SummaryEvent{}}

func TestSteps(t *testing.T) {
	for name, test := range map[string]struct {
		run   run
		steps []string // the operation and what changes
		err   string
	}{
		"no changes":                            {run{Events: []apitype.EngineEvent{begins(apitype.OpSame), ends(apitype.OpSame), done}}, []string{"same"}, ""},
		"a change":                              {run{Events: []apitype.EngineEvent{begins(apitype.OpUpdate), ends(apitype.OpUpdate, "data"), done}}, []string{"update data"}, ""},
		"a change alone":                        {run{Events: []apitype.EngineEvent{begins(apitype.OpUpdate, "data"), done}}, []string{"update data"}, ""},
		"found by a refresh":                    {run{Events: []apitype.EngineEvent{begins(apitype.OpRefresh), ends(apitype.OpUpdate, "data"), done}}, []string{"update data"}, ""},
		"gone in a refresh":                     {run{Events: []apitype.EngineEvent{begins(apitype.OpRefresh), ends(apitype.OpDelete), done}}, []string{"delete"}, ""},
		"a replacement":                         {run{Events: []apitype.EngineEvent{begins(apitype.OpCreateReplacement), begins(apitype.OpReplace), ends(apitype.OpReplace), done}}, []string{"create-replacement", "replace"}, ""},
		"a result alone":                        {run{Events: []apitype.EngineEvent{ends(apitype.OpCreate), done}}, []string{"create"}, ""},
		"a warning":                             {run{Events: []apitype.EngineEvent{begins(apitype.OpSame), says("warning", "old API"), done}}, []string{"same"}, ""},
		"an error halfway":                      {run{Events: []apitype.EngineEvent{begins(apitype.OpSame), says("error", "<{%reset%}>no <{%fg 1%}>user\n<{%reset%}>\n"), done}, Code: 255}, []string{"same"}, "no user"},
		"an error twice":                        {run{Events: []apitype.EngineEvent{says("error", "no user"), says("error", "no user")}, Code: 255}, nil, "no user"},
		"errors":                                {run{Events: []apitype.EngineEvent{says("error", "no user"), says("warning", "old"), says("error", "no group")}, Code: 255}, nil, "no user\nno group"},
		"an error with a hint":                  {run{Events: []apitype.EngineEvent{says("error", "etcdserver: mvcc: database space exceeded")}, Code: 255}, nil, "etcdserver: mvcc: database space exceeded\netcd, the store of Kubernetes, is full. Fix: "},
		"no such stack":                         {run{Stderr: "error: no stack named 's' found", Code: 255, NotConnected: true}, nil, "exit status 255: error: no stack named 's' found"},
		"no such stack, after it has connected": {run{Stderr: "error: no stack named 's' found", Code: 255}, nil, "exit status 255: error: no stack named 's' found"},
		"an error on stderr with a hint":        {run{Stderr: "error: failed to load checkpoint: place 1: unexpected end of JSON input\n", Code: 255, NotConnected: true}, nil, "unexpected end of JSON input\nthe state is cut off"},
	} {
		for command, read := range map[string]func(*Stack, context.Context) ([]Step, error){"preview": (*Stack).Preview, "refresh": (*Stack).Refresh} {
			t.Run(command+": "+name, func(t *testing.T) {
				stack, arguments := scenario{command: {test.run}}.use(t)
				var steps []Step
				returned := make(chan error, 1)
				go func() {
					found, err := read(stack, t.Context())
					steps = found
					returned <- err
				}()
				err := result(t, returned)
				var said []string
				for _, s := range steps {
					text := string(s.Op)
					for path := range s.Changed {
						text += " " + path
					}
					said = append(said, text)
				}
				assert.Equal(t, test.steps, said)
				if test.err == "" {
					require.NoError(t, err)
				} else if assert.ErrorContains(t, err, test.err) {
					assert.NotContains(t, err.Error(), "<{%")
					assert.NotContains(t, err.Error(), "stdout:")
					assert.Equal(t, 1, strings.Count(err.Error(), strings.Split(test.err, "\n")[0]), "it is said twice: %v", err)
				}
				require.Len(t, arguments(), 1)
				said = strings.Fields(arguments()[0])
				assert.Subset(t, said, []string{command, "--stack", "s", "--event-log", "LOG", "--non-interactive"})
				assert.Equal(t, command == "refresh", strings.Contains(arguments()[0], "--preview-only"), "the state would be written")
				assert.NotContains(t, said, "--yes")
			})
		}
	}
}

func TestStep(t *testing.T) {
	stack, arguments := scenario{"preview": {{Events: []apitype.EngineEvent{begins(apitype.OpUpdate, "data"), done}}}}.use(t)
	stack.ConfigFile = "f.yaml"
	steps, err := stack.Preview(t.Context())
	require.NoError(t, err)
	require.Len(t, steps, 1)
	s := steps[0]
	assert.Equal(t, secret, s.URN)
	assert.Equal(t, &Resource{URN: secret, Type: "kubernetes:core/v1:Secret", ID: "n/keys", Custom: true, Parent: "urn:parent",
		Inputs: map[string]any{"a": "x"}, Outputs: map[string]any{"b": "y"}, Provider: "urn:pulumi:s::p::pulumi:providers:kubernetes::default_4_24_0::id"}, s.Old)
	assert.Equal(t, "4.24.0", s.New.DefaultProviderVersion())
	assert.Contains(t, arguments()[0], "--config-file=f.yaml")
	assert.Equal(t, "update "+string(secret), s.String())
}

func TestChanges(t *testing.T) {
	custom, component := &Resource{Custom: true}, &Resource{}
	for name, test := range map[string]struct {
		step    Step
		changes bool
	}{
		"created":           {Step{Op: apitype.OpCreate, New: custom}, true},
		"deleted":           {Step{Op: apitype.OpDelete, Old: custom}, true},
		"updated":           {Step{Op: apitype.OpUpdate, Old: custom, New: custom}, true},
		"replaced":          {Step{Op: apitype.OpReplace, Old: custom, New: custom}, true},
		"the same":          {Step{Op: apitype.OpSame, Old: custom, New: custom}, false},
		"refreshed":         {Step{Op: apitype.OpRefresh, Old: custom, New: custom}, false},
		"read":              {Step{Op: apitype.OpRead, New: custom}, false},
		"read and replaced": {Step{Op: apitype.OpReadReplacement, New: custom}, false},
		"not read anymore":  {Step{Op: apitype.OpReadDiscard, Old: custom}, false},
		"a component":       {Step{Op: apitype.OpUpdate, Old: component, New: component}, false},
		"no resource":       {Step{Op: apitype.OpUpdate}, false},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.changes, test.step.Changes())
			assert.Equal(t, test.changes, len(Changing([]Step{test.step})) == 1)
		})
	}
}

// eventually fails the test if a condition does not become true.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	require.Eventually(t, is, 20*time.Second, 10*time.Millisecond, what)
}

func exists(path string) func() bool {
	return func() bool { _, err := os.Stat(path); return err == nil }
}

func TestPreviewEnds(t *testing.T) {
	stack, _ := scenario{"preview": {{Hangs: true, NotConnected: true, Code: 1}}}.use(t)
	terminated := errors.New("terminated")
	ctx, cancel := context.WithCancelCause(t.Context())
	returned := make(chan error, 1)
	go func() { _, err := stack.Preview(ctx); returned <- err }()
	eventually(t, "Pulumi was not started", exists("hangs"))
	cancel(terminated)
	select {
	case err := <-returned:
		assert.ErrorIs(t, err, terminated)
	case <-time.After(20 * time.Second):
		t.Fatal("Preview has not ended")
	}
	assert.True(t, exists("interrupted")(), "Pulumi has got no interrupt")
}
