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
	h.setAll("profile=pi", "receivers[0]=otlpGrpc", "receivers[1]=otlpHttp",
		// A block is in the bucket soon.
		"values.ingester.config.trace_idle_period=1s", "values.ingester.config.flush_check_period=1s", "values.ingester.config.max_block_duration=5s")

	out, code := h.picluster(nil, "verify")
	assert.Equal(t, 1, code)
	assert.Contains(t, out, "Fix: make up", "a stack that has never been up")
	h.up()

	h.sub("a stack that works", harness.isVerified)
	h.sub("a block in the bucket", func(h harness) {
		steps, code := h.verifyJSON("--wait", "2m")
		assert.Zero(h, code)
		assert.Equal(h, "ok", steps["block"].Result, steps["block"].Detail)
		assert.Regexp(h, "^block [0-9a-f-]{36} in bucket k3s-tempo$", steps["block"].Detail)
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
	for _, way := range waysToFail(h) {
		h.sub(way.name, way.fails)
	}
	h.sub("an up, and a pod that has restarted", failsAfterUp)
}

// isVerified fails the test unless verify finds what it has sent by each receiver of OTLP. It
// does not wait for a block, and there is no Grafana.
func (h harness) isVerified() {
	h.T.Helper()
	assert.Equal(h, map[string]string{
		"pods": "ok", "key": "ok", "send otlpGrpc": "ok", "send otlpHttp": "ok", "read otlpGrpc": "ok", "read otlpHttp": "ok",
		"search": "ok", "rate": "ok", "block": "not checked", "size": "ok", "grafana read": "not checked", "grafana links": "not checked",
	}, h.verifies())
}

// verifies runs verify, and returns the result of each step.
func (h harness) verifies(args ...string) map[string]string {
	h.T.Helper()
	table, code := h.picluster(nil, "verify", args...)
	h.Log(table)
	steps, jsonCode := h.verifyJSON(args...)
	assert.Equal(h, code, jsonCode)
	results := map[string]string{}
	for name, s := range steps {
		results[name] = s.Result
	}
	return results
}

// verifyStep is a step of verify, as its JSON has it.
type verifyStep struct{ Step, Result, Detail, Part, Fix string }

// verifyJSON runs verify --json, and returns its steps by name and its exit code.
func (h harness) verifyJSON(args ...string) (steps map[string]verifyStep, code int) {
	h.T.Helper()
	out, code := h.piclusterOutput("verify", append(args, "--json")...)
	var report struct {
		OK    bool
		Steps []verifyStep
	}
	require.NoError(h, json.Unmarshal([]byte(out), &report), out)
	assert.Equal(h, code == 0, report.OK)
	steps = map[string]verifyStep{}
	for _, s := range report.Steps {
		steps[s.Step] = s
	}
	return steps, code
}
