package tests

import (
	"encoding/json"
	"testing"

	"github.com/picluster/picluster/lab"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestVerify verifies a stack on real nodes: with Tempo's own image (LAB_IMAGES), or with
// the lab's stand-in for it.
func TestVerify(t *testing.T) {
	needRealNodes(t)
	h := start(t, func(l *lab.Lab) { l.RealNodes = true })
	t.Cleanup(h.explain)
	h.setAll("profile=pi", "receivers[0]=otlpGrpc", "receivers[1]=otlpHttp")

	out, code := h.picluster(nil, "verify")
	assert.Equal(t, 1, code)
	assert.Contains(t, out, "Fix: make up", "a stack that has never been up")
	h.up()

	h.sub("a stack that works", func(h harness) {
		results := h.verifies()
		assert.Equal(h, map[string]string{
			"pods": "ok", "key": "ok", "send otlpGrpc": "ok", "send otlpHttp": "ok", "read otlpGrpc": "ok", "read otlpHttp": "ok",
			"search": "ok", "rate": "ok", "block": "not checked", "size": "ok", "grafana read": "not checked", "grafana links": "not checked",
		}, results)
	})
	h.sub("after an up", func(h harness) {
		out, code := h.picluster(nil, "up", "--yes", "--verify")
		require.Zero(h, code, lastLines(out, 30))
		for _, step := range []string{"send otlpGrpc", "read otlpHttp", "search"} {
			assert.Regexp(h, `(?m)^`+step+` +ok `, out)
		}
	})
	h.sub("a multi-tenant Tempo", func(h harness) {
		h.setAll("multiTenancy=true", "tempoTenant=team")
		h.up()
		h.rolledOut()
		results := h.verifies()
		for _, step := range []string{"pods", "key", "send otlpGrpc", "send otlpHttp", "read otlpGrpc", "read otlpHttp", "search", "rate"} {
			assert.Equal(h, "ok", results[step], step)
		}
		h.unset("multiTenancy")
		h.unset("tempoTenant")
		h.up()
		h.rolledOut()
	})
	h.sub("a receiver that is away, and a key that is not the user's", func(h harness) {
		good := h.secretKeys()
		h.patch("secret/tempo-minio-secret", `{"stringData":{"MINIO_SECRET_ACCESS_KEY":"wrong"}}`)
		h.kubectl("scale", "deployment", "tempo-distributor", "--namespace=tempo", "--replicas=0")
		h.kubectl("wait", "pods", "--namespace=tempo", "--selector=app.kubernetes.io/component=distributor", "--for=delete", "--timeout=60s")
		results := h.verifies("--timeout", "5s")
		assert.Equal(h, "failed", results["key"])
		assert.Equal(h, "failed", results["send otlpGrpc"])
		assert.Equal(h, "failed", results["send otlpHttp"])
		assert.NotEqual(h, "ok", results["read otlpGrpc"])
		h.patch("secret/tempo-minio-secret", `{"stringData":{"MINIO_SECRET_ACCESS_KEY":"`+good.secret+`"}}`)
		h.kubectl("scale", "deployment", "tempo-distributor", "--namespace=tempo", "--replicas=1")
		h.rolledOut()
	})
}

// verifies runs verify, and returns the result of each step.
func (h harness) verifies(args ...string) map[string]string {
	h.T.Helper()
	table, code := h.picluster(nil, "verify", args...)
	h.Log(table)
	out, jsonCode := h.piclusterOutput("verify", append(args, "--json")...)
	assert.Equal(h, code, jsonCode)
	var report struct {
		OK    bool
		Steps []struct{ Step, Result string }
	}
	require.NoError(h, json.Unmarshal([]byte(out), &report), out)
	assert.Equal(h, code == 0, report.OK)
	results := map[string]string{}
	for _, s := range report.Steps {
		results[s.Step] = s.Result
	}
	return results
}
