package grafana_test

import (
	"github.com/picluster/picluster/components/grafana"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// A Grafana of the Grafana Operator shows the traces of a Tempo, and their logs.
func ExampleNew() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		traces, err := grafana.New(ctx, "traces", &grafana.Args{
			TempoURL: pulumi.String("http://tempo-query-frontend.tempo.svc.cluster.local:3200"),
			LokiURL:  pulumi.String("http://loki-read-headless.loki.svc.cluster.local"),
			Preset:   grafana.Preset{StreamOverHTTP: true, NodeGraph: true},
			Operator: &grafana.Operator{InstanceSelector: map[string]string{"dashboards": "grafana"}},
		})
		if err != nil {
			return err
		}
		ctx.Export("grafanaValues", traces.Values)
		return nil
	})
}

// One release of kube-prometheus-stack shows the traces of two teams.
func ExampleNew_tenants() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		_, err := grafana.New(ctx, "teams", &grafana.Args{
			Tenants: []grafana.Tenant{
				{TempoURL: pulumi.String("http://tempo.payments:3200"), Preset: grafana.Preset{Tenant: "payments"}},
				{TempoURL: pulumi.String("http://tempo.shop:3200"), Preset: grafana.Preset{Tenant: "shop"}},
			},
			Exemplars: true,
			Release:   &grafana.Release{Values: map[string]any{"grafana": map[string]any{"replicas": 2}}},
		})
		return err
	})
}

// The dashboards of Tempo, for the sidecar of a Grafana in another namespace than monitoring.
func ExampleNewDashboards() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		dashboards, err := grafana.NewDashboards(ctx, "tempo", &grafana.DashboardsArgs{
			Name:      "tempo",
			ConfigMap: &grafana.ConfigMap{Namespace: pulumi.String("grafana")},
		})
		if err != nil {
			return err
		}
		ctx.Export("dashboards", dashboards.UIDs)
		return nil
	})
}
