package verify

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/picluster/picluster/ops/engine"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// prometheus adds a Prometheus in the namespace m that responds with the values of up, by pod.
func (w *world) prometheus(values map[string]string) {
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/query" || r.URL.Query().Get("query") != `up{namespace="n",pod=~"tempo-.+"}` {
			http.Error(rw, "no such query: "+r.URL.String(), http.StatusBadRequest)
			return
		}
		var series []string
		for pod, value := range values {
			series = append(series, fmt.Sprintf(`{"metric":{"pod":%q},"value":[1,%q]}`, pod, value))
		}
		fmt.Fprintf(rw, `{"status":"success","data":{"resultType":"vector","result":[%s]}}`, strings.Join(series, ","))
	}))
	w.t.Cleanup(server.Close)
	labels := map[string]string{"app.kubernetes.io/name": "prometheus"}
	w.services = append(w.services, corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "m", Name: "prometheus-operated", Labels: map[string]string{"operated-prometheus": "true"}},
		Spec:       corev1.ServiceSpec{ClusterIP: corev1.ClusterIPNone, Selector: labels, Ports: []corev1.ServicePort{{Port: 9090}}},
	})
	w.pods = append(w.pods, corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "m", Name: "prometheus-0", Labels: labels},
		Status:     corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}},
	})
	w.backends["prometheus-0:9090"] = strings.TrimPrefix(server.URL, "http://")
}

// prometheusResponds has the Prometheus give another response.
func (w *world) prometheusResponds(respond func(http.ResponseWriter)) {
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { respond(rw) }))
	w.t.Cleanup(server.Close)
	w.backends["prometheus-0:9090"] = strings.TrimPrefix(server.URL, "http://")
}

func TestScrape(t *testing.T) {
	all := func(change func(values map[string]string)) map[string]string {
		values := map[string]string{}
		for _, pod := range newWorld(t).pods {
			if pod.Namespace == "n" {
				values[pod.Name] = "1"
			}
		}
		change(values)
		return values
	}
	count := len(all(func(map[string]string) {}))
	for name, test := range map[string]struct {
		values map[string]string
		want   Result
	}{
		"all": {all(func(map[string]string) {}), Result{Outcome: OK, Detail: fmt.Sprintf("Prometheus in namespace m scrapes %d pods", count)}},
		"one is unknown": {all(func(values map[string]string) { delete(values, "tempo-ingester-0") }), Result{
			Outcome: Failed, Detail: "got no target for 1 pods: tempo-ingester-0", Part: "Prometheus in namespace m", Fix: "kubectl get servicemonitors --namespace n --show-labels",
		}},
		"one is down": {all(func(values map[string]string) { values["tempo-ingester-0"] = "0" }), Result{
			Outcome: Failed, Detail: fmt.Sprintf("got 1 of %d targets down: tempo-ingester-0", count), Part: "Prometheus in namespace m", Fix: "kubectl get pods,networkpolicies --namespace n",
		}},
		"none": {map[string]string{}, Result{
			Outcome: Failed, Detail: "got no target; want Tempo's pods", Part: "Prometheus in namespace m", Fix: "kubectl get servicemonitors --namespace n --show-labels",
		}},
		"no Prometheus": {nil, Result{
			Outcome: NotChecked, Detail: "namespace m has no Service of the Prometheus Operator's Prometheus (operated-prometheus=true)",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.covered()
			if test.values != nil {
				w.prometheus(test.values)
			}
			one := target(t)
			one.Prometheus = "m"
			got := result(t, w.verify(func(o *Options) { o.Timeout = 2 * time.Second }, one), "scrape")
			got.Seconds, test.want.Step = 0, "scrape"
			assert.Equal(t, test.want, got)
		})
	}
	up := all(func(map[string]string) {})
	const list = "kubectl get services --namespace m --selector operated-prometheus=true"
	for name, test := range map[string]struct {
		change            func(*world)
		detail, part, fix string
	}{
		"no right to list Services": {func(w *world) { w.errs["Services"] = errors.New("services is forbidden") }, "services is forbidden", "Prometheus in namespace m", list},
		"Prometheus down":           {func(w *world) { delete(w.backends, "prometheus-0:9090") }, "port 9090 of the pod: connection refused", "Prometheus in namespace m", list},
		"an error": {func(w *world) {
			w.prometheusResponds(func(rw http.ResponseWriter) { http.Error(rw, "TSDB not ready", http.StatusServiceUnavailable) })
		}, "503 Service Unavailable: TSDB not ready", "Prometheus in namespace m", list},
		"no JSON": {func(w *world) { w.prometheusResponds(func(rw http.ResponseWriter) { fmt.Fprint(rw, "<html>") }) },
			"the response is no JSON: <html>", "Prometheus in namespace m", list},
		"no right to list pods": {func(w *world) {
			w.errs["Pods app.kubernetes.io/instance=tempo"] = errors.New("pods is forbidden")
		}, "pods is forbidden", "Kubernetes", "kubectl get pods --namespace n"},
		"no pod of Prometheus": {func(w *world) { w.pods = w.pods[:len(w.pods)-1] },
			"Service m/prometheus-operated has no Ready pod: app.kubernetes.io/name=prometheus", "Service m/prometheus-operated", "kubectl describe service --namespace m prometheus-operated"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.covered()
			w.prometheus(up)
			test.change(w)
			one := target(t)
			one.Prometheus, one.GrafanaRelease = "m", nil
			r := result(t, w.verify(nil, one), "scrape")
			assert.Equal(t, Failed, r.Outcome)
			assert.Contains(t, r.Detail, test.detail)
			assert.Equal(t, test.part, r.Part)
			assert.Equal(t, test.fix, r.Fix)
		})
	}
	assert.NotContains(t, fmt.Sprint(newWorld(t).verify(nil, target(t)).Steps), "scrape", "nothing is watched")
}

func TestPrometheusNamespace(t *testing.T) {
	object := func(kind, namespace string, labels map[string]any) *engine.Resource {
		return &engine.Resource{Type: kind, Inputs: map[string]any{"metadata": map[string]any{"namespace": namespace, "labels": labels}}}
	}
	rule := object(ruleType, "t", nil)
	datasources := object(configMapType, "other", map[string]any{"grafana_datasource": "1"})
	dashboards := object(configMapType, "m", map[string]any{"grafana_dashboard": "1"})
	for _, test := range []struct {
		resources []*engine.Resource
		want      string
	}{
		{[]*engine.Resource{rule, datasources, dashboards}, "m"},
		{[]*engine.Resource{rule, object(dashboardType, "g", nil)}, "g"},
		{[]*engine.Resource{object(ruleType, "t2", nil), dashboards}, ""},
		{[]*engine.Resource{rule}, ""},
	} {
		assert.Equal(t, test.want, prometheusNamespace(&engine.State{Resources: test.resources}, "t"))
	}
	require.Empty(t, prometheusNamespace(&engine.State{}, "t"))
}
