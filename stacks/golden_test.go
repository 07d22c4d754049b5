package stacks_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/picluster/picluster/components/tempo"
	"github.com/picluster/picluster/internal/pulumitest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write the golden files anew")

// goldenConfigs are the configurations that have golden files: each way to have
// the keys with each size, and whatever else changes what is installed.
func goldenConfigs() map[string][]string {
	configs := map[string][]string{
		"secret-chart-everything": {
			"persistence", "true",
			"retention", "336h",
			"serviceGraphs", "true",
			"spanMetrics", "true",
			"prometheusRemoteWriteUrl", "http://kube-prometheus-stack-prometheus.monitoring:9090/api/v1/write",
			"values", `{"ingester":{"extraEnv":[{"name":"GOGC","value":"50"}]}}`,
		},
		"secret-guide":      {"chartVersion", "1.61.3"},
		"secret-monolithic": {"mode", "monolithic", "profile", "pi"},
		"inline-monolithic-everything": {
			"mode", "monolithic",
			"credentials", "inline",
			"persistence", "true",
			"retention", "336h",
			"serviceGraphs", "true",
			"prometheusRemoteWriteUrl", "http://kube-prometheus-stack-prometheus.monitoring:9090/api/v1/write",
			"values", `{"tempo":{"extraEnv":[{"name":"GOGC","value":"50"}]}}`,
		},
		"secret-chart-otlp-alone": {"receivers", `["otlpGrpc","otlpHttp"]`, "metricsGenerator", "false"},
	}
	for credentials, pairs := range map[string][]string{
		"secret":   nil,
		"inline":   {"credentials", "inline"},
		"existing": {"credentials", "existing"},
	} {
		for _, profile := range tempo.Profiles() {
			configs[credentials+"-"+profile] = append([]string{"profile", profile}, pairs...)
		}
	}
	return configs
}

func TestGoldenValues(t *testing.T) {
	for name, pairs := range goldenConfigs() {
		t.Run(name, func(t *testing.T) {
			text, err := yaml.Marshal(values(t, render(t, howTo(pairs...)), "tempo-release"))
			require.NoError(t, err)
			golden(t, "values-"+name+".yaml", string(text))
		})
	}
}

func TestGoldenDatasources(t *testing.T) {
	all := []string{
		"lokiTenant", "team",
		"serviceGraphs", "true",
		"spanMetrics", "true",
		"prometheusRemoteWriteUrl", "http://kube-prometheus-stack-prometheus.monitoring:9090/api/v1/write",
	}
	t.Run("configmap", func(t *testing.T) {
		resources := render(t, howTo(append(all, "datasources", "configmap")...))
		data := pulumitest.Find(t, resources, "kubernetes:core/v1:ConfigMap", "tempo-datasources").Inputs["data"]
		golden(t, "datasources-configmap.yaml", data.ObjectValue()["tempo-datasources.yaml"].StringValue())
	})
	t.Run("release", func(t *testing.T) {
		resources := render(t, howTo(append(all, "datasources", "release", "exemplars", "true", "grafanaChartValues", `{"grafana":{"replicas":2}}`)...))
		text, err := yaml.Marshal(values(t, resources, "tempo-grafana"))
		require.NoError(t, err)
		golden(t, "datasources-release.yaml", string(text))
	})
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "make it: go test ./stacks -run Golden -update")
	assert.Equal(t, string(want), got, "if it should be so: go test ./stacks -run Golden -update")
}
