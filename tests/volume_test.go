package tests

import (
	"strings"

	"github.com/stretchr/testify/assert"
)

// volumeOfALivingStack turns the ingester's volume on. Helm fails, because Kubernetes changes no
// volumes of a StatefulSet. The command of the error goes on, and no trace is lost.
func volumeOfALivingStack(n network, volumes string) {
	n.volumes(volumes, 2)
	n.setAll("persistence=true", "persistenceSize=1Gi", "persistenceStorageClass=lab")
	n.whileSending(func() {
		out, code := n.picluster(nil, "up", "--yes")
		assert.Equal(n, 1, code, lastLines(out, 25))
		const fix = "kubectl delete statefulset --namespace tempo tempo-ingester"
		assert.Contains(n, out, fix, lastLines(out, 25))
		n.kubectl(strings.Fields(fix)[1:]...)
		n.converges()
	})
	n.kubectl("get", "persistentvolumeclaim", "--namespace=tempo", "data-tempo-ingester-0")
	n.find(n.sent.all())
}
