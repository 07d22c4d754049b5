package tests

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMonitoring has Tempo watched by objects of the Prometheus Operator, in both modes. A
// cluster without its kinds ends the first up before anything is created.
func TestMonitoring(t *testing.T) {
	h := start(t)
	h.setAll("profile=pi", "monitoring=operator", "grafanaRelease=kps", "alertThresholds.memoryPercent=80")
	out, code := h.picluster(nil, "up", "--yes")
	require.Equal(t, 1, code, lastLines(out, 20))
	assert.Contains(t, out, `picluster:monitoring: got "operator"; want a cluster that has ServiceMonitor and PrometheusRule of monitoring.coreos.com/v1, which it has not. Fix: bin/lab run go -C ops tool helm upgrade --install prometheus-operator-crds `, lastLines(out, 20))
	assert.NotContains(t, h.kubectl("get", "namespaces", "--output=name"), "namespace/tempo")
	exists, err := h.s3(h.administrator()).BucketExists(t.Context(), "k3s-tempo")
	require.NoError(t, err)
	assert.False(t, exists, "the bucket is there")

	h.kubectl("create", "namespace", "monitoring")
	h.kubectl("apply", "--filename="+filepath.Join("testdata", "prometheus-operator", "crds.yaml"))
	h.kubectl("wait", "crd", "servicemonitors.monitoring.coreos.com", "prometheusrules.monitoring.coreos.com", "--for=condition=Established", "--timeout=30s")
	h.up()
	h.mustStack("preview", noChanges)
	const selected = "--selector=release=kps"
	monitors := strings.Fields(h.kubectl("get", "servicemonitors", "--namespace=tempo", selected, "--output=name"))
	assert.Len(t, monitors, 6, "one for each service but the cache")
	assert.Contains(t, monitors, "servicemonitor.monitoring.coreos.com/tempo-ingester")
	assert.Equal(t, "prometheusrule.monitoring.coreos.com/tempo-alerts\n", h.kubectl("get", "prometheusrules", "--namespace=tempo", selected, "--output=name"))
	memory := `{.spec.groups[0].rules[?(@.alert=="TempoMemoryNearLimit")].expr}`
	assert.Contains(t, h.kubectl("get", "prometheusrule", "--namespace=tempo", "tempo-alerts", "--output=jsonpath="+memory), " > 80")

	var found struct {
		Items []struct{ Data map[string]string }
	}
	require.NoError(t, json.Unmarshal([]byte(h.kubectl("get", "configmaps", "--namespace=monitoring", "--selector=grafana_dashboard=1", "--output=json")), &found))
	require.Len(t, found.Items, 1)
	assert.Len(t, found.Items[0].Data, 3)
	for file, text := range found.Items[0].Data {
		var dashboard struct{ UID string }
		require.NoError(t, json.Unmarshal([]byte(text), &dashboard), file)
		assert.Equal(t, strings.TrimSuffix(file, ".json"), dashboard.UID)
	}

	h.sub("drift", func(h harness) {
		table, code := h.picluster(nil, "drift")
		assert.Equal(h, exitSame, code, table)
		h.kubectl("patch", "prometheusrule", "--namespace=tempo", "tempo-alerts", "--type=merge", `--patch={"spec":{"groups":[]}}`)
		h.kubectl("delete", "servicemonitor", "--namespace=tempo", "tempo-querier")
		table, code = h.picluster(nil, "drift")
		assert.Equal(h, exitDrifted, code, table)
		assert.True(h, hasRow(table, "PrometheusRule tempo/tempo-alerts", "spec.groups"), table)
		assert.True(h, hasRow(table, "ServiceMonitor tempo/tempo-querier", "is gone"), table)
		out, code := h.repair(table, "ServiceMonitor tempo/tempo-querier", "is gone")
		require.Zero(h, code, lastLines(out, 20))
		h.kubectl("get", "servicemonitor", "--namespace=tempo", "tempo-querier")
		out, code = h.picluster(nil, "up", "--yes")
		require.Zero(h, code, lastLines(out, 20))
		table, code = h.picluster(nil, "drift")
		assert.Equal(h, exitSame, code, table)
	})
	h.sub("objects of the Grafana Operator, and the dashboard of services", func(h harness) {
		h.kubectl("apply", "--filename="+filepath.Join("testdata", "grafana-operator", "crd.yaml"))
		h.kubectl("wait", "crd", "grafanadatasources.grafana.integreatly.org", "grafanadashboards.grafana.integreatly.org", "--for=condition=Established", "--timeout=30s")
		h.setAll("datasources=operator", "grafanaInstanceSelector.dashboards=grafana", "spanMetrics=true",
			"prometheusRemoteWriteUrl=http://prometheus-operated.monitoring:9090/api/v1/write")
		h.up()
		h.mustStack("preview", noChanges)
		dashboards := strings.Fields(h.kubectl("get", "grafanadashboards", "--namespace=monitoring", "--output=name"))
		assert.Len(h, dashboards, 4)
		assert.NotEmpty(h, h.kubectl("get", "grafanadatasources", "--namespace=monitoring", "--output=name"))
		assert.Empty(h, h.kubectl("get", "configmaps", "--namespace=monitoring", "--selector=grafana_dashboard=1", "--output=name"))
		table, code := h.picluster(nil, "drift")
		assert.Equal(h, exitSame, code, table)
		h.kubectl("delete", "--namespace=monitoring", dashboards[0])
		table, code = h.picluster(nil, "drift")
		assert.Equal(h, exitDrifted, code, table)
		out, code := h.picluster(nil, "up", "--yes")
		require.Zero(h, code, lastLines(out, 20))
		h.kubectl("get", "--namespace=monitoring", dashboards[0])
		for _, key := range []string{"datasources", "grafanaInstanceSelector", "spanMetrics", "prometheusRemoteWriteUrl"} {
			h.unset(key)
		}
	})
	h.sub("monolithic", func(h harness) {
		h.monolithic()
		h.up()
		assert.Equal(h, "servicemonitor.monitoring.coreos.com/tempo\n", h.kubectl("get", "servicemonitors", "--namespace=tempo", selected, "--output=name"))
		h.mustStack("preview", noChanges)
	})
	h.sub("none", func(h harness) {
		h.unset("monitoring")
		h.unset("alertThresholds")
		h.up()
		assert.Empty(h, h.kubectl("get", "servicemonitors,prometheusrules", "--all-namespaces", "--output=name"))
		assert.Empty(h, h.kubectl("get", "configmaps", "--namespace=monitoring", "--selector=grafana_dashboard=1", "--output=name"))
	})
}
