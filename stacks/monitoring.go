package stacks

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/picluster/picluster/components/grafana"
	"github.com/picluster/picluster/components/prometheus"
	"github.com/picluster/picluster/components/tracing"
	"github.com/picluster/picluster/internal/command"
	"github.com/picluster/picluster/internal/field"
	"github.com/picluster/picluster/internal/kubeconfig"
	"github.com/picluster/picluster/internal/rollout"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/client-go/tools/clientcmd"
)

// What watches Tempo.
const (
	// MonitoringNone: nothing.
	MonitoringNone = "none"
	// MonitoringOperator: Prometheus, by objects of the Prometheus Operator.
	MonitoringOperator = "operator"
)

// monitor sets what watches Tempo. With datasources: operator, Grafana gets the dashboards from
// objects of the operator. Otherwise its sidecar reads them from a ConfigMap.
func (s *settings) monitor(a *tracing.Args, p *problems) {
	switch s.watching {
	case MonitoringNone:
		if len(s.thresholds) > 0 {
			p.add("%s:alertThresholds: want nothing with monitoring: none, because it has no effect. Fix: pulumi config set monitoring operator", p.project)
		}
		return
	case MonitoringOperator:
	default:
		p.add("%s:monitoring: got %q; want one of none, operator. Fix: pulumi config set monitoring operator", p.project, field.Shorten(s.watching))
		return
	}
	release := text(a.Tempo.Release)
	dashboards := &grafana.DashboardsArgs{
		Name:          release,
		Services:      a.Tempo.Generator != nil && a.Tempo.Generator.SpanMetrics,
		PrometheusUID: a.Grafana.Preset.PrometheusUID,
		LokiUID:       a.Grafana.Preset.LokiUID,
		Operator:      a.Grafana.Operator,
	}
	if a.Grafana.Operator == nil {
		dashboards.ConfigMap = &grafana.ConfigMap{Name: pulumi.String(release + "-dashboards"), Namespace: s.grafana.Namespace}
	}
	a.Monitoring = &tracing.Monitoring{
		Labels:     map[string]string{"release": text(s.grafana.Name)},
		Thresholds: s.thresholds,
		Dashboards: dashboards,
	}
}

// The commands that install kinds that are missing: of Helm, and of kubectl.
var (
	installPrometheusKinds = []string{"upgrade", "--install", "prometheus-operator-crds", "prometheus-operator-crds",
		"--repo", "https://prometheus-community.github.io/helm-charts", "--namespace", "monitoring", "--create-namespace"}
	installGrafanaKinds = []string{"apply", "--server-side", "--filename", "https://github.com/grafana/grafana-operator/releases/latest/download/crds.yaml"}
)

// lookTimeout limits the look at the kinds of the cluster.
const lookTimeout = 10 * time.Second

// requireKinds returns an error unless the cluster has the kinds of the objects of Monitoring.
// Without the kinds an update would fail after it has created the bucket and the namespace. In
// a preview, a cluster that does not respond is only a warning.
func requireKinds(ctx *pulumi.Context, m *tracing.Monitoring) error {
	if m == nil {
		return nil
	}
	setting := func(name string) string {
		value, _ := ctx.GetConfig("kubernetes:" + name)
		return value
	}
	loader, err := kubeconfig.Load(setting)
	if err != nil {
		return err
	}
	missing, err := missingKinds(ctx, loader, command.Of(ctx.Stack()).In(setting), m)
	if err != nil {
		if ctx.DryRun() {
			return ctx.Log.Warn("monitoring: the kinds of the cluster are not known: "+err.Error(), nil)
		}
		return fmt.Errorf("monitoring: the kinds of the cluster are not known, and nothing was touched: %w", err)
	}
	if len(missing) > 0 {
		return fmt.Errorf("the cluster lacks kinds, and nothing was touched:\n%s", strings.Join(missing, "\n"))
	}
	return nil
}

// missingKinds returns a problem for each API version of which the cluster lacks a kind.
func missingKinds(ctx *pulumi.Context, loader clientcmd.ClientConfig, commands command.Names, m *tracing.Monitoring) (problems []string, err error) {
	client, err := rollout.Connect(loader)
	if err != nil {
		return nil, err
	}
	look := func(version, fix string, kinds ...string) error {
		limited, cancel := context.WithTimeout(ctx.Context(), lookTimeout)
		defer cancel()
		has, err := client.Kinds(limited, version)
		if err != nil {
			return err
		}
		kinds = slices.DeleteFunc(kinds, func(kind string) bool { return slices.Contains(has, kind) })
		if len(kinds) > 0 {
			problems = append(problems, fmt.Sprintf("%s:monitoring: got %q; want a cluster that has %s of %s, which it has not. Fix: %s",
				ctx.Project(), MonitoringOperator, strings.Join(kinds, " and "), version, fix))
		}
		return nil
	}
	if err := look(prometheus.Version, commands.Helm(installPrometheusKinds...), "ServiceMonitor", "PrometheusRule"); err != nil {
		return nil, err
	}
	if m.Dashboards != nil && m.Dashboards.Operator != nil {
		err = look(grafana.OperatorVersion, commands.Kubectl(installGrafanaKinds...), "GrafanaDashboard")
	}
	return problems, err
}
