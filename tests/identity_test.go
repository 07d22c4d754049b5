package tests

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/picluster/picluster/lab"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// TestAnotherCluster has kubectl's current context be that of another cluster, which responds.
// Every command fails, names both clusters, and changes nothing. With --other-cluster, up accepts
// the other cluster.
func TestAnotherCluster(t *testing.T) {
	h := start(t)
	h.set("profile", "pi")
	other := anotherLab(t)
	kubeconfig := joined(t, h.Kubeconfig(), other.Kubeconfig())
	use := func(context string) {
		t.Helper()
		out, err := output(h.Command(t.Context(), filepath.Join(h.Dir, "bin", "kubectl"), "--kubeconfig="+kubeconfig, "config", "use-context", context))
		require.NoError(t, err, out)
	}
	use("own")
	h.set("kubernetes:kubeconfig", kubeconfig)
	out, code := h.picluster(nil, "up", "--yes")
	require.Zero(t, code, lastLines(out, 20))
	h.put("precious")
	uid := h.outputs()["clusterUid"]
	require.Equal(t, h.kubectl("get", "namespace", "kube-system", "--output=jsonpath={.metadata.uid}"), uid)

	// Another MinIO with an administrator of that name: a mistake in the address.
	endpoint, _, password := h.MinIO()
	elsewhere, _, itsPassword := other.MinIO()
	at := func(endpoint, password string) {
		h.set("minio:minioServer", endpoint)
		h.set("--secret", "minio:minioPassword", password)
	}
	at(elsewhere, itsPassword)
	out, code = h.picluster(nil, "up", "--yes")
	assert.Equal(t, 1, code, lastLines(out, 20))
	assert.Contains(t, out, `minio:minioServer: got "`+elsewhere+`"; want the server that has bucket k3s-tempo, which the stack has`)
	at(endpoint, password)

	use("other")
	state := h.pulumi("stack", "export")
	for command, args := range map[string][]string{
		"preview": nil, "drift": nil, "up": {"--yes"}, "refresh": {"--yes"}, "rotate": {"--yes"}, "adopt": {"--yes"},
		"repair": {"--yes", "--only", "1"}, "destroy": {"--yes"},
	} {
		out, code := h.picluster(nil, command, args...)
		assert.Equal(t, 1, code, "%s: %s", command, lastLines(out, 10))
		assert.Contains(t, out, `this is another cluster: context "other" at `, command)
		assert.Contains(t, out, "The last up of the stack was on the cluster with the UID "+uid, command)
	}
	assert.Equal(t, state, h.pulumi("stack", "export"), "the state has changed")
	config, err := os.ReadFile(h.ConfigFile())
	require.NoError(t, err)
	assert.NotContains(t, string(config), "keyVersion", "rotate has changed the configuration")
	namespaces, err := other.Kubectl(t.Context(), "get", "namespaces", "--output=name")
	require.NoError(t, err)
	assert.NotContains(t, string(namespaces), "namespace/tempo")

	out, code = h.picluster(nil, "up", "--yes", "--other-cluster")
	require.Zero(t, code, lastLines(out, 20))
	h.has("precious")
	namespaces, err = other.Kubectl(t.Context(), "get", "namespaces", "--output=name")
	require.NoError(t, err)
	assert.Contains(t, string(namespaces), "namespace/tempo")
	assert.NotEqual(t, uid, h.outputs()["clusterUid"])
	out, code = h.picluster(nil, "drift")
	assert.Equal(t, exitSame, code, out)
	use("own") // the cluster before is another one now
	out, code = h.picluster(nil, "drift")
	assert.Equal(t, exitUnknown, code, out)
	use("other")

	// Another context in the configuration, and not in the kubeconfig alone.
	h.kubectl("delete", "namespace", "tempo", "--timeout=2m")
	h.set("kubernetes:context", "own")
	out, code = h.picluster(nil, "up", "--yes")
	assert.Equal(t, 1, code, lastLines(out, 10))
	assert.Contains(t, out, `this is another cluster: context "own" at `)
	out, code = h.picluster(nil, "up", "--yes", "--other-cluster")
	require.Zero(t, code, lastLines(out, 20))
	h.has("precious")
	assert.Equal(t, uid, h.outputs()["clusterUid"])
	out, code = h.picluster(nil, "drift")
	assert.Equal(t, exitSame, code, out)
	namespaces, err = other.Kubectl(t.Context(), "get", "namespaces", "--output=name")
	require.NoError(t, err)
	assert.Contains(t, string(namespaces), "namespace/tempo", "the cluster before has lost its Tempo")
	h.mustStack("destroy", "--yes", "--skip-preview")
}

// anotherLab starts a second lab beside the test's own.
func anotherLab(t *testing.T) *lab.Lab {
	t.Helper()
	l, err := lab.Open(t.Context(), t.TempDir(), t.Output())
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
		defer cancel()
		if t.Failed() {
			keepLogs(t, l)
		}
		assert.NoError(t, l.Remove(ctx))
	})
	require.NoError(t, l.Start(t.Context()))
	return l
}

// joined returns a kubeconfig with the clusters of two, as the contexts own and other.
func joined(t *testing.T, own, other string) string {
	t.Helper()
	all := map[string]any{"apiVersion": "v1", "kind": "Config", "current-context": "own"}
	for context, path := range map[string]string{"own": own, "other": other} {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		var raw map[string]any
		require.NoError(t, yaml.Unmarshal(text, &raw))
		for _, section := range []string{"clusters", "users"} {
			item := raw[section].([]any)[0].(map[string]any)
			item["name"] = context
			list, _ := all[section].([]any)
			all[section] = append(list, item)
		}
		contexts, _ := all["contexts"].([]any)
		all["contexts"] = append(contexts, map[string]any{"name": context, "context": map[string]any{"cluster": context, "user": context}})
	}
	text, err := yaml.Marshal(all)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	return path
}
