package tempo

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/picluster/picluster/components/tempo/chart"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"
)

// guideArgs are the arguments of the guide's GitOps section, changed.
func guideArgs(changes ...func(*Args)) Args {
	a := Guide(chart.Chart{Version: "1.61.3"})
	a.Namespace = pulumi.String("traces")
	a.Bucket = pulumi.String("k3s-tempo")
	a.Endpoint = pulumi.String("s3.example.com:9091")
	a.Region = pulumi.String("eu-west-1")
	a.SecretName = pulumi.String("tempo-minio-secret")
	for _, change := range changes {
		change(&a)
	}
	return a
}

// guide returns the settings of guideArgs, changed.
func guide(changes ...func(*Args)) settings {
	return guideArgs(changes...).withDefaults().inputs()
}

// with returns the guide's settings, changed after their inputs became texts.
func with(change func(*settings)) settings {
	s := guide()
	change(&s)
	return s
}

// of returns changed arguments of the guide as settings.
func of(change func(*Args)) settings { return guide(change) }

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

func placed(a *Args) {
	seconds := 60
	a.NodeSelector = map[string]string{"disk": "ssd"}
	a.Tolerations = []Toleration{{Key: "arm", Operator: "Exists", Effect: "NoExecute", TolerationSeconds: &seconds}}
	a.Affinity = map[string]any{"nodeAffinity": map[string]any{"a": "b"}}
	a.ImagePullSecrets = []pulumi.StringInput{pulumi.String("pull")}
	a.ImageRegistry = pulumi.String("registry.example.com")
	a.PriorityClassName = pulumi.String("high")
}

func TestValues(t *testing.T) {
	for name, test := range map[string]struct {
		settings settings
		want     map[string]any
		without  []string
	}{
		"the guide's": {
			settings: guide(),
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
			settings: with(func(s *settings) { s.secretName, s.accessKey, s.secretKey = nil, "tempo", "key" }),
			want: map[string]any{
				"storage.trace.s3.access_key": "tempo",
				"storage.trace.s3.secret_key": "key",
			},
			without: []string{"ingester.extraArgs", "ingester.extraEnv", "ingester.podAnnotations"},
		},
		"keys that rotate": {
			settings: with(func(s *settings) { s.keysHash = "abc" }),
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
			settings: of(func(a *Args) { a.CAConfigMap, a.CA = pulumi.String("tempo-minio-ca"), "PEM" }),
			want: map[string]any{
				"storage.trace.s3.tls_ca_path": "/etc/minio-ca/ca.crt",
				"querier.podAnnotations":       map[string]any{"picluster/ca": hash("PEM")},
				"querier.extraVolumes":         []any{map[string]any{"name": "minio-ca", "configMap": map[string]any{"name": "tempo-minio-ca"}}},
				"querier.extraVolumeMounts":    []any{map[string]any{"name": "minio-ca", "mountPath": "/etc/minio-ca", "readOnly": true}},
			},
		},
		"a profile": {
			settings: of(func(s *Args) { s.Profile = "pi" }),
			want: map[string]any{
				"ingester.replicas":                  1,
				"ingester.config.replication_factor": 1,
				"memcached.replicas":                 1,
				"querier.resources.limits":           map[string]any{"memory": "512Mi"},
			},
			without: []string{"querier.resources.limits.cpu"},
		},
		"over the profile": {
			settings: of(func(s *Args) {
				s.Profile = "pi"
				s.Replicas = map[string]int{"querier": 2}
				s.Resources = map[string]Resources{"querier": {Limits: map[string]string{"memory": "1Gi"}}}
			}),
			want: map[string]any{
				"querier.replicas":                  2,
				"querier.resources.limits.memory":   "1Gi",
				"querier.resources.requests.memory": "128Mi",
				"compactor.replicas":                1,
			},
		},
		"one compactor of many": {
			settings: of(func(s *Args) { s.Replicas = map[string]int{"compactor": 2} }),
			without:  []string{"tempo.structuredConfig.compactor"},
		},
		"compactors by values": {
			settings: of(func(s *Args) { s.Values = map[string]any{"compactor": map[string]any{"replicas": 2}} }),
			want:     map[string]any{"compactor.replicas": 2},
			without:  []string{"tempo.structuredConfig.compactor"},
		},
		"no compactor, by values": {
			settings: of(func(s *Args) { s.Values = map[string]any{"compactor": map[string]any{"replicas": 0.0}} }),
			want:     map[string]any{"tempo.structuredConfig.compactor.ring.wait_stability_min_duration": "0s"},
		},
		"volumes": {
			settings: of(func(s *Args) { s.Persistence = &Persistence{Size: "20Gi", StorageClass: pulumi.String("longhorn")} }),
			want: map[string]any{
				"ingester.persistence": map[string]any{"enabled": true, "size": "20Gi", "storageClass": "longhorn"},
			},
		},
		"retention": {
			settings: of(func(s *Args) { s.Retention = "336h" }),
			want:     map[string]any{"compactor.config.compaction.block_retention": "336h"},
		},
		"few receivers": {
			settings: of(func(s *Args) { s.Receivers = []string{"otlpGrpc"} }),
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
			settings: of(func(s *Args) { s.Generator = nil }),
			want:     map[string]any{"metricsGenerator.enabled": false},
			without:  []string{"metricsGenerator.config", "overrides"},
		},
		"service graphs and span metrics": {
			settings: of(func(s *Args) {
				s.Generator = &Generator{ServiceGraphs: true, SpanMetrics: true, RemoteWriteURL: pulumi.String("http://prometheus/api/v1/write")}
			}),
			want: map[string]any{
				"overrides.defaults.metrics_generator.processors": []any{"local-blocks", "service-graphs", "span-metrics"},
				"metricsGenerator.config.storage.remote_write":    []any{map[string]any{"url": "http://prometheus/api/v1/write", "send_exemplars": true}},
			},
		},
		"other fields of the Secret": {
			settings: of(func(a *Args) { a.AccessKeyField, a.SecretKeyField = "S3_ACCESS_KEY_ID", "S3_SECRET" }),
			want: map[string]any{
				"storage.trace.s3.access_key": "${MINIO_ACCESS_KEY_ID}",
				"querier.extraEnv": []any{
					map[string]any{"name": "MINIO_ACCESS_KEY_ID", "valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": "tempo-minio-secret", "key": "S3_ACCESS_KEY_ID"}}},
					map[string]any{"name": "MINIO_SECRET_ACCESS_KEY", "valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": "tempo-minio-secret", "key": "S3_SECRET"}}},
				},
			},
		},
		"empty texts": {
			settings: of(func(a *Args) {
				empty := pulumi.String("")
				a.Release, a.Region, a.ImageRegistry, a.PriorityClassName, a.CAConfigMap = empty, empty, empty, empty, empty
				a.Persistence = &Persistence{StorageClass: empty}
				a.Generator = &Generator{RemoteWriteURL: empty}
			}),
			want: map[string]any{
				"fullnameOverride":        "tempo",
				"storage.trace.s3.region": "us-east-1",
				"ingester.persistence":    map[string]any{"enabled": true, "size": "10Gi"},
			},
			without: []string{"global", "metricsGenerator.config.storage", "ingester.extraVolumes"},
		},
		"Jaeger over gRPC": {
			settings: of(func(a *Args) { a.Receivers = []string{"jaegerGrpc"} }),
			want:     map[string]any{"traces.jaeger.grpc.enabled": true, "traces.otlp.grpc.enabled": false},
		},
		"no streaming, with reports": {
			settings: of(func(a *Args) { a.DisableStreamOverHTTP, a.Reporting = true, true }),
			want:     map[string]any{"streamOverHTTPEnabled": false, "reportingEnabled": true},
		},
		"tenants": {
			settings: of(func(a *Args) { a.MultiTenancy = true }),
			want:     map[string]any{"multitenancyEnabled": true},
		},
		"placed": {
			settings: of(placed),
			want: map[string]any{
				"querier.nodeSelector":         map[string]any{"disk": "ssd"},
				"querier.tolerations":          []any{map[string]any{"key": "arm", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60}},
				"querier.affinity":             "nodeAffinity:\n  a: b\n",
				"memcached.nodeSelector":       map[string]any{"disk": "ssd"},
				"global.image.registry":        "registry.example.com",
				"global.image.pullSecrets":     []any{"pull"},
				"tempo.image.registry":         "registry.example.com",
				"global.priorityClassName":     "high",
				"metricsGenerator.tolerations": []any{map[string]any{"key": "arm", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60}},
			},
		},
		"placed, with a separate cache": {
			settings: of(func(a *Args) { a.Chart = chart.Chart{}; placed(a) }),
			want:     map[string]any{"memcachedBloom.nodeSelector": map[string]any{"disk": "ssd"}, "memcachedBloom.affinity": "nodeAffinity:\n  a: b\n"},
			without:  []string{"memcached.nodeSelector"},
		},
		"monolithic, placed": {
			settings: of(func(a *Args) { a.Chart = chart.Chart{Mode: chart.Monolithic}; placed(a); a.MultiTenancy = true }),
			want: map[string]any{
				"nodeSelector":              map[string]any{"disk": "ssd"},
				"affinity.nodeAffinity.a":   "b",
				"priorityClassName":         "high",
				"tempo.registry":            "registry.example.com",
				"tempo.pullSecrets":         []any{"pull"},
				"tempo.multitenancyEnabled": true,
			},
			without: []string{"global", "querier"},
		},
		"extra values": {
			settings: of(func(s *Args) {
				s.Values = map[string]any{
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
			values := test.settings.values()
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
	values := settings.values(of(func(s *Args) {
		s.Values = map[string]any{"ingester": map[string]any{"extraEnv": []any{map[string]any{"name": "GOGC", "value": "50"}}}}
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
	values := settings.values(of(func(s *Args) { s.Profile = "pi" }))
	total := resource.Quantity{}
	for _, service := range Services(chart.Microservices) {
		limit, ok := lookup(values, service+".resources.limits.memory")
		require.True(t, ok, "%s has no limit", service)
		total.Add(resource.MustParse(limit.(string)))
	}
	assert.LessOrEqual(t, total.Value(), int64(4<<30), "%s at its limits", total.String())
}
