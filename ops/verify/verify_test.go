package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/picluster/picluster/internal/command"
	"github.com/picluster/picluster/ops/engine"
	"github.com/picluster/picluster/ops/objectstore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// outcomes returns the outcomes of a report's steps that are not ok.
func outcomes(r *Report) map[string]Outcome {
	all := map[string]Outcome{}
	for _, s := range r.Steps {
		if s.Outcome != OK {
			all[strings.TrimPrefix(s.Tenant+": "+s.Step, ": ")] = s.Outcome
		}
	}
	return all
}

func result(t *testing.T, r *Report, step string) Result {
	t.Helper()
	for _, s := range r.Steps {
		if s.Step == step {
			return s
		}
	}
	t.Fatalf("the report has no step %s", step)
	return Result{}
}

func TestAllSteps(t *testing.T) {
	t.Setenv("OTEL_TRACES_SAMPLER", "always_off")
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=not-for-tempo")
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:1/other")
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	w := newWorld(t)
	w.covered()
	w.tempo.late, w.grafana.down = 4, 3
	report := w.verify(nil, target(t))
	assert.Empty(t, outcomes(report), "%+v", report.Failed())
	assert.True(t, report.OK)
	var steps []string
	for _, s := range report.Steps {
		steps = append(steps, s.Step)
		assert.NotEmpty(t, s.Detail, s.Step)
		assert.Empty(t, s.Part+s.Fix, s.Step)
	}
	assert.Equal(t, []string{"pods", "key", "send otlpGrpc", "send otlpHttp", "read otlpGrpc", "read otlpHttp", "search", "rate", "block", "size", "grafana read", "grafana links"}, steps)
	assert.Equal(t, "3 are Ready", result(t, report, "pods").Detail)
	assert.Equal(t, "block new1 in bucket traces", result(t, report, "block").Detail)
	assert.Contains(t, result(t, report, "size").Detail, " a day over the last 2h; kept for 48h: the bucket will hold about ")
	assert.Equal(t, "2 data sources as provisioned, with 3 links", result(t, report, "grafana links").Detail)
	assert.Len(t, w.tempo.traces, 2, "one by each receiver")
	assert.Empty(t, w.tempo.header.Get("Authorization"))
	assert.Empty(t, w.tempo.md.Get("authorization"))
	for id, data := range w.tempo.traces {
		assert.Contains(t, report.Steps[2].Detail+report.Steps[3].Detail, id)
		require.Len(t, data.ResourceSpans, 1)
		require.Len(t, data.ResourceSpans[0].ScopeSpans[0].Spans, 1)
	}

	first := w.tempo.traces
	require.True(t, w.verify(nil, target(t)).OK)
	assert.Len(t, first, 4, "each time new ids")
}

// A distributor that does not know the metrics-generator yet sends it none of the first
// traces.
func TestRateSendsAgain(t *testing.T) {
	w := newWorld(t)
	w.covered()
	w.tempo.seriesFrom = 3
	report := w.verify(func(o *Options) { o.Timeout = 20 * time.Second }, target(t))
	assert.Empty(t, outcomes(report), "%+v", report.Failed())
	assert.GreaterOrEqual(t, len(w.tempo.traces), 3)
}

// With --grafana, the stack's own release is not asked.
func TestGrafanaOfAURL(t *testing.T) {
	w := newWorld(t)
	w.covered()
	w.errs["Services"] = errors.New("not to be asked")
	one := target(t)
	report := w.verify(func(o *Options) { o.Grafana, o.GrafanaToken = w.grafana.URL+"/", "token" }, one)
	assert.Empty(t, outcomes(report), "%+v", report.Failed())
	delete(w.errs, "Services")
	delete(w.secrets, "m/kps-admin") // is not read with a token
	report = w.verify(func(o *Options) { o.GrafanaToken = "token" }, one)
	assert.Empty(t, outcomes(report), "%+v", report.Failed())
}

func TestNotChecked(t *testing.T) {
	for name, test := range map[string]struct {
		change  func(*Target, *Options)
		details map[string]string // by step
	}{
		"inline": {func(t *Target, _ *Options) { t.Secret = "" }, map[string]string{
			"key": "credentials: inline: no Secret has the keys", "block": "credentials: inline: no Secret has the keys", "size": "credentials: inline: no Secret has the keys",
		}},
		"without wait": {func(_ *Target, o *Options) { o.Wait = 0 }, map[string]string{
			"block": "add --wait 45m: Tempo writes a block after max_block_duration, by default 30 minutes",
		}},
		"no generator": {func(t *Target, _ *Options) { t.Generator = false }, map[string]string{"rate": "the metrics-generator is off"}},
		"no data source of Tempo": {func(t *Target, _ *Options) { t.Datasources = t.Datasources[:1] }, map[string]string{
			"grafana read": "the stack has no data source of Tempo",
		}},
		"no Grafana": {func(t *Target, _ *Options) { t.GrafanaRelease = nil }, map[string]string{
			"grafana read": "add --grafana URL, with a token of a service account in GRAFANA_TOKEN", "grafana links": "add --grafana URL, with a token of a service account in GRAFANA_TOKEN",
		}},
		"no data source": {func(t *Target, _ *Options) { t.Datasources = nil }, map[string]string{
			"grafana read": "the stack has no data source", "grafana links": "the stack has no data source",
		}},
		"no receiver": {func(t *Target, _ *Options) { t.OTLPGRPC, t.OTLPHTTP = nil, nil }, map[string]string{
			"search": "no receiver has accepted a trace", "rate": "no receiver has accepted a trace", "block": "no receiver has accepted a trace", "grafana read": "no receiver has accepted a trace",
		}},
		"managed elsewhere": {func(t *Target, _ *Options) { t.Unmanaged = true }, map[string]string{"pods": "the release is managed elsewhere (install: false)"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.covered()
			one := target(t)
			test.change(&one, &Options{})
			report := w.verify(func(o *Options) { test.change(&one, o) }, one)
			want := map[string]Outcome{}
			for step, detail := range test.details {
				want[step] = NotChecked
				r := result(t, report, step)
				assert.Equal(t, detail, r.Detail, step)
				assert.Zero(t, r.Seconds, step)
			}
			assert.Equal(t, want, outcomes(report))
			assert.True(t, report.OK)
		})
	}
}

func TestFailures(t *testing.T) {
	const logs = "kubectl logs --namespace n --selector app.kubernetes.io/instance=tempo --prefix --tail 20"
	const drifts = "picluster drift --stack s"
	status503 := func(w http.ResponseWriter) { http.Error(w, "no querier is connected", http.StatusServiceUnavailable) }
	other := func(w http.ResponseWriter) {
		fmt.Fprint(w, `{"trace":{"batches":[{"scopeSpans":[{"spans":[{"spanId":"x","name":"y"}]}]}]}}`)
	}
	noJSON := func(w http.ResponseWriter) { fmt.Fprint(w, "<html>") }
	// The commands of kubectl act on the cluster of the stack.
	inPi := ofS.In(func(name string) string { return map[string]string{"context": "pi"}[name] })
	const grafanaLogs = "kubectl logs --namespace m --selector app.kubernetes.io/name=grafana,app.kubernetes.io/instance=kps --container grafana --tail 20"
	for name, test := range map[string]struct {
		change            func(*world, *Target)
		step              string
		detail, part, fix string
		more              []string // other steps that fail, or are not checked
	}{
		"pod not Ready": {
			func(w *world, _ *Target) { notReady(&w.pods[2], "") },
			"pods", "tempo-ingester-0 is not Ready: containers with unready status: [main]", "pod n/tempo-ingester-0", "kubectl describe pod --namespace n tempo-ingester-0", nil,
		},
		"pod not started": {
			func(w *world, _ *Target) { notReady(&w.pods[2], "ImagePullBackOff") },
			"pods", "tempo-ingester-0 is not Ready: ImagePullBackOff of main", "pod n/tempo-ingester-0", "kubectl describe pod --namespace n tempo-ingester-0", nil,
		},
		"pod without conditions": {
			func(w *world, _ *Target) { w.pods[2].Status.Conditions, w.pods[2].Status.Phase = nil, "Pending" },
			"pods", "tempo-ingester-0 is not Ready: its phase is Pending", "pod n/tempo-ingester-0", "kubectl describe pod --namespace n tempo-ingester-0", nil,
		},
		"several pods": {
			func(w *world, _ *Target) {
				notReady(&w.pods[0], "Waits")
				restarted(&w.pods[2], time.Minute)
			},
			"pods", "tempo-ingester-0 has restarted 3 times, last 1m0s ago (OOMKilled, exit code 137); its log is empty; 1 more of the pods",
			"pod n/tempo-ingester-0", "kubectl logs --namespace n tempo-ingester-0 --container main --previous",
			[]string{"send otlpGrpc", "send otlpHttp", "read otlpGrpc", "read otlpHttp", "search", "rate", "block", "grafana read"},
		},
		"pod restarted": {
			func(w *world, _ *Target) {
				restarted(&w.pods[2], 2*time.Minute)
				w.lines["tempo-ingester-0/main/true"] = "panic: " + strings.Repeat("x", 1000)
			},
			"pods", "tempo-ingester-0 has restarted 3 times, last 2m0s ago (OOMKilled, exit code 137); the last line of its log: panic: " + strings.Repeat("x", 293) + "…",
			"pod n/tempo-ingester-0", "kubectl logs --namespace n tempo-ingester-0 --container main --previous", nil,
		},
		"pod restarted, without its log": {
			func(w *world, _ *Target) {
				restarted(&w.pods[2], 2*time.Minute)
				w.errs["LastLine"] = errors.New("forbidden")
			},
			"pods", "tempo-ingester-0 has restarted 3 times, last 2m0s ago (OOMKilled, exit code 137); its log cannot be read: forbidden",
			"pod n/tempo-ingester-0", "kubectl logs --namespace n tempo-ingester-0 --container main --previous", nil,
		},
		"pods cannot be listed": {
			func(w *world, _ *Target) {
				w.errs["Pods app.kubernetes.io/instance=tempo"] = errors.New("pods is forbidden")
			},
			"pods", "pods is forbidden", "Kubernetes", "kubectl get pods --namespace n", nil,
		},
		"init container waits": {
			func(w *world, _ *Target) {
				notReady(&w.pods[2], "")
				w.pods[2].Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "init", State: corev1.ContainerState{
					Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "of init"},
				}}}
			},
			"pods", "tempo-ingester-0 is not Ready: ImagePullBackOff of init", "pod n/tempo-ingester-0", "kubectl describe pod --namespace n tempo-ingester-0", nil,
		},
		"init container crashes": {
			func(w *world, _ *Target) {
				initRestarted(&w.pods[2], 2*time.Minute)
				notReady(&w.pods[2], "PodInitializing")
			},
			"pods", "tempo-ingester-0 is not Ready: init container init has restarted 3 times, last 2m",
			"pod n/tempo-ingester-0", "kubectl logs --namespace n tempo-ingester-0 --container init --previous", nil,
		},
		"sidecar restarted": {
			func(w *world, _ *Target) {
				initRestarted(&w.pods[2], 2*time.Minute)
				always := corev1.ContainerRestartPolicyAlways
				w.pods[2].Spec.InitContainers = []corev1.Container{{Name: "init", RestartPolicy: &always}}
			},
			"pods", "tempo-ingester-0 has restarted 3 times, last 2m0s ago (OOMKilled, exit code 137); its log is empty",
			"pod n/tempo-ingester-0", "kubectl logs --namespace n tempo-ingester-0 --container init --previous", nil,
		},
		"no pods": {
			func(_ *world, t *Target) { t.Release = "other" },
			"pods", "no pod has the label app.kubernetes.io/instance=other", "release n/other", drifts, nil,
		},
		"receiver refuses by gRPC": {
			func(w *world, _ *Target) { w.tempo.refuse[otlpGRPC] = status.Error(codes.ResourceExhausted, "limit") },
			"send otlpGrpc", `limit"; want the trace accepted`, "receiver otlpGrpc of pod n/tempo-distributor-0, port 14317",
			"kubectl logs --namespace n tempo-distributor-0 --tail 20", []string{"read otlpGrpc"},
		},
		"receiver refuses by HTTP": {
			func(w *world, _ *Target) { w.tempo.refuse[otlpHTTP] = errors.New("no ingester") },
			"send otlpHttp", `no ingester"; want the trace accepted`, "receiver otlpHttp of pod n/tempo-distributor-0, port 4318",
			"kubectl logs --namespace n tempo-distributor-0 --tail 20", []string{"read otlpHttp"},
		},
		"receiver does not listen by gRPC": {
			func(w *world, _ *Target) { delete(w.backends, "tempo-distributor-0:14317") },
			"send otlpGrpc", "port 14317 of the pod: connection refused", "receiver otlpGrpc of pod n/tempo-distributor-0, port 14317",
			"kubectl logs --namespace n tempo-distributor-0 --tail 20", []string{"read otlpGrpc"},
		},
		"receiver does not listen by HTTP": {
			func(w *world, _ *Target) { delete(w.backends, "tempo-distributor-0:4318") },
			"send otlpHttp", "port 4318 of the pod: connection refused", "receiver otlpHttp of pod n/tempo-distributor-0, port 4318",
			"kubectl logs --namespace n tempo-distributor-0 --tail 20", []string{"read otlpHttp"},
		},
		"no Service": {
			func(w *world, _ *Target) { w.services = w.services[1:] },
			"send otlpGrpc", "there is no Service n/tempo-distributor", "Service n/tempo-distributor", drifts,
			[]string{"send otlpHttp", "read otlpGrpc", "read otlpHttp", "search", "rate", "block", "grafana read"},
		},
		"Service of another port": {
			func(w *world, _ *Target) { w.services[1].Spec.Ports[0].Port = 3100 },
			"search", "Service n/tempo-query-frontend has no port 3200", "Service n/tempo-query-frontend", "kubectl describe service --namespace n tempo-query-frontend",
			[]string{"read otlpGrpc", "read otlpHttp", "rate"},
		},
		"Service without selector": {
			func(w *world, _ *Target) { w.services[1].Spec.Selector = nil },
			"search", "Service n/tempo-query-frontend has no selector", "Service n/tempo-query-frontend", "kubectl describe service --namespace n tempo-query-frontend",
			[]string{"read otlpGrpc", "read otlpHttp", "rate"},
		},
		"Service of no pod": {
			func(w *world, _ *Target) { w.services[1].Spec.Selector = map[string]string{"a": "b"} },
			"search", "Service n/tempo-query-frontend has no Ready pod: a=b", "Service n/tempo-query-frontend", "kubectl describe service --namespace n tempo-query-frontend",
			[]string{"read otlpGrpc", "read otlpHttp", "rate"},
		},
		"Service whose pods cannot be listed": {
			func(w *world, _ *Target) {
				w.errs["Pods app.kubernetes.io/component=query-frontend,app.kubernetes.io/instance=tempo"] = errors.New("pods is forbidden")
			},
			"search", "Service n/tempo-query-frontend leads to pods that cannot be listed: pods is forbidden", "Service n/tempo-query-frontend",
			"kubectl describe service --namespace n tempo-query-frontend", []string{"read otlpGrpc", "read otlpHttp", "rate"},
		},
		"Service of a port that no pod has": {
			func(w *world, _ *Target) { w.services[1].Spec.Ports[0].TargetPort = intstr.FromString("web") },
			"search", `Service n/tempo-query-frontend leads to port "web", which pod tempo-query-frontend-0 does not have`, "Service n/tempo-query-frontend",
			"kubectl describe service --namespace n tempo-query-frontend", []string{"read otlpGrpc", "read otlpHttp", "rate"},
		},
		"no right to read Services": {
			func(w *world, _ *Target) { w.errs["Service"] = errors.New("services is forbidden") },
			"send otlpHttp", "services is forbidden", "Service n/tempo-distributor", "kubectl get service --namespace n tempo-distributor",
			[]string{"send otlpGrpc", "search", "read otlpGrpc", "read otlpHttp", "rate", "block", "grafana read"},
		},
		"trace lost": {
			func(w *world, _ *Target) { w.tempo.lose = true },
			"read otlpHttp", "404 Not Found: trace not found", "queriers and ingesters behind Service n/tempo-query-frontend, port 3200", logs,
			[]string{"read otlpGrpc", "search", "grafana read"},
		},
		"another trace": {
			func(w *world, _ *Target) { w.tempo.responses["/api/v2/traces/"] = other },
			"read otlpHttp", `got 1 other spans; want span `, "queriers and ingesters behind Service n/tempo-query-frontend, port 3200", logs, []string{"read otlpGrpc", "grafana read"},
		},
		"no querier": {
			func(w *world, _ *Target) { w.tempo.responses["/api/v2/traces/"] = status503 },
			"read otlpGrpc", "503 Service Unavailable: no querier is connected", "queriers and ingesters behind Service n/tempo-query-frontend, port 3200", logs,
			[]string{"read otlpHttp", "grafana read"},
		},
		"trace is no JSON": {
			func(w *world, _ *Target) { w.tempo.responses["/api/v2/traces/"] = noJSON },
			"read otlpGrpc", "the trace is no JSON: <html>", "queriers and ingesters behind Service n/tempo-query-frontend, port 3200", logs, []string{"read otlpHttp", "grafana read"},
		},
		"search empty": {
			func(w *world, _ *Target) {
				w.tempo.responses["/api/search"] = func(w http.ResponseWriter) { fmt.Fprint(w, `{"traces":[{"traceID":"1"}]}`) }
			},
			"search", `{resource.service.name="picluster-verify"}: got 1 other traces; want trace `, "queriers and ingesters behind Service n/tempo-query-frontend, port 3200", logs, nil,
		},
		"search not there": {
			func(w *world, _ *Target) {
				w.tempo.responses["/api/search"] = func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotImplemented) }
			},
			"search", "501 Not Implemented", "queriers and ingesters behind Service n/tempo-query-frontend, port 3200", logs, nil,
		},
		"search is no JSON": {
			func(w *world, _ *Target) { w.tempo.responses["/api/search"] = noJSON },
			"search", "the result of the search is no JSON: <html>", "queriers and ingesters behind Service n/tempo-query-frontend, port 3200", logs, nil,
		},
		"no series": {
			func(w *world, _ *Target) { w.tempo.seriesFrom = math.MaxInt },
			"rate", `{resource.service.name="picluster-verify"}|rate(): got 0 series without a span since `, "metrics-generator of release n/tempo", logs, nil,
		},
		"series of before": {
			func(w *world, _ *Target) { w.tempo.oldSeries = true },
			"rate", `{resource.service.name="picluster-verify"}|rate(): got 1 series without a span since `, "metrics-generator of release n/tempo", logs, nil,
		},
		"series without a span": {
			func(w *world, _ *Target) { w.tempo.zeroSeries = true },
			"rate", `{resource.service.name="picluster-verify"}|rate(): got 1 series without a span since `, "metrics-generator of release n/tempo", logs, nil,
		},
		"rate is no JSON": {
			func(w *world, _ *Target) { w.tempo.responses["/api/metrics/query_range"] = noJSON },
			"rate", "the rate is no JSON: <html>", "metrics-generator of release n/tempo", logs, nil,
		},
		"no Secret": {
			func(w *world, _ *Target) { delete(w.secrets, "n/keys") },
			"key", "there is no Secret n/keys", "Secret n/keys", drifts, []string{"block", "size"},
		},
		"no right to read the Secret": {
			func(w *world, t *Target) {
				w.errs["Secret"] = errors.New("secrets is forbidden")
				t.GrafanaRelease = nil
			},
			"key", "secrets is forbidden", "Secret n/keys", "kubectl get secret --namespace n keys", []string{"block", "size", "grafana read", "grafana links"},
		},
		"Secret without its fields": {
			func(w *world, _ *Target) {
				w.secrets["n/keys"] = map[string][]byte{"ID": []byte("access"), "KEY": []byte("secret")}
			},
			"key", "Secret n/keys has no MINIO_ACCESS_KEY_ID", "Secret n/keys", drifts, []string{"block", "size"},
		},
		"Secret without its secret key": {
			func(w *world, _ *Target) { delete(w.secrets["n/keys"], "MINIO_SECRET_ACCESS_KEY") },
			"key", "Secret n/keys has no MINIO_SECRET_ACCESS_KEY", "Secret n/keys", drifts, []string{"block", "size"},
		},
		"no user": {
			func(w *world, _ *Target) { w.store.denial = objectstore.NoUser },
			"key", "Secret n/keys does not open bucket traces: its access key is of no user, or of one that is disabled", "Secret n/keys", drifts, []string{"block", "size"},
		},
		"wrong key in the Secret": {
			func(w *world, _ *Target) { w.secrets["n/keys"]["MINIO_SECRET_ACCESS_KEY"] = []byte("other") },
			"key", "Secret n/keys does not open bucket traces: its secret key is not the user's", "Secret n/keys", drifts, []string{"block", "size"},
		},
		"no policy": {
			func(w *world, _ *Target) { w.store.denial = objectstore.NotAllowed },
			"key", "Secret n/keys does not open bucket traces: its user may not list the bucket", "Secret n/keys", drifts, []string{"block", "size"},
		},
		"no bucket": {
			func(_ *world, t *Target) { t.Bucket = "other" },
			"key", "Secret n/keys does not open bucket other: there is no such bucket", "Secret n/keys", drifts, []string{"block", "size"},
		},
		"MinIO down": {
			func(w *world, _ *Target) { w.store.err = errors.New("connection refused") },
			"key", "connection refused", "MinIO at s3:9000", drifts, []string{"block", "size"},
		},
		"size unknown": {
			func(w *world, _ *Target) { w.store.eachErr = errors.New("connection reset") },
			"size", "connection reset", "MinIO at s3:9000", drifts, nil,
		},
		"MinIO fails at the list of blocks": {
			func(w *world, _ *Target) { w.store.listErr = errors.New("connection reset") },
			"block", "connection reset", "MinIO at s3:9000", drifts, nil,
		},
		"MinIO fails at a block": {
			func(w *world, _ *Target) { w.store.readErr = errors.New("connection reset") },
			"block", "connection reset", "MinIO at s3:9000", drifts, nil,
		},
		"block of the metrics-generator": {
			func(w *world, _ *Target) {
				w.store.written = func(objects map[string]string) {
					text := meta(time.Now().Add(-time.Minute), time.Now().Add(time.Minute))
					objects["single-tenant/new/meta.json"] = strings.Replace(text, "{", `{"replicationFactor":1,`, 1)
				}
			},
			"block", "bucket traces: got no block of ", "ingesters of release n/tempo", logs, nil,
		},
		"block missing": {
			func(w *world, _ *Target) { w.store.written = nil },
			"block", "bucket traces: got no block of ", "ingesters of release n/tempo", logs, nil,
		},
		"block of another time": {
			func(w *world, _ *Target) {
				w.store.written = func(objects map[string]string) {
					objects["single-tenant/new/meta.json"] = meta(time.Now().Add(-time.Hour), time.Now().Add(-time.Minute))
				}
			},
			"block", "in 2s; want one, which Tempo writes after max_block_duration, by default 30 minutes", "ingesters of release n/tempo", logs, nil,
		},
		"block of a later time": {
			func(w *world, _ *Target) {
				w.store.written = func(objects map[string]string) {
					objects["single-tenant/new/meta.json"] = meta(time.Now().Add(time.Minute), time.Now().Add(time.Hour))
				}
			},
			"block", "bucket traces: got no block of ", "ingesters of release n/tempo", logs, nil,
		},
		"block not complete": {
			func(w *world, _ *Target) {
				w.store.written = func(objects map[string]string) { objects["single-tenant/new/meta.json"] = "" }
			},
			"block", "bucket traces: got no block of ", "ingesters of release n/tempo", logs, nil,
		},
		"block is no JSON": {
			func(w *world, _ *Target) {
				w.store.written = func(objects map[string]string) { objects["single-tenant/new/meta.json"] = "<html>" }
			},
			"block", "bucket traces: got no block of ", "ingesters of release n/tempo", logs, nil,
		},
		"data source missing": {
			func(w *world, _ *Target) { delete(w.grafana.sources, "tempo") },
			"grafana links", "data source tempo: got none; want Tempo", "Grafana of release m/kps", drifts, []string{"grafana read"},
		},
		"data source of a link missing": {
			func(w *world, _ *Target) { delete(w.grafana.sources, "prometheus") },
			"grafana links", "data source prometheus: got none; want the one that tempo links to", "Grafana of release m/kps", drifts, nil,
		},
		"wrong link": {
			func(w *world, _ *Target) {
				w.grafana.sources["loki"].JSONData["derivedFields"].([]any)[0].(map[string]any)["url"] = "$S{__value.raw}"
			},
			"grafana links", `data source loki: jsonData.derivedFields[0].url: got "$S{__value.raw}"; want "${__value.raw}"`, "Grafana of release m/kps", drifts, nil,
		},
		"data source of another Tempo": {
			func(w *world, _ *Target) {
				d := w.grafana.sources["tempo"]
				d.URL, d.Type = "http://other", "zipkin"
				w.grafana.sources["tempo"] = d
			},
			"grafana links", "data source tempo: type: got \"zipkin\"; want \"tempo\"\ndata source tempo: url: got \"http://other\"; want \"http://tempo-query-frontend.n.svc.cluster.local:3200\"",
			"Grafana of release m/kps", drifts, nil,
		},
		"Grafana of a wrong password": {
			func(w *world, _ *Target) { w.grafana.authorizations = nil },
			"grafana read", "Grafana of release m/kps: got 401; want a token of a service account with the role Admin", "Grafana of release m/kps", "export GRAFANA_TOKEN=TOKEN",
			[]string{"grafana links"},
		},
		"Grafana that denies": {
			func(w *world, _ *Target) {
				w.grafana.respond = func(w http.ResponseWriter) { w.WriteHeader(http.StatusForbidden) }
			},
			"grafana links", "Grafana of release m/kps: got 403; want a token of a service account with the role Admin", "Grafana of release m/kps", "export GRAFANA_TOKEN=TOKEN", nil,
		},
		"Grafana behind a proxy that fails": {
			func(w *world, _ *Target) {
				w.grafana.respond = func(w http.ResponseWriter) { http.Error(w, "no upstream", http.StatusBadGateway) }
			},
			"grafana links", "data source loki: 502 Bad Gateway: no upstream", "Grafana of release m/kps", grafanaLogs, nil,
		},
		"data source is no JSON": {
			func(w *world, _ *Target) { w.grafana.respond = noJSON },
			"grafana links", "data source loki is no JSON: <html>", "Grafana of release m/kps", grafanaLogs, nil,
		},
		"Grafana not there": {
			func(w *world, _ *Target) { w.services = w.services[:2] },
			"grafana read", "release m/kps has no Service of Grafana", "Grafana of release m/kps",
			"kubectl get pods,services --namespace m --selector app.kubernetes.io/name=grafana,app.kubernetes.io/instance=kps", []string{"grafana links"},
		},
		"no right to list Grafana's Services": {
			func(w *world, _ *Target) { w.errs["Services"] = errors.New("services is forbidden") },
			"grafana links", "services is forbidden", "Grafana of release m/kps",
			"kubectl get pods,services --namespace m --selector app.kubernetes.io/name=grafana,app.kubernetes.io/instance=kps", []string{"grafana read"},
		},
		"Grafana without a Secret": {
			func(w *world, _ *Target) { delete(w.secrets, "m/kps-admin") },
			"grafana links", "administrator of Grafana: Secret m/kps-admin: ", "Grafana of release m/kps",
			"kubectl get pods,services --namespace m --selector app.kubernetes.io/name=grafana,app.kubernetes.io/instance=kps", []string{"grafana read"},
		},
		"Grafana that names no Secret": {
			func(w *world, _ *Target) { w.pods[3].Spec.Containers[0].Env = nil },
			"grafana links", "pod m/kps-grafana-0 names no Secret with Grafana's administrator; set GRAFANA_TOKEN", "Grafana of release m/kps",
			"kubectl get pods,services --namespace m --selector app.kubernetes.io/name=grafana,app.kubernetes.io/instance=kps", []string{"grafana read"},
		},
		"Grafana down": {
			func(w *world, _ *Target) { delete(w.backends, "kps-grafana-0:3000") },
			"grafana links", "port 3000 of the pod: connection refused", "Grafana of release m/kps", grafanaLogs, []string{"grafana read"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.covered()
			one := target(t)
			test.change(w, &one)
			report := w.verify(func(o *Options) { o.Commands = inPi }, one)
			r := result(t, report, test.step)
			assert.Equal(t, Failed, r.Outcome)
			assert.Contains(t, r.Detail, test.detail)
			assert.Equal(t, test.part, r.Part)
			assert.Equal(t, strings.ReplaceAll(test.fix, "kubectl", "kubectl --context pi"), r.Fix)
			assert.False(t, report.OK)
			steps := []string{test.step}
			for step := range outcomes(report) {
				if step != test.step {
					steps = append(steps, step)
				}
			}
			assert.ElementsMatch(t, append([]string{test.step}, test.more...), steps)
			var printed bytes.Buffer
			require.NoError(t, report.Table(&printed))
			require.NoError(t, report.JSON(&printed))
			for _, credential := range []string{"secret\"", "YWRtaW46cA", "Bearer", "Basic"} {
				assert.NotContains(t, printed.String(), credential)
			}
		})
	}
}

// TestGrafanaThatIsNotReachable has the steps name the URL of --grafana.
func TestGrafanaThatIsNotReachable(t *testing.T) {
	w := newWorld(t)
	w.covered()
	stopped := httptest.NewServer(nil)
	stopped.Close()
	report := w.verify(func(o *Options) { o.Grafana = stopped.URL + "/g&x" }, target(t))
	assert.Equal(t, map[string]Outcome{"grafana read": Failed, "grafana links": Failed}, outcomes(report))
	for _, step := range []string{"grafana read", "grafana links"} {
		r := result(t, report, step)
		assert.Contains(t, r.Detail, "connection refused")
		assert.Equal(t, "Grafana at "+stopped.URL+"/g&x", r.Part)
		assert.Equal(t, "curl --include '"+stopped.URL+"/g&x/api/health'", r.Fix)
	}
}

// TestSizeInTime has a bucket that is not listed in time be no failure.
func TestSizeInTime(t *testing.T) {
	w := newWorld(t)
	w.covered()
	w.store.eachErr = fmt.Errorf("list: %w", context.DeadlineExceeded)
	report := w.verify(nil, target(t))
	assert.Equal(t, map[string]Outcome{"size": NotChecked}, outcomes(report))
	assert.Regexp(t, `^the bucket has more than [1-9]\d* objects, which were not listed in 2s: add --timeout 10s$`, result(t, report, "size").Detail)
}

// TestProvision has the fix of a missing data source be the one of its delivery. A stack that
// delivers them itself would have Grafana get them twice from the output grafanaValues.
func TestProvision(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Target)
		names  command.Names
		want   string
	}{
		"the stack's release": {func(*Target) {}, ofS, "picluster drift --stack s"},
		"configmap, operator": {func(t *Target) { t.GrafanaRelease = nil }, ofS, "picluster drift --stack s"},
		"by make":             {func(t *Target) { t.GrafanaRelease = nil }, command.Names{Stack: "s", Make: true}, "make drift STACK=s"},
		"values": {
			func(t *Target) { t.GrafanaRelease, t.Delivered = nil, false }, ofS,
			"pulumi stack output grafanaValues --stack s > tracing.yaml; " +
				"helm upgrade RELEASE prometheus-community/kube-prometheus-stack --version VERSION --namespace NAMESPACE --reuse-values --values tracing.yaml, " +
				"with RELEASE, VERSION and NAMESPACE as helm list --all-namespaces shows them",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.covered()
			delete(w.grafana.sources, "tempo")
			one := target(t)
			test.change(&one)
			report := w.verify(func(o *Options) { o.Commands, o.Grafana, o.GrafanaToken = test.names, w.grafana.URL, "token" }, one)
			assert.Equal(t, test.want, result(t, report, "grafana links").Fix)
		})
	}
}

// TestFixesOfMake has the fixes name make's targets, and the lab's kubectl.
func TestFixesOfMake(t *testing.T) {
	for stack, test := range map[string]struct{ drift, kubectl string }{
		"s":   {"make drift STACK=s", "in the stack's cluster, kubectl describe pod --namespace n tempo-ingester-0"},
		"lab": {"make drift", "bin/lab run kubectl describe pod --namespace n tempo-ingester-0"},
	} {
		w := newWorld(t)
		w.covered()
		w.services = w.services[1:]
		delete(w.secrets, "n/keys")
		notReady(&w.pods[2], "")
		report := w.verify(func(o *Options) { o.Commands = command.Names{Stack: stack, Make: true} }, target(t))
		assert.Equal(t, test.drift, result(t, report, "send otlpGrpc").Fix)
		assert.Equal(t, test.drift, result(t, report, "key").Fix)
		assert.Equal(t, test.kubectl, result(t, report, "pods").Fix)
	}
}

// A block is complete once it has its meta.json.
func TestBlockThatCompletes(t *testing.T) {
	w := newWorld(t)
	listings := 0
	w.store.written = func(objects map[string]string) {
		if listings++; listings < 4 {
			objects["single-tenant/new/meta.json"] = ""
		} else {
			objects["single-tenant/new/meta.json"] = meta(time.Now().Add(-time.Minute), time.Now().Add(time.Minute))
		}
	}
	// It is not there yet before the traces are sent.
	v := &Verifier{Cluster: w, Store: w.store, Options: Options{Commands: ofS, Wait: 5 * time.Second}, every: time.Millisecond}
	report, err := v.Run(t.Context(), []Target{target(t)})
	require.NoError(t, err)
	assert.Equal(t, "block new in bucket traces", result(t, report, "block").Detail)
}

func TestFullID(t *testing.T) {
	assert.Equal(t, "000000000000000000000000000000a1", fullID("a1"))
	assert.Equal(t, "1f90338252b011ff7b0dcc29d3a46404", fullID("1f90338252b011ff7b0dcc29d3a46404"))
}

// A multi-tenant Tempo accepts and returns nothing without the tenant, whose blocks are
// below its name. The fields of the Secret have other names.
func TestMultiTenant(t *testing.T) {
	w := newWorld(t)
	w.tempo.orgID = "team"
	w.secrets["n/keys"] = map[string][]byte{"ID": []byte("access"), "KEY": []byte("secret")}
	w.store.written = func(objects map[string]string) {
		objects["team/new/meta.json"] = meta(time.Now().Add(-time.Minute), time.Now().Add(time.Minute))
		objects["single-tenant/new/meta.json"] = ""
	}
	one := target(t)
	one.OrgID = "team"
	tempo := &one.Datasources[1]
	tempo.JSONData["httpHeaderName1"], tempo.Secure = "X-Scope-OrgID", map[string]string{"httpHeaderValue1": "team"}
	w.grafana.sources["tempo"] = *tempo
	fields := func(o *Options) { o.SecretFields = engine.SecretFields{AccessKey: "ID", SecretKey: "KEY"} }
	assert.Empty(t, outcomes(w.verify(fields, one)))

	one.OrgID = ""
	assert.Contains(t, outcomes(w.verify(fields, one)), "send otlpGrpc")
	assert.Contains(t, outcomes(w.verify(nil, one)), "key")
}

// Pods that have ended, or are ending, and restarts of long ago are no failure.
func TestPodsThatAreNotLookedAt(t *testing.T) {
	w := newWorld(t)
	w.covered()
	restarted(&w.pods[2], time.Hour)
	initRestarted(&w.pods[1], time.Minute) // the pod is Ready since
	done, ends := pod("n", "job", w.pods[2].Labels), pod("n", "tempo-ingester-1", w.pods[2].Labels)
	notReady(&done, "")
	notReady(&ends, "")
	done.Status.Phase = "Succeeded"
	ends.DeletionTimestamp = &metav1.Time{Time: time.Now()}
	w.pods = append(w.pods, done, ends)
	assert.Empty(t, outcomes(w.verify(nil, target(t))))
}

func TestTenants(t *testing.T) {
	w := newWorld(t)
	w.covered()
	one, two := target(t), target(t)
	one.Tenant, two.Tenant = "a", "b"
	two.Unmanaged = true
	report := w.verify(nil, one, two)
	assert.Equal(t, map[string]Outcome{"b: pods": NotChecked}, outcomes(report))
	assert.True(t, report.OK)
	two.Unmanaged, two.Release = false, "other"
	assert.Equal(t, map[string]Outcome{"b: pods": Failed}, outcomes(w.verify(nil, one, two)))
}

func TestRunEndsWithItsContext(t *testing.T) {
	w := newWorld(t)
	w.tempo.lose = true
	ctx, cancel := context.WithCancelCause(t.Context())
	terminated := errors.New("terminated")
	v := &Verifier{Cluster: w, Store: w.store, Options: Options{Commands: ofS, Wait: time.Hour}}
	time.AfterFunc(100*time.Millisecond, func() { cancel(terminated) })
	start := time.Now()
	report, err := v.Run(ctx, []Target{target(t)})
	assert.ErrorIs(t, err, terminated)
	assert.Nil(t, report)
	assert.Less(t, time.Since(start), 5*time.Second)
}

func TestPoll(t *testing.T) {
	var progress bytes.Buffer
	v := &Verifier{Options: Options{Progress: &progress}, every: time.Millisecond, between: time.Hour}
	tries := 0
	require.NoError(t, v.poll(t.Context(), "step", time.Minute, func(context.Context) error {
		if tries++; tries < 3 {
			return errors.New("not yet")
		}
		return nil
	}))
	assert.Equal(t, 3, tries)
	assert.Empty(t, progress.String())

	v.between = 20 * time.Millisecond
	err := v.poll(t.Context(), "step", time.Second, func(context.Context) error { return errors.New("not\nyet") })
	assert.EqualError(t, err, "not\nyet")
	assert.Contains(t, progress.String(), "step: waits, 0 s of 1s: not yet\n")

	tries = 0
	err = v.poll(t.Context(), "step", time.Minute, func(context.Context) error { tries++; return finally("part", "fix", "never") })
	assert.EqualError(t, err, "never")
	assert.Equal(t, 1, tries)

	blocked := 0
	err = v.poll(t.Context(), "step", 50*time.Millisecond, func(ctx context.Context) error {
		if blocked++; blocked == 1 {
			return errors.New("first")
		}
		<-ctx.Done()
		return ctx.Err()
	})
	assert.EqualError(t, err, "first", "a try that the deadline cuts off says less")
}
