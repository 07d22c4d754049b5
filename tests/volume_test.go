package tests

import (
	"sync"
	"time"

	"github.com/stretchr/testify/assert"
)

// volumeOfALivingStack turns the ingester's volume on. Helm fails, because Kubernetes changes no
// volumes of a StatefulSet. The commands of the error go on, and no trace is lost.
func volumeOfALivingStack(n network, volumes string) {
	n.volumes(volumes, 2)
	n.setAll("persistence=true", "persistenceSize=1Gi", "persistenceStorageClass=lab")
	n.whileSending(func() {
		out, code := n.picluster(nil, "up", "--yes")
		assert.Equal(n, 1, code, lastLines(out, 25))
		assert.Contains(n, out, "kubectl delete statefulset tempo-ingester --namespace tempo --cascade=orphan", lastLines(out, 25))
		assert.Contains(n, out, "kubectl delete pod --namespace tempo tempo-ingester-0", lastLines(out, 25))
		n.kubectl("delete", "statefulset", "tempo-ingester", "--namespace=tempo", "--cascade=orphan")

		var up sync.WaitGroup
		up.Go(func() { out, code = n.picluster(nil, "up", "--yes") })
		eventually(n, func() bool {
			return n.kubectl("get", "statefulset", "tempo-ingester", "--namespace=tempo", "--ignore-not-found", "--output=name") != ""
		}, time.Minute, 200*time.Millisecond, "the up does not create the StatefulSet again")
		n.kubectl("delete", "pod", "--namespace=tempo", "tempo-ingester-0")
		up.Wait()
		assert.Zero(n, code, lastLines(out, 25))
		n.converges()
	})
	n.kubectl("get", "persistentvolumeclaim", "--namespace=tempo", "data-tempo-ingester-0")
	n.find(n.sent.all())
}
