package prometheus_test

import (
	"github.com/picluster/picluster/components/prometheus"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// The alerts of a Tempo that keeps traces for two weeks, for a Prometheus that selects its rules
// by a label of its own.
func ExampleNewAlerts() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		_, err := prometheus.NewAlerts(ctx, "tempo", &prometheus.AlertsArgs{
			Namespace:  pulumi.String("tracing"),
			Retention:  "336h",
			Thresholds: map[string]int{prometheus.MemoryPercent: 80},
			Labels:     map[string]string{"prometheus": "platform"},
		})
		return err
	})
}
