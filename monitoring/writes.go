//lint:file-ignore SA1019 Grafana's sidecar and operator read the first form of a dashboard, which every Grafana has

package main

import "github.com/grafana/grafana-foundation-sdk/go/dashboard"

// writes is the dashboard of spans on their way into the bucket.
func writes() *dashboard.DashboardBuilder {
	return ofTempo("Tempo writes", "Spans from the receivers to the bucket.").
		WithRow(row("Received")).
		WithPanel(graph("Accepted spans", "By receiver and transport.", perSecond,
			query{`sum by (receiver, transport) (rate(tempo_receiver_accepted_spans{namespace=~"$namespace"}[$__rate_interval]))`, "{{receiver}} {{transport}}"})).
		WithPanel(graph("Refused spans", "By receiver and transport. Their senders try again, or lose them.", perSecond,
			query{`sum by (receiver, transport) (rate(tempo_receiver_refused_spans{namespace=~"$namespace"}[$__rate_interval]))`, "{{receiver}} {{transport}}"})).
		WithPanel(graph("Spans", "Those that are accepted, by namespace and tenant.", perSecond,
			query{`sum by (namespace, tenant) (rate(tempo_distributor_spans_received_total{namespace=~"$namespace"}[$__rate_interval]))`, "{{namespace}} {{tenant}}"})).
		WithPanel(graph("Bytes", "Of the spans that are accepted, by namespace and tenant.", "Bps",
			query{`sum by (namespace, tenant) (rate(tempo_distributor_bytes_received_total{namespace=~"$namespace"}[$__rate_interval]))`, "{{namespace}} {{tenant}}"})).
		WithPanel(graph("Discarded spans", "By reason and tenant. They are lost.", perSecond,
			query{`sum by (reason, tenant) (rate(tempo_discarded_spans_total{namespace=~"$namespace"}[$__rate_interval]))`, "{{reason}} {{tenant}}"})).
		WithPanel(graph("Duration of a push", "From the distributor to all ingesters.", seconds,
			quantiles(`sum by (le) (rate(tempo_distributor_push_duration_seconds_bucket{namespace=~"$namespace"}[$__rate_interval]))`)...)).
		WithRow(row("Ingesters")).
		WithPanel(graph("Members of the rings", "By ring and state. Each pod sees the whole ring.", short,
			query{`max by (namespace, name, state) (tempo_ring_members{namespace=~"$namespace"}) > 0`, "{{namespace}} {{name}} {{state}}"})).
		WithPanel(graph("Live traces", "Those that an ingester has in memory, by pod.", short,
			query{`sum by (pod) (tempo_ingester_live_traces{namespace=~"$namespace"})`, "{{pod}}"})).
		WithRow(row("Bucket")).
		WithPanel(graph("Blocks written", "Written, and failed.", perSecond,
			query{`sum by (namespace) (rate(tempo_ingester_blocks_flushed_total{namespace=~"$namespace"}[$__rate_interval]))`, "{{namespace}} written"},
			query{`sum by (namespace) (rate(tempo_ingester_failed_flushes_total{namespace=~"$namespace"}[$__rate_interval]))`, "{{namespace}} failed"})).
		WithPanel(graph("Duration of writing a block", "", seconds,
			quantiles(`sum by (le) (rate(tempo_ingester_flush_duration_seconds_bucket{namespace=~"$namespace"}[$__rate_interval]))`)...)).
		WithPanel(graph("Requests to the S3 server", "By operation and status. 404 is ordinary.", perSecond,
			query{`sum by (operation, status_code) (rate(tempodb_backend_request_duration_seconds_count{namespace=~"$namespace"}[$__rate_interval]))`, "{{operation}} {{status_code}}"})).
		WithPanel(graph("Duration of requests to the S3 server", "95th percentile, by operation.", seconds,
			query{`histogram_quantile(0.95, sum by (le, operation) (rate(tempodb_backend_request_duration_seconds_bucket{namespace=~"$namespace"}[$__rate_interval])))`, "{{operation}}"})).
		WithPanel(graph("Blocks left to compact", "By compactor.", short,
			query{`sum by (pod) (tempodb_compaction_outstanding_blocks{namespace=~"$namespace"})`, "{{pod}}"})).
		WithPanel(graph("Failed compactions", "By compactor.", perSecond,
			query{`sum by (pod) (rate(tempodb_compaction_errors_total{namespace=~"$namespace"}[$__rate_interval]))`, "{{pod}}"}))
}
