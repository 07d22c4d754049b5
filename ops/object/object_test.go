package object_test

import (
	"testing"

	"github.com/picluster/picluster/ops/object"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// one returns the one object of a manifest.
func one(t *testing.T, manifest string) *object.Object {
	t.Helper()
	objects, err := object.Parse(manifest)
	require.NoError(t, err)
	require.Len(t, objects, 1)
	return objects[0]
}

func TestParse(t *testing.T) {
	objects, err := object.Parse(`---
# Source: chart/templates/empty.yaml
---
apiVersion: v1
kind: Service
metadata: {name: b, namespace: traces}
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Namespace, metadata: {name: a}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: traces}}
`)
	require.NoError(t, err)
	object.Sort(objects)
	var names []string
	for _, o := range objects {
		names = append(names, object.Name(o))
	}
	assert.Equal(t, []string{"ConfigMap traces/c", "Namespace a", "Service traces/b"}, names)

	_, err = object.Parse("kind: [")
	assert.Error(t, err)
}

func TestNormal(t *testing.T) {
	for name, test := range map[string]struct{ manifest, want string }{
		"quantities in their shortest form": {
			`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"containers":[{"name":"c","resources":{"limits":{"cpu":"1000m"}}}]}}`,
			`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"containers":[{"name":"c","resources":{"limits":{"cpu":"1"}}}]}}`,
		},
		"no zeros that nobody set": {
			`{"apiVersion":"v1","kind":"Service","metadata":{"name":"s"},"spec":{"ports":[{"name":"http","port":80}],"selector":{}}}`,
			`{"apiVersion":"v1","kind":"Service","metadata":{"name":"s"},"spec":{"ports":[{"name":"http","port":80}]}}`,
		},
		"a Secret's text in base64": {
			`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"stringData":{"a":"b"}}`,
			`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"data":{"a":"Yg=="}}`,
		},
		"another's kind as it is": {
			`{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"name":"t"},"spec":{"cpu":"1000m","none":{}}}`,
			`{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"name":"t"},"spec":{"cpu":"1000m","none":{}}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			normal, err := object.Normal(one(t, test.manifest))
			require.NoError(t, err)
			assert.Equal(t, one(t, test.want), normal)
		})
	}
	_, err := object.Normal(one(t, `{"apiVersion":"v1","kind":"Service","metadata":{"name":"s"},"spec":{"ports":"none"}}`))
	assert.ErrorContains(t, err, "Service s")
}

func TestRedact(t *testing.T) {
	secrets := []string{"hunter2hunter2", "hunter2hunter2hunter2", "short"}
	assert.Equal(t, "a [secret] b [secret] c [secret] d short",
		object.Redact("a hunter2hunter2 b hunter2hunter2hunter2 c aHVudGVyMmh1bnRlcjI= d short", secrets))
}

func TestDiff(t *testing.T) {
	config := func(text string) *object.Object {
		return one(t, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":{"a":"`+text+`"}}`)
	}
	secret := func(text string) *object.Object {
		return one(t, `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"data":{"same":"c2FtZXNhbWU=","a":"`+text+`"}}`)
	}

	diff, err := object.Diff(config("old"), config("new"), nil)
	require.NoError(t, err)
	assert.Contains(t, diff, "-  a: old\n+  a: new\n")

	diff, err = object.Diff(config("x"), config("x"), nil)
	require.NoError(t, err)
	assert.Empty(t, diff)

	diff, err = object.Diff(config("hunter2hunter2"), config("new"), []string{"hunter2hunter2"})
	require.NoError(t, err)
	assert.Contains(t, diff, "-  a: '[secret]'\n")

	diff, err = object.Diff(secret("aHVudGVyMg=="), secret("aHVudGVyMw=="), nil)
	require.NoError(t, err)
	assert.NotContains(t, diff, "aHVudGVyM")
	assert.Contains(t, diff, "-  a: '[secret]'\n+  a: '[secret, changed]'\n   same: '[secret]'\n")

	diff, err = object.Diff(nil, secret("aHVudGVyMg=="), nil)
	require.NoError(t, err)
	assert.NotContains(t, diff, "aHVudGVyM")
	assert.Contains(t, diff, "+  a: '[secret]'\n")
}

// The API server adds its defaults to the volumes of a StatefulSet, which no client can
// change.
func TestDifferencesWithoutVolumesOfAStatefulSet(t *testing.T) {
	set := func(template map[string]any) *object.Object {
		return &object.Object{Object: map[string]any{
			"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": map[string]any{"name": "tempo-ingester"},
			"spec": map[string]any{"replicas": float64(1), "volumeClaimTemplates": []any{template}},
		}}
	}
	live := set(map[string]any{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": map[string]any{"name": "data"}})
	want := set(map[string]any{"metadata": map[string]any{"name": "data"}})
	assert.Empty(t, object.Differences(live, want, nil))
	live.Object["spec"].(map[string]any)["replicas"] = float64(2)
	assert.Len(t, object.Differences(live, want, nil), 1)
}
