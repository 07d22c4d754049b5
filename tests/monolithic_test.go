package tests

import (
	"testing"
	"time"

	"github.com/picluster/picluster/lab"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// monolithic sets the mode, and the lab's stand-in for its chart or the real one.
func (h harness) monolithic() {
	h.T.Helper()
	directory, version, err := h.MonolithicChart()
	require.NoError(h, err)
	h.setAll("mode=monolithic")
	h.useChart(directory, version)
}

// TestMonolithic takes a stack on real nodes from microservices to one pod and back. Each
// trace that was acknowledged is found afterwards, and the bucket, the Secret and the user stay.
func TestMonolithic(t *testing.T) {
	needRealNodes(t)
	h := start(t, func(l *lab.Lab) { l.RealNodes = true })
	t.Cleanup(h.explain)
	importProbe(h)
	chart, version := h.setting("chart"), h.setting("chartVersion")
	h.setAll("profile=pi", "networkPolicies=true", "tracesFrom[0]="+senders, "receivers[0]=otlpGrpc", "receivers[1]=otlpHttp")
	h.up()
	h.put("precious")
	n := h.probes()
	n.whileSending(func() {})
	microservices := n
	before := h.secretKeys()

	h.sub("to monolithic", n.on(func(n network) {
		const host = "tempo.tempo.svc.cluster.local"
		after := n
		after.grpc, after.http, after.query = host+":4317", "http://"+host+":4318", "http://"+host+":3200"
		n.whileMoving(after, func() {
			n.monolithic()
			n.converges()
		})
		n.readdress()
		assert.Equal(n, []string{after.grpc, after.http, after.query}, []string{n.grpc, n.http, n.query})
		eventually(n, func() bool {
			return n.kubectl("get", "pods", "--namespace=tempo", "--selector=app.kubernetes.io/instance=tempo", "--output=jsonpath={.items[*].metadata.name}") == "tempo-0"
		}, time.Minute, 200*time.Millisecond, "the pods of the microservices do not end")
		assert.Equal(n, before, n.secretKeys())
		n.find(n.sent.all())
		n.whileSending(func() {})
	}))
	n.readdress()
	h.sub("verify", harness.isVerified)
	h.sub("a pod that does not start, and is not replaced", func(h harness) {
		h.setAll("timeout=45", "tempoVersion=2.99.0") // of which there is no image
		out, code := h.picluster(nil, "up", "--yes")
		assert.Equal(h, 1, code, lastLines(out, 20))
		assert.Contains(h, out, "StatefulSet tempo: pod tempo-0, container tempo: ")
		h.unset("tempoVersion")
		out, code = h.picluster(nil, "up", "--yes")
		assert.Equal(h, 1, code, lastLines(out, 20))
		assert.Contains(h, out, "Fix: bin/lab run kubectl delete pod --namespace tempo tempo-0")
		h.kubectl("delete", "pod", "--namespace=tempo", "tempo-0")
		h.unset("timeout")
		h.converges()
		n.on(func(n network) { n.find(n.sent.all()) })(h)
	})
	h.sub("a rotation of one pod", n.on(func(n network) {
		n.whileSending(func() { n.rotates() })
		assert.Equal(n, "tempo.v2", n.secretKeys().access)
	}))
	h.sub("who may send may not ask, and the other way round", n.on(func(n network) {
		const address = "tempo.tempo.svc.cluster.local"
		n.reaches(senders, address+":4317", true)
		n.reaches(senders, address+":3200", false)
		n.reaches(readers, address+":3200", true)
		n.reaches(readers, address+":4317", false)
		n.reaches(strangers, address+":4317", false)
	}))
	h.sub("back to microservices", n.on(func(n network) {
		after := microservices
		after.harness = n.harness
		n.whileMoving(after, func() {
			n.unset("mode")
			n.useChart(chart, version)
			n.converges()
		})
		n.readdress()
		n.find(n.sent.all())
		n.whileSending(func() {})
	}))
	h.has("precious")
}
