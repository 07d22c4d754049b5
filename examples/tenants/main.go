// Command tenants gives each tenant of a cluster a Tempo and a bucket of its own, and one
// Grafana the data sources of all.
package main

import (
	"github.com/picluster/picluster/components/grafana"
	"github.com/picluster/picluster/components/kubernetes"
	"github.com/picluster/picluster/components/objectstore"
	"github.com/picluster/picluster/components/tempo"
	"github.com/picluster/picluster/components/tracing"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func main() { pulumi.Run(program) }

func program(ctx *pulumi.Context) error {
	var shown []grafana.Tenant
	for _, tenant := range []string{"payments", "shop"} {
		own := pulumi.String("tempo-" + tenant)
		t, err := tracing.New(ctx, string(own), &tracing.Args{
			ObjectStore: objectstore.Args{Bucket: pulumi.String("k3s-" + own), User: own},
			Namespace:   kubernetes.NamespaceArgs{Name: own, PodSecurity: "restricted"},
			Tempo: tempo.Args{
				Release:  own,
				Endpoint: pulumi.String("s3.picluster.example.com:9091"),
				Profile:  "pi",
				// No tenant reaches another's Tempo.
				Network: &tempo.Network{
					AllowTracesFrom: []pulumi.StringInput{pulumi.String(tenant)},
					AllowQueryFrom:  []pulumi.StringInput{pulumi.String("monitoring")},
				},
			},
		})
		if err != nil {
			return err
		}
		ctx.Export(tenant, t.OTLPGRPCEndpoint)
		shown = append(shown, grafana.Tenant{
			TempoURL: t.QueryURL,
			Preset:   grafana.Preset{Tenant: tenant, NodeGraph: true, StreamOverHTTP: true},
		})
	}
	_, err := grafana.New(ctx, "tenants", &grafana.Args{
		Tenants:   shown,
		ConfigMap: &grafana.ConfigMap{Name: pulumi.String("tempo-datasources")},
	})
	return err
}
