package grafana

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// TempoUID is the uid of Tempo's data source. With a tenant it is UID(TempoUID, tenant).
const TempoUID = "tempo"

// Preset is what picluster's own data sources of Tempo and Loki show, and how they link to
// each other.
type Preset struct {
	// Tenant is the tenant whose traces and logs the data sources show. It is part of their
	// names and uids, so that one Grafana can have the data sources of several tenants:
	// letters, digits, - or _. Default: none.
	Tenant string `pulumi:"tenant,optional"`
	// TempoTenant is the tenant that Grafana names to Tempo, in the header X-Scope-OrgID.
	// Tempo requires it if it is multi-tenant. Default: no header.
	TempoTenant string `pulumi:"tempoTenant,optional"`
	// StreamOverHTTP says that Tempo streams results over HTTP (stream_over_http_enabled):
	// Grafana then shows a search's first results before the last ones are found.
	StreamOverHTTP bool `pulumi:"streamOverHttp,optional"`
	// NodeGraph shows a trace as a graph too.
	NodeGraph bool `pulumi:"nodeGraph,optional"`
	// SpanBar is what a span's bar shows beside the duration. Default: Grafana's own.
	SpanBar SpanBar `pulumi:"spanBar,optional"`
	// TraceQuery limits a query by trace ID to the time range of the panel. Default: a
	// query by trace ID looks through all blocks.
	TraceQuery TimeShift `pulumi:"traceQuery,optional"`
	// HideSearch hides the query type Search.
	HideSearch bool `pulumi:"hideSearch,optional"`

	// LokiUID is the uid of Loki's data source. Default: loki.
	LokiUID string `pulumi:"lokiUid,optional"`
	// LokiTenant is the tenant of Loki whose logs they are. Default: no header.
	LokiTenant string `pulumi:"lokiTenant,optional"`

	// PrometheusUID is the uid of a data source of type prometheus that Grafana has
	// already. Default: prometheus, as kube-prometheus-stack names its own.
	PrometheusUID string `pulumi:"prometheusUid,optional"`
	// ServiceMap shows the metrics of Tempo's service graphs.
	ServiceMap bool `pulumi:"serviceMap,optional"`
	// TracesToMetrics links a span to Tempo's span metrics.
	TracesToMetrics bool `pulumi:"tracesToMetrics,optional"`
}

// SpanBar is what a span's bar shows.
type SpanBar struct {
	// Type is None, Duration or Tag. Default: Grafana's own, which is Duration.
	Type string `pulumi:"type,optional"`
	// Tag is the tag whose value is shown, such as http.path. Required for Type Tag.
	Tag string `pulumi:"tag,optional"`
}

// The types of SpanBar.
const (
	SpanBarNone     = "None"
	SpanBarDuration = "Duration"
	SpanBarTag      = "Tag"
)

// TimeShift is by how much the ends of a time range are moved, such as -1h and 1h.
type TimeShift struct {
	// Start moves the start of the range. It requires End.
	Start string `pulumi:"start,optional"`
	// End moves the end of the range. It requires Start.
	End string `pulumi:"end,optional"`
}

// Tenant is the Tempo of one of several tenants whose data sources are in one document.
type Tenant struct {
	// TempoURL is Tempo's query URL, as Grafana reaches it. Required.
	TempoURL pulumi.StringInput `pulumi:"tempoUrl"`
	// LokiURL is the URL of the Loki with the tenant's logs. Default: none.
	LokiURL pulumi.StringInput `pulumi:"lokiUrl,optional"`
	// Preset has the tenant's name.
	Preset Preset `pulumi:"preset"`
}

// hashLength is the number of hex digits at the end of a uid or an object's name that is
// shortened.
const hashLength = 8

// UID returns the uid of a tenant's data source: uid-tenant. If this is longer than Grafana
// accepts, it is cut and ends with a hash of the whole.
func UID(uid, tenant string) string {
	if tenant == "" {
		return uid
	}
	long := uid + "-" + tenant
	if len(long) <= maxUID {
		return long
	}
	sum := sha256.Sum256([]byte(long))
	return long[:maxUID-1-hashLength] + "-" + hex.EncodeToString(sum[:])[:hashLength]
}

func (p Preset) tempoUID() string      { return UID(TempoUID, p.Tenant) }
func (p Preset) lokiUID() string       { return UID(cmp.Or(p.LokiUID, "loki"), p.Tenant) }
func (p Preset) prometheusUID() string { return cmp.Or(p.PrometheusUID, "prometheus") }

// name returns the name of this tenant's data source.
func (p Preset) name(name string) string {
	if p.Tenant == "" {
		return name
	}
	return name + " " + p.Tenant
}

// output returns the preset's data sources once the URLs are known.
func (t Tenant) output(path string) pulumi.Output {
	loki := t.LokiURL
	if !isSet(loki) {
		loki = pulumi.String("")
	} else {
		loki = checkedURL(path+"LokiURL", loki)
	}
	return pulumi.All(checkedURL(path+"TempoURL", t.TempoURL), loki).ApplyT(func(urls []any) []datasource {
		return t.Preset.datasources(urls[0].(string), urls[1].(string))
	})
}

// datasources returns Tempo's data source and, unless lokiURL is empty, Loki's before it,
// with links from each to the other.
func (p Preset) datasources(tempoURL, lokiURL string) []datasource {
	if lokiURL == "" {
		return []datasource{p.tempo(tempoURL, false)}
	}
	return []datasource{p.loki(lokiURL), p.tempo(tempoURL, true)}
}

func (p Preset) tempo(url string, hasLoki bool) datasource {
	data := map[string]any{
		"streamingEnabled": map[string]any{"search": p.StreamOverHTTP},
		"nodeGraph":        map[string]any{"enabled": p.NodeGraph},
	}
	if hasLoki {
		data["tracesToLogsV2"] = map[string]any{
			"datasourceUid":      p.lokiUID(),
			"spanStartTimeShift": "-1h",
			"spanEndTimeShift":   "1h",
			"filterByTraceID":    false,
			"filterBySpanID":     false,
			"customQuery":        true,
			"query":              `{${__tags}} | trace_id="${__span.traceId}"`,
		}
	}
	if p.ServiceMap {
		data["serviceMap"] = map[string]any{"datasourceUid": p.prometheusUID()}
	}
	if p.TracesToMetrics {
		data["tracesToMetrics"] = map[string]any{
			"datasourceUid":      p.prometheusUID(),
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
	if p.SpanBar.Type != "" {
		bar := map[string]any{"type": p.SpanBar.Type}
		if p.SpanBar.Tag != "" {
			bar["tag"] = p.SpanBar.Tag
		}
		data["spanBar"] = bar
	}
	if p.TraceQuery != (TimeShift{}) {
		data["traceQuery"] = map[string]any{
			"timeShiftEnabled":   true,
			"spanStartTimeShift": p.TraceQuery.Start,
			"spanEndTimeShift":   p.TraceQuery.End,
		}
	}
	if p.HideSearch {
		data["search"] = map[string]any{"hide": true}
	}
	d := datasource{Name: p.name("Tempo"), Type: "tempo", UID: p.tempoUID(), Access: proxy, URL: url, JSONData: data}
	d.setTenant(p.TempoTenant)
	return d
}

func (p Preset) loki(url string) datasource {
	d := datasource{
		Name:   p.name("Loki"),
		Type:   "loki",
		UID:    p.lokiUID(),
		Access: proxy,
		URL:    url,
		JSONData: map[string]any{
			"derivedFields": []any{map[string]any{
				"datasourceUid": p.tempoUID(),
				"matcherRegex":  "trace_id",
				"matcherType":   "label",
				"name":          "TraceID",
				"url":           "${__value.raw}",
			}},
		},
	}
	d.setTenant(p.LokiTenant)
	return d
}

// setTenant has Grafana name a tenant to the server.
func (d *datasource) setTenant(tenant string) {
	if tenant == "" {
		return
	}
	// Grafana stores the values of headers with its secrets, whatever they are.
	d.JSONData["httpHeaderName1"] = "X-Scope-OrgID"
	d.SecureJSONData = map[string]string{"httpHeaderValue1": tenant}
}
