package stacks_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/picluster/picluster/components/componenttest"
	"github.com/picluster/picluster/stacks"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	ruleToken      = "kubernetes:monitoring.coreos.com/v1:PrometheusRule"
	configMapToken = "kubernetes:core/v1:ConfigMap"
)

// kubeconfig returns one of a server.
func kubeconfig(server string) string {
	return fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"test",
		"clusters":[{"name":"test","cluster":{"server":%q}}],
		"contexts":[{"name":"test","context":{"cluster":"test"}}]}`, server)
}

// A cluster without the kinds is said before anything is registered, in a preview too.
func TestKindsAreMissing(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/apis/monitoring.coreos.com/v1" {
			fmt.Fprint(w, `{"resources":[{"kind":"ServiceMonitor"},{"kind":"PodMonitor"}]}`)
			return
		}
		http.NotFound(w, r)
	}))
	defer server.Close()
	config := howTo("monitoring", "operator", "datasources", "operator", "grafanaInstanceSelector", `{"a":"b"}`)
	config["kubernetes:kubeconfig"] = kubeconfig(server.URL)
	config["picluster:timeout"] = "1" // of an update that would go on
	for _, preview := range []bool{false, true} {
		resources, err := componenttest.Run(t, preview, config, stacks.Tracing)
		assert.ErrorContains(t, err, `the cluster lacks kinds, and nothing was touched:
picluster:monitoring: got "operator"; want a cluster that has PrometheusRule of monitoring.coreos.com/v1, which it has not. Fix: in the stack's cluster, helm upgrade --install prometheus-operator-crds prometheus-operator-crds --repo https://prometheus-community.github.io/helm-charts --namespace monitoring --create-namespace
picluster:monitoring: got "operator"; want a cluster that has GrafanaDashboard of grafana.integreatly.org/v1beta1, which it has not. Fix: in the stack's cluster, kubectl apply --server-side --filename https://github.com/grafana/grafana-operator/releases/latest/download/crds.yaml`)
		assert.Empty(t, resources)
	}
	delete(config, "picluster:monitoring")
	_, err := componenttest.Run(t, true, config, stacks.Tracing)
	assert.NoError(t, err, "a stack that is not watched requires no kinds")
}

// A preview does without the cluster, and says so. An update does not.
func TestKindsAreNotKnown(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	config := howTo("monitoring", "operator")
	config["kubernetes:kubeconfig"] = kubeconfig(server.URL)
	server.Close()

	var said componenttest.Program
	resources, err := componenttest.Run(t, true, config, stacks.Tracing, componenttest.Into(&said))
	require.NoError(t, err)
	componenttest.Find(t, resources, ruleToken, "tempo-alerts")
	assert.Contains(t, strings.Join(said.Warnings, "\n"), "monitoring: the kinds of the cluster are not known: ")

	resources, err = componenttest.Run(t, false, config, stacks.Tracing)
	assert.ErrorContains(t, err, "monitoring: the kinds of the cluster are not known, and nothing was touched: ")
	assert.Empty(t, resources)
}

// Each tenant has alerts of its own Tempo; all share the dashboards.
func TestMonitoringOfTenants(t *testing.T) {
	resources := render(t, howTo("monitoring", "operator", "tenants", `[{"name":"a"},{"name":"b","install":false},{"name":"c"}]`))
	for _, tenant := range []string{"a", "c"} {
		rule := componenttest.Find(t, resources, ruleToken, "tempo-"+tenant+"-alerts")
		assert.Equal(t, "tempo-"+tenant, rule.Inputs["metadata"].ObjectValue()["namespace"].StringValue())
		assert.Contains(t, fmt.Sprint(rule.Inputs["spec"]), `namespace="tempo-`+tenant+`"`)
	}
	number := map[string]int{}
	for _, r := range resources {
		number[r.Type]++
	}
	assert.Equal(t, 2, number[ruleToken], "the release of b is managed elsewhere")
	assert.Equal(t, 1, number[configMapToken], "a tenant has dashboards of its own")
	dashboards := componenttest.Find(t, resources, configMapToken, "tempo-dashboards")
	assert.Len(t, dashboards.Inputs["data"].ObjectValue(), 3)
}

// The dashboard of the services is there if there are span metrics, and the dashboards wait
// for the release that creates their namespace.
func TestDashboardsOfSpanMetrics(t *testing.T) {
	metrics := []string{"monitoring", "operator", "spanMetrics", "true", "prometheusRemoteWriteUrl", "http://prometheus/api/v1/write"}
	for name, pairs := range map[string][]string{
		"one":     nil,
		"tenants": {"tenants", `[{"name":"a"}]`},
	} {
		t.Run(name, func(t *testing.T) {
			pairs := append(pairs, append(metrics, "datasources", "release", "prometheusUid", "metrics")...)
			dashboards := componenttest.Find(t, render(t, howTo(pairs...)), configMapToken, "tempo-dashboards")
			assert.True(t, componenttest.WaitsFor(dashboards, "tempo-grafana"))
			text := dashboards.Inputs["data"].ObjectValue()["tempo-services.json"].StringValue()
			assert.Contains(t, text, `"current":{"text":"metrics","value":"metrics"}`)
			assert.Contains(t, text, `"current":{"text":"tempo","value":"tempo"}`)
		})
	}
}
