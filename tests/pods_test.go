package tests

import (
	"github.com/stretchr/testify/assert"
)

// rootPod is a pod that must not run beside Tempo.
const rootPod = `{"spec":{"containers":[{"name":"root","image":"busybox","securityContext":{"privileged":true}}]}}`

// restrictedPods has the namespace reject a pod that is not restricted. It accepts Tempo's,
// because they run.
func restrictedPods(h harness) {
	_, err := h.Kubectl(h.Context(), "run", "root", "--namespace=tempo", "--image=busybox", "--overrides="+rootPod)
	assert.ErrorContains(h, err, `violates PodSecurity "restricted:latest"`)
}
