package tests

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// managers are field managers from which the provider does not take over fields by itself.
// Earlier versions of picluster wrote as the last one.
var managers = []string{"kubectl-edit", "argocd-controller", "picluster"}

// TestEditsOfOwnObjects has other clients edit the stack's own objects: the next up
// restores them, and a rotation after all of them reaches the Secret.
func TestEditsOfOwnObjects(t *testing.T) {
	h := start(t)
	h.set("profile", "pi")
	h.set("datasources", "configmap")
	h.kubectl("create", "namespace", "monitoring")
	h.up()
	for _, manager := range managers {
		h.sub("edited by "+manager, func(h harness) {
			before := h.secretKeys()
			edit := func(args ...string) {
				h.T.Helper()
				h.kubectl(append(args, "--field-manager="+manager)...)
			}
			edit("patch", "secret", "--namespace=tempo", "tempo-minio-secret", `--patch={"stringData":{"MINIO_SECRET_ACCESS_KEY":"wrong"}}`)
			edit("patch", "configmap", "--namespace=monitoring", "tempo-datasources", "--type=merge", `--patch={"data":{"tempo-datasources.yaml":"apiVersion: 1\n"}}`)
			edit("label", "namespace", "tempo", "--overwrite", "app.kubernetes.io/managed-by=another")

			out, code := h.picluster(nil, "up", "--yes")
			require.Zero(h, code, lastLines(out, 25))
			for _, what := range []string{"Secret tempo/tempo-minio-secret", "ConfigMap monitoring/tempo-datasources", "Namespace tempo"} {
				assert.True(h, hasRow(out, what, byUp), out)
			}
			out, code = h.picluster(nil, "drift")
			assert.Equal(h, exitSame, code, out)
			assert.Equal(h, before, h.secretKeys(), "the key is another than before")
			keyOpensBucket(h)
		})
	}
	h.sub("a rotation after them", func(h harness) {
		before := h.secretKeys()
		out, code := h.picluster(nil, "rotate", "--yes")
		require.Zero(h, code, lastLines(out, 20))
		assert.NotEqual(h, before, h.secretKeys())
		keyOpensBucket(h)
	})
}

// TestALockedOutStack takes a stack as versions before patchForce have left it, after
// their repair of a Secret and a rotation: MinIO has another key than the Secret,
// and the Secret's field is another manager's. One up brings it back.
func TestALockedOutStack(t *testing.T) {
	h := start(t)
	h.set("profile", "pi")
	h.up()
	h.asBefore()
	h.kubectl("patch", "secret", "--namespace=tempo", "tempo-minio-secret", "--field-manager=picluster",
		`--patch={"stringData":{"MINIO_SECRET_ACCESS_KEY":"keyOfBefore0123456789"}}`)
	h.put("precious")
	_, err := h.s3(h.secretKeys()).BucketExists(t.Context(), "k3s-tempo")
	require.Error(t, err, "the stack is not locked out")
	h.converges()
	h.has("precious")
}

// TestAnOlderState brings up a stack whose state is as versions before keyVersion have
// left it: nothing may be replaced or deleted, and the key stays.
func TestAnOlderState(t *testing.T) {
	h := start(t)
	h.set("profile", "pi")
	h.up()
	h.put("precious")
	h.asBefore()
	before, pods := h.secretKeys(), h.podsOf("querier")

	var changes []string
	for line := range strings.Lines(h.mustStack("preview", "--diff")) {
		if op, _, _ := strings.Cut(strings.TrimSpace(line), " "); strings.Trim(op, "+-") == "" && op != "" {
			changes = append(changes, strings.TrimSpace(line))
		}
	}
	for _, change := range changes {
		assert.False(t, strings.HasPrefix(change, "+-") || strings.HasPrefix(change, "- minio") || strings.HasPrefix(change, "- random"), "%s", change)
	}
	out := h.up()
	assert.NotContains(t, out, "replaced")
	assert.NotContains(t, out, "deleted")
	h.has("precious")
	assert.Equal(t, before, h.secretKeys(), "the key is another than before")
	assert.Equal(t, pods, h.podsOf("querier"), "pods were restarted")
	h.mustStack("preview", noChanges)
	out, code := h.picluster(nil, "drift")
	assert.Equal(t, exitSame, code, out)
}

// asBefore removes from the state and from the cluster what versions before this one did not
// have, and adds what they had.
func (h harness) asBefore() {
	h.T.Helper()
	var export struct {
		Version    int `json:"version"`
		Deployment struct {
			Manifest  any              `json:"manifest"`
			Secrets   any              `json:"secrets_providers"`
			Resources []map[string]any `json:"resources"`
			Metadata  any              `json:"metadata"`
		} `json:"deployment"`
	}
	require.NoError(h, json.Unmarshal([]byte(h.pulumi("stack", "export", "--show-secrets")), &export))
	var kept []map[string]any
	removed := 0
	for _, r := range export.Deployment.Resources {
		kind, _ := r["type"].(string)
		inputs, _ := r["inputs"].(map[string]any)
		outputs, _ := r["outputs"].(map[string]any)
		switch {
		case r["id"] == "kube-system":
			continue
		case kind == "pulumi:pulumi:Stack":
			delete(outputs, "clusterUid")
			delete(outputs, "accessKey")
		case strings.HasSuffix(r["urn"].(string), "::tempo-secret-key"):
			inputs["keepers"] = map[string]any{"generation": "3"}
			outputs["keepers"] = map[string]any{"generation": "3"}
			delta := outputs["__pulumi_raw_state_delta"].(map[string]any)["obj"].(map[string]any)["ps"].(map[string]any)
			delta["keepers"] = map[string]any{"map": map[string]any{}} // as the plugin writes it
		case strings.HasPrefix(kind, "kubernetes:"):
			removed += withoutForce(inputs) + withoutForce(outputs)
		}
		kept = append(kept, r)
	}
	require.Positive(h, removed, "the objects do not force their fields")
	export.Deployment.Resources = kept
	text, err := json.Marshal(export)
	require.NoError(h, err)
	h.imported(string(text))
	h.kubectl("annotate", "namespace", "tempo", "pulumi.com/patchForce-")
	h.kubectl("annotate", "secret", "--namespace=tempo", "tempo-minio-secret", "pulumi.com/patchForce-")
}

// withoutForce removes the annotation at any depth of a value, and returns how often.
func withoutForce(value any) (removed int) {
	switch value := value.(type) {
	case map[string]any:
		if _, found := value["pulumi.com/patchForce"]; found {
			delete(value, "pulumi.com/patchForce")
			removed++
		}
		for _, child := range value {
			removed += withoutForce(child)
		}
	case []any:
		for _, child := range value {
			removed += withoutForce(child)
		}
	}
	return removed
}

// TestAFailedUpgrade has a chart change what cannot change. The upgrade fails, and the stack can
// go back, or forward.
func TestAFailedUpgrade(t *testing.T) {
	h := start(t)
	h.set("profile", "pi")
	before := chartOf(t, "1.61.3")
	next := chartOf(t, "1.61.4", `">=2.17.10"`, `">=1.61.4"`)
	h.useChart(before, "1.61.3")
	h.up()
	h.put("precious")

	fails := func() {
		t.Helper()
		h.useChart(next, "1.61.4")
		out, code := h.picluster(nil, "up", "--yes")
		require.Equal(t, 1, code, lastLines(out, 15))
		for _, kind := range []string{"Service", "StatefulSet"} {
			assert.Contains(t, out, "Helm cannot change "+kind+" tempo-memcached in place. Only a cache is lost if it is deleted. Fix: bin/lab run kubectl delete "+kind+" tempo-memcached --namespace tempo")
		}
		assert.NotContains(t, out, "pods of the release are not ready", "the hint is of another cause")
	}
	fails()
	h.useChart(before, "1.61.3") // back
	h.converges()
	fails()
	h.kubectl("delete", "Service", "tempo-memcached", "--namespace=tempo")
	h.kubectl("delete", "StatefulSet", "tempo-memcached", "--namespace=tempo")
	h.converges() // forward
	assert.Equal(t, "None", h.kubectl("get", "service", "--namespace=tempo", "tempo-memcached", "--output=jsonpath={.spec.clusterIP}"))
	h.has("precious")
}

// TestUpgrade takes a stack from the guide's chart to the default one, and back. The two differ
// in fields of the cache that Kubernetes does not let change.
func TestUpgrade(t *testing.T) {
	h := start(t)
	h.set("profile", "pi")
	current := h.setting("chart")
	guide := chartOf(t, "1.61.3")
	h.useChart(guide, "1.61.3")
	h.up()
	h.put("precious")
	service := func(name string) string {
		return h.kubectl("get", "service", "--namespace=tempo", "--ignore-not-found", name, "--output=jsonpath={.metadata.uid} {.spec.clusterIP}")
	}
	frontend := service("tempo-query-frontend")

	// As on one node, where a new pod has no room beside the old one.
	nodes := strings.Fields(h.kubectl("get", "nodes", "--output=jsonpath={.items[*].metadata.name}"))
	require.Greater(t, len(nodes), 1)
	h.kubectl(append([]string{"cordon"}, nodes[1:]...)...)
	h.kubectl("delete", "pods", "--all", "--namespace=tempo", "--wait=true")
	h.kubectl("rollout", "status", "deployments,statefulsets", "--namespace=tempo", "--selector=app.kubernetes.io/instance=tempo", "--timeout=2m")

	h.useChart(current, "2.26.2")
	h.converges()
	assert.Empty(t, service("tempo-memcached"))
	assert.Contains(t, service("tempo-memcached-bloom"), "None")
	assert.Equal(t, frontend, service("tempo-query-frontend"), "Tempo has another address")

	h.useChart(guide, "1.61.3")
	h.converges()
	assert.Empty(t, service("tempo-memcached-bloom"))
	assert.NotContains(t, service("tempo-memcached"), "None")

	// After an upgrade that fails for another reason, the way back works too.
	h.set("timeout", "5")
	h.set("--path", "resources.querier.requests.memory", "900Ti")
	h.useChart(current, "2.26.2")
	out, code := h.picluster(nil, "up", "--yes")
	require.Equal(t, 1, code, lastLines(out, 15))
	h.unset("timeout")
	h.unset("resources")
	h.converges()
	assert.Contains(t, service("tempo-memcached-bloom"), "None")
	h.has("precious")
}

// useChart sets the chart, a directory or a bare name, and its version.
func (h harness) useChart(folder, version string) {
	h.T.Helper()
	h.set("chart", folder)
	h.set("chartVersion", version)
	h.set("chartRepository", "") // a bare name has that of its version
}

// chartOf returns a copy of the lab's chart of another version. The chart's cache changes
// with the version as that of tempo-distributed does: see its headlessCache.
func chartOf(t *testing.T, version string, changes ...string) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "chart")
	require.NoError(t, os.CopyFS(folder, os.DirFS(filepath.Join("..", "lab", "chart"))))
	for file, change := range map[string][]string{
		"Chart.yaml":             {"version: 2.26.2", "version: " + version},
		"templates/_helpers.tpl": changes,
	} {
		if len(change) == 0 {
			continue
		}
		path := filepath.Join(folder, file)
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Contains(t, string(text), change[0])
		require.NoError(t, os.WriteFile(path, []byte(strings.ReplaceAll(string(text), change[0], change[1])), 0o600))
	}
	return folder
}

// TestAHotfix fixes an image outside Pulumi, and then in the configuration: what both
// agree on is no drift, and the up that follows deploys it without a step back.
func TestAHotfix(t *testing.T) {
	h := start(t)
	h.set("profile", "pi")
	h.up()
	const good = "docker.io/grafana/tempo:2.10.9"
	h.kubectl("set", "image", "--namespace=tempo", "deployment/tempo-querier", "*="+good)
	table, code := h.picluster(nil, "drift")
	require.Equal(t, exitDrifted, code, table)
	assert.True(t, hasRow(table, "Deployment tempo/tempo-querier", "tempo:2.10.9"), table)

	h.set("tempoVersion", "2.10.9")
	table, code = h.picluster(nil, "drift")
	assert.Equal(t, exitDrifted, code, table)
	assert.False(t, hasRow(table, "Deployment tempo/tempo-querier", "image"), "the hotfix is drift still:\n%s", table)
	assert.True(t, hasRow(table, "release tempo/tempo", "up deploys it"), table)

	out, code := h.picluster(nil, "up", "--yes")
	require.Zero(t, code, lastLines(out, 20))
	image := h.kubectl("get", "deployment", "--namespace=tempo", "tempo-querier", "--output=jsonpath={.spec.template.spec.containers[0].image}")
	assert.Equal(t, good, image)
	table, code = h.picluster(nil, "drift")
	assert.Equal(t, exitSame, code, table)
}
