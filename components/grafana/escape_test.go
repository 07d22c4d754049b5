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
// (pkg/services/provisioning/values): $$ is a $, and any other is a variable,
// none of which is set here.
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

// What people put into links must reach Grafana as it is, by either way.
func TestLinksSurviveBothWays(t *testing.T) {
	links := []string{"${__value.raw}", "${__tags}", "${__span.traceId}", `${__data.fields["traceID"]}`, "{{ .x }} ${y}"}
	datasources := []Datasource{{Name: "x", JSONData: map[string]any{"links": links}}}

	file, err := ProvisioningFile(datasources)
	require.NoError(t, err)

	values, err := HelmValues(datasources, false)
	require.NoError(t, err)
	entries, err := toYAML(values["grafana"].(map[string]any)["additionalDataSources"])
	require.NoError(t, err)
	parsed, err := template.New("tpl").Parse(entries)
	require.NoError(t, err)
	var rendered strings.Builder
	require.NoError(t, parsed.Execute(&rendered, nil))

	for way, text := range map[string]string{
		"ConfigMap":   file,
		"Helm values": "datasources:\n" + rendered.String(),
	} {
		var read struct{ Datasources []Datasource }
		require.NoError(t, yaml.Unmarshal([]byte(text), &read), way)
		require.Len(t, read.Datasources, 1, way)
		for i, link := range read.Datasources[0].JSONData["links"].([]any) {
			assert.Equal(t, links[i], readProvisioning(link.(string)), way)
		}
	}
}
