package engine_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/picluster/picluster/ops/engine"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// answers puts a Pulumi on PATH that prints text and ends with code. It notes its
// arguments in the file that is returned.
func answers(t *testing.T, text, stderr string, code string) (arguments string) {
	t.Helper()
	dir := t.TempDir()
	arguments = filepath.Join(dir, "arguments")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "text"), []byte(text), 0o644))
	script := "#!/bin/sh\necho \"$@\" >" + arguments + "\necho '" + stderr + "' >&2\ncat " + dir + "/text\nexit " + code + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "pulumi"), []byte(script), 0o755))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return arguments
}

const change = `{"steps":[{"op":"update","urn":"urn:pulumi:s::p::a:b:C$kubernetes:core/v1:Secret::keys",
	"oldState":{"type":"kubernetes:core/v1:Secret","custom":true},"detailedDiff":{"data":{"kind":"update"}}}]}`

func TestSteps(t *testing.T) {
	stack := engine.Stack{Name: "s", ConfigFile: "f.yaml"}
	for name, test := range map[string]struct {
		text, stderr, code string
		steps              int
		err                string
	}{
		"no changes":              {`{"steps":[{"op":"same"}]}`, "", "0", 1, ""},
		"changes":                 {change, "error: no changes were expected", "255", 1, ""},
		"an error of the program": {`{"steps":[],"diagnostics":[{"severity":"error","message":"bad config\n"},{"severity":"warning","message":"w"}]}`, "", "255", 0, "pulumi preview: bad config"},
		"an error half way":       {`{"steps":[{"op":"same"}],"diagnostics":[{"severity":"error","message":"no user"}]}`, "", "255", 1, "no user"},
		"a warning alone":         {`{"steps":[{"op":"same"}],"diagnostics":[{"severity":"warning","message":"w"}]}`, "", "0", 1, ""},
		"no answer":               {``, "error: no stack named s found", "255", 0, "no stack named s found"},
		"an answer without steps": {`{}`, "error: passphrase must be set", "255", 0, "passphrase must be set"},
	} {
		t.Run(name, func(t *testing.T) {
			arguments := answers(t, test.text, test.stderr, test.code)
			steps, err := stack.Preview(t.Context())
			assert.Len(t, steps, test.steps)
			if test.err == "" {
				require.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, test.err)
			}
			text, err := os.ReadFile(arguments)
			require.NoError(t, err)
			assert.Equal(t, "preview --stack s --config-file f.yaml --json --expect-no-changes\n", string(text))
		})
	}
}

func TestStep(t *testing.T) {
	arguments := answers(t, change, "", "255")
	steps, err := engine.Stack{Name: "s"}.Refresh(t.Context())
	require.NoError(t, err)
	require.Len(t, steps, 1)
	assert.True(t, steps[0].Changes())
	assert.Equal(t, "keys", steps[0].URN.Name())
	assert.Equal(t, "kubernetes:core/v1:Secret", steps[0].URN.Type())
	assert.Contains(t, steps[0].Changed, "data")
	text, err := os.ReadFile(arguments)
	require.NoError(t, err)
	assert.Equal(t, "refresh --stack s --json --expect-no-changes --preview-only\n", string(text), "the state would be written")
	for _, op := range []string{"same", "refresh", "read"} {
		assert.False(t, engine.Step{Op: op}.Changes(), op)
	}
}

func TestState(t *testing.T) {
	answers(t, `{"deployment":{"resources":[
		{"urn":"urn:pulumi:s::p::pulumi:providers:minio::default","type":"pulumi:providers:minio","id":"1","inputs":{
			"minioServer":"s3:9000",
			"minioPassword":{"4dabf18193072939515e22adb298388d":"1b47061264138c4ac30d75fd1eb44270","plaintext":"\"hunter2\""}}},
		{"urn":"urn:pulumi:s::p::kubernetes:core/v1:Secret::keys","type":"kubernetes:core/v1:Secret","id":"a/b",
			"provider":"urn:pulumi:s::p::pulumi:providers:minio::default::1",
			"inputs":{"apiVersion":"v1","kind":"Secret","metadata":{"name":"b"},
				"data":{"4dabf18193072939515e22adb298388d":"1b47061264138c4ac30d75fd1eb44270","plaintext":"{\"key\":\"c2VjcmV0\"}"}},
			"outputs":{"name":"out","__inputs":{"4dabf18193072939515e22adb298388d":"1b47061264138c4ac30d75fd1eb44270","plaintext":"{\"kind\":\"Secret\"}"}}}
	]}}`, "", "0")
	state, err := engine.Stack{Name: "s"}.State(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"c2VjcmV0", "hunter2"}, state.Secrets, "what providers note for themselves is no secret of its own")

	secrets := state.Of("kubernetes:core/v1:Secret")
	require.Len(t, secrets, 1)
	assert.Equal(t, "out", secrets[0].Text("name"))
	assert.Equal(t, map[string]any{"key": "c2VjcmV0"}, secrets[0].Inputs["data"])
	assert.Equal(t, "b", secrets[0].Object().GetName())
	assert.Equal(t, "hunter2", state.Provider(secrets[0]).Text("minioPassword"))
	assert.Nil(t, state.Of("pulumi:providers:minio")[0].Object())
	assert.Empty(t, state.Provider(&engine.Resource{}).Text("minioServer"))
}

func TestStateOfNoStack(t *testing.T) {
	answers(t, "", "error: no stack named s found", "255")
	_, err := engine.Stack{Name: "s"}.State(t.Context())
	assert.ErrorContains(t, err, "no stack named s found")
}
