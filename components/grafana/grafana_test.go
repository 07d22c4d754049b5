package grafana_test

import (
	"bytes"
	"fmt"
	"testing"
	"text/template"

	"github.com/picluster/picluster/components/grafana"
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

// The how-to prints "$S{__value.raw}" for the link: a typing error. Grafana needs
// $${__value.raw} in a provisioning file, to have ${__value.raw} of it.
func TestHelmValuesAreTheHowTos(t *testing.T) {
	got, err := grafana.HelmValues(grafana.Datasources(tempoURL, grafana.Loki{URL: lokiURL}))
	require.NoError(t, err)
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
	got, err := grafana.HelmValues(grafana.Datasources(tempoURL, grafana.Loki{}))
	require.NoError(t, err)
	assert.NotContains(t, got, "loki")
	assert.NotContains(t, got, "tracesToLogs")
	assert.Contains(t, got, tempoURL)
}

func TestLokiUID(t *testing.T) {
	datasources := grafana.Datasources(tempoURL, grafana.Loki{URL: lokiURL, UID: "logs"})
	require.Len(t, datasources, 2)
	assert.Equal(t, "logs", datasources[0].UID)
	assert.Equal(t, "logs", datasources[1].JSONData["tracesToLogsV2"].(map[string]any)["datasourceUid"])
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
		values, err := grafana.HelmValues(grafana.Datasources(url, grafana.Loki{}))
		require.NoError(t, err)
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
	for _, preview := range []bool{false, true} {
		t.Run(fmt.Sprintf("preview=%t", preview), func(t *testing.T) {
			values := make(chan string, 1)
			_, err := pulumitest.Run(t, preview, nil, func(ctx *pulumi.Context) error {
				for _, name := range []string{"tempo", "another"} {
					g, err := grafana.New(ctx, name, &grafana.Args{
						TempoURL: pulumi.String(tempoURL),
						Loki:     grafana.Loki{URL: lokiURL},
					})
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
			want, err := grafana.HelmValues(grafana.Datasources(tempoURL, grafana.Loki{URL: lokiURL}))
			require.NoError(t, err)
			assert.Equal(t, want, <-values)
		})
	}
}

func TestBadArgs(t *testing.T) {
	for name, args := range map[string]*grafana.Args{"nil": nil, "empty": {}} {
		t.Run(name, func(t *testing.T) {
			resources, err := pulumitest.Run(t, false, nil, func(ctx *pulumi.Context) error {
				_, err := grafana.New(ctx, "tempo", args)
				return err
			})
			assert.ErrorContains(t, err, "missing")
			assert.Empty(t, resources, "something was registered")
		})
	}
}
