package grafana

// Datasource is an entry of Grafana's provisioning, as Grafana reads it once
// every escaping is undone: a variable of a link is ${…} here.
// Source: https://grafana.com/docs/grafana/latest/administration/provisioning/#data-sources
type Datasource struct {
	Name           string         `json:"name"`
	Type           string         `json:"type"`
	UID            string         `json:"uid"`
	Access         string         `json:"access"`
	URL            string         `json:"url"`
	JSONData       map[string]any `json:"jsonData,omitempty"`
	SecureJSONData map[string]any `json:"secureJsonData,omitempty"`
}

// TempoUID is the uid of the Tempo datasource, which links name.
const TempoUID = "tempo"

// Links is what a trace is linked with.
type Links struct {
	// Loki holds the logs of what is traced.
	Loki Loki
	// Prometheus holds the metrics that Tempo makes of traces.
	Prometheus Prometheus
	// NodeGraph shows a trace as a graph too.
	NodeGraph bool
	// Tenant is whose traces and logs they are. It goes into the names and uids of
	// the datasources, so that a Grafana can have those of several. Empty: theirs
	// who have no other.
	Tenant string
}

// Loki is a Loki, and the datasource that is made for it.
type Loki struct {
	// URL is Loki's, as Grafana reaches it. Empty: there is no Loki, so neither
	// a datasource nor a link to one.
	URL string
	// UID is the uid of its datasource. Default: loki.
	UID string
	// Tenant is the tenant whose logs they are. Empty: Loki has none.
	Tenant string
}

// Prometheus is a Prometheus that Grafana has a datasource for already.
type Prometheus struct {
	// UID is the uid of its datasource. Default: prometheus, as
	// kube-prometheus-stack names its own.
	UID string
	// ServiceMap shows the metrics of Tempo's service graphs.
	ServiceMap bool
	// TracesToMetrics links a span with Tempo's span metrics.
	TracesToMetrics bool
}

// Datasources returns Tempo's datasource and, if there is a Loki, Loki's before
// it, with links from each to the other.
func Datasources(tempoURL string, links Links) []Datasource {
	datasources := []Datasource{tempo(tempoURL, links)}
	if links.Loki.URL != "" {
		datasources = append([]Datasource{loki(links)}, datasources...)
	}
	return datasources
}

// uid is a datasource's, of this tenant.
func (l Links) uid(uid string) string {
	if l.Tenant == "" {
		return uid
	}
	return uid + "-" + l.Tenant
}

// name is a datasource's, of this tenant.
func (l Links) name(name string) string {
	if l.Tenant == "" {
		return name
	}
	return name + " " + l.Tenant
}

func tempo(url string, links Links) Datasource {
	data := map[string]any{
		"streamingEnabled": map[string]any{"search": true},
		"nodeGraph":        map[string]any{"enabled": links.NodeGraph},
	}
	if links.Loki.URL != "" {
		data["tracesToLogsV2"] = map[string]any{
			"datasourceUid":      links.uid(links.Loki.uid()),
			"spanStartTimeShift": "-1h",
			"spanEndTimeShift":   "1h",
			"filterByTraceID":    false,
			"filterBySpanID":     false,
			"customQuery":        true,
			"query":              `{${__tags}} | trace_id="${__span.traceId}"`,
		}
	}
	if links.Prometheus.ServiceMap {
		data["serviceMap"] = map[string]any{"datasourceUid": links.Prometheus.uid()}
	}
	if links.Prometheus.TracesToMetrics {
		data["tracesToMetrics"] = map[string]any{
			"datasourceUid":      links.Prometheus.uid(),
			"spanStartTimeShift": "-1h",
			"spanEndTimeShift":   "1h",
			"tags":               []any{map[string]any{"key": "service.name", "value": "service"}},
			"queries": []any{
				map[string]any{
					"name":  "Requests a second",
					"query": "sum(rate(traces_spanmetrics_calls_total{$__tags}[5m]))",
				},
				map[string]any{
					"name":  "95th percentile",
					"query": "histogram_quantile(0.95, sum(rate(traces_spanmetrics_latency_bucket{$__tags}[5m])) by (le))",
				},
			},
		}
	}
	return Datasource{Name: links.name("Tempo"), Type: "tempo", UID: links.uid(TempoUID), Access: "proxy", URL: url, JSONData: data}
}

func loki(links Links) Datasource {
	l := links.Loki
	d := Datasource{
		Name:   links.name("Loki"),
		Type:   "loki",
		UID:    links.uid(l.uid()),
		Access: "proxy",
		URL:    l.URL,
		JSONData: map[string]any{
			"derivedFields": []any{map[string]any{
				"datasourceUid": links.uid(TempoUID),
				"matcherRegex":  "trace_id",
				"matcherType":   "label",
				"name":          "TraceID",
				"url":           "${__value.raw}",
			}},
		},
	}
	if l.Tenant != "" {
		// Grafana keeps the values of headers with its secrets, whatever they are.
		d.JSONData["httpHeaderName1"] = "X-Scope-OrgID"
		d.SecureJSONData = map[string]any{"httpHeaderValue1": l.Tenant}
	}
	return d
}

func (l Loki) uid() string {
	if l.UID == "" {
		return "loki"
	}
	return l.UID
}

func (p Prometheus) uid() string {
	if p.UID == "" {
		return "prometheus"
	}
	return p.UID
}
