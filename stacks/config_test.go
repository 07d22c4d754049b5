package stacks

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/picluster/picluster/components/grafana"
	"github.com/picluster/picluster/components/objectstore"
	"github.com/picluster/picluster/components/tempo"
	"github.com/picluster/picluster/components/tempo/chart"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// fake is a stack's configuration. Every value whose key ends in Password is
// encrypted.
type fake map[string]string

func (f fake) GetConfig(key string) (string, bool) { value, ok := f[key]; return value, ok }
func (f fake) IsConfigSecret(key string) bool {
	return strings.HasSuffix(key, "Password")
}

// with is the least that a stack must say, and the pairs of keys and values.
func with(pairs ...string) fake {
	config := fake{
		"minio:minioServer":   "s3.example.com:9091",
		"minio:minioSsl":      "true",
		"minio:minioUser":     "admin",
		"minio:minioPassword": "hunter2",
	}
	for i := 0; i < len(pairs); i += 2 {
		config[pairs[i]] = pairs[i+1]
	}
	return config
}

// our is with for keys of this project.
func our(pairs ...string) fake {
	for i := 0; i < len(pairs); i += 2 {
		pairs[i] = "picluster:" + pairs[i]
	}
	return with(pairs...)
}

func read(config fake) (*Config, error) {
	r := newReader(config, "picluster")
	c := load(r)
	r.unknown(slices.Collect(maps.Keys(config)))
	return c, r.err("test")
}

func TestMain(m *testing.M) {
	for _, name := range []string{"MINIO_ENDPOINT", "MINIO_REGION", "MINIO_ENABLE_HTTPS", "MINIO_USER", "MINIO_PASSWORD", "MINIO_CACERT_FILE"} {
		os.Unsetenv(name)
	}
	os.Exit(m.Run())
}

func defaults() *Config {
	return &Config{
		ObjectStore: objectstore.Args{Bucket: "k3s-tempo", User: "tempo", Policy: "tempo", KeyVersion: 1},
		Namespace:   "tempo",
		PodSecurity: "restricted",
		SecretName:  "tempo-minio-secret",
		Credentials: "secret",
		Release:     "tempo",
		Chart:       chart.Chart{Mode: "microservices", Name: "tempo-distributed", Version: "2.26.2", TempoVersion: "2.10.8"},
		Timeout:     600,
		S3:          S3{Endpoint: "s3.example.com:9091", Region: "us-east-1"},
		Tempo: tempo.Options{
			Profile:          "chart",
			Receivers:        []string{"jaegerThriftCompact", "jaegerThriftHttp", "otlpGrpc", "otlpHttp", "zipkin"},
			StreamOverHTTP:   true,
			LogReceivedSpans: true,
			Generator:        &tempo.Generator{},
		},
		Grafana: Grafana{Namespace: "monitoring", Links: grafana.Links{
			Loki:       grafana.Loki{UID: "loki"},
			Prometheus: grafana.Prometheus{UID: "prometheus"},
			NodeGraph:  true,
		}},
	}
}

func TestDefaults(t *testing.T) {
	config, err := read(with())
	require.NoError(t, err)
	assert.Equal(t, defaults(), config)
}

func TestConfig(t *testing.T) {
	for name, test := range map[string]struct {
		config fake
		want   func(*Config)
	}{
		"names": {
			our("bucket", "traces", "user", "tracer", "policy", "tracing", "namespace", "tracing", "secretName", "keys", "release", "traces"),
			func(c *Config) {
				c.ObjectStore = objectstore.Args{Bucket: "traces", User: "tracer", Policy: "tracing", KeyVersion: 1}
				c.Namespace, c.SecretName, c.Release = "tracing", "keys", "traces"
			},
		},
		"another key":         {our("keyVersion", "2"), func(c *Config) { c.ObjectStore.KeyVersion = 2 }},
		"a restored release":  {our("restore", `{"tempo/tempo":2}`), func(c *Config) { c.Restore = map[string]int{"tempo/tempo": 2} }},
		"ignored drift":       {our("driftIgnore", `[{"object":"Deployment tempo/*","paths":["spec.replicas"]}]`), func(*Config) {}},
		"Pod Security":        {our("podSecurity", "baseline"), func(c *Config) { c.PodSecurity = "baseline" }},
		"the bucket may go":   {our("protectBucket", "false"), func(c *Config) { c.ObjectStore.Unprotected = true }},
		"the bucket goes too": {our("retainBucket", "false"), func(c *Config) { c.ObjectStore.DeleteBucket = true }},
		"its objects too": {our("retainBucket", "false", "forceDestroy", "true"), func(c *Config) {
			c.ObjectStore.DeleteBucket, c.ObjectStore.DeleteObjects = true, true
		}},
		"defaults as Pulumi sets them": {
			our("chart", "", "chartVersion", "", "tempoVersion", "", "receivers", "[]", "mode", "microservices"),
			func(*Config) {},
		},
		"the guide's chart": {our("chartVersion", "1.61.3"), func(c *Config) {
			c.Chart.Version, c.Chart.TempoVersion, c.Tempo.Receivers = "1.61.3", "", tempo.Receivers()
		}},
		"the guide's chart, and a Tempo with fixes": {our("chartVersion", "1.61.3", "tempoVersion", "2.9.5"), func(c *Config) {
			c.Chart.Version, c.Chart.TempoVersion = "1.61.3", "2.9.5"
		}},
		"a chart that has OpenCensus": {our("chartVersion", "2.23.4"), func(c *Config) {
			c.Chart.Version, c.Chart.TempoVersion, c.Tempo.Receivers = "2.23.4", "", tempo.Receivers()
		}},
		"monolithic": {our("mode", "monolithic", "profile", "pi", "resources", `{"tempo":{"limits":{"memory":"2Gi"}}}`), func(c *Config) {
			c.Chart = chart.Chart{Mode: "monolithic", Name: "tempo", Version: "2.2.4"}
			c.Tempo.Profile = "pi"
			c.Tempo.Resources = map[string]map[string]any{"tempo": {"limits": map[string]any{"memory": "2Gi"}}}
		}},
		"chart by OCI": {
			our("chart", "oci://ghcr.io/grafana-community/helm-charts/tempo-distributed", "chartVersion", "2.26.2"),
			func(c *Config) {
				c.Chart.Name = "oci://ghcr.io/grafana-community/helm-charts/tempo-distributed"
			},
		},
		"a repository of one's own": {our("chartRepository", "https://charts.example.com"), func(c *Config) { c.Chart.Repository = "https://charts.example.com" }},
		"timeout":                   {our("timeout", "60"), func(c *Config) { c.Timeout = 60 }},
		"S3 as the provider has it": {
			with("minio:minioRegion", "eu-west-1"),
			func(c *Config) { c.S3.Region = "eu-west-1" },
		},
		"S3 inside the cluster": {
			our("s3Endpoint", "minio.storage.svc:9000", "s3Region", "eu-central-1", "s3Insecure", "true"),
			func(c *Config) { c.S3 = S3{Endpoint: "minio.storage.svc:9000", Region: "eu-central-1", Insecure: true} },
		},
		"plain text, accepted": {
			with("minio:minioSsl", "false", "picluster:s3Insecure", "true"),
			func(c *Config) { c.S3.Insecure = true },
		},
		"IPv6":        {our("s3Endpoint", "[fd00::1]:9000"), func(c *Config) { c.S3.Endpoint = "[fd00::1]:9000" }},
		"keys inline": {our("credentials", "inline"), func(c *Config) { c.Credentials = "inline" }},
		"an existing Secret, and the user": {
			our("credentials", "existing"),
			func(c *Config) { c.Credentials = "existing" },
		},
		"an existing Secret and user": {
			our("credentials", "existing", "manageUser", "false"),
			func(c *Config) { c.Credentials, c.ObjectStore.BucketOnly = "existing", true },
		},
		"size": {
			our("profile", "pi", "replicas", `{"querier":2}`, "resources", `{"querier":{"limits":{"memory":"1Gi"}}}`),
			func(c *Config) {
				c.Tempo.Profile = "pi"
				c.Tempo.Replicas = map[string]int{"querier": 2}
				c.Tempo.Resources = map[string]map[string]any{"querier": {"limits": map[string]any{"memory": "1Gi"}}}
			},
		},
		"volumes": {
			our("persistence", "true", "persistenceSize", "20Gi", "persistenceStorageClass", "longhorn"),
			func(c *Config) { c.Tempo.Persistence = &tempo.Persistence{Size: "20Gi", StorageClass: "longhorn"} },
		},
		"what Tempo does": {
			our("retention", "336h", "receivers", `["otlpGrpc"]`, "streamOverHttp", "false", "logReceivedSpans", "false", "reporting", "true"),
			func(c *Config) {
				c.Tempo.Retention, c.Tempo.Receivers = "336h", []string{"otlpGrpc"}
				c.Tempo.StreamOverHTTP, c.Tempo.LogReceivedSpans, c.Tempo.Reporting = false, false, true
			},
		},
		"no generator": {our("metricsGenerator", "false"), func(c *Config) { c.Tempo.Generator = nil }},
		"metrics of traces": {
			our("serviceGraphs", "true", "spanMetrics", "true", "prometheusRemoteWriteUrl", "http://prometheus/api/v1/write", "prometheusUid", "metrics"),
			func(c *Config) {
				c.Tempo.Generator = &tempo.Generator{ServiceGraphs: true, SpanMetrics: true, RemoteWriteURL: "http://prometheus/api/v1/write"}
				c.Grafana.Links.Prometheus = grafana.Prometheus{UID: "metrics", ServiceMap: true, TracesToMetrics: true}
			},
		},
		"values": {our("values", `{"gateway":{"enabled":true}}`), func(c *Config) { c.Tempo.Extra = map[string]any{"gateway": map[string]any{"enabled": true}} }},
		"Loki": {
			our("lokiUrl", "http://loki", "lokiUid", "logs", "lokiTenant", "team", "nodeGraph", "false", "exemplars", "true"),
			func(c *Config) {
				c.Grafana.Links.Loki = grafana.Loki{URL: "http://loki", UID: "logs", Tenant: "team"}
				c.Grafana.Links.NodeGraph, c.Grafana.Exemplars = false, true
			},
		},
		"network policies": {
			our("networkPolicies", "true", "tracesFrom", `["apps"]`),
			func(c *Config) { c.Network = &tempo.Network{TracesFrom: []string{"apps"}, QueryFrom: "monitoring"} },
		},
		"datasources in a ConfigMap": {
			our("datasources", "configmap", "grafanaNamespace", "grafana"),
			func(c *Config) {
				c.Grafana.Namespace = "grafana"
				c.Grafana.ConfigMap = &grafana.ConfigMap{Name: "tempo-datasources", Namespace: "grafana"}
			},
		},
		"datasources in a release": {
			our("datasources", "release", "grafanaChartValues", `{"grafana":{"replicas":2}}`),
			func(c *Config) {
				c.Grafana.Release = &grafana.Release{
					Name:       "kube-prometheus-stack",
					Namespace:  "monitoring",
					Chart:      "kube-prometheus-stack",
					Repository: "https://prometheus-community.github.io/helm-charts",
					Version:    "88.5.3",
					Values:     map[string]any{"grafana": map[string]any{"replicas": 2.0}},
					Timeout:    600,
				}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := read(test.config)
			require.NoError(t, err)
			want := defaults()
			test.want(want)
			assert.Equal(t, want, got)
		})
	}
}

func TestProviderSettingsFromTheEnvironment(t *testing.T) {
	t.Setenv("MINIO_ENDPOINT", "s3.example.com:9091")
	t.Setenv("MINIO_REGION", "eu-west-1")
	t.Setenv("MINIO_ENABLE_HTTPS", "true")
	t.Setenv("MINIO_USER", "admin")
	t.Setenv("MINIO_PASSWORD", "hunter2")
	config, err := read(fake{})
	require.NoError(t, err)
	assert.Equal(t, S3{Endpoint: "s3.example.com:9091", Region: "eu-west-1"}, config.S3)
}

func TestChartInAFolder(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "Chart.yaml"), []byte("version: 2.26.0\n"), 0o644))
	_, err := read(our("chart", folder, "chartVersion", "2.26.0"))
	require.NoError(t, err)
	_, err = read(our("chart", folder))
	assert.ErrorContains(t, err, `picluster:chartVersion: is "2.26.2", but the chart in `+folder+` is "2.26.0". Set it: pulumi config set chartVersion 2.26.0`)
}

// Pulumi.yaml tells people, and `pulumi config`, what Go does.
func TestPulumiYAMLDeclaresEveryKey(t *testing.T) {
	text, err := os.ReadFile("../Pulumi.yaml")
	require.NoError(t, err)
	var project struct {
		Config map[string]any `json:"config"`
	}
	require.NoError(t, yaml.Unmarshal(text, &project))

	r := newReader(with(), "picluster")
	load(r)
	got := map[string]declaration{}
	for name, value := range project.Config {
		if strings.Contains(name, ":") {
			continue // a provider's own
		}
		declared := value.(map[string]any)
		assert.NotEmpty(t, declared["description"], name)
		kind, _ := declared["type"].(string)
		if kind == "" {
			kind = "string"
		}
		def := declared["default"]
		switch value := def.(type) {
		case float64:
			def = int(value)
		case []any:
			words := []string{}
			for _, word := range value {
				words = append(words, word.(string))
			}
			def = words
		}
		got[name] = declaration{kind: kind, def: def}
	}
	assert.Equal(t, r.declared, got)
	assert.Equal(t, true, project.Config["kubernetes:enableSecretMutable"])
	assert.NotEmpty(t, project.Config["kubernetes:kubeClientSettings"])
}

// The stacks that come with the program must do, but for their secret.
func TestStackFiles(t *testing.T) {
	for _, name := range []string{"picluster", "lab"} {
		text, err := os.ReadFile("../Pulumi." + name + ".yaml")
		require.NoError(t, err)
		var file struct {
			Config map[string]any `json:"config"`
		}
		require.NoError(t, yaml.Unmarshal(text, &file))
		config := fake{"minio:minioPassword": "hunter2"}
		if name == "lab" { // which finds it out
			config["minio:minioServer"] = "127.0.0.1:9000"
			config["picluster:s3Insecure"] = "true"
		}
		for key, value := range file.Config {
			assert.NotContains(t, strings.ToLower(key), "password")
			word, err := yaml.Marshal(value)
			require.NoError(t, err)
			config[key] = strings.TrimSpace(string(word))
		}
		_, err = read(config)
		assert.NoError(t, err, name)
	}
}

func FuzzLoad(f *testing.F) {
	r := newReader(with(), "picluster")
	load(r)
	names := slices.Sorted(maps.Keys(r.declared))
	for i, value := range []string{"", "x", "true", "-1", "[]", "{}", `{"a":{"b":[1]}}`, "\x00", "$", "{{", "ü", strings.Repeat("a", 64), "..", "a\nb"} {
		f.Add(i, value)
	}
	f.Fuzz(func(t *testing.T, i int, value string) {
		name := names[uint(i)%uint(len(names))]
		config, err := read(our(name, value))
		if err != nil {
			assert.Contains(t, err.Error(), "picluster:", "an error that names no key: %v", err)
			return
		}
		// What was let through must make values: no panic, and no credential.
		settings := tempo.Settings{Chart: config.Chart, Release: config.Release, Bucket: config.ObjectStore.Bucket, Endpoint: config.S3.Endpoint, Region: config.S3.Region, SecretName: config.SecretName, Options: config.Tempo}
		_, err = yaml.Marshal(tempo.Values(settings))
		assert.NoError(t, err)
		_, err = grafana.HelmValues(grafana.Datasources("http://tempo", config.Grafana.Links), config.Grafana.Exemplars)
		assert.NoError(t, err)
		for _, word := range []string{config.ObjectStore.Bucket, config.Namespace, config.SecretName, config.Release, config.S3.Endpoint, config.S3.Region} {
			assert.NotContains(t, word, "{{", name)
			assert.NotContains(t, word, "$", name)
			assert.NotContains(t, word, "\n", name)
		}
	})
}
