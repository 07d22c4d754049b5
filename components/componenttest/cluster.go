package componenttest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// operatorKinds are the kinds of the operators that an API server has, by the path of their
// version.
var operatorKinds = map[string]string{
	"/apis/monitoring.coreos.com/v1":        `{"kind":"PrometheusRule"},{"kind":"ServiceMonitor"}`,
	"/apis/grafana.integreatly.org/v1beta1": `{"kind":"GrafanaDashboard"},{"kind":"GrafanaDatasource"}`,
}

// emptyCluster serves a Kubernetes API in which each release has a workload without pods, and
// returns its kubeconfig: a program that waits for pods must not reach a real cluster.
func emptyCluster(t testing.TB) (kubeconfig string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if kinds, ok := operatorKinds[r.URL.Path]; ok {
			fmt.Fprintf(w, `{"kind":"APIResourceList","apiVersion":"v1","resources":[%s]}`, kinds)
			return
		}
		items := "[]"
		if strings.HasSuffix(r.URL.Path, "/statefulsets") {
			items = `[{"metadata":{"name":"idle"},"spec":{"replicas":0}}]`
		}
		fmt.Fprintf(w, `{"kind":"List","apiVersion":"v1","metadata":{},"items":%s}`, items)
	}))
	t.Cleanup(server.Close)
	return fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"test",
		"clusters":[{"name":"test","cluster":{"server":%q}}],
		"contexts":[{"name":"test","context":{"cluster":"test"}}]}`, server.URL)
}
