package grafana

// Datasource is an entry of Grafana's provisioning, as Grafana reads it once
// every escaping is undone: a variable of a link is ${…} here.
// Source: https://grafana.com/docs/grafana/latest/administration/provisioning/#data-sources
type Datasource struct {
	Name     string         `json:"name"`
	Type     string         `json:"type"`
	UID      string         `json:"uid"`
	Access   string         `json:"access"`
	URL      string         `json:"url"`
	JSONData map[string]any `json:"jsonData,omitempty"`
}

// TempoUID is the uid of the Tempo datasource, which links name.
const TempoUID = "tempo"

// Loki is the Loki that holds the logs of what is traced.
type Loki struct {
	// URL is Loki's, as Grafana reaches it. Empty: there is no Loki, so neither
	// a datasource nor a link to one.
	URL string
	// UID is the uid of its datasource. Default: loki.
	UID string
}

// Datasources returns Tempo's datasource and, if there is a Loki, Loki's before
// it, with links from each to the other.
func Datasources(tempoURL string, loki Loki) []Datasource {
	tempo := Datasource{
		Name:   "Tempo",
		Type:   "tempo",
		UID:    TempoUID,
		Access: "proxy",
		URL:    tempoURL,
		JSONData: map[string]any{
			"streamingEnabled": map[string]any{"search": true},
		},
	}
	if loki.URL == "" {
		return []Datasource{tempo}
	}
	if loki.UID == "" {
		loki.UID = "loki"
	}

	tempo.JSONData["tracesToLogsV2"] = map[string]any{
		"datasourceUid":      loki.UID,
		"spanStartTimeShift": "-1h",
		"spanEndTimeShift":   "1h",
		"filterByTraceID":    false,
		"filterBySpanID":     false,
		"customQuery":        true,
		"query":              `{${__tags}} | trace_id="${__span.traceId}"`,
	}
	return []Datasource{
		{
			Name:   "Loki",
			Type:   "loki",
			UID:    loki.UID,
			Access: "proxy",
			URL:    loki.URL,
			JSONData: map[string]any{
				"derivedFields": []any{map[string]any{
					"datasourceUid": TempoUID,
					"matcherRegex":  "trace_id",
					"matcherType":   "label",
					"name":          "TraceID",
					"url":           "${__value.raw}",
				}},
			},
		},
		tempo,
	}
}
