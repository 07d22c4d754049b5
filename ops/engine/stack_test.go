package engine

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/optimport"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOpen(t *testing.T) {
	stack, arguments := scenario{}.use(t)
	assert.Equal(t, "p", stack.Project)
	assert.Equal(t, "Pulumi.s.yaml", stack.FileName())
	stack.ConfigFile = "f.yaml"
	assert.Equal(t, "f.yaml", stack.FileName())
	assert.Empty(t, arguments(), "the user's selected stack stays")

	require.NoError(t, os.Remove("Pulumi.yaml"))
	_, err := Open(t.Context(), "s", "")
	assert.ErrorContains(t, err, "no Pulumi project in this directory: ")

	t.Setenv("PATH", t.TempDir())
	_, err = Open(t.Context(), "s", "")
	assert.ErrorIs(t, err, ErrNoPulumi)
}

func TestConfig(t *testing.T) {
	stack, arguments := scenario{"config": {{Stdout: `{
		"minio:minioServer": {"value": "s3:9000", "secret": false},
		"minio:minioPassword": {"value": "hunter2", "secret": true},
		"p:keyVersion": {"value": "3", "secret": false},
		"p:restore": {"objectValue": {"tempo/tempo": 2}, "value": "{\"tempo/tempo\":2}", "secret": false},
		"p:bad": {"value": "{", "secret": false}}`}}}.use(t)
	config, err := stack.Config(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "s3:9000", config.Get("minio:minioServer"))
	assert.Equal(t, "hunter2", config.Get("minio:minioPassword"))
	assert.Empty(t, config.Get("minio:minioUser"))
	assert.Equal(t, "3", config.Own("keyVersion", "1"))
	assert.Equal(t, "secret", config.Own("credentials", "secret"))

	counters, err := config.Counters("restore")
	require.NoError(t, err)
	assert.Equal(t, map[string]int{"tempo/tempo": 2}, counters)
	counters, err = config.Counters("none")
	require.NoError(t, err)
	assert.NotNil(t, counters)
	assert.Empty(t, counters)
	_, err = config.Counters("bad")
	assert.ErrorContains(t, err, "p:bad: ")

	stack.ConfigFile = "f.yaml"
	_, err = stack.Config(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{
		"config --show-secrets --json --stack s --non-interactive",
		"config --show-secrets --config-file f.yaml --json --stack s --non-interactive",
	}, arguments())
}

func TestConfigOfNoStack(t *testing.T) {
	stack, _ := scenario{"config": {{Stdout: "half of", Stderr: "error: no stack named 's' found\n", Code: 255}}}.use(t)
	_, err := stack.Config(t.Context())
	assert.EqualError(t, err, "unable to read config: exit status 255: error: no stack named 's' found")
}

func TestSet(t *testing.T) {
	const restore = `restore["tempo/tempo"]`
	for name, test := range map[string]struct{ file, path, value, arguments string }{
		"a value":                 {"", "keyVersion", "3", "config set --stack s --path p:keyVersion --plaintext --non-interactive -- 3"},
		"a path":                  {"", restore, "2", "config set --stack s --path p:" + restore + " --plaintext --non-interactive -- 2"},
		"a configuration file":    {"f.yaml", "keyVersion", "3", "config set --stack s --path --config-file f.yaml p:keyVersion --plaintext --non-interactive -- 3"},
		"a removal":               {"", restore, "", "config rm --path p:" + restore + " --stack s --non-interactive"},
		"a removal from its file": {"f.yaml", "keyVersion", "", "config rm --path --config-file f.yaml p:keyVersion --stack s --non-interactive"},
	} {
		t.Run(name, func(t *testing.T) {
			stack, arguments := scenario{"config set": {{}}, "config rm": {{}}}.use(t)
			stack.ConfigFile = test.file
			require.NoError(t, stack.Set(t.Context(), test.path, test.value))
			assert.Equal(t, []string{test.arguments}, arguments())
		})
	}
	stack, _ := scenario{"config set": {{Stderr: "error: write f.yaml: no space left on device", Code: 255}}, "config rm": {{Stderr: "error: no such key", Code: 255}}}.use(t)
	err := stack.Set(t.Context(), "keyVersion", "3")
	assert.EqualError(t, err, "unable to set config: exit status 255: error: write f.yaml: no space left on device\nthe disk is full. Fix: free some space. Then run up again, which continues from here")
	assert.EqualError(t, stack.Set(t.Context(), "keyVersion", ""), "could not remove config: exit status 255: error: no such key")
}

// sealed is a secret as a state has it that was exported with its secrets.
func sealed(plaintext string) string {
	return `{"4dabf18193072939515e22adb298388d":"1b47061264138c4ac30d75fd1eb44270","plaintext":` + plaintext + `}`
}

func TestState(t *testing.T) {
	stack, arguments := scenario{"stack export": {{Stdout: `{"version":3,"deployment":{"resources":[
		{"urn":"urn:pulumi:s::p::pulumi:pulumi:Stack::p-s","type":"pulumi:pulumi:Stack","outputs":{"clusterUid":"one"}},
		{"urn":"urn:pulumi:s::p::pulumi:providers:minio::default_0_16_3","type":"pulumi:providers:minio","id":"1","custom":true,"inputs":{
			"minioServer":"s3:9000","minioPassword":` + sealed(`"\"hunter2\""`) + `,"list":[` + sealed(`"[\"in a list\"]"`) + `],"broken":` + sealed(`"{"`) + `}},
		{"urn":"urn:pulumi:s::p::a:b:C$kubernetes:core/v1:Secret::keys","type":"kubernetes:core/v1:Secret","id":"a/b","custom":true,"parent":"urn:pulumi:s::p::a:b:C::c",
			"provider":"urn:pulumi:s::p::pulumi:providers:minio::default_0_16_3::1",
			"inputs":{"apiVersion":"v1","kind":"Secret","metadata":{"name":"b"},"data":` + sealed(`"{\"key\":\"c2VjcmV0\",\"again\":\"hunter2\"}"`) + `},
			"outputs":{"name":"out","__inputs":` + sealed(`"{\"kind\":\"Secret\"}"`) + `}},
		{"urn":"urn:pulumi:s::p::kubernetes:core/v1:Secret::old","type":"kubernetes:core/v1:Secret","id":"a/old","custom":true,"delete":true,"inputs":{"apiVersion":"v1","kind":"Secret","data":` + sealed(`"\"before\""`) + `}},
		{"urn":"urn:pulumi:s::p::kubernetes:core/v1:Secret::read","type":"kubernetes:core/v1:Secret","id":"a/read","custom":true,"external":true,"inputs":{"apiVersion":"v1","kind":"Secret"}}
	],"pending_operations":[{"type":"creating","resource":{"urn":"urn:pulumi:s::p::kubernetes:helm.sh/v3:Release::tempo","type":"kubernetes:helm.sh/v3:Release"}}]}}`}}}.use(t)
	state, err := stack.State(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"stack export --show-secrets --stack s --non-interactive"}, arguments())
	assert.Equal(t, []string{"before", "c2VjcmV0", "hunter2", "in a list"}, state.Secrets, "each once, those of what is to be deleted too, and not what providers note for themselves")
	require.Len(t, state.Pending, 1)
	assert.Equal(t, urn.URN("urn:pulumi:s::p::kubernetes:helm.sh/v3:Release::tempo"), state.Pending[0].URN)
	require.Len(t, state.Deleting, 1)
	assert.Equal(t, "a/old", state.Deleting[0].ID)
	assert.Equal(t, "one", state.Output("clusterUid"))
	assert.Nil(t, state.Output("none"))

	secrets := state.Of("kubernetes:core/v1:Secret")
	require.Len(t, secrets, 1, "what is managed elsewhere, and what is to be deleted, are left out")
	keys := secrets[0]
	assert.Equal(t, "out", keys.Text("name"))
	assert.Equal(t, map[string]any{"key": "c2VjcmV0", "again": "hunter2"}, keys.Inputs["data"])
	assert.Equal(t, map[string]any{"name": "out"}, keys.Outputs)
	assert.Equal(t, urn.URN("urn:pulumi:s::p::a:b:C::c"), keys.Parent)
	assert.Equal(t, "b", keys.Object().GetName())
	assert.Equal(t, "hunter2", state.Provider(keys).Text("minioPassword"))
	assert.Nil(t, state.Provider(keys).Inputs["broken"])
	assert.Equal(t, "0.16.3", keys.DefaultProviderVersion())
	assert.Nil(t, state.Of("pulumi:providers:minio")[0].Object())
	assert.Empty(t, state.Provider(&Resource{}).Text("minioServer"))

	read := state.Find("urn:pulumi:s::p::kubernetes:core/v1:Secret::read")
	require.NotNil(t, read)
	assert.True(t, read.External)
	assert.Nil(t, state.Find("urn:pulumi:s::p::kubernetes:core/v1:Secret::old"))
}

func TestStateWithoutResources(t *testing.T) {
	for name, text := range map[string]string{"null": `{"version":3,"deployment":null}`, "without a deployment": `{"version":3}`, "empty": `{"version":3,"deployment":{}}`} {
		t.Run(name, func(t *testing.T) {
			stack, _ := scenario{"stack export": {{Stdout: text}}}.use(t)
			state, err := stack.State(t.Context())
			require.NoError(t, err)
			assert.Empty(t, state.Resources)
			assert.Nil(t, state.Output("clusterUid"))
			assert.Zero(t, state.KeyVersion())
			assert.Zero(t, state.Restored("tempo/tempo"))
		})
	}
}

func TestStateThatCannotBeRead(t *testing.T) {
	for name, test := range map[string]struct {
		run run
		err string
	}{
		"no such stack": {run{Stderr: "error: no stack named 's' found", Code: 255}, "could not export stack: exit status 255: error: no stack named 's' found"},
		"cut off":       {run{Stderr: "error: failed to load checkpoint: place 1: unexpected end of JSON input", Code: 255}, "unexpected end of JSON input\nthe state is cut off"},
		"no state":      {run{Stdout: `{"deployment":[]}`}, "pulumi stack export: json: "},
	} {
		t.Run(name, func(t *testing.T) {
			stack, _ := scenario{"stack export": {test.run}}.use(t)
			_, err := stack.State(t.Context())
			assert.ErrorContains(t, err, test.err)
		})
	}
}

func TestProviderOfAResource(t *testing.T) {
	for name, test := range map[string]struct{ provider, urn, name, version string }{
		"default":               {"urn:pulumi:s::p::pulumi:providers:minio::default_0_16_3::id", "urn:pulumi:s::p::pulumi:providers:minio::default_0_16_3", "default_0_16_3", "0.16.3"},
		"explicit":              {"urn:pulumi:s::p::a:b:C$pulumi:providers:minio::own::id", "urn:pulumi:s::p::a:b:C$pulumi:providers:minio::own", "own", ""},
		"default of no version": {"urn:pulumi:s::p::pulumi:providers:minio::default::id", "urn:pulumi:s::p::pulumi:providers:minio::default", "default", ""},
		"none":                  {"", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := &Resource{Provider: test.provider}
			assert.Equal(t, test.urn, r.ProviderURN())
			assert.Equal(t, test.name, r.ProviderName())
			assert.Equal(t, test.version, r.DefaultProviderVersion())
		})
	}
}

func TestKeyVersion(t *testing.T) {
	for name, test := range map[string]struct {
		names   []string
		version int
	}{
		"none":                 {nil, 0},
		"the first":            {[]string{"tempo-user"}, 1},
		"the second":           {[]string{"tempo-user-2"}, 2},
		"two at once":          {[]string{"tempo-user-12", "tempo-user-9"}, 12},
		"a tenant of a number": {[]string{"tenant-7-user"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			state := &State{Resources: []*Resource{{Type: UserType, External: true, URN: "urn:pulumi:s::p::" + UserType + "::tempo-user-99"}}}
			for _, n := range test.names {
				state.Resources = append(state.Resources, &Resource{Type: UserType, URN: urn.URN("urn:pulumi:s::p::" + UserType + "::" + n)})
			}
			assert.Equal(t, test.version, state.KeyVersion())
		})
	}
}

func TestRestored(t *testing.T) {
	release := func(name string, description any) *Resource {
		return &Resource{Type: ReleaseType, Inputs: map[string]any{"namespace": "tempo", "name": name, "description": description}}
	}
	state := &State{Resources: []*Resource{release("other", "restore 7"), release("tempo", "restore 2"), release("new", nil), release("own", "of mine")}}
	assert.Equal(t, 2, state.Restored("tempo/tempo"))
	assert.Zero(t, state.Restored("tempo/new"))
	assert.Zero(t, state.Restored("tempo/own"))
	assert.Zero(t, state.Restored("tempo/none"))
}

func TestImport(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	stack, arguments := scenario{"import": {{}}}.use(t)
	stack.ConfigFile = "f.yaml"
	require.NoError(t, stack.Import(t.Context(), Imports{
		NameTable: map[string]string{"own": "urn:own"},
		Resources: []*optimport.ImportResource{{Type: BucketType, Name: "urn:b", LogicalName: "b", ID: "traces", Provider: "own"}},
	}))
	require.Len(t, arguments(), 1)
	assert.Equal(t, `import --stack s --event-log LOG --config-file f.yaml --file {"nameTable":{"own":"urn:own"},"resources":[{"id":"traces","type":"`+BucketType+
		`","name":"urn:b","logicalName":"b","provider":"own"}]} --yes --skip-preview --generate-code=false --protect=false`, arguments()[0])
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "picluster-*", "import.json"))
	require.NoError(t, err)
	assert.Empty(t, left, "the file is removed")
}
