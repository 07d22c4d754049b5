package prometheus

// The severities of an alert, as the routes of Alertmanager in kube-prometheus-stack have
// them.
const (
	critical = "critical" // traces are lost, or cannot be queried, now
	warning  = "warning"  // it becomes critical, or costs more than it should
)

// Alert is an alert of a Tempo.
type Alert struct {
	// Name is the alert's name, and the heading of its section in docs/alerts.md.
	Name string
	// Severity is critical or warning.
	Severity string
	// For is how long the expression must have a result before the alert fires.
	For string
	// Threshold is the name of the threshold that the expression is compared with; empty
	// if there is none.
	Threshold string
	// Expr is the expression in PromQL, with these placeholders for what a release has:
	//
	//	$TEMPO      the label matchers of its pods' metrics
	//	$NAMESPACE  its namespace
	//	$RELEASE    its release
	//	$RETENTION  how long it keeps traces
	//	$LIMIT      the threshold
	Expr string
	// Summary says what is wrong, in one line.
	Summary string
}

// All returns all alerts. The metrics are Tempo's own, but for those of the kubelet's
// cAdvisor and of kube-state-metrics, both of which kube-prometheus-stack has. A test of
// the module monitoring compares them with the metrics that each version of Tempo has.
func All() []Alert {
	const (
		// accepted and refused are the spans a second of each receiver.
		accepted = `sum by (namespace, receiver) (rate(tempo_receiver_accepted_spans{$TEMPO}[10m]))`
		refused  = `sum by (namespace, receiver) (rate(tempo_receiver_refused_spans{$TEMPO}[10m]))`
		// queries are the routes of the query-frontend, over HTTP and gRPC.
		queries = `route=~"api_.+|/tempopb.StreamingQuerier/.+"`
		// bucket is the size of all blocks. Every pod that reads the list of blocks has it.
		bucket = `max by (namespace) (sum by (namespace, pod) (tempodb_backend_bytes_total{$TEMPO}))`
	)
	return []Alert{
		{
			Name: "TempoNotScraped", Severity: critical, For: "10m",
			Expr:    `absent(tempo_build_info{$TEMPO})`,
			Summary: "Prometheus has no metrics of Tempo in namespace $NAMESPACE, so that no other alert of it fires.",
		},
		{
			Name: "TempoNoIngester", Severity: critical, For: "2m",
			Expr:    `(max by (namespace) (tempo_ring_members{$TEMPO,name="ingester",state="ACTIVE"}) or 0 * max by (namespace) (tempo_build_info{$TEMPO})) == 0`,
			Summary: "Tempo in namespace $NAMESPACE has no ingester: it rejects all spans.",
		},
		{
			Name: "TempoTooFewIngesters", Severity: warning, For: "15m",
			Expr:    `(0 < max by (namespace) (tempo_ring_members{$TEMPO,name="ingester",state="ACTIVE"})) < on (namespace) sum by (namespace) (kube_statefulset_replicas{namespace="$NAMESPACE",statefulset=~"$RELEASE(-ingester.*)?"})`,
			Summary: "Tempo in namespace $NAMESPACE has {{ $value }} ingesters, fewer than its StatefulSet wants.",
		},
		{
			Name: "TempoRingUnhealthy", Severity: warning, For: "10m",
			Expr:    `max by (namespace, name) (tempo_ring_members{$TEMPO,state="Unhealthy"}) > 0`,
			Summary: "The ring {{ $labels.name }} of Tempo in namespace $NAMESPACE has {{ $value }} members that do not respond.",
		},
		{
			Name: "TempoFlushesFail", Severity: critical, For: "10m",
			Expr:    `sum by (namespace) (increase(tempo_ingester_failed_flushes_total{$TEMPO}[10m])) > 0`,
			Summary: "Ingesters of Tempo in namespace $NAMESPACE cannot write blocks to the bucket.",
		},
		{
			Name: "TempoBlocksNotCompacted", Severity: warning, For: "2h", Threshold: OutstandingBlocks,
			Expr:    `sum by (namespace, pod) (tempodb_compaction_outstanding_blocks{$TEMPO}) > $LIMIT`,
			Summary: "The compactor {{ $labels.pod }} in namespace $NAMESPACE has {{ $value }} blocks left to compact.",
		},
		{
			Name: "TempoCompactionsFail", Severity: warning, For: "1h",
			Expr:    `sum by (namespace) (increase(tempodb_compaction_errors_total{$TEMPO}[1h])) > 2`,
			Summary: "Compactions of Tempo in namespace $NAMESPACE fail.",
		},
		{
			Name: "TempoSpansRefused", Severity: warning, For: "10m", Threshold: LostSpansPercent,
			Expr:    `100 * ` + refused + ` / (` + refused + ` + (` + accepted + ` or 0 * ` + refused + `)) > $LIMIT`,
			Summary: "The receiver {{ $labels.receiver }} of Tempo in namespace $NAMESPACE rejects {{ $value | printf \"%.1f\" }} % of the spans.",
		},
		{
			Name: "TempoSpansDiscarded", Severity: warning, For: "10m", Threshold: LostSpansPercent,
			Expr:    `100 * sum by (namespace, reason) (rate(tempo_discarded_spans_total{$TEMPO}[10m])) / on (namespace) group_left () sum by (namespace) (rate(tempo_distributor_spans_received_total{$TEMPO}[10m])) > $LIMIT`,
			Summary: "Tempo in namespace $NAMESPACE discards {{ $value | printf \"%.1f\" }} % of the spans: {{ $labels.reason }}.",
		},
		{
			Name: "TempoQueriesSlow", Severity: warning, For: "15m", Threshold: QuerySeconds,
			Expr:    `histogram_quantile(0.95, sum by (namespace, le) (rate(tempo_request_duration_seconds_bucket{$TEMPO,` + queries + `}[10m]))) > $LIMIT`,
			Summary: "One of 20 queries of Tempo in namespace $NAMESPACE takes {{ $value | printf \"%.1f\" }} s or longer.",
		},
		{
			Name: "TempoQueriesFail", Severity: critical, For: "10m", Threshold: QueryErrorPercent,
			Expr: `100 * sum by (namespace) (rate(tempo_request_duration_seconds_count{$TEMPO,` + queries + `,status_code=~"5..|error"}[10m]))` +
				` / sum by (namespace) (rate(tempo_request_duration_seconds_count{$TEMPO,` + queries + `}[10m])) > $LIMIT`,
			Summary: "{{ $value | printf \"%.1f\" }} % of the queries of Tempo in namespace $NAMESPACE fail.",
		},
		{
			// 404 is an ordinary answer: Tempo looks for objects that need not exist.
			Name: "TempoS3RequestsFail", Severity: critical, For: "10m", Threshold: S3ErrorPercent,
			Expr: `100 * sum by (namespace, operation) (rate(tempodb_backend_request_duration_seconds_count{$TEMPO,status_code=~"401|403|429|5.."}[10m]))` +
				` / sum by (namespace, operation) (rate(tempodb_backend_request_duration_seconds_count{$TEMPO}[10m])) > $LIMIT`,
			Summary: "{{ $value | printf \"%.1f\" }} % of the requests {{ $labels.operation }} of Tempo in namespace $NAMESPACE to the S3 server fail.",
		},
		{
			Name: "TempoBlocklistNotRead", Severity: warning, For: "15m",
			Expr:    `sum by (namespace) (increase(tempodb_blocklist_poll_errors_total{$TEMPO}[10m])) > 0`,
			Summary: "Tempo in namespace $NAMESPACE cannot read the list of blocks: queries miss the newest ones.",
		},
		{
			Name: "TempoMemoryNearLimit", Severity: warning, For: "15m", Threshold: MemoryPercent,
			Expr: `100 * max by (namespace, pod, container) (container_memory_working_set_bytes{$TEMPO,container!=""})` +
				` / on (namespace, pod, container) max by (namespace, pod, container) (kube_pod_container_resource_limits{$TEMPO,resource="memory"}) > $LIMIT`,
			Summary: "Container {{ $labels.container }} of pod {{ $labels.pod }} in namespace $NAMESPACE uses {{ $value | printf \"%.0f\" }} % of its memory limit.",
		},
		{
			// Once traces are as old as the retention, as much is deleted as is written.
			Name: "TempoBucketGrows", Severity: warning, For: "6h", Threshold: BucketGrowthPercent,
			Expr:    `100 * (` + bucket + ` / max_over_time((` + bucket + `)[$RETENTION:1h] offset $RETENTION) - 1) > $LIMIT`,
			Summary: "The bucket of Tempo in namespace $NAMESPACE has grown by {{ $value | printf \"%.0f\" }} % within the retention, $RETENTION.",
		},
		{
			Name: "TempoRetentionFails", Severity: warning, For: "1h",
			Expr:    `sum by (namespace) (increase(tempodb_retention_errors_total{$TEMPO}[1h])) > 0`,
			Summary: "Tempo in namespace $NAMESPACE cannot delete blocks that are older than the retention, $RETENTION.",
		},
	}
}
