package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/picluster/picluster/ops/engine"
)

// Types of the objects of monitoring: operator.
const (
	ruleType      = "kubernetes:monitoring.coreos.com/v1:PrometheusRule"
	configMapType = "kubernetes:core/v1:ConfigMap"
	dashboardType = "kubernetes:grafana.integreatly.org/v1beta1:GrafanaDashboard"
)

// prometheusNamespace returns where the Prometheus is that watches the Tempo of a namespace:
// with Grafana, which has the dashboards. It is empty if the stack has no alerts of it.
func prometheusNamespace(state *engine.State, tempo string) string {
	metadata := func(r *engine.Resource, path ...string) string {
		text, _ := lookUp(r.Inputs, append([]string{"metadata"}, path...)...).(string)
		return text
	}
	if !slices.ContainsFunc(state.Of(ruleType), func(r *engine.Resource) bool { return metadata(r, "namespace") == tempo }) {
		return ""
	}
	for _, r := range state.Of(dashboardType) {
		return metadata(r, "namespace")
	}
	for _, r := range state.Of(configMapType) {
		if metadata(r, "labels", "grafana_dashboard") != "" {
			return metadata(r, "namespace")
		}
	}
	return ""
}

// ofPrometheus selects the Service that the Prometheus Operator creates for its Prometheus.
const ofPrometheus = "operated-prometheus=true"

// scrape asks Prometheus whether it scrapes the release's pods.
func (r *run) scrape(ctx context.Context) (string, error) {
	part := "Prometheus in namespace " + r.Prometheus
	list := r.Commands.Kubectl("get", "services", "--namespace", r.Prometheus, "--selector", ofPrometheus)
	services, err := r.Cluster.Services(ctx, r.Prometheus, ofPrometheus)
	if err != nil {
		return "", at(part, list, reason(err))
	}
	if len(services) == 0 || len(services[0].Spec.Ports) == 0 {
		return "", skip("namespace %s has no Service of the Prometheus Operator's Prometheus (%s)", r.Prometheus, ofPrometheus)
	}
	client, done := r.client(func(ctx context.Context) (*backend, error) {
		return r.backendOf(ctx, &services[0], int(services[0].Spec.Ports[0].Port))
	})
	defer done()
	targets := 0
	fix := r.Commands.Kubectl("get", "servicemonitors", "--namespace", r.Namespace, "--show-labels")
	err = r.poll(ctx, "scrape", r.timeout(), func(ctx context.Context) error {
		up, err := r.targets(ctx, client)
		if err != nil {
			return at(part, list, err)
		}
		missing, err := r.notAmong(ctx, up)
		if err != nil {
			return at("Kubernetes", r.listPods(), reason(err))
		}
		var down []string
		for pod, is := range up {
			if !is {
				down = append(down, pod)
			}
		}
		slices.Sort(down)
		switch targets = len(up); {
		case targets == 0:
			return at(part, fix, errors.New("got no target; want Tempo's pods"))
		case len(missing) > 0:
			return at(part, fix, fmt.Errorf("got no target for %d pods: %s", len(missing), strings.Join(missing, ", ")))
		case len(down) > 0:
			return at(part, r.Commands.Kubectl("get", "pods,networkpolicies", "--namespace", r.Namespace), fmt.Errorf("got %d of %d targets down: %s", len(down), targets, strings.Join(down, ", ")))
		}
		return nil
	})
	return fmt.Sprintf("Prometheus in namespace %s scrapes %d pods", r.Prometheus, targets), err
}

// monitored are the components for which the charts have ServiceMonitors. Source: the chart's
// templates of that kind. Pods of chart tempo have no component.
var monitored = []string{"", "distributor", "ingester", "querier", "query-frontend", "compactor", "metrics-generator"}

// notAmong returns the names of the release's Tempo pods that are no targets.
func (r *run) notAmong(ctx context.Context, targets map[string]bool) (missing []string, err error) {
	all, err := r.Cluster.Pods(ctx, r.Namespace, r.selector())
	for _, pod := range all {
		_, is := targets[pod.Name]
		if !is && isRunning(pod) && slices.Contains(monitored, pod.Labels["app.kubernetes.io/component"]) {
			missing = append(missing, pod.Name)
		}
	}
	slices.Sort(missing)
	return missing, err
}

// targets returns whether each of the release's pods that Prometheus knows responds to it.
func (r *run) targets(ctx context.Context, client *http.Client) (map[string]bool, error) {
	query := fmt.Sprintf(`up{namespace=%q,pod=~"%s-.+"}`, r.Namespace, r.Release)
	body, err := get(ctx, client, "http://prometheus/api/v1/query?"+url.Values{"query": {query}}.Encode(), nil)
	if err != nil {
		return nil, err
	}
	var response struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Value  []any
			}
		}
	}
	if err := json.Unmarshal(body, &response); err != nil {
		return nil, fmt.Errorf("the response is no JSON: %s", shortened(string(body)))
	}
	up := map[string]bool{}
	for _, series := range response.Data.Result {
		is := len(series.Value) == 2 && series.Value[1] == "1"
		if before, seen := up[series.Metric["pod"]]; seen {
			is = is && before
		}
		up[series.Metric["pod"]] = is
	}
	return up, nil
}
