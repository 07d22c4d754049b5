package tests

import (
	"fmt"
	"time"

	"github.com/minio/madmin-go/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// wayToFail is a way in which verify fails on a stack that is up.
type wayToFail struct {
	name string
	// cause breaks the stack, and undo restores it.
	cause, undo func(h harness)
	// want are results by the step: ok, not checked, or, for a step that fails, a text of
	// its detail. Others are not looked at.
	want map[string]string
}

// fails has verify fail.
func (w wayToFail) fails(h harness) {
	w.cause(h)
	steps, code := h.verifyJSON("--timeout", "5s")
	w.undo(h)
	assert.Equal(h, 1, code)
	for name, want := range w.want {
		got := steps[name]
		if want == "ok" || want == "not checked" {
			assert.Equal(h, want, got.Result, "%s: %s", name, got.Detail)
			continue
		}
		assert.Equal(h, "failed", got.Result, "%s: %s", name, got.Detail)
		assert.Contains(h, got.Detail, want, name)
		assert.NotEmpty(h, got.Part, name)
		assert.NotEmpty(h, got.Fix, name)
	}
}

// waysToFail returns each way, for a stack that works.
func waysToFail(h harness) []wayToFail {
	h.T.Helper()
	const failed = "" // with any detail, because Tempo's own is another than the stand-in's
	good, admin := h.secretKeys(), h.admin(h.administrator())
	policy, err := admin.InfoCannedPolicyV2(h.Context(), good.access)
	require.NoError(h, err)
	key := func(secret string) func(harness) {
		return func(h harness) {
			h.patch("secret/tempo-minio-secret", `{"stringData":{"MINIO_SECRET_ACCESS_KEY":"`+secret+`"}}`)
		}
	}
	userIs := func(status madmin.AccountStatus) func(harness) {
		return func(h harness) { require.NoError(h, admin.SetUserStatus(h.Context(), good.access, status)) }
	}
	replicas := func(component string, count int) func(harness) {
		return func(h harness) { h.scale(component, count) }
	}
	return []wayToFail{
		{
			"a key that is not the user's", key("wrong"), key(good.secret),
			map[string]string{"key": "its secret key is not the user's", "pods": "ok", "send otlpGrpc": "ok", "read otlpGrpc": "ok"},
		},
		{
			"a user that is disabled", userIs(madmin.AccountDisabled), userIs(madmin.AccountEnabled),
			map[string]string{"key": "its access key is of no user, or of one that is disabled", "pods": "ok", "send otlpHttp": "ok"},
		},
		{
			"a policy that was deleted", policyDeleted.breakIt,
			func(h harness) {
				require.NoError(h, admin.AddCannedPolicy(h.Context(), good.access, policy.Policy))
				_, err := admin.AttachPolicy(h.Context(), madmin.PolicyAssociationReq{Policies: []string{good.access}, User: good.access})
				require.NoError(h, err)
			},
			map[string]string{"key": "its user may not list the bucket", "pods": "ok", "send otlpHttp": "ok"},
		},
		{
			"no distributor", replicas("distributor", 0), replicas("distributor", 1),
			map[string]string{
				"send otlpGrpc": "has no Ready pod", "send otlpHttp": "has no Ready pod", "read otlpGrpc": "not checked",
				"search": "not checked", "rate": "not checked", "pods": "ok", "key": "ok",
			},
		},
		{
			"no metrics-generator", replicas("metrics-generator", 0), replicas("metrics-generator", 1),
			map[string]string{"rate": failed, "pods": "ok", "send otlpGrpc": "ok", "read otlpGrpc": "ok", "search": "ok"},
		},
		{
			"no querier", replicas("querier", 0), replicas("querier", 1),
			map[string]string{
				"read otlpGrpc": failed, "read otlpHttp": failed, "search": failed, "rate": failed,
				"pods": "ok", "send otlpGrpc": "ok", "send otlpHttp": "ok",
			},
		},
		{
			"a pod that crashes again and again",
			func(h harness) {
				h.patchJSON("deployment/tempo-compactor", `[{"op":"add","path":"/spec/template/spec/containers/0/args/-","value":"-no-such-flag"}]`)
				h.restarts("compactor")
			},
			func(h harness) {
				h.kubectl("rollout", "undo", "deployment/tempo-compactor", "--namespace=tempo")
				h.rolledOut()
			},
			map[string]string{"pods": "has restarted", "key": "ok", "send otlpGrpc": "ok", "read otlpGrpc": "ok", "search": "ok"},
		},
	}
}

// failsAfterUp has an up succeed and the verify after it fail, because of a pod that is Ready and
// has restarted.
func failsAfterUp(h harness) {
	h.kill(h.kubectl("get", "pods", "--namespace=tempo", "--selector=app.kubernetes.io/component=compactor", "--output=jsonpath={.items[*].metadata.name}"))
	h.restarts("compactor")
	h.rolledOut()
	out, code := h.picluster(nil, "up", "--yes", "--verify")
	assert.Equal(h, 1, code, lastLines(out, 30))
	assert.Regexp(h, `Stack lab: resources: \d+ unchanged\n`, out)
	assert.Regexp(h, `(?m)^pods +failed .*has restarted 1 times`, out)
	assert.Contains(h, out, "stack lab: 1 of 12 steps failed")
	h.restart("compactor")
	h.rolledOut()
}

// restarts waits until a container of a component has restarted.
func (h harness) restarts(component string) {
	h.T.Helper()
	assert.EventuallyWithT(h, func(c *assert.CollectT) {
		counts, err := h.Kubectl(h.Context(), "get", "pods", "--namespace=tempo", "--selector=app.kubernetes.io/component="+component,
			"--output=jsonpath={.items[*].status.containerStatuses[*].restartCount}")
		assert.NoError(c, err)
		assert.Regexp(c, "[1-9]", string(counts))
	}, time.Minute, 200*time.Millisecond)
}

// scale sets the replicas of a component, and waits until its pods are there, or gone.
func (h harness) scale(component string, replicas int) {
	h.T.Helper()
	h.kubectl("scale", "deployments,statefulsets", "--namespace=tempo", "--selector=app.kubernetes.io/component="+component, fmt.Sprintf("--replicas=%d", replicas))
	if replicas > 0 {
		h.rolledOut()
		return
	}
	eventually(h, func() bool {
		return h.kubectl("get", "pods", "--namespace=tempo", "--selector=app.kubernetes.io/component="+component, "--output=name") == ""
	}, time.Minute, 200*time.Millisecond, "the pods of %s do not end", component)
}
