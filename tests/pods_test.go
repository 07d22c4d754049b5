package tests

import (
	"github.com/stretchr/testify/assert"
)

// rootPod is what nobody should run beside Tempo.
const rootPod = `{"spec":{"containers":[{"name":"root","image":"busybox","securityContext":{"privileged":true}}]}}`

// restrictedPods has the namespace refuse a pod that is not restricted. That it
// lets Tempo's be is seen in their running.
func restrictedPods(h harness) {
	_, err := h.Kubectl(h.Context(), "run", "root", "--namespace=tempo", "--image=busybox", "--overrides="+rootPod)
	assert.ErrorContains(h, err, `violates PodSecurity "restricted:latest"`)
}
