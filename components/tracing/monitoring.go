package tracing

import (
	"maps"

	"github.com/picluster/picluster/components/grafana"
	"github.com/picluster/picluster/components/prometheus"
	"github.com/picluster/picluster/components/tempo"
	"github.com/picluster/picluster/internal/field"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Monitoring is how Tempo itself is watched, by a Prometheus of the Prometheus Operator, whose
// kinds ServiceMonitor and PrometheusRule the cluster must have.
type Monitoring struct {
	// Labels are those by which Prometheus selects ServiceMonitors and PrometheusRules.
	// Default: release is kube-prometheus-stack.
	Labels map[string]string `pulumi:"labels,optional"`
	// Thresholds are values that alerts are compared with, over the defaults, by name:
	// bucketGrowthPercent 50, lostSpansPercent 1, memoryPercent 90, outstandingBlocks 100,
	// queryErrorPercent 5, querySeconds 10, s3ErrorPercent 5.
	Thresholds map[string]int `pulumi:"thresholds,optional"`
	// Dashboards are the dashboards of Grafana. Nil: none. They show every Tempo of the
	// cluster, so that one of several Tracings has them. The component sets Services if
	// Tempo has span metrics.
	Dashboards *grafana.DashboardsArgs `pulumi:"dashboards,optional"`
}

// withDefaults returns a copy of the arguments with every default.
func (m Monitoring) withDefaults(t tempo.Args) *Monitoring {
	if len(m.Labels) == 0 {
		m.Labels = prometheus.DefaultLabels()
	}
	if m.Dashboards != nil && t.Generator != nil && t.Generator.SpanMetrics {
		d := *m.Dashboards
		d.Services = true
		m.Dashboards = &d
	}
	return &m
}

// alerts returns the arguments of the alerts.
func (a Args) alerts(namespace pulumi.StringInput) *prometheus.AlertsArgs {
	return &prometheus.AlertsArgs{
		Release:    a.Tempo.ReleaseName(),
		Namespace:  namespace,
		Retention:  a.Tempo.Retention,
		Thresholds: a.Monitoring.Thresholds,
		Labels:     maps.Clone(a.Monitoring.Labels),
	}
}

// checkMonitoring appends what is wrong with Monitoring alone: Tempo's release, namespace
// and retention are reported there.
func (a Args) checkMonitoring(errs *field.Errors) {
	m := a.Monitoring
	if m == nil {
		return
	}
	errs.Under("Monitoring", prometheus.AlertsArgs{
		Namespace: pulumi.String("tempo"), Thresholds: m.Thresholds, Labels: m.Labels,
	}.Validate())
	if m.Dashboards != nil {
		errs.Under("Monitoring.Dashboards", m.Dashboards.Validate())
	}
}

// watch creates the alerts and the dashboards. The release of Grafana, if the component
// installs it, creates the namespace of the dashboards.
func (a Args) watch(ctx *pulumi.Context, name string, namespace pulumi.StringInput, shown *grafana.Grafana, parent pulumi.ResourceOption) error {
	m := a.Monitoring
	if m == nil {
		return nil
	}
	if _, err := prometheus.NewAlerts(ctx, name, a.alerts(namespace), parent); err != nil {
		return err
	}
	if m.Dashboards == nil {
		return nil
	}
	_, err := grafana.NewDashboards(ctx, name, m.Dashboards.After(shown), parent)
	return err
}
