package tempo_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/picluster/picluster/components/tempo"
	"github.com/picluster/picluster/components/tempo/chart"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"
)

// howTo is the how-to's GitOps section.
func howTo() tempo.Settings {
	return tempo.Settings{
		Chart:      chart.Chart{Version: "1.61.3"}.WithDefaults(),
		Release:    "tempo",
		Bucket:     "k3s-tempo",
		Endpoint:   "s3.example.com:9091",
		Region:     "eu-west-1",
		SecretName: "tempo-minio-secret",
		Options: tempo.Options{
			Profile:          tempo.ProfileChart,
			Receivers:        tempo.Receivers(),
			StreamOverHTTP:   true,
			LogReceivedSpans: true,
			Generator:        &tempo.Generator{},
		},
	}
}

// with is the how-to's settings, changed.
func with(change func(*tempo.Settings)) tempo.Settings {
	s := howTo()
	change(&s)
	return s
}

// lookup returns the value at a dotted path, and if there is one.
func lookup(values map[string]any, path string) (any, bool) {
	var value any = values
	for _, key := range strings.Split(path, ".") {
		section, ok := value.(map[string]any)
		if !ok {
			return nil, false
		}
		if value, ok = section[key]; !ok {
			return nil, false
		}
	}
	return value, true
}

func TestValues(t *testing.T) {
	for name, test := range map[string]struct {
		settings tempo.Settings
		want     map[string]any
		without  []string
	}{
		"the how-to's": {
			settings: howTo(),
			want: map[string]any{
				"fullnameOverride":                                                   "tempo",
				"reportingEnabled":                                                   false,
				"streamOverHTTPEnabled":                                              true,
				"traces.otlp.grpc.enabled":                                           true,
				"traces.opencensus.enabled":                                          true,
				"ingester.config.flush_all_on_shutdown":                              true,
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
			},
			without: []string{
				"ingester.replicas", "ingester.resources", "ingester.config.replication_factor", "ingester.persistence",
				"compactor.config", "ingester.podAnnotations", "ingester.extraVolumes",
				"storage.trace.s3.tls_ca_path", "metricsGenerator.config.storage", "memcached",
			},
		},
		"keys inline": {
			settings: with(func(s *tempo.Settings) { s.SecretName, s.AccessKey, s.SecretKey = nil, "tempo", "key" }),
			want: map[string]any{
				"storage.trace.s3.access_key": "tempo",
				"storage.trace.s3.secret_key": "key",
			},
			without: []string{"ingester.extraArgs", "ingester.extraEnv", "ingester.podAnnotations"},
		},
		"keys that rotate": {
			settings: with(func(s *tempo.Settings) { s.KeysHash = "abc" }),
			want: map[string]any{
				"distributor.podAnnotations":      map[string]any{"picluster/keys": "abc"},
				"ingester.podAnnotations":         map[string]any{"picluster/keys": "abc"},
				"compactor.podAnnotations":        map[string]any{"picluster/keys": "abc"},
				"querier.podAnnotations":          map[string]any{"picluster/keys": "abc"},
				"queryFrontend.podAnnotations":    map[string]any{"picluster/keys": "abc"},
				"metricsGenerator.podAnnotations": map[string]any{"picluster/keys": "abc"},
			},
			without: []string{"memcached", "tempo.podAnnotations"},
		},
		"a CA": {
			settings: with(func(s *tempo.Settings) { s.CAConfigMap, s.CAHash = "tempo-minio-ca", "def" }),
			want: map[string]any{
				"storage.trace.s3.tls_ca_path": "/etc/minio-ca/ca.crt",
				"querier.podAnnotations":       map[string]any{"picluster/ca": "def"},
				"querier.extraVolumes":         []any{map[string]any{"name": "minio-ca", "configMap": map[string]any{"name": "tempo-minio-ca"}}},
				"querier.extraVolumeMounts":    []any{map[string]any{"name": "minio-ca", "mountPath": "/etc/minio-ca", "readOnly": true}},
			},
		},
		"a profile": {
			settings: with(func(s *tempo.Settings) { s.Profile = "pi" }),
			want: map[string]any{
				"ingester.replicas":                  1,
				"ingester.config.replication_factor": 1,
				"memcached.replicas":                 1,
				"querier.resources.limits":           map[string]any{"memory": "512Mi"},
			},
			without: []string{"querier.resources.limits.cpu"},
		},
		"over the profile": {
			settings: with(func(s *tempo.Settings) {
				s.Profile = "pi"
				s.Replicas = map[string]int{"querier": 2}
				s.Resources = map[string]map[string]any{"querier": {"limits": map[string]any{"memory": "1Gi"}}}
			}),
			want: map[string]any{
				"querier.replicas":                  2,
				"querier.resources.limits.memory":   "1Gi",
				"querier.resources.requests.memory": "128Mi",
				"compactor.replicas":                1,
			},
		},
		"volumes": {
			settings: with(func(s *tempo.Settings) { s.Persistence = &tempo.Persistence{Size: "20Gi", StorageClass: "longhorn"} }),
			want: map[string]any{
				"ingester.persistence": map[string]any{"enabled": true, "size": "20Gi", "storageClass": "longhorn"},
			},
		},
		"retention": {
			settings: with(func(s *tempo.Settings) { s.Retention = "336h" }),
			want:     map[string]any{"compactor.config.compaction.block_retention": "336h"},
		},
		"few receivers": {
			settings: with(func(s *tempo.Settings) { s.Receivers = []string{"otlpGrpc"} }),
			want: map[string]any{
				"traces.otlp.grpc.enabled":            true,
				"traces.otlp.http.enabled":            false,
				"traces.zipkin.enabled":               false,
				"traces.jaeger.thriftCompact.enabled": false,
				"traces.jaeger.thriftHttp.enabled":    false,
				"traces.opencensus.enabled":           false,
			},
		},
		"no generator": {
			settings: with(func(s *tempo.Settings) { s.Generator = nil }),
			want:     map[string]any{"metricsGenerator.enabled": false},
			without:  []string{"metricsGenerator.config", "overrides"},
		},
		"service graphs and span metrics": {
			settings: with(func(s *tempo.Settings) {
				s.Generator = &tempo.Generator{ServiceGraphs: true, SpanMetrics: true, RemoteWriteURL: "http://prometheus/api/v1/write"}
			}),
			want: map[string]any{
				"overrides.defaults.metrics_generator.processors": []any{"local-blocks", "service-graphs", "span-metrics"},
				"metricsGenerator.config.storage.remote_write":    []any{map[string]any{"url": "http://prometheus/api/v1/write", "send_exemplars": true}},
			},
		},
		"extra values": {
			settings: with(func(s *tempo.Settings) {
				s.Extra = map[string]any{
					"ingester":  map[string]any{"replicas": 5, "extraEnv": []any{map[string]any{"name": "GOGC", "value": "50"}}},
					"memcached": map[string]any{"enabled": false},
				}
			}),
			want: map[string]any{
				"ingester.replicas":  5,
				"memcached.enabled":  false,
				"ingester.extraArgs": []any{"-config.expand-env=true"},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			values := tempo.Values(test.settings)
			for path, want := range test.want {
				got, ok := lookup(values, path)
				require.True(t, ok, "there is no %s", path)
				assert.Equal(t, want, got, path)
			}
			for _, path := range test.without {
				_, ok := lookup(values, path)
				assert.False(t, ok, "there is a %s", path)
			}
		})
	}
}

func TestEveryS3ServiceHasTheKeys(t *testing.T) {
	values := tempo.Values(with(func(s *tempo.Settings) {
		s.Extra = map[string]any{"ingester": map[string]any{"extraEnv": []any{map[string]any{"name": "GOGC", "value": "50"}}}}
	}))
	for _, service := range []string{"distributor", "ingester", "compactor", "querier", "queryFrontend", "metricsGenerator"} {
		section := values[service].(map[string]any)
		assert.Equal(t, []any{"-config.expand-env=true"}, section["extraArgs"], service)
		env := section["extraEnv"].([]any)
		require.GreaterOrEqual(t, len(env), 2, service)
		text, err := json.Marshal(env[:2])
		require.NoError(t, err)
		assert.JSONEq(t, `[
			{"name": "MINIO_ACCESS_KEY_ID",
			 "valueFrom": {"secretKeyRef": {"name": "tempo-minio-secret", "key": "MINIO_ACCESS_KEY_ID"}}},
			{"name": "MINIO_SECRET_ACCESS_KEY",
			 "valueFrom": {"secretKeyRef": {"name": "tempo-minio-secret", "key": "MINIO_SECRET_ACCESS_KEY"}}}
		]`, string(text), service)
	}
	assert.Len(t, values["ingester"].(map[string]any)["extraEnv"], 3, "what is added is added to the keys")
}

// The nodes that profile pi is for have 8 GB, of which K3s and what else runs
// there need half.
func TestPiFitsANode(t *testing.T) {
	values := tempo.Values(with(func(s *tempo.Settings) { s.Profile = "pi" }))
	total := resource.Quantity{}
	for _, service := range tempo.Services(chart.Microservices) {
		limit, ok := lookup(values, service+".resources.limits.memory")
		require.True(t, ok, "%s has no limit", service)
		total.Add(resource.MustParse(limit.(string)))
	}
	assert.LessOrEqual(t, total.Value(), int64(4<<30), "%s at its limits", total.String())
}

func TestCheckExtra(t *testing.T) {
	type m = map[string]any
	for name, extra := range map[string]m{
		"nothing":    nil,
		"replicas":   {"ingester": m{"replicas": 2}},
		"more env":   {"ingester": m{"extraEnv": []any{m{"name": "GOGC", "value": "50"}}}},
		"more of s3": {"storage": m{"trace": m{"s3": m{"hedge_requests_at": "500ms"}}}},
		"structured": {"tempo": m{"structuredConfig": m{"querier": m{"max_concurrent_queries": 5}}}},
	} {
		assert.Empty(t, tempo.CheckExtra(chart.Microservices, extra), name)
	}
	for name, test := range map[string]struct {
		extra m
		want  string
	}{
		"secret key":          {m{"storage": m{"trace": m{"s3": m{"secret_key": "x"}}}}, "storage.trace.s3.secret_key: a credential"},
		"access key":          {m{"storage": m{"trace": m{"s3": m{"access_key": "x"}}}}, "storage.trace.s3.access_key: a credential"},
		"another backend":     {m{"storage": m{"trace": m{"backend": "local"}}}, "storage.trace.backend: "},
		"another bucket":      {m{"storage": m{"trace": m{"s3": m{"bucket": "x"}}}}, "set bucket"},
		"no storage":          {m{"storage": nil}, "storage: belongs to the stack"},
		"no trace":            {m{"storage": m{"trace": "x"}}, "storage.trace: belongs to the stack"},
		"MinIO of its own":    {m{"minio": m{"enabled": true}}, "minio.enabled: "},
		"structured storage":  {m{"tempo": m{"structuredConfig": m{"storage": m{}}}}, "tempo.structuredConfig.storage: "},
		"the whole config":    {m{"config": "x"}, "config: it replaces"},
		"a key in env":        {m{"querier": m{"extraEnv": []any{m{"name": "MINIO_SECRET_ACCESS_KEY", "value": "x"}}}}, "querier.extraEnv[0]: MINIO_SECRET_ACCESS_KEY comes from the Secret"},
		"a key in global env": {m{"global": m{"extraEnv": []any{m{"name": "MINIO_ACCESS_KEY_ID", "value": "x"}}}}, "global.extraEnv[0]: "},
		"no env":              {m{"querier": m{"extraEnv": nil}}, "querier.extraEnv: belongs to the stack"},
		"no expansion":        {m{"querier": m{"extraArgs": []any{"-config.expand-env=false"}}}, "querier.extraArgs[0]: "},
		"another bucket flag": {m{"global": m{"extraArgs": []any{"--storage.trace.s3.bucket=x"}}}, "global.extraArgs[0]: "},
		"no ingester":         {m{"ingester": nil}, "ingester: belongs to the stack"},
		"another name":        {m{"fullnameOverride": "x"}, "set release"},
		"remote write's":      {m{"metricsGenerator": m{"config": m{"storage": m{"remote_write": []any{m{"basic_auth": m{"password": "x"}}}}}}}, "basic_auth.password: a credential"},
	} {
		t.Run(name, func(t *testing.T) {
			problems := tempo.CheckExtra(chart.Microservices, test.extra)
			require.Len(t, problems, 1)
			assert.ErrorContains(t, problems[0], test.want)
		})
	}
}
