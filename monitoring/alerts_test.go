package main

import (
	"cmp"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	alerts "github.com/picluster/picluster/components/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// rule is a rule as a file of Prometheus has it.
type rule struct {
	name, expr, summary string
	hold                time.Duration
}

// rulesOf returns the rules of the release tempo in the namespace tempo.
func rulesOf(t *testing.T) []rule {
	t.Helper()
	var all []rule
	for _, group := range alerts.Groups("tempo", "tempo") {
		for _, r := range group.(map[string]any)["rules"].([]any) {
			r := r.(map[string]any)
			hold, err := model.ParseDuration(r["for"].(string))
			require.NoError(t, err)
			all = append(all, rule{
				r["alert"].(string), r["expr"].(string), r["annotations"].(map[string]any)["summary"].(string), time.Duration(hold),
			})
		}
	}
	return all
}

// healthy has the metrics of a Tempo with three ingesters and without a problem, a sample a
// minute. A case replaces some of them, by their names and labels.
const healthy = `
tempo_build_info{namespace="tempo",pod="tempo-querier-0"} 1x600
tempo_ring_members{namespace="tempo",pod="tempo-querier-0",name="ingester",state="ACTIVE"} 3x600
tempo_ring_members{namespace="tempo",pod="tempo-querier-0",name="ingester",state="Unhealthy"} 0x600
kube_statefulset_replicas{namespace="tempo",statefulset="tempo-ingester"} 3x600
kube_statefulset_replicas{namespace="tempo",statefulset="tempo-memcached"} 9x600
tempo_ingester_failed_flushes_total{namespace="tempo",pod="tempo-ingester-0"} 7x600
tempodb_compaction_outstanding_blocks{namespace="tempo",pod="tempo-compactor-0",tenant="a"} 60x600
tempodb_compaction_outstanding_blocks{namespace="tempo",pod="tempo-compactor-1",tenant="a"} 60x600
tempodb_compaction_errors_total{namespace="tempo",pod="tempo-compactor-0"} 0x569 1x30
tempo_receiver_accepted_spans{namespace="tempo",pod="tempo-distributor-0",receiver="otlp"} 0+6000x600
tempo_receiver_refused_spans{namespace="tempo",pod="tempo-distributor-0",receiver="otlp"} 0+6x600
tempo_distributor_spans_received_total{namespace="tempo",pod="tempo-distributor-0",tenant="a"} 0+6000x600
tempo_discarded_spans_total{namespace="tempo",pod="tempo-distributor-0",reason="rate_limited"} 0+6x600
tempo_request_duration_seconds_bucket{namespace="tempo",pod="tempo-query-frontend-0",route="api_search",status_code="200",le="1"} 0+60x600
tempo_request_duration_seconds_bucket{namespace="tempo",pod="tempo-query-frontend-0",route="api_search",status_code="200",le="25"} 0+61x600
tempo_request_duration_seconds_bucket{namespace="tempo",pod="tempo-query-frontend-0",route="api_search",status_code="200",le="+Inf"} 0+61x600
tempo_request_duration_seconds_count{namespace="tempo",pod="tempo-query-frontend-0",route="api_search",status_code="200"} 0+60x600
tempo_request_duration_seconds_count{namespace="tempo",pod="tempo-query-frontend-0",route="api_search",status_code="500"} 0+1x600
tempo_request_duration_seconds_count{namespace="tempo",pod="tempo-querier-0",route="querier_api_search",status_code="500"} 0+60x600
tempodb_backend_request_duration_seconds_count{namespace="tempo",pod="tempo-ingester-0",operation="GET",status_code="200"} 0+60x600
tempodb_backend_request_duration_seconds_count{namespace="tempo",pod="tempo-ingester-0",operation="GET",status_code="404"} 0+60x600
tempodb_backend_request_duration_seconds_count{namespace="tempo",pod="tempo-ingester-0",operation="GET",status_code="503"} 0+1x600
tempodb_blocklist_poll_errors_total{namespace="tempo",pod="tempo-querier-0",tenant="a"} 4x600
container_memory_working_set_bytes{namespace="tempo",pod="tempo-ingester-0",container="ingester"} 800x600
container_memory_working_set_bytes{namespace="tempo",pod="tempo-ingester-0",container=""} 2000x600
kube_pod_container_resource_limits{namespace="tempo",pod="tempo-ingester-0",container="ingester",resource="memory"} 1000x600
kube_pod_container_resource_limits{namespace="tempo",pod="tempo-ingester-0",container="ingester",resource="cpu"} 1x600
tempodb_retention_errors_total{namespace="tempo",pod="tempo-compactor-0"} 5x600
`

// TestHealthy has no alert fire for a healthy Tempo, nor because of another Tempo.
func TestHealthy(t *testing.T) {
	other := `
tempo_ring_members{namespace="other",pod="tempo-querier-0",name="ingester",state="Unhealthy"} 3x600
tempo_ring_members{namespace="tempo",pod="other-0",name="ingester",state="Unhealthy"} 3x600
tempo_ingester_failed_flushes_total{namespace="other",pod="tempo-ingester-0"} 0+60x600
`
	at := 10 * time.Hour
	for _, r := range rulesOf(t) {
		assert.Empty(t, fires(t, r, time.Minute, healthy+other, at), r.name)
	}
}

// TestAlerts has each alert fire for what it is about, with what its summary needs, and not for
// what is just within its threshold.
func TestAlerts(t *testing.T) {
	const tempo = `{namespace="tempo",pod="tempo-x-0"`
	fired := map[string]bool{}
	for _, test := range []struct {
		alert  string
		series string        // a line each
		want   string        // the summary; empty: it does not fire
		step   time.Duration // of the samples. Default: a minute
	}{
		{"TempoNotScraped", `up{namespace="tempo"} 0x100`, "Prometheus has no metrics of Tempo in namespace tempo, so that no other alert of it fires.", 0},
		{"TempoNotScraped", `tempo_build_info` + tempo + `} 1x100`, "", 0},
		{"TempoNotScraped", `tempo_build_info{namespace="tempo",pod="loki-0"} 1x100`, "Prometheus has no metrics of Tempo in namespace tempo, so that no other alert of it fires.", 0},
		{"TempoNoIngester", `tempo_ring_members` + tempo + `,name="ingester",state="ACTIVE"} 0x100`, "Tempo in namespace tempo has no ingester: it rejects all spans.", 0},
		{"TempoNoIngester", `tempo_build_info` + tempo + `} 1x100`, "Tempo in namespace tempo has no ingester: it rejects all spans.", 0},
		{"TempoNoIngester", `tempo_ring_members` + tempo + `,name="ingester",state="ACTIVE"} 1x100`, "", 0},
		{"TempoTooFewIngesters", `tempo_ring_members` + tempo + `,name="ingester",state="ACTIVE"} 2x100
			kube_statefulset_replicas{namespace="tempo",statefulset="tempo-ingester"} 3x100`, "Tempo in namespace tempo has 2 ingesters, fewer than its StatefulSet wants.", 0},
		{"TempoTooFewIngesters", `tempo_ring_members` + tempo + `,name="ingester",state="ACTIVE"} 1x100
			kube_statefulset_replicas{namespace="tempo",statefulset="tempo"} 1x100`, "", 0},
		{"TempoTooFewIngesters", `tempo_ring_members` + tempo + `,name="ingester",state="ACTIVE"} 0x100
			kube_statefulset_replicas{namespace="tempo",statefulset="tempo-ingester"} 3x100`, "", 0}, // TempoNoIngester
		{"TempoRingUnhealthy", `tempo_ring_members` + tempo + `,name="metrics-generator",state="Unhealthy"} 1x100`, "The ring metrics-generator of Tempo in namespace tempo has 1 members that do not respond.", 0},
		{"TempoFlushesFail", `tempo_ingester_failed_flushes_total` + tempo + `} 0+1x100`, "Ingesters of Tempo in namespace tempo cannot write blocks to the bucket.", 0},
		{"TempoFlushesFail", `tempo_ingester_failed_flushes_total` + tempo + `} 0x59 9x9`, "", 0}, // once, and no more
		{"TempoBlocksNotCompacted", `tempodb_compaction_outstanding_blocks` + tempo + `,tenant="a"} 60x200
			tempodb_compaction_outstanding_blocks` + tempo + `,tenant="b"} 41x200`, "The compactor tempo-x-0 in namespace tempo has 101 blocks left to compact.", 0},
		{"TempoCompactionsFail", `tempodb_compaction_errors_total` + tempo + `} 0+1x200`, "Compactions of Tempo in namespace tempo fail.", 0},
		{"TempoCompactionsFail", `tempodb_compaction_errors_total` + tempo + `} 0x149 1x50`, "", 0},
		{"TempoSpansRefused", `tempo_receiver_accepted_spans` + tempo + `,receiver="otlp"} 0+9600x100
			tempo_receiver_refused_spans` + tempo + `,receiver="otlp"} 0+2400x100`, "The receiver otlp of Tempo in namespace tempo rejects 20.0 % of the spans.", 0},
		{"TempoSpansRefused", `tempo_receiver_refused_spans` + tempo + `,receiver="zipkin"} 0+60x100`, "The receiver zipkin of Tempo in namespace tempo rejects 100.0 % of the spans.", 0},
		{"TempoSpansRefused", `tempo_receiver_refused_spans` + tempo + `,receiver="zipkin"} 60x100`, "", 0},
		{"TempoSpansDiscarded", `tempo_distributor_spans_received_total` + tempo + `,tenant="a"} 0+6000x100
			tempo_discarded_spans_total` + tempo + `,tenant="a",reason="trace_too_large"} 0+300x100`, "Tempo in namespace tempo discards 5.0 % of the spans: trace_too_large.", 0},
		{"TempoQueriesSlow", `tempo_request_duration_seconds_bucket` + tempo + `,route="/tempopb.StreamingQuerier/Search",le="10"} 0+30x100
			tempo_request_duration_seconds_bucket` + tempo + `,route="/tempopb.StreamingQuerier/Search",le="20"} 0+60x100
			tempo_request_duration_seconds_bucket` + tempo + `,route="/tempopb.StreamingQuerier/Search",le="+Inf"} 0+60x100`, "One of 20 queries of Tempo in namespace tempo takes 19.0 s or longer.", 0},
		{"TempoQueriesFail", `tempo_request_duration_seconds_count` + tempo + `,route="api_search",status_code="200"} 0+54x100
			tempo_request_duration_seconds_count` + tempo + `,route="api_search",status_code="503"} 0+6x100`, "10.0 % of the queries of Tempo in namespace tempo fail.", 0},
		{"TempoQueriesFail", `tempo_request_duration_seconds_count` + tempo + `,route="api_traces_traceid",status_code="404"} 0+60x100`, "", 0},
		{"TempoS3RequestsFail", `tempodb_backend_request_duration_seconds_count` + tempo + `,operation="PUT",status_code="200"} 0+30x100
			tempodb_backend_request_duration_seconds_count` + tempo + `,operation="PUT",status_code="403"} 0+30x100`, "50.0 % of the requests PUT of Tempo in namespace tempo to the S3 server fail.", 0},
		{"TempoBlocklistNotRead", `tempodb_blocklist_poll_errors_total` + tempo + `,tenant="a"} 0+4x100`, "Tempo in namespace tempo cannot read the list of blocks: queries miss the newest ones.", 0},
		{"TempoMemoryNearLimit", `container_memory_working_set_bytes` + tempo + `,container="querier"} 950x100
			kube_pod_container_resource_limits` + tempo + `,container="querier",resource="memory"} 1000x100`, "Container querier of pod tempo-x-0 in namespace tempo uses 95 % of its memory limit.", 0},
		{"TempoMemoryNearLimit", `container_memory_working_set_bytes` + tempo + `,container="querier"} 950x100`, "", 0}, // no limit
		// 48 hours of a bucket that fills, and then 62 of one that grows as before, or does not.
		{"TempoBucketGrows", `tempodb_backend_bytes_total` + tempo + `,tenant="a",status="live"} 0+1x575 576+1x744
			tempodb_backend_bytes_total{namespace="tempo",pod="tempo-y-0",tenant="a",status="live"} 0+1x575 576+1x744`, "The bucket of Tempo in namespace tempo has grown by 77 % within the retention, 48h.", 5 * time.Minute},
		{"TempoBucketGrows", `tempodb_backend_bytes_total` + tempo + `,tenant="a",status="live"} 0+1x575 576x744`, "", 5 * time.Minute},
		{"TempoRetentionFails", `tempodb_retention_errors_total` + tempo + `} 0+1x200`, "Tempo in namespace tempo cannot delete blocks that are older than the retention, 48h.", 0},
	} {
		t.Run(test.alert, func(t *testing.T) {
			step := cmp.Or(test.step, time.Minute)
			first, _, _ := strings.Cut(test.series, "\n")
			last := -1
			for _, part := range repeated.FindAllStringSubmatch(first, -1) {
				times, err := strconv.Atoi(part[1])
				require.NoError(t, err)
				last += times + 1
			}
			var got []string
			for _, r := range rulesOf(t) {
				if r.name == test.alert {
					got = fires(t, r, step, test.series, time.Duration(last)*step)
				}
			}
			if test.want == "" {
				assert.Empty(t, got)
			} else {
				assert.Equal(t, []string{test.want}, got)
				fired[test.alert] = true
			}
		})
	}
	for _, a := range alerts.All() {
		assert.True(t, fired[a.Name], "no case has %s fire", a.Name)
	}
}

// repeated matches a series that repeats, such as 0+1x100. It has one sample more than the number
// after the x.
var repeated = regexp.MustCompile(` [0-9+]+x([0-9]+)`)

// fires returns the summaries of the alerts of a rule that fire at a time after the start of
// the series.
func fires(t *testing.T, r rule, step time.Duration, series string, at time.Duration) (summaries []string) {
	t.Helper()
	load := "load " + step.String()
	for line := range strings.Lines(strings.TrimSpace(series)) {
		if line = strings.TrimSpace(line); line != "" {
			load += "\n  " + line
		}
	}
	storage := promqltest.LoadedStorage(t, load)
	engine := promqltest.NewTestEngine(t, false, 5*time.Minute, 1_000_000)
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(r.expr)
	require.NoError(t, err)
	alerting := rules.NewAlertingRule(r.name, expr, r.hold, 0, labels.EmptyLabels(), labels.FromStrings("summary", r.summary), labels.EmptyLabels(), "", true, slog.Default())
	query := rules.EngineQueryFunc(engine, storage)
	const evaluations = 20
	for i := range evaluations + 1 {
		now := time.Unix(0, 0).Add(at - r.hold - time.Minute + time.Duration(i)*(r.hold+time.Minute)/evaluations)
		_, err := alerting.Eval(t.Context(), 0, now, query, nil, 0)
		require.NoError(t, err)
	}
	for _, alert := range alerting.ActiveAlerts() {
		if alert.State == rules.StateFiring {
			summaries = append(summaries, alert.Annotations.Get("summary"))
		}
	}
	return summaries
}
