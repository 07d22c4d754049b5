package grafana

import "strings"

// escapeProvisioning escapes s for a provisioning file: Grafana expands $ in
// every value there, and reads $$ as one $.
// Source: https://grafana.com/docs/grafana/latest/administration/provisioning/#using-environment-variables
func escapeProvisioning(s string) string { return strings.ReplaceAll(s, "$", "$$") }

// escapeHelmValues escapes s for kube-prometheus-stack's values: the chart
// passes them as YAML through Helm's tpl, then into a provisioning file. The
// braces become a raw string of the template, which no quoting of YAML changes.
func escapeHelmValues(s string) string {
	return strings.ReplaceAll(escapeProvisioning(s), "{{", "{{`{{`}}")
}

// escapeAll returns v, made of what encoding/json makes, with every string of
// it escaped; keys stay as they are.
func escapeAll(v any, escape func(string) string) any {
	switch v := v.(type) {
	case string:
		return escape(v)
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = escapeAll(item, escape)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, item := range v {
			out[key] = escapeAll(item, escape)
		}
		return out
	default:
		return v
	}
}
