package tracing_test

import (
	"fmt"
	"testing"

	"github.com/picluster/picluster/components/componenttest"
	"github.com/picluster/picluster/components/grafana"
	"github.com/picluster/picluster/components/tempo"
	"github.com/picluster/picluster/components/tracing"
	"github.com/picluster/picluster/internal/helm"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const ruleType = "kubernetes:monitoring.coreos.com/v1:PrometheusRule"

func watched(m tracing.Monitoring) func(*tracing.Args) {
	return func(a *tracing.Args) { a.Monitoring = &m }
}

// What watches Tempo has its names, waits for its namespace, and is selected by the labels.
func TestMonitoring(t *testing.T) {
	resources := created(t, least(watched(tracing.Monitoring{
		Labels: map[string]string{"release": "kps"}, Thresholds: map[string]int{"memoryPercent": 80}, Dashboards: &grafana.DashboardsArgs{},
	}), func(a *tracing.Args) {
		a.Tempo.Release, a.Tempo.Retention = pulumi.String("traces"), "336h"
	}))
	rule := componenttest.Find(t, resources, ruleType, "tempo-alerts")
	assert.Equal(t, "urn:pulumi:test::picluster::picluster:tracing:Tracing$picluster:prometheus:Alerts$"+ruleType+"::tempo-alerts", rule.URN)
	assert.True(t, componenttest.WaitsFor(rule, "tempo-namespace"))
	assert.Equal(t, "traces-alerts", rule.Inputs["metadata"].ObjectValue()["name"].StringValue())
	assert.Equal(t, "kps", rule.Inputs["metadata"].ObjectValue()["labels"].ObjectValue()["release"].StringValue())
	text := fmt.Sprint(rule.Inputs["spec"])
	for _, want := range []string{`pod=~"traces-.+"`, "> 80", "[336h:1h]"} {
		assert.Contains(t, text, want)
	}
	dashboards := componenttest.Find(t, resources, configMapType, "tempo-dashboards")
	assert.Equal(t, "urn:pulumi:test::picluster::picluster:tracing:Tracing$picluster:grafana:Dashboards$"+configMapType+"::tempo-dashboards", dashboards.URN)
	assert.Len(t, dashboards.Inputs["data"].ObjectValue(), 3)
	monitor := componenttest.Find(t, resources, helm.ReleaseToken, "tempo-release").Inputs["values"].ObjectValue()["metaMonitoring"]
	assert.Equal(t, map[string]any{"serviceMonitor": map[string]any{"enabled": true, "labels": map[string]any{"release": "kps"}}}, monitor.Mappable())
}

// Without dashboards there are none, labels have a default, and the caller's own
// ServiceMonitors stay.
func TestMonitoringDefaults(t *testing.T) {
	resources := created(t, least(watched(tracing.Monitoring{}), func(a *tracing.Args) {
		a.Tempo.ServiceMonitors = &tempo.ServiceMonitors{Labels: map[string]string{"team": "a"}}
	}))
	rule := componenttest.Find(t, resources, ruleType, "tempo-alerts")
	assert.Equal(t, "kube-prometheus-stack", rule.Inputs["metadata"].ObjectValue()["labels"].ObjectValue()["release"].StringValue())
	for _, r := range resources {
		assert.NotEqual(t, configMapType, r.Type)
	}
	monitor := componenttest.Find(t, resources, helm.ReleaseToken, "tempo-release").Inputs["values"].ObjectValue()["metaMonitoring"]
	assert.Contains(t, fmt.Sprint(monitor), "team")
}

// Span metrics bring the dashboard that shows them.
func TestMonitoringOfSpanMetrics(t *testing.T) {
	args := least(watched(tracing.Monitoring{Dashboards: &grafana.DashboardsArgs{}}), func(a *tracing.Args) {
		a.Tempo.Generator = &tempo.Generator{SpanMetrics: true, RemoteWriteURL: pulumi.String("http://prometheus/api/v1/write")}
	})
	resources := created(t, args)
	assert.Len(t, componenttest.Find(t, resources, configMapType, "tempo-dashboards").Inputs["data"].ObjectValue(), 4)
	assert.False(t, args.Monitoring.Dashboards.Services, "the caller's arguments are changed")
}

func TestBadMonitoring(t *testing.T) {
	err := least(watched(tracing.Monitoring{
		Labels: map[string]string{"a b": "c"}, Thresholds: map[string]int{"memory": 1}, Dashboards: &grafana.DashboardsArgs{Name: "N"},
	})).Validate()
	require.Error(t, err)
	for _, want := range []string{"Monitoring.Thresholds.memory: ", `Monitoring.Labels["a b"]: `, "Monitoring.Dashboards.Name: "} {
		assert.ErrorContains(t, err, want)
	}
}
