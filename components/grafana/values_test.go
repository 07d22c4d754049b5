package grafana

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	tempoURL = "http://tempo-query-frontend.tempo.svc.cluster.local:3200"
	lokiURL  = "http://loki-read-headless.loki.svc.cluster.local"
)

// The guide prints "$S{__value.raw}" for the link: a typing error. Grafana needs
// $${__value.raw} in a provisioning file, to have ${__value.raw} of it.
func TestValuesAreTheGuides(t *testing.T) {
	d := document{chartVersion: "81.2.2", datasources: Preset{StreamOverHTTP: true}.datasources(tempoURL, lokiURL)}
	values, err := d.helmValues()
	require.NoError(t, err)
	got, err := toYAML(values)
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

// The text has what the list had, and leaves the list to others.
func TestDatasourcesAsText(t *testing.T) {
	d := document{chartVersion: DefaultChartVersion, datasources: Preset{}.datasources(tempoURL, lokiURL)}
	values, err := d.helmValues()
	require.NoError(t, err)
	assert.Equal(t, []string{"additionalDataSourcesString"}, keys(values["grafana"].(map[string]any)))
	assert.Equal(t, []string{"grafana"}, keys(values))
	assert.Equal(t, d.datasources, tpl(t, values))
}

func keys(m map[string]any) (all []string) {
	for key := range m {
		all = append(all, key)
	}
	return all
}

func TestDatasourcesKey(t *testing.T) {
	for version, want := range map[string]string{
		"61.3.2":            "additionalDataSources",
		"81.2.2":            "additionalDataSources",
		"81.2.3-rc.1":       "additionalDataSources",
		"81.2.3":            "additionalDataSourcesString",
		"100.0.0":           "additionalDataSourcesString",
		DefaultChartVersion: "additionalDataSourcesString",
	} {
		assert.Equal(t, want, datasourcesKey(version), version)
	}
}

// Each field of a preset is in the data source that it is about, and in nothing else.
func TestPreset(t *testing.T) {
	type m = map[string]any
	for name, test := range map[string]struct {
		preset Preset
		key    string // of Tempo's jsonData
		want   any
	}{
		"nothing streams":     {Preset{}, "streamingEnabled", m{"search": false}},
		"streaming":           {Preset{StreamOverHTTP: true}, "streamingEnabled", m{"search": true}},
		"no node graph":       {Preset{}, "nodeGraph", m{"enabled": false}},
		"node graph":          {Preset{NodeGraph: true}, "nodeGraph", m{"enabled": true}},
		"service map":         {Preset{ServiceMap: true}, "serviceMap", m{"datasourceUid": "prometheus"}},
		"service map of uid":  {Preset{ServiceMap: true, PrometheusUID: "metrics"}, "serviceMap", m{"datasourceUid": "metrics"}},
		"no service map":      {Preset{TracesToMetrics: true}, "serviceMap", nil},
		"no metrics":          {Preset{ServiceMap: true}, "tracesToMetrics", nil},
		"no span bar":         {Preset{}, "spanBar", nil},
		"span bar":            {Preset{SpanBar: SpanBar{Type: SpanBarNone}}, "spanBar", m{"type": "None"}},
		"span bar of a tag":   {Preset{SpanBar: SpanBar{Type: SpanBarTag, Tag: "http.path"}}, "spanBar", m{"type": "Tag", "tag": "http.path"}},
		"no time shift":       {Preset{}, "traceQuery", nil},
		"time shift":          {Preset{TraceQuery: TimeShift{"-1h", "30m"}}, "traceQuery", m{"timeShiftEnabled": true, "spanStartTimeShift": "-1h", "spanEndTimeShift": "30m"}},
		"search":              {Preset{}, "search", nil},
		"no search":           {Preset{HideSearch: true}, "search", m{"hide": true}},
		"no tenant of Tempo":  {Preset{LokiTenant: "x"}, "httpHeaderName1", nil},
		"tenant of Tempo":     {Preset{TempoTenant: "x"}, "httpHeaderName1", "X-Scope-OrgID"},
		"a name is no header": {Preset{Tenant: "x"}, "httpHeaderName1", nil},
	} {
		t.Run(name, func(t *testing.T) {
			sources := test.preset.datasources(tempoURL, "")
			require.Len(t, sources, 1, "a Loki without a URL")
			assert.NotContains(t, sources[0].JSONData, "tracesToLogsV2")
			assert.Equal(t, tempoURL, sources[0].URL)
			got, found := sources[0].JSONData[test.key]
			assert.Equal(t, test.want, got)
			assert.Equal(t, test.want != nil, found)
		})
	}
	metrics := Preset{TracesToMetrics: true, PrometheusUID: "metrics"}.datasources(tempoURL, "")[0]
	assert.Equal(t, "metrics", metrics.JSONData["tracesToMetrics"].(m)["datasourceUid"])
}

func TestPresetOfTenant(t *testing.T) {
	sources := Preset{Tenant: "shop", LokiUID: "logs", LokiTenant: "logs-of-shop", TempoTenant: "traces-of-shop"}.datasources(tempoURL, lokiURL)
	require.Len(t, sources, 2)
	loki, tempo := sources[0], sources[1]
	assert.Equal(t, []string{"Loki shop", "logs-shop", lokiURL}, []string{loki.Name, loki.UID, loki.URL})
	assert.Equal(t, []string{"Tempo shop", "tempo-shop", tempoURL}, []string{tempo.Name, tempo.UID, tempo.URL})
	assert.Equal(t, "tempo-shop", loki.JSONData["derivedFields"].([]any)[0].(map[string]any)["datasourceUid"])
	assert.Equal(t, "logs-shop", tempo.JSONData["tracesToLogsV2"].(map[string]any)["datasourceUid"])
	assert.Equal(t, map[string]string{"httpHeaderValue1": "logs-of-shop"}, loki.SecureJSONData)
	assert.Equal(t, map[string]string{"httpHeaderValue1": "traces-of-shop"}, tempo.SecureJSONData)
	assert.Equal(t, "X-Scope-OrgID", loki.JSONData["httpHeaderName1"])
}

func TestUID(t *testing.T) {
	thirtyFour := strings.Repeat("t", 34)
	for _, test := range []struct{ uid, tenant, want string }{
		{"tempo", "", "tempo"},
		{strings.Repeat("u", 40), "", strings.Repeat("u", 40)},
		{"tempo", "shop", "tempo-shop"},
		{"tempo", thirtyFour, "tempo-" + thirtyFour}, // 40
		{"tempo", thirtyFour + "a", "tempo-" + thirtyFour[:25] + "-47bde0d4"},
		{"tempo", thirtyFour + "b", "tempo-" + thirtyFour[:25] + "-d41edd09"},
	} {
		got := UID(test.uid, test.tenant)
		assert.Equal(t, test.want, got)
		assert.NoError(t, ValidateUID(got))
	}
}

func TestExemplars(t *testing.T) {
	type m = map[string]any
	for _, test := range []struct {
		uids []string
		want any
	}{
		{nil, nil},
		{[]string{"tempo-shop"}, m{"exemplarTraceIdDestinations": m{"datasourceUid": "tempo-shop", "traceIdLabelName": "trace_id"}}},
		{[]string{"tempo-a", "tempo-b"}, m{"extraJsonData": m{"exemplarTraceIdDestinations": []any{
			m{"datasourceUid": "tempo-a", "name": "trace_id"},
			m{"datasourceUid": "tempo-b", "name": "trace_id"},
		}}}},
	} {
		values, err := document{exemplars: test.uids, chartVersion: DefaultChartVersion}.helmValues()
		require.NoError(t, err)
		sidecar, _ := values["grafana"].(m)["sidecar"].(m)
		assert.Equal(t, test.want, sidecar["datasources"])
	}
}

func TestRemoteWriteReceiver(t *testing.T) {
	for _, on := range []bool{false, true} {
		values, err := document{remoteWrite: on, chartVersion: DefaultChartVersion}.helmValues()
		require.NoError(t, err)
		if !on {
			assert.NotContains(t, values, "prometheus")
			continue
		}
		assert.Equal(t, map[string]any{"prometheusSpec": map[string]any{"enableRemoteWriteReceiver": true}}, values["prometheus"])
	}
}

func TestOperatorSpec(t *testing.T) {
	type m = map[string]any
	d := datasource{Name: "X", Type: "tempo", UID: "x", Access: proxy, URL: tempoURL, JSONData: m{"link": "${__value.raw}"}, SecureJSONData: map[string]string{"a": "${b}"}}
	spec, err := operatorSpec(d, Operator{InstanceSelector: map[string]string{"dashboards": "grafana"}}, "")
	require.NoError(t, err)
	assert.Equal(t, m{
		"instanceSelector": m{"matchLabels": m{"dashboards": "grafana"}},
		"uid":              "x",
		"datasource": m{
			"name": "X", "type": "tempo", "access": "proxy", "url": tempoURL,
			"jsonData":       m{"link": "${__value.raw}"},
			"secureJsonData": m{"a": "${b}"},
		},
	}, spec)
	spec, err = operatorSpec(d, Operator{AllowCrossNamespaceImport: true}, "")
	require.NoError(t, err)
	assert.Equal(t, true, spec["allowCrossNamespaceImport"])
	d.references = true
	_, err = operatorSpec(d, Operator{}, "Datasources[0].")
	assert.EqualError(t, err, "Datasources[0].SecureJSONData.a: want a value with Operator, because a reference is expanded in provisioning files alone")
}

func TestObjectName(t *testing.T) {
	for name, want := range map[string]string{
		"Tempo":                  "tempo",
		"Loki shop":              "loki-shop",
		"a_b":                    "a-b-648fa9b3",
		"a.b":                    "a-b-2e7336dc",
		"Ü":                      "913d7314",
		strings.Repeat("a", 63):  strings.Repeat("a", 63),
		strings.Repeat("a", 100): strings.Repeat("a", 54) + "-28165978",
	} {
		got := objectName(name)
		assert.Equal(t, want, got)
		assert.LessOrEqual(t, len(got), maxObjectName)
	}
}
