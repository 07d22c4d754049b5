package grafana

import (
	"regexp"
	"strings"
)

// escapeProvisioning escapes s for a provisioning file: Grafana expands $ in every value
// there, and reads $$ as one $.
// Source: https://grafana.com/docs/grafana/latest/administration/provisioning/#using-environment-variables
func escapeProvisioning(s string) string { return strings.ReplaceAll(s, "$", "$$") }

// escapeTpl escapes s for Helm's tpl, through which kube-prometheus-stack passes data
// sources. The braces become a raw string of the template, which no quoting of YAML
// changes.
func escapeTpl(s string) string { return strings.ReplaceAll(s, "{{", "{{`{{`}}") }

// reference is a value that Grafana reads from a file or a variable.
var reference = regexp.MustCompile(`^\$(__(file|env))?\{[^{}$]+\}$`)

// escapeUnlessReference is escapeProvisioning of a value that can be a reference.
func escapeUnlessReference(s string) string {
	if reference.MatchString(s) {
		return s
	}
	return escapeProvisioning(s)
}

// escapeAll returns v, which encoding/json has read, with every text escaped. Keys stay as
// they are.
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
