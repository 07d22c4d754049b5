// Package otel has what an OpenTelemetry Collector needs to send traces to Tempo.
package otel

import "sigs.k8s.io/yaml"

// Exporter is the name of the collector's exporter to Tempo.
const Exporter = "otlp/tempo"

// TenantHeader is the header that names the tenant to a multi-tenant Tempo.
const TenantHeader = "X-Scope-OrgID"

// CollectorValues returns values of the chart opentelemetry-collector, as YAML
// for `helm upgrade -f`, that add Tempo to where the collector's traces go.
// endpoint is Tempo's host:port for OTLP over gRPC. tenant is the tenant of a multi-tenant
// Tempo that the traces are of; empty for any other Tempo.
//
// Helm replaces lists. If the pipeline has other exporters, add them to its list.
func CollectorValues(endpoint, tenant string) (string, error) {
	exporter := map[string]any{
		"endpoint": endpoint,
		// The chart's distributor listens in plain text.
		"tls": map[string]any{"insecure": true},
	}
	if tenant != "" {
		exporter["headers"] = map[string]any{TenantHeader: tenant}
	}
	text, err := yaml.Marshal(map[string]any{
		"config": map[string]any{
			"exporters": map[string]any{
				Exporter: exporter,
			},
			"service": map[string]any{
				"pipelines": map[string]any{
					"traces": map[string]any{"exporters": []any{Exporter}},
				},
			},
		},
	})
	return string(text), err
}
