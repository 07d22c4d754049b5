package grafana_test

import (
	"bytes"
	"fmt"
	"testing"
	"text/template"

	"github.com/picluster/picluster/components/grafana"
	"github.com/picluster/picluster/components/helm"
	"github.com/picluster/picluster/internal/pulumitest"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

const (
	tempoURL = "http://tempo-query-frontend.tempo.svc.cluster.local:3200"
	lokiURL  = "http://loki-read-headless.loki.svc.cluster.local"
)

func helmValues(t *testing.T, url string, links grafana.Links, exemplars bool) string {
	t.Helper()
	values, err := grafana.HelmValues(grafana.Datasources(url, links), exemplars)
	require.NoError(t, err)
	text, err := yaml.Marshal(values)
	require.NoError(t, err)
	return string(text)
}

// The how-to prints "$S{__value.raw}" for the link: a typing error. Grafana needs
// $${__value.raw} in a provisioning file, to have ${__value.raw} of it.
func TestHelmValuesAreTheHowTos(t *testing.T) {
	got := helmValues(t, tempoURL, grafana.Links{Loki: grafana.Loki{URL: lokiURL}}, false)
	assert.YAMLEq(t, `
grafana:
  additionalDataSources:
  - name: Loki
    type: loki
    uid: loki
    access: proxy
    url: http://loki-read-headless.loki.svc.cluster.local
    jsonData:
      derivedFields:
        - datasourceUid: tempo
          matcherRegex: trace_id
          matcherType: label
          name: TraceID
          url: "$${__value.raw}"
  - name: Tempo
    uid: tempo
    type: tempo
    access: proxy
    url: http://tempo-query-frontend.tempo.svc.cluster.local:3200
    jsonData:
      nodeGraph:
        enabled: false
      streamingEnabled:
        search: true
      tracesToLogsV2:
        datasourceUid: 'loki'
        spanStartTimeShift: '-1h'
        spanEndTimeShift: '1h'
        filterByTraceID: false
        filterBySpanID: false
        customQuery: true
        query: '{$${__tags}} | trace_id="$${__span.traceId}"'
`, got)
}

func TestWithoutLokiNothingNamesIt(t *testing.T) {
	got := helmValues(t, tempoURL, grafana.Links{}, false)
	assert.NotContains(t, got, "loki")
	assert.NotContains(t, got, "tracesToLogs")
	assert.Contains(t, got, tempoURL)
}

func TestLinks(t *testing.T) {
	datasources := grafana.Datasources(tempoURL, grafana.Links{
		Loki:       grafana.Loki{URL: lokiURL, UID: "logs", Tenant: "team"},
		Prometheus: grafana.Prometheus{UID: "metrics", ServiceMap: true, TracesToMetrics: true},
		NodeGraph:  true,
	})
	require.Len(t, datasources, 2)
	loki, tempo := datasources[0], datasources[1]
	assert.Equal(t, "logs", loki.UID)
	assert.Equal(t, "X-Scope-OrgID", loki.JSONData["httpHeaderName1"])
	assert.Equal(t, "team", loki.SecureJSONData["httpHeaderValue1"])
	assert.Equal(t, "logs", tempo.JSONData["tracesToLogsV2"].(map[string]any)["datasourceUid"])
	assert.Equal(t, map[string]any{"datasourceUid": "metrics"}, tempo.JSONData["serviceMap"])
	assert.Equal(t, "metrics", tempo.JSONData["tracesToMetrics"].(map[string]any)["datasourceUid"])
	assert.Equal(t, map[string]any{"enabled": true}, tempo.JSONData["nodeGraph"])
}

func TestExemplars(t *testing.T) {
	assert.NotContains(t, helmValues(t, tempoURL, grafana.Links{}, false), "sidecar")
	assert.Contains(t, helmValues(t, tempoURL, grafana.Links{}, true), `
  sidecar:
    datasources:
      exemplarTraceIdDestinations:
        datasourceUid: tempo
        traceIdLabelName: trace_id
`)
}

// kube-prometheus-stack passes the values through Helm's tpl: what looks like a
// template must come out as it went in, whatever way YAML quotes it.
func TestHelmValuesSurviveTpl(t *testing.T) {
	for _, url := range []string{
		"http://x/{{.Release.Name}}",
		`http://x/{{ "quoted" }}`,
		"http://x/'{{'",
		"http://x/\t{{ and }}",
		"http://x/{{{{",
	} {
		values := helmValues(t, url, grafana.Links{}, false)
		parsed, err := template.New("tpl").Parse(values)
		require.NoError(t, err, "%s", values)
		var rendered bytes.Buffer
		require.NoError(t, parsed.Execute(&rendered, nil))

		var got struct {
			Grafana struct {
				AdditionalDataSources []grafana.Datasource `json:"additionalDataSources"`
			} `json:"grafana"`
		}
		require.NoError(t, yaml.Unmarshal(rendered.Bytes(), &got))
		require.Len(t, got.Grafana.AdditionalDataSources, 1)
		assert.Equal(t, url, got.Grafana.AdditionalDataSources[0].URL)
	}
}

func TestGrafana(t *testing.T) {
	links := grafana.Links{Loki: grafana.Loki{URL: lokiURL}}
	for _, preview := range []bool{false, true} {
		t.Run(fmt.Sprintf("preview=%t", preview), func(t *testing.T) {
			values := make(chan string, 1)
			resources, err := pulumitest.Run(t, preview, nil, func(ctx *pulumi.Context) error {
				for _, name := range []string{"tempo", "another"} {
					g, err := grafana.New(ctx, name, &grafana.Args{TempoURL: pulumi.String(tempoURL), Links: links})
					if err != nil {
						return err
					}
					if name == "tempo" {
						g.Values.ApplyT(func(text string) error {
							values <- text
							return nil
						})
					}
				}
				return nil
			})
			require.NoError(t, err)
			assert.Equal(t, helmValues(t, tempoURL, links, false), <-values)
			assert.Len(t, resources, 2, "the two components alone")
		})
	}
}

func TestConfigMap(t *testing.T) {
	resources, err := pulumitest.Run(t, false, nil, func(ctx *pulumi.Context) error {
		_, err := grafana.New(ctx, "tempo", &grafana.Args{
			TempoURL:  pulumi.String("http://x/{{ braces }}"),
			Links:     grafana.Links{Loki: grafana.Loki{URL: lokiURL}},
			ConfigMap: &grafana.ConfigMap{Name: "tempo-datasources", Namespace: "monitoring"},
		})
		return err
	})
	require.NoError(t, err)
	inputs := pulumitest.Find(t, resources, "kubernetes:core/v1:ConfigMap", "tempo-datasources").Inputs
	metadata := inputs["metadata"].ObjectValue()
	assert.Equal(t, "monitoring", metadata["namespace"].StringValue())
	assert.Equal(t, "1", metadata["labels"].ObjectValue()["grafana_datasource"].StringValue())
	file := inputs["data"].ObjectValue()["tempo-datasources.yaml"].StringValue()
	assert.Contains(t, file, "url: $${__value.raw}\n")
	assert.Contains(t, file, "http://x/{{ braces }}", "nothing passes it through tpl")
	assert.Contains(t, file, "apiVersion: 1\n")
}

func TestRelease(t *testing.T) {
	resources, err := pulumitest.Run(t, false, nil, func(ctx *pulumi.Context) error {
		_, err := grafana.New(ctx, "tempo", &grafana.Args{
			TempoURL: pulumi.String(tempoURL),
			Release: &grafana.Release{
				Name:       "kube-prometheus-stack",
				Namespace:  "monitoring",
				Chart:      "kube-prometheus-stack",
				Repository: "https://prometheus-community.github.io/helm-charts",
				Version:    "88.5.3",
				Values:     map[string]any{"grafana": map[string]any{"replicas": 2}},
			},
		})
		return err
	})
	require.NoError(t, err)
	release := pulumitest.Find(t, resources, helm.ReleaseToken, "tempo-grafana").Inputs
	assert.Equal(t, "kube-prometheus-stack", release["name"].StringValue())
	assert.Equal(t, "monitoring", release["namespace"].StringValue())
	assert.Equal(t, "88.5.3", release["version"].StringValue())
	assert.True(t, release["createNamespace"].BoolValue())
	values := release["values"].ObjectValue()["grafana"].ObjectValue()
	assert.Equal(t, 2.0, values["replicas"].NumberValue())
	assert.Len(t, values["additionalDataSources"].ArrayValue(), 1)
}

func TestBadArgs(t *testing.T) {
	url := pulumi.String(tempoURL)
	for name, test := range map[string]struct {
		args *grafana.Args
		want []string
	}{
		"nil":   {nil, []string{"args are missing"}},
		"empty": {&grafana.Args{}, []string{"TempoURL is missing"}},
		"bad ConfigMap": {
			&grafana.Args{TempoURL: url, ConfigMap: &grafana.ConfigMap{Name: "A", Namespace: "B"}},
			[]string{`ConfigMap.Name "A"`, `ConfigMap.Namespace "B"`},
		},
		"bad release": {
			&grafana.Args{TempoURL: url, Release: &grafana.Release{}},
			[]string{`Release.Name ""`, `Release.Namespace ""`, "Release.Chart is missing", "Release.Version is missing"},
		},
		"both, with exemplars": {
			&grafana.Args{TempoURL: url, ConfigMap: &grafana.ConfigMap{}, Release: &grafana.Release{}, Exemplars: true},
			[]string{"of ConfigMap and Release", "of Exemplars and ConfigMap"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			resources, err := pulumitest.Run(t, false, nil, func(ctx *pulumi.Context) error {
				_, err := grafana.New(ctx, "tempo", test.args)
				return err
			})
			for _, want := range test.want {
				assert.ErrorContains(t, err, want)
			}
			assert.Empty(t, resources, "something was registered")
		})
	}
}
