package stacks_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/picluster/picluster/components/componenttest"
	"github.com/picluster/picluster/components/tempo"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
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
		"existing-object-store": {"objectStore", "existing", "credentials", "existing", "s3Endpoint", "s3.example.com:9000", "s3Insecure", "true"},
		"secret-guide":          {"chartVersion", "1.61.3"},
		"secret-monolithic":     {"mode", "monolithic", "profile", "pi"},
		"inline-monolithic-everything": {
			"mode", "monolithic",
			"credentials", "inline",
			"persistence", "true",
			"retention", "336h",
			"serviceGraphs", "true",
			"prometheusRemoteWriteUrl", "http://kube-prometheus-stack-prometheus.monitoring:9090/api/v1/write",
			"values", `{"tempo":{"extraEnv":[{"name":"GOGC","value":"50"}]}}`,
		},
		"secret-placed":            append([]string{"profile", "pi"}, placed()...),
		"secret-monolithic-placed": append([]string{"mode", "monolithic"}, placed()...),
		"monitoring":               {"monitoring", "operator"},
		"monitoring-guide":         {"monitoring", "operator", "chartVersion", "1.61.3"},
		"monitoring-monolithic":    {"monitoring", "operator", "mode", "monolithic"},
		"secret-chart-otlp-alone":  {"receivers", `["otlpGrpc","otlpHttp"]`, "metricsGenerator", "false"},
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

// placed is every key of where the pods run, and the receivers and tenants that are off by
// default.
func placed() []string {
	return []string{
		"nodeSelector", `{"kubernetes.io/arch":"arm64"}`,
		"tolerations", `[{"key":"board","operator":"Exists","effect":"NoSchedule"}]`,
		"affinity", `{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"disk","operator":"In","values":["ssd"]}]}]}}}`,
		"priorityClassName", "high",
		"imageRegistry", "registry.example.com",
		"imagePullSecrets", `["pull"]`,
		"receivers", `["jaegerGrpc","otlpGrpc"]`,
		"multiTenancy", "true",
		"tempoTenant", "team",
	}
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
		data := componenttest.Find(t, resources, "kubernetes:core/v1:ConfigMap", "tempo-datasources").Inputs["data"]
		golden(t, "datasources-configmap.yaml", data.ObjectValue()["tempo-datasources.yaml"].StringValue())
	})
	t.Run("operator", func(t *testing.T) {
		resources := render(t, howTo(append(all, "datasources", "operator", "grafanaInstanceSelector", `{"dashboards":"grafana"}`)...))
		object := componenttest.Find(t, resources, "kubernetes:grafana.integreatly.org/v1beta1:GrafanaDatasource", "tempo-datasource-tempo").Inputs
		text, err := yaml.Marshal(redacted(resource.NewProperty(object)))
		require.NoError(t, err)
		golden(t, "datasources-operator.yaml", string(text))
	})
	t.Run("release", func(t *testing.T) {
		resources := render(t, howTo(append(all, "datasources", "release", "exemplars", "true", "grafanaChartValues", `{"grafana":{"replicas":2}}`)...))
		text, err := yaml.Marshal(values(t, resources, "tempo-grafana"))
		require.NoError(t, err)
		golden(t, "datasources-release.yaml", string(text))
	})
}

func TestGoldenMonitoring(t *testing.T) {
	watched := func(pairs ...string) []componenttest.Resource {
		return render(t, howTo(append([]string{"monitoring", "operator", "retention", "336h", "alertThresholds", `{"memoryPercent":80}`}, pairs...)...))
	}
	object := func(resources []componenttest.Resource, token, name string) map[string]any {
		return redacted(resource.NewProperty(componenttest.Find(t, resources, token, name).Inputs)).(map[string]any)
	}
	t.Run("alerts", func(t *testing.T) {
		text, err := yaml.Marshal(object(watched(), "kubernetes:monitoring.coreos.com/v1:PrometheusRule", "tempo-alerts"))
		require.NoError(t, err)
		golden(t, "alerts.yaml", string(text))
	})
	t.Run("dashboards by the operator", func(t *testing.T) {
		resources := watched("datasources", "operator", "grafanaInstanceSelector", `{"dashboards":"grafana"}`)
		of := object(resources, "kubernetes:grafana.integreatly.org/v1beta1:GrafanaDashboard", "tempo-dashboard-reads")
		spec := of["spec"].(map[string]any)
		assert.Contains(t, spec["json"], `"uid":"tempo-reads"`)
		spec["json"] = "…"
		text, err := yaml.Marshal(of)
		require.NoError(t, err)
		golden(t, "dashboard-operator.yaml", string(text))
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
