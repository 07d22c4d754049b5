package object_test

import (
	"testing"

	"github.com/picluster/picluster/ops/object"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func paths(differences []object.Difference) []string {
	var paths []string
	for _, d := range differences {
		paths = append(paths, d.Path)
	}
	return paths
}

func TestIgnored(t *testing.T) {
	const tempo = "spec.template.spec.containers[tempo]."
	reloader := map[string]any{"name": "STAKATER_TEMPO_CONFIG_CONFIGMAP", "value": "0123"}
	other := map[string]any{"name": "OTHER", "value": "1"}
	for name, test := range map[string]struct {
		object, path string
		differences  []object.Difference
		ignored      []string
		report       []string
	}{
		"a HorizontalPodAutoscaler": {
			"Deployment tempo/tempo-querier", "spec.replicas",
			[]object.Difference{{Path: "spec.replicas", Live: 3, Want: 1}, {Path: "spec.replicasMax", Live: 3, Want: 1}},
			[]string{"spec.replicas"}, []string{"spec.replicasMax"},
		},
		"a webhook that rewrites images": {
			"Deployment tempo/*", "spec.template.spec.containers[*].image",
			[]object.Difference{{Path: tempo + "image", Live: "a", Want: "b"}, {Path: tempo + "imagePullPolicy", Live: "a", Want: "b"},
				{Path: "spec.template.spec.containers.tempo.image", Live: "a", Want: "b"}},
			[]string{tempo + "image"}, []string{tempo + "imagePullPolicy", "spec.template.spec.containers.tempo.image"},
		},
		"Stakater Reloader": {
			"* tempo/*", "spec.template.spec.containers[*].env[STAKATER_*]",
			[]object.Difference{{Path: tempo + "env[STAKATER_TEMPO_CONFIG_CONFIGMAP]", Live: reloader}, {Path: tempo + "env[OTHER]", Live: other}},
			[]string{tempo + "env[STAKATER_TEMPO_CONFIG_CONFIGMAP]"}, []string{tempo + "env[OTHER]"},
		},
		"Stakater Reloader, in a container without an env": {
			"*", "spec.template.spec.containers[*].env[STAKATER_*]",
			[]object.Difference{{Path: tempo + "env", Live: []any{reloader}}},
			[]string{tempo + "env[STAKATER_TEMPO_CONFIG_CONFIGMAP]"}, nil,
		},
		"a section of which one field matches": {
			"*", "spec.template.spec.containers[*].env[STAKATER_*]",
			[]object.Difference{{Path: tempo + "env", Live: []any{reloader, other}}},
			[]string{tempo + "env[STAKATER_TEMPO_CONFIG_CONFIGMAP]"}, []string{tempo + "env[OTHER]"},
		},
		"annotations": {
			"*", "spec.template.metadata.annotations.*",
			[]object.Difference{{Path: "spec.template.metadata.annotations", Live: map[string]any{"a.b/c": "d", "e": "f"}},
				{Path: "spec.template.metadata.labels", Want: map[string]any{"a": "b"}}},
			[]string{"spec.template.metadata.annotations.a.b/c", "spec.template.metadata.annotations.e"}, []string{"spec.template.metadata.labels"},
		},
		"another object": {
			"Deployment tempo/other", "spec.replicas",
			[]object.Difference{{Path: "spec.replicas", Live: 3, Want: 1}},
			nil, []string{"spec.replicas"},
		},
		"a whole object": {
			"Deployment tempo/tempo-*", "",
			[]object.Difference{{Path: "spec.replicas", Live: 3, Want: 1}, {Path: "metadata.labels.a", Live: "b", Want: "c"}},
			[]string{"spec.replicas", "metadata.labels.a"}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			ignores := []object.Ignore{{Object: "Service x/y", Paths: []string{"*"}}, {Object: test.object}}
			if test.path != "" {
				ignores[1].Paths = []string{"none", test.path}
			}
			report, ignored := object.Ignored(ignores, "Deployment tempo/tempo-querier", test.differences)
			assert.Equal(t, test.ignored, paths(ignored))
			assert.Equal(t, test.report, paths(report))
		})
	}
}

func TestMatchesObject(t *testing.T) {
	for name, test := range map[string]struct {
		ignore object.Ignore
		want   bool
	}{
		"the object":     {object.Ignore{Object: "Deployment tempo/tempo-querier"}, true},
		"a pattern":      {object.Ignore{Object: "Deployment */tempo-*"}, true},
		"another object": {object.Ignore{Object: "Deployment tempo/tempo"}, false},
		"another kind":   {object.Ignore{Object: "DaemonSet tempo/*"}, false},
		"a literal":      {object.Ignore{Object: "Deployment tempo/tempo.querier"}, false},
		"paths":          {object.Ignore{Object: "Deployment tempo/*", Paths: []string{"*"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, test.ignore.MatchesObject("Deployment tempo/tempo-querier"))
		})
	}
}

func TestParseIgnores(t *testing.T) {
	ignores, err := object.ParseIgnores(`[{"object":"Deployment tempo/*","paths":["spec.replicas"]},{"object":"Service a/b"}]`)
	require.NoError(t, err)
	assert.Equal(t, []object.Ignore{{Object: "Deployment tempo/*", Paths: []string{"spec.replicas"}}, {Object: "Service a/b"}}, ignores)

	for _, text := range []string{"", " ", "[]"} {
		ignores, err := object.ParseIgnores(text)
		require.NoError(t, err)
		assert.Empty(t, ignores)
	}

	for text, want := range map[string]string{
		`{}`:                  `driftIgnore: got {}; want a JSON list such as [{"object": "Deployment tempo/*", "paths": ["spec.replicas"]}]. Fix: pulumi config rm driftIgnore; pulumi config set --path 'driftIgnore[0].object' 'Deployment tempo/*'`,
		`[{"object":"a"}`:     `driftIgnore: got [{"object":"a"}; want a JSON list such as [{"object": "Deployment tempo/*", "paths": ["spec.replicas"]}]. Fix: pulumi config rm driftIgnore; pulumi config set --path 'driftIgnore[0].object' 'Deployment tempo/*'`,
		`[{"object":"a"},{}]`: `driftIgnore[1].object: got nothing; want an object. Fix: pulumi config set --path 'driftIgnore[1].object' 'Deployment tempo/*'`,
		`[{"object":"a","path":["b"]},{"object":" ","paths":["a","b",""]},{"object":"a","paths":"b"}]`: `driftIgnore[0].path: unknown key; want object or paths. Fix: pulumi config rm --path 'driftIgnore[0].path'
driftIgnore[1].object: got nothing; want an object. Fix: pulumi config set --path 'driftIgnore[1].object' 'Deployment tempo/*'
driftIgnore[1].paths[2]: got nothing; want a path. Fix: pulumi config rm --path 'driftIgnore[1].paths[2]'
driftIgnore[2]: got {"object":"a","paths":"b"}; want an entry such as {"object": "Deployment tempo/*", "paths": ["spec.replicas"]}. Fix: pulumi config rm --path 'driftIgnore[2]'`,
	} {
		ignores, err := object.ParseIgnores(text)
		assert.EqualError(t, err, want)
		assert.Nil(t, ignores)
	}
}
