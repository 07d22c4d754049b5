package stacks

import (
	"slices"

	"github.com/picluster/picluster/components/grafana"
	"github.com/picluster/picluster/components/kube"
	"github.com/picluster/picluster/components/tempo"
	"github.com/picluster/picluster/components/tempo/chart"
)

// How Grafana comes by its datasources.
const (
	// DatasourcesValues: from the output grafanaValues, by hand.
	DatasourcesValues = "values"
	// DatasourcesConfigMap: from a ConfigMap, by its sidecar.
	DatasourcesConfigMap = "configmap"
	// DatasourcesRelease: from the values of a release that the stack installs.
	DatasourcesRelease = "release"
)

// Grafana is what Grafana shows, and how it comes by it.
type Grafana struct {
	Links     grafana.Links
	Exemplars bool
	// Namespace is where Grafana is.
	Namespace string
	ConfigMap *grafana.ConfigMap
	Release   *grafana.Release
}

// grafana reads what Grafana shows; it needs what else the stack has.
func (r *reader) grafana(c *Config) Grafana {
	g := Grafana{
		Links: grafana.Links{
			Loki: grafana.Loki{
				URL:    r.optional("lokiUrl", webURL),
				UID:    r.text("lokiUid", "loki", grafanaUID),
				Tenant: r.optional("lokiTenant", notEmpty),
			},
			Prometheus: grafana.Prometheus{
				UID: r.text("prometheusUid", "prometheus", grafanaUID),
			},
			NodeGraph: r.flag("nodeGraph", true),
		},
		Exemplars: r.flag("exemplars", false),
	}
	if generator := c.Tempo.Generator; generator != nil {
		g.Links.Prometheus.ServiceMap = generator.ServiceGraphs
		g.Links.Prometheus.TracesToMetrics = generator.SpanMetrics
	}
	if g.Links.Loki.URL == "" && g.Links.Loki.Tenant != "" {
		r.problem("%s: has no effect without %s. Set that: pulumi config set lokiUrl URL", r.key("lokiTenant"), r.key("lokiUrl"))
	}
	if uids := []string{grafana.TempoUID, g.Links.Loki.UID, g.Links.Prometheus.UID}; len(slices.Compact(slices.Sorted(slices.Values(uids)))) < len(uids) {
		r.problem("%s, %s: %q and %q must differ from each other and from %q, which is Tempo's. Set one: pulumi config set lokiUid loki",
			r.key("lokiUid"), r.key("prometheusUid"), g.Links.Loki.UID, g.Links.Prometheus.UID, grafana.TempoUID)
	}

	delivery := r.choice("datasources", DatasourcesValues, DatasourcesValues, DatasourcesConfigMap, DatasourcesRelease)
	namespace := r.text("grafanaNamespace", "monitoring", kube.ValidateLabel)
	g.Namespace = namespace
	release := grafana.Release{
		Name:       r.text("grafanaRelease", "kube-prometheus-stack", tempo.ValidateRelease),
		Namespace:  namespace,
		Chart:      r.text("grafanaChart", "kube-prometheus-stack", notEmpty),
		Repository: r.optional("grafanaChartRepository", webURL),
		Version:    r.text("grafanaChartVersion", "88.5.3", chart.ValidateExact),
		Timeout:    c.Timeout,
	}
	r.repositoryOf("grafanaChart", release.Chart, "grafanaChartRepository", release.Repository)
	if release.Repository == "" && chart.IsBareName(release.Chart) {
		release.Repository = "https://prometheus-community.github.io/helm-charts"
	}
	r.object("grafanaChartValues", "grafanaChartValues.grafana.replicas 2", &release.Values)
	if sources := at(release.Values, "grafana", "additionalDataSources"); sources != nil {
		r.problem("%s.grafana.additionalDataSources: would replace the stack's own datasources. Take it out: pulumi config rm --path grafanaChartValues.grafana.additionalDataSources",
			r.key("grafanaChartValues"))
	}

	switch delivery {
	case DatasourcesConfigMap:
		g.ConfigMap = &grafana.ConfigMap{Name: c.Release + "-datasources", Namespace: namespace}
		if g.Exemplars {
			r.problem("%s: cannot be with %s: configmap, which does not change Prometheus's own datasource. Set it: pulumi config set exemplars false",
				r.key("exemplars"), r.key("datasources"))
		}
	case DatasourcesRelease:
		g.Release = &release
	}
	if delivery != DatasourcesRelease && len(release.Values) > 0 {
		r.problem("%s: has no effect with %s: %s. Set that: pulumi config set datasources release",
			r.key("grafanaChartValues"), r.key("datasources"), delivery)
	}
	return g
}

// at returns what values has at a path, or nil.
func at(values map[string]any, path ...string) any {
	var value any = values
	for _, key := range path {
		section, _ := value.(map[string]any)
		value = section[key]
	}
	return value
}
