package otel_test

import (
	"testing"

	"github.com/picluster/picluster/components/otel"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCollectorValues(t *testing.T) {
	got, err := otel.CollectorValues("tempo-distributor.tempo.svc.cluster.local:4317", "")
	require.NoError(t, err)
	assert.YAMLEq(t, `
config:
  exporters:
    otlp/tempo:
      endpoint: tempo-distributor.tempo.svc.cluster.local:4317
      tls:
        insecure: true
  service:
    pipelines:
      traces:
        exporters: [otlp/tempo]
`, got)
}
