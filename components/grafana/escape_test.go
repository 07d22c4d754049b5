package grafana

import (
	"strings"
	"testing"
	"text/template"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// readProvisioning does what Grafana does with a value of a provisioning file
// (pkg/services/provisioning/values): $$ is a $, and any other is a variable, none of which
// is set here.
func readProvisioning(s string) string {
	parts := strings.Split(s, "$$")
	for i, part := range parts {
		if before, _, found := strings.Cut(part, "$"); found {
			parts[i] = before + "<expanded>"
		}
	}
	return strings.Join(parts, "$")
}

func TestEscapeProvisioning(t *testing.T) {
	for _, s := range []string{
		"",
		"plain",
		"${__value.raw}",
		`{${__tags}} | trace_id="${__span.traceId}"`,
		`${__data.fields["traceID"]}`,
		"$1 and $$2",
	} {
		assert.Equal(t, s, readProvisioning(escapeProvisioning(s)))
	}
	assert.Equal(t, "$${__value.raw}", escapeProvisioning("${__value.raw}"))
	assert.Equal(t, "<expanded>", readProvisioning("${__value.raw}"), "unescaped, it would not survive")
}

// A value of secureJsonData that the caller gives can be a reference; one of a preset's is
// the name of a tenant.
func TestReferences(t *testing.T) {
	for value, want := range map[string]string{
		"$__file{/etc/token}":    "$__file{/etc/token}",
		"$__env{TOKEN}":          "$__env{TOKEN}",
		"${TOKEN}":               "${TOKEN}",
		"$TOKEN":                 "$$TOKEN",
		"pa$$word":               "pa$$$$word",
		"Bearer ${TOKEN}":        "Bearer $${TOKEN}",
		"${TOKEN}${TOKEN}":       "$${TOKEN}$${TOKEN}",
		"$__file{/etc/${TOKEN}}": "$$__file{/etc/$${TOKEN}}",
	} {
		secrets := map[string]string{"x": value}
		own, err := provisioned([]datasource{{SecureJSONData: secrets, references: true}})
		require.NoError(t, err)
		assert.Equal(t, map[string]any{"x": want}, own[0].(map[string]any)["secureJsonData"])
		preset, err := provisioned([]datasource{{SecureJSONData: secrets}})
		require.NoError(t, err)
		assert.Equal(t, map[string]any{"x": escapeProvisioning(value)}, preset[0].(map[string]any)["secureJsonData"])
	}
}

// tpl does what kube-prometheus-stack does with the data sources, and Grafana with the file.
func tpl(t *testing.T, values map[string]any) []datasource {
	t.Helper()
	grafana := values["grafana"].(map[string]any)
	text, isText := grafana["additionalDataSourcesString"].(string)
	if !isText {
		var err error
		text, err = toYAML(grafana["additionalDataSources"])
		require.NoError(t, err)
	}
	parsed, err := template.New("tpl").Parse(text)
	require.NoError(t, err)
	var rendered strings.Builder
	require.NoError(t, parsed.Execute(&rendered, nil))
	return provisionedFile(t, "datasources:\n"+rendered.String())
}

func provisionedFile(t *testing.T, file string) []datasource {
	t.Helper()
	var read struct {
		Datasources []any `json:"datasources"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(file), &read), file)
	text, err := toYAML(escapeAll(read.Datasources, readProvisioning))
	require.NoError(t, err)
	var sources []datasource
	require.NoError(t, yaml.Unmarshal([]byte(text), &sources))
	return sources
}

// What is in a data source must reach Grafana as it is, in every delivery.
func TestDatasourcesSurviveEveryDelivery(t *testing.T) {
	for _, text := range []string{
		"${__value.raw}", "${__tags}", `${__data.fields["traceID"]}`, "{{ .x }} ${y}",
		"http://x/{{.Release.Name}}", `http://x/{{ "quoted" }}`, "http://x/'{{'", "http://x/\t{{ and }}", "http://x/{{{{", "{{{", "}}",
		"a\nb: {{", "# x", strings.Repeat("long {{ words ", 30), "%", "`{{`",
	} {
		d := document{datasources: []datasource{{
			Name: "x", Type: "x", UID: "x", Access: proxy, URL: text, JSONData: map[string]any{"links": []any{text}, "key {{": text},
		}}}
		for _, version := range []string{"81.2.2", "81.2.3"} {
			d.chartVersion = version
			values, err := d.helmValues()
			require.NoError(t, err)
			if version == "81.2.2" { // a list's keys are not escaped, and need not be
				delete(values["grafana"].(map[string]any)["additionalDataSources"].([]any)[0].(map[string]any)["jsonData"].(map[string]any), "key {{")
			}
			got := tpl(t, values)
			require.Len(t, got, 1)
			assert.Equal(t, text, got[0].URL, version)
			assert.Equal(t, []any{text}, got[0].JSONData["links"], version)
		}
		file, err := d.provisioningFile()
		require.NoError(t, err)
		assert.Equal(t, text, provisionedFile(t, file)[0].URL)
		spec, err := operatorSpec(d.datasources[0], Operator{}, "")
		require.NoError(t, err)
		assert.Equal(t, text, spec["datasource"].(map[string]any)["url"])
	}
}
