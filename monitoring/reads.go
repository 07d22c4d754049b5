//lint:file-ignore SA1019 Grafana's sidecar and operator read the first form of a dashboard, which every Grafana has

package main

import "github.com/grafana/grafana-foundation-sdk/go/dashboard"

// reads is the dashboard of queries.
func reads() *dashboard.DashboardBuilder {
	const (
		// frontend are the metrics of the routes of the query-frontend, over HTTP and gRPC.
		frontend = `{namespace=~"$namespace",route=~"api_.+|/tempopb.StreamingQuerier/.+"}[$__rate_interval]`
		failed   = `{namespace=~"$namespace",route=~"api_.+|/tempopb.StreamingQuerier/.+",status_code=~"5..|error"}[$__rate_interval]`
	)
	return ofTempo("Tempo reads", "Queries from Grafana to the bucket and the cache.").
		WithRow(row("Queries")).
		WithPanel(graph("Queries", "By kind and result.", perSecond,
			query{`sum by (op, result) (rate(tempo_query_frontend_queries_total{namespace=~"$namespace"}[$__rate_interval]))`, "{{op}} {{result}}"})).
		WithPanel(graph("Failed queries", "By route, of all queries of the route.", percent,
			query{`100 * sum by (route) (rate(tempo_request_duration_seconds_count` + failed + `)) / sum by (route) (rate(tempo_request_duration_seconds_count` + frontend + `))`, "{{route}}"})).
		WithPanel(graph("Duration", "Of all queries.", seconds,
			quantiles(`sum by (le) (rate(tempo_request_duration_seconds_bucket`+frontend+`))`)...)).
		WithPanel(graph("Duration by route", "95th percentile.", seconds,
			query{`histogram_quantile(0.95, sum by (le, route) (rate(tempo_request_duration_seconds_bucket` + frontend + `)))`, "{{route}}"})).
		WithPanel(graph("Bytes inspected", "By kind of query.", "Bps",
			query{`sum by (op) (rate(tempo_query_frontend_bytes_inspected_total{namespace=~"$namespace"}[$__rate_interval]))`, "{{op}}"})).
		WithPanel(graph("Queue", "Jobs that wait for a querier, by tenant.", short,
			query{`sum by (namespace, tenant) (tempo_query_frontend_queue_length{namespace=~"$namespace"})`, "{{namespace}} {{tenant}}"})).
		WithPanel(graph("Time in the queue", "", seconds,
			quantiles(`sum by (le) (rate(tempo_query_frontend_queue_duration_seconds_bucket{namespace=~"$namespace"}[$__rate_interval]))`)...)).
		WithPanel(graph("Jobs of the queriers", "By route and status.", perSecond,
			query{`sum by (route, status_code) (rate(tempo_request_duration_seconds_count{namespace=~"$namespace",route=~"querier_.+"}[$__rate_interval]))`, "{{route}} {{status_code}}"})).
		WithRow(row("Cache")).
		WithPanel(graph("Requests to the cache", "By method and status. 404 is a miss. A monolithic Tempo has no cache.", perSecond,
			query{`sum by (method, status_code) (rate(tempo_memcache_request_duration_seconds_count{namespace=~"$namespace"}[$__rate_interval]))`, "{{method}} {{status_code}}"})).
		WithPanel(graph("Duration of requests to the cache", "95th percentile, by method.", seconds,
			query{`histogram_quantile(0.95, sum by (le, method) (rate(tempo_memcache_request_duration_seconds_bucket{namespace=~"$namespace"}[$__rate_interval])))`, "{{method}}"})).
		WithRow(row("List of blocks")).
		WithPanel(graph("Blocks", "Those that queries look through, by tenant.", short,
			query{`max by (namespace, tenant) (tempodb_blocklist_length{namespace=~"$namespace"})`, "{{namespace}} {{tenant}}"})).
		WithPanel(graph("Failed reads of the list", "By pod.", perSecond,
			query{`sum by (pod) (rate(tempodb_blocklist_poll_errors_total{namespace=~"$namespace"}[$__rate_interval]))`, "{{pod}}"}))
}
