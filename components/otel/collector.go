// Package otel has what an OpenTelemetry Collector needs to send traces to Tempo.
package otel

import "sigs.k8s.io/yaml"

// Exporter is the name that the collector knows Tempo by.
const Exporter = "otlp/tempo"

// CollectorValues returns values of the chart opentelemetry-collector, as YAML
// for `helm upgrade -f`, that add Tempo to where the collector's traces go.
// endpoint is Tempo's host:port for OTLP over gRPC.
//
// Helm replaces lists, so the pipeline's other exporters must be named beside it.
func CollectorValues(endpoint string) (string, error) {
	text, err := yaml.Marshal(map[string]any{
		"config": map[string]any{
			"exporters": map[string]any{
				Exporter: map[string]any{
					"endpoint": endpoint,
					// The chart's distributor listens in plain text.
					"tls": map[string]any{"insecure": true},
				},
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
