//lint:file-ignore SA1019 Grafana's sidecar and operator read the first form of a dashboard, which every Grafana has

package main

import (
	"encoding/json"
	"net/url"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// services is the dashboard of what is traced, by Tempo's span metrics.
func services() *dashboard.DashboardBuilder {
	const (
		// served are the spans of requests that a service serves.
		served = `service=~"$service",span_kind=~"SPAN_KIND_SERVER|SPAN_KIND_CONSUMER"`
		calls  = `rate(traces_spanmetrics_calls_total{` + served + `}[$__rate_interval])`
		failed = `rate(traces_spanmetrics_calls_total{` + served + `,status_code="STATUS_CODE_ERROR"}[$__rate_interval])`
		bucket = `rate(traces_spanmetrics_latency_bucket{` + served + `}[$__rate_interval])`
	)
	// links lead from a series of a service to its traces and logs.
	links := []cog.Builder[dashboard.DashboardLink]{
		dashboard.NewDashboardLinkBuilder("Traces").Url(explore("tempo", map[string]any{
			"queryType": "traceql", "query": `{resource.service.name="${__field.labels.service}"}`,
		})),
		dashboard.NewDashboardLinkBuilder("Logs").Url(explore("loki", map[string]any{
			"expr": `{service_name="${__field.labels.service}"}`,
		})),
	}
	return newDashboard("Services", "Rate, errors and duration of the traced services, with links to their traces and logs.").
		WithVariable(datasource("tempo", "Tempo")).
		WithVariable(datasource("loki", "Loki")).
		WithVariable(choice("service", "Service", "label_values(traces_spanmetrics_calls_total, service)")).
		WithRow(row("Services")).
		WithPanel(graph("Rate", "Requests that each service serves.", "reqps",
			query{`sum by (service) (` + calls + `)`, "{{service}}"}).DataLinks(links)).
		WithPanel(graph("Errors", "Requests that fail, of those that each service serves.", percent,
			query{`100 * sum by (service) (` + failed + `) / sum by (service) (` + calls + `)`, "{{service}}"}).DataLinks(links)).
		WithPanel(graph("Duration", "95th percentile, by service.", seconds,
			query{`histogram_quantile(0.95, sum by (le, service) (` + bucket + `))`, "{{service}}"}).DataLinks(links)).
		WithPanel(graph("Duration of all", "", seconds, quantiles(`sum by (le) (`+bucket+`)`)...)).
		WithRow(row("Operations")).
		WithPanel(graph("Rate", "The ten operations with the most requests.", "reqps",
			query{`topk(10, sum by (service, span_name) (` + calls + `))`, "{{service}} {{span_name}}"}).DataLinks(links)).
		WithPanel(graph("Duration", "95th percentile of the ten slowest operations.", seconds,
			query{`topk(10, histogram_quantile(0.95, sum by (le, service, span_name) (` + bucket + `)))`, "{{service}} {{span_name}}"}).DataLinks(links))
}

// explore returns the URL of a query in Grafana's Explore. The data source is that of the
// dashboard's variable of the type's name.
func explore(typ string, query map[string]any) string {
	uid := "${" + typ + "}"
	query["refId"] = "A"
	query["datasource"] = map[string]any{"type": typ, "uid": uid}
	panes, err := json.Marshal(map[string]any{"a": map[string]any{
		"datasource": uid,
		"queries":    []any{query},
		"range":      map[string]any{"from": "${__from}", "to": "${__to}"},
	}})
	if err != nil {
		panic(err) // maps and texts alone
	}
	return "/explore?schemaVersion=1&panes=" + unescape(url.QueryEscape(string(panes)))
}

// unescape restores each ${…} of an escaped text, and no brace beside it.
func unescape(escaped string) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(escaped, "%24%7B")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		name, after, _ := strings.Cut(rest, "%7D")
		out.WriteString("${" + name + "}")
		escaped = after
	}
}
