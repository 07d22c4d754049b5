package tempo_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/picluster/picluster/components/tempo"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var settings = tempo.Settings{
	Release:    "tempo",
	Bucket:     "k3s-tempo",
	Endpoint:   "s3.example.com:9091",
	Region:     "eu-west-1",
	SecretName: "tempo-minio-secret",
}

// at returns the value at a dotted path, which must be there.
func at(t *testing.T, values map[string]any, path string) any {
	t.Helper()
	var value any = values
	for _, key := range strings.Split(path, ".") {
		m, ok := value.(map[string]any)
		require.True(t, ok, "%s: nothing at %s", path, key)
		require.Contains(t, m, key, path)
		value = m[key]
	}
	return value
}

func TestValues(t *testing.T) {
	values := tempo.Values(settings)
	for path, want := range map[string]any{
		"streamOverHTTPEnabled":                                              true,
		"traces.otlp.grpc.enabled":                                           true,
		"traces.otlp.http.enabled":                                           true,
		"traces.zipkin.enabled":                                              true,
		"traces.jaeger.thriftCompact.enabled":                                true,
		"traces.jaeger.thriftHttp.enabled":                                   true,
		"traces.opencensus.enabled":                                          true,
		"storage.trace.backend":                                              "s3",
		"storage.trace.s3.bucket":                                            "k3s-tempo",
		"storage.trace.s3.endpoint":                                          "s3.example.com:9091",
		"storage.trace.s3.region":                                            "eu-west-1",
		"storage.trace.s3.access_key":                                        "${MINIO_ACCESS_KEY_ID}",
		"storage.trace.s3.secret_key":                                        "${MINIO_SECRET_ACCESS_KEY}",
		"storage.trace.s3.insecure":                                          false,
		"distributor.config.log_received_spans.enabled":                      true,
		"metricsGenerator.enabled":                                           true,
		"metricsGenerator.config.processor.local_blocks.flush_to_storage":    true,
		"metricsGenerator.config.processor.local_blocks.filter_server_spans": false,
		"overrides.defaults.metrics_generator.processors":                    []any{"local-blocks"},
		"minio.enabled":                                                      false,
		"fullnameOverride":                                                   "tempo",
		"reportingEnabled":                                                   false,
	} {
		assert.Equal(t, want, at(t, values, path), path)
	}
}

func TestEveryS3ServiceHasTheKeys(t *testing.T) {
	values := tempo.Values(settings)
	for _, service := range []string{"distributor", "ingester", "compactor", "querier", "queryFrontend", "metricsGenerator"} {
		assert.Equal(t, []any{"-config.expand-env=true"}, at(t, values, service+".extraArgs"), service)
		env, err := json.Marshal(at(t, values, service+".extraEnv"))
		require.NoError(t, err)
		assert.JSONEq(t, `[
			{"name": "MINIO_ACCESS_KEY_ID",
			 "valueFrom": {"secretKeyRef": {"name": "tempo-minio-secret", "key": "MINIO_ACCESS_KEY_ID"}}},
			{"name": "MINIO_SECRET_ACCESS_KEY",
			 "valueFrom": {"secretKeyRef": {"name": "tempo-minio-secret", "key": "MINIO_SECRET_ACCESS_KEY"}}}
		]`, string(env), service)
	}
}
