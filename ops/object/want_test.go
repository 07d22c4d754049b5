package object_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/picluster/picluster/ops/object"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// deployment has two lists whose items have names, and a list that has none.
const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: tempo
  labels: {app: tempo}
spec:
  replicas: 1
  template:
    spec:
      containers:
      - name: tempo
        image: grafana/tempo:2.9.0
        args: [-target=querier]
        env: [{name: A, value: "1"}]
        ports: [{name: http, containerPort: 3200}]
        resources: {limits: {cpu: 1000m}}
`

// filled is what the API server makes of it: fields of Helm's that no manifest asked
// for, and those of a controller.
const filled = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: tempo
  resourceVersion: "7"
  labels: {app: tempo}
  annotations: {deployment.kubernetes.io/revision: "1"}
spec:
  replicas: 1
  revisionHistoryLimit: 10
  template:
    spec:
      restartPolicy: Always
      containers:
      - name: tempo
        image: grafana/tempo:2.9.0
        imagePullPolicy: IfNotPresent
        args: [-target=querier]
        env: [{name: A, value: "1"}]
        ports: [{name: http, containerPort: 3200, protocol: TCP}]
        resources: {limits: {cpu: "1"}}
status:
  replicas: 1
`

const helmsFields = `{"f:metadata":{"f:labels":{"f:app":{}}},"f:spec":{"f:replicas":{},"f:revisionHistoryLimit":{},"f:template":{"f:spec":{"f:restartPolicy":{},"f:volumes":{"k:{\"name\":\"token\"}":{".":{},"f:name":{}}},
	"f:containers":{"k:{\"name\":\"tempo\"}":{".":{},"f:name":{},"f:image":{},"f:imagePullPolicy":{},"f:args":{},"f:resources":{},
	"f:env":{".":{},"k:{\"name\":\"A\"}":{".":{},"f:name":{},"f:value":{}}},
	"f:ports":{".":{},"k:{\"containerPort\":3200,\"protocol\":\"TCP\"}":{".":{},"f:name":{},"f:containerPort":{},"f:protocol":{}}}}}}}}}`

// live returns filled after edit, with an entry in managedFields for the manager and the fields
// that it has edited.
func live(t *testing.T, edit func(*object.Object), manager, subresource, fields string) *object.Object {
	t.Helper()
	o := one(t, filled)
	if edit != nil {
		edit(o)
	}
	entries := []any{managed(t, "pulumi-resource-kubernetes", "", helmsFields)}
	if manager != "" {
		entries = append(entries, managed(t, manager, subresource, fields))
	}
	o.Object["metadata"].(map[string]any)["managedFields"] = entries
	return o
}

func managed(t *testing.T, manager, subresource, fields string) any {
	t.Helper()
	var tree map[string]any
	require.NoError(t, json.Unmarshal([]byte(fields), &tree))
	entry := map[string]any{"manager": manager, "operation": "Update", "apiVersion": "apps/v1", "fieldsType": "FieldsV1",
		"fieldsV1": tree, "time": "2026-11-23T01:02:03Z"}
	if subresource != "" {
		entry["subresource"] = subresource
	}
	return entry
}

func container(o *object.Object) map[string]any {
	spec := o.Object["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)
	return spec["containers"].([]any)[0].(map[string]any)
}

func TestWant(t *testing.T) {
	const inContainer = `{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"tempo\"}":`
	for name, test := range map[string]struct {
		edit                         func(*object.Object)
		manager, subresource, fields string
		want                         []string
	}{
		"as it was made": {},
		"an image": {
			func(o *object.Object) { container(o)["image"] = "evil" },
			"kubectl-edit", "", inContainer + `{"f:image":{}}}}}}}`,
			[]string{`spec.template.spec.containers[tempo].image is "evil", and should be "grafana/tempo:2.9.0"`},
		},
		"an env added": {
			func(o *object.Object) {
				container(o)["env"] = append(container(o)["env"].([]any), map[string]any{"name": "B", "value": "2"})
			},
			"kubectl-set", "", inContainer + `{"f:env":{"k:{\"name\":\"B\"}":{".":{},"f:name":{},"f:value":{}}}}}}}}}`,
			[]string{`spec.template.spec.containers[tempo].env[B] is {"name":"B","value":"2"}, and should not be there`},
		},
		"an env that is another sort": {
			func(o *object.Object) {
				container(o)["env"] = []any{map[string]any{"name": "A", "valueFrom": map[string]any{"fieldRef": map[string]any{"fieldPath": "metadata.name"}}}}
			},
			"kubectl-set", "", inContainer + `{"f:env":{"k:{\"name\":\"A\"}":{"f:valueFrom":{}}}}}}}}}`,
			[]string{
				`spec.template.spec.containers[tempo].env[A].value is gone, and should be "1"`,
				`spec.template.spec.containers[tempo].env[A].valueFrom is {"fieldRef":{"fieldPath":"metadata.name"}}, and should not be there`,
			},
		},
		"an env removed": {
			func(o *object.Object) { delete(container(o), "env") }, "", "", "",
			[]string{`spec.template.spec.containers[tempo].env is gone, and should be [{"name":"A","value":"1"}]`},
		},
		"args": {
			func(o *object.Object) { container(o)["args"] = []any{"-target=all"} },
			"kubectl-edit", "", inContainer + `{"f:args":{}}}}}}}`,
			[]string{`spec.template.spec.containers[tempo].args is ["-target=all"], and should be ["-target=querier"]`},
		},
		"a field added in the container": {
			func(o *object.Object) { container(o)["command"] = []any{"sh"} },
			"kubectl-edit", "", inContainer + `{"f:command":{}}}}}}}`,
			[]string{`spec.template.spec.containers[tempo].command is ["sh"], and should not be there`},
		},
		"a section added": {
			func(o *object.Object) {
				o.Object["spec"].(map[string]any)["strategy"] = map[string]any{"type": "Recreate"}
			},
			"kubectl-edit", "", `{"f:spec":{"f:strategy":{"f:type":{}}}}`,
			[]string{`spec.strategy is {"type":"Recreate"}, and should not be there`},
		},
		"a port's number": {
			func(o *object.Object) {
				container(o)["ports"] = []any{map[string]any{"name": "http", "containerPort": int64(3300), "protocol": "TCP"}}
			},
			"kubectl-edit", "", inContainer + `{"f:ports":{"k:{\"containerPort\":3300,\"protocol\":\"TCP\"}":{".":{},"f:name":{},"f:containerPort":{},"f:protocol":{}}}}}}}}}`,
			[]string{`spec.template.spec.containers[tempo].ports[http].containerPort is 3300, and should be 3200`},
		},
		"an item that was filled in, and that somebody has asked for too": {
			func(o *object.Object) {
				pod := o.Object["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)
				pod["volumes"] = []any{map[string]any{"name": "token"}}
			},
			"kubectl-apply", "", `{"f:spec":{"f:template":{"f:spec":{"f:volumes":{"k:{\"name\":\"token\"}":{".":{},"f:name":{}}}}}}}`, nil,
		},
		"a default that somebody has asked for too": {
			nil, "kubectl-apply", "", `{"f:spec":{"f:revisionHistoryLimit":{}}}`, nil,
		},
		"replicas by hand": {
			func(o *object.Object) { o.Object["spec"].(map[string]any)["replicas"] = int64(3) },
			"kubectl", "scale", `{"f:spec":{"f:replicas":{}}}`,
			[]string{`spec.replicas is 3, and should be 1`},
		},
		"replicas by a controller": {
			func(o *object.Object) { o.Object["spec"].(map[string]any)["replicas"] = int64(3) },
			"kube-controller-manager", "scale", `{"f:spec":{"f:replicas":{}}}`, nil,
		},
		"replicas by a controller in MicroK8s": {
			func(o *object.Object) { o.Object["spec"].(map[string]any)["replicas"] = int64(3) },
			"kubelite", "scale", `{"f:spec":{"f:replicas":{}}}`, nil,
		},
		"an env by an older version of the commands": {
			func(o *object.Object) {
				container(o)["env"] = append(container(o)["env"].([]any), map[string]any{"name": "B", "value": "2"})
			},
			"picluster", "", inContainer + `{"f:env":{"k:{\"name\":\"B\"}":{".":{},"f:name":{},"f:value":{}}}}}}}}}`, nil,
		},
		"a label changed": {
			func(o *object.Object) { o.SetLabels(map[string]string{"app": "other"}) },
			"kubectl-label", "", `{"f:metadata":{"f:labels":{"f:app":{}}}}`,
			[]string{`metadata.labels.app is "other", and should be "tempo"`},
		},
		"a label and an annotation added": {
			func(o *object.Object) {
				o.SetLabels(map[string]string{"app": "tempo", "seen": "yes"})
				o.SetAnnotations(map[string]string{"deployment.kubernetes.io/revision": "2", "seen": "yes"})
			},
			"kubectl-label", "", `{"f:metadata":{"f:labels":{"f:seen":{}},"f:annotations":{"f:seen":{}}}}`, nil,
		},
		"the status": {
			func(o *object.Object) { o.Object["status"] = map[string]any{"replicas": int64(9)} },
			"kubectl-edit", "status", `{"f:status":{"f:replicas":{}}}`, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			have := live(t, test.edit, test.manager, test.subresource, test.fields)
			before := have.DeepCopy()
			want, err := object.Want(one(t, deployment), have)
			require.NoError(t, err)
			assert.Equal(t, before, have, "the live object was written to")
			var said []string
			for _, d := range object.Differences(have, want, nil) {
				said = append(said, d.String())
			}
			assert.Equal(t, test.want, said)
			assert.Equal(t, "7", want.GetResourceVersion(), "an update would win over somebody quicker")
		})
	}
}

// What was restored from a backup belongs to none of the owners.
func TestWantOfWhatSomebodyElseMade(t *testing.T) {
	have := one(t, filled)
	have.Object["metadata"].(map[string]any)["managedFields"] = []any{managed(t, "velero-server", "", helmsFields)}
	want, err := object.Want(one(t, deployment), have)
	require.NoError(t, err)
	assert.Empty(t, object.Differences(have, want, nil))
}

// A namespace has finalizers in its spec, which the API server puts there.
func TestWantOfANamespace(t *testing.T) {
	have := one(t, `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"n"},"spec":{"finalizers":["kubernetes"]}}`)
	for _, manager := range []string{"before-first-apply", "kubectl-create"} {
		have.Object["metadata"].(map[string]any)["managedFields"] = []any{
			managed(t, "pulumi-kubernetes", "", `{"f:metadata":{}}`),
			managed(t, manager, "", `{"f:spec":{"f:finalizers":{}}}`),
		}
		want, err := object.Want(one(t, `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"n"}}`), have)
		require.NoError(t, err)
		assert.Empty(t, object.Differences(have, want, nil), manager)
	}
}

func TestWantOfAnothersKind(t *testing.T) {
	manifest := one(t, `{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"name":"t"},"spec":{"list":[1,2],"a":"b"}}`)
	have := one(t, `{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"name":"t"},"spec":{"list":[1],"a":"b","default":true}}`)
	want, err := object.Want(manifest, have)
	require.NoError(t, err)
	differences := object.Differences(have, want, nil)
	require.Len(t, differences, 1)
	assert.Equal(t, "spec.list is [1], and should be [1,2]", differences[0].String())
}

// A set of a custom resource has items that are identified by their value.
func TestWantOfASet(t *testing.T) {
	manifest := one(t, `{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"name":"t"},"spec":{"a":"b"}}`)
	have := one(t, `{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"name":"t"},"spec":{"a":"b","set":["default","added"]}}`)
	have.Object["metadata"].(map[string]any)["managedFields"] = []any{
		managed(t, "pulumi-kubernetes", "", `{"f:spec":{"f:a":{},"f:set":{".":{},"v:\"default\"":{}}}}`),
		managed(t, "kubectl-edit", "", `{"f:spec":{"f:set":{"v:\"added\"":{}}}}`),
	}
	want, err := object.Want(manifest, have)
	require.NoError(t, err)
	assert.Equal(t, []any{"default"}, want.Object["spec"].(map[string]any)["set"])
}

// A section that an owner has written stays, although it is empty.
func TestWantOfAnEmptySection(t *testing.T) {
	manifest := one(t, `{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"name":"t"},"spec":{"a":"b"}}`)
	have := one(t, `{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"name":"t"},"spec":{"a":"b","section":{"added":1}}}`)
	have.Object["metadata"].(map[string]any)["managedFields"] = []any{
		managed(t, "pulumi-kubernetes", "", `{"f:spec":{"f:a":{},"f:section":{}}}`),
		managed(t, "kubectl-edit", "", `{"f:spec":{"f:section":{"f:added":{}}}}`),
	}
	want, err := object.Want(manifest, have)
	require.NoError(t, err)
	assert.Equal(t, map[string]any{}, want.Object["spec"].(map[string]any)["section"])
}

func TestDifferencesOfTexts(t *testing.T) {
	config := func(text string) *object.Object {
		return one(t, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":{"a":`+text+`}}`)
	}
	differences := object.Differences(config(`"one\ntwo\n"`), config(`"one\n2\n"`), nil)
	require.Len(t, differences, 1)
	assert.Equal(t, `data.a has "two" in line 2, and should have "2"`, differences[0].String())
}

func TestDifferencesHideSecrets(t *testing.T) {
	secret := func(data string) *object.Object {
		return one(t, `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"data":`+data+`}`)
	}
	var said []string
	for _, d := range object.Differences(secret(`{"a":"aHVudGVyMg==","b":"aHVudGVyMg=="}`), secret(`{"a":"aHVudGVyMw==","c":"aHVudGVyMw=="}`), nil) {
		said = append(said, d.String())
	}
	assert.Equal(t, []string{
		"data.a is another, and should be the stack's",
		"data.b should not be there",
		"data.c is gone, and should be the stack's",
	}, said)
}

func TestDifferencesHideWhatIsSecretElsewhere(t *testing.T) {
	const secret = "hunter2hunter2hunter2hunter2"
	deployment := func(arg string) *object.Object {
		return one(t, `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d"},"spec":{"args":["`+arg+`"],"text":"a\n`+strings.Repeat("x", 60)+arg+`\n"}}`)
	}
	var said []string
	for _, d := range object.Differences(deployment("other"), deployment(secret), []string{secret}) {
		said = append(said, d.String())
	}
	require.Len(t, said, 2)
	assert.Equal(t, `spec.args is ["other"], and should be ["[secret]"]`, said[0])
	assert.NotContains(t, said[1], secret[:8])
	assert.Contains(t, said[1], "[secret]")
}

func TestLastEditor(t *testing.T) {
	assert.Empty(t, object.LastEditor(live(t, nil, "", "", "")))
	assert.Equal(t, "kubectl-edit, 2026-11-23 01:02:03", object.LastEditor(live(t, nil, "kubectl-edit", "", `{}`)))
	for _, manager := range []string{"k3s", "kubelite", "picluster"} {
		assert.Empty(t, object.LastEditor(live(t, nil, manager, "", `{}`)), manager)
	}
}
