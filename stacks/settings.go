package stacks

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/picluster/picluster/components/grafana"
	"github.com/picluster/picluster/components/objectstore"
	"github.com/picluster/picluster/components/tempo"
	"github.com/picluster/picluster/components/tracing"
	"github.com/picluster/picluster/internal/field"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Where the bucket is.
const (
	// ObjectStoreMinIO: the stack creates it in MinIO.
	ObjectStoreMinIO = "minio"
	// ObjectStoreExisting: it is managed elsewhere, on any S3 server.
	ObjectStoreExisting = "existing"
)

// How Grafana gets its data sources.
const (
	// DatasourcesValues: from the output grafanaValues, manually.
	DatasourcesValues = "values"
	// DatasourcesConfigMap: from a ConfigMap, by its sidecar.
	DatasourcesConfigMap = "configmap"
	// DatasourcesRelease: from the values of a release that the stack installs.
	DatasourcesRelease = "release"
	// DatasourcesOperator: from objects of the Grafana Operator.
	DatasourcesOperator = "operator"
)

// settings is a stack's configuration. A key whose value is a field of tracing.Args is
// read into args; the others have a field of their own.
type settings struct {
	args tracing.Args

	objectStore      string
	manageUser       bool
	endpoint, region string
	caFile           string
	insecure         bool
	streamOverHTTP   bool
	networkPolicies  bool
	network          tempo.Network
	timeout          int // seconds
	persistent       bool
	persistence      tempo.Persistence
	generating       bool
	generator        tempo.Generator
	delivery         string
	watching         string
	thresholds       map[string]int
	grafana          grafana.Release
	instanceSelector map[string]string
	restore          map[string]int
	driftIgnore      []ignored
	tenants          []tenant

	provider minioProvider // nothing with ObjectStoreExisting
}

// ignored is an entry of the key driftIgnore, which picluster's commands read.
type ignored struct {
	Object string   `json:"object"`
	Paths  []string `json:"paths"`
}

func newSettings() *settings { return &settings{} }

// stackArgs returns the arguments of the stack's tracing, and adds what contradicts itself
// in the keys that are not the component's.
func (s *settings) stackArgs(p *problems) tracing.Args {
	a := s.args
	s.store(&a.ObjectStore, p)
	if a.Namespace.Existing {
		a.Namespace.PodSecurity = ""
	}
	if a.Credentials == tracing.CredentialsInline {
		withoutDefaults(&a)
	}
	s.reachS3(&a.Tempo, p)
	a.Tempo.Timeout = s.timeout
	a.Tempo.DisableStreamOverHTTP = !s.streamOverHTTP
	if len(a.Tempo.Receivers) == 0 {
		a.Tempo.Receivers = tempo.Guide(a.Tempo.Chart).Receivers
	}
	if s.persistent {
		a.Tempo.Persistence = &s.persistence
	}
	s.generate(&a, p)
	if s.networkPolicies {
		s.network.AllowQueryFrom = []pulumi.StringInput{s.grafana.Namespace} // Grafana queries from its own
		a.Tempo.Network = &s.network
	} else {
		for _, key := range []struct {
			name       string
			namespaces []pulumi.StringInput
		}{{"tracesFrom", s.network.AllowTracesFrom}, {"scrapeFrom", s.network.AllowScrapeFrom}} {
			if len(key.namespaces) > 0 {
				p.add("%s:%s: want nothing without networkPolicies, because it has no effect. Fix: pulumi config set networkPolicies true", p.project, key.name)
			}
		}
	}
	s.deliver(&a, p)
	s.monitor(&a, p)
	p.ignored(s.driftIgnore)
	return a
}

// store sets where the bucket and its user are managed. A user that is managed elsewhere has
// the name that is in the Secret.
func (s *settings) store(a *objectstore.Args, p *problems) {
	switch s.objectStore {
	case ObjectStoreMinIO:
		a.ExistingUser = !s.manageUser
	case ObjectStoreExisting:
		a.Existing = true
	default:
		p.add("%s:objectStore: got %q; want one of minio, existing. Fix: pulumi config set objectStore minio", p.project, field.Shorten(s.objectStore))
	}
}

// withoutDefaults removes what the keys of the Secret have by default: without a Secret it has no
// effect, which the component rejects.
func withoutDefaults(a *tracing.Args) {
	if text(a.SecretName) == defaultSecretName {
		a.SecretName = nil
	}
	if a.Tempo.AccessKeyField == tempo.AccessKeyField {
		a.Tempo.AccessKeyField = ""
	}
	if a.Tempo.SecretKeyField == tempo.SecretKeyField {
		a.Tempo.SecretKeyField = ""
	}
}

// generate sets the metrics-generator, and what Grafana shows of its metrics.
func (s *settings) generate(a *tracing.Args, p *problems) {
	metrics := s.generator.ServiceGraphs || s.generator.SpanMetrics
	switch {
	case s.generating:
		a.Tempo.Generator = &s.generator
	case metrics:
		p.add("%s:metricsGenerator: got false; want true with serviceGraphs or spanMetrics. Fix: pulumi config set metricsGenerator true", p.project)
	}
	if !s.generating && !metrics && s.generator.RemoteWriteURL != nil { // else the component says so
		p.add("%s:prometheusRemoteWriteUrl: want nothing without serviceGraphs or spanMetrics, because it has no effect. Fix: pulumi config set serviceGraphs true", p.project)
	}
	if s.generating {
		a.Grafana.Preset.ServiceMap = s.generator.ServiceGraphs
		a.Grafana.Preset.TracesToMetrics = s.generator.SpanMetrics
	}
}

// deliver sets how Grafana gets its data sources.
func (s *settings) deliver(a *tracing.Args, p *problems) {
	release := s.grafana
	release.Timeout = s.timeout
	switch s.delivery {
	case DatasourcesValues:
	case DatasourcesConfigMap:
		a.Grafana.ConfigMap = &grafana.ConfigMap{Name: pulumi.String(text(a.Tempo.Release) + "-datasources"), Namespace: s.grafana.Namespace}
	case DatasourcesRelease:
		a.Grafana.Release = &release
	case DatasourcesOperator:
		a.Grafana.Operator = &grafana.Operator{Namespace: s.grafana.Namespace, InstanceSelector: s.instanceSelector}
	default:
		p.add("%s:datasources: got %q; want one of values, configmap, release, operator. Fix: pulumi config set datasources values", p.project, field.Shorten(s.delivery))
	}
	if s.delivery != DatasourcesRelease && len(s.grafana.Values) > 0 {
		p.add("%s:grafanaChartValues: want nothing with datasources: %s, because it has no effect. Fix: pulumi config set datasources release", p.project, s.delivery)
	}
	if s.delivery != DatasourcesOperator && len(s.instanceSelector) > 0 {
		p.add("%s:grafanaInstanceSelector: want nothing with datasources: %s, because it has no effect. Fix: pulumi config set datasources operator", p.project, s.delivery)
	}
}

// restored sets how many times each release was restored. Every entry must be of a release
// of the stack: an entry with a typing error would restore nothing.
func (s *settings) restored(all []*tracing.Args, p *problems) {
	counters := map[string]*int{}
	for _, a := range all {
		if !a.ValuesOnly {
			counters[text(a.Namespace.Name)+"/"+text(a.Tempo.Release)] = &a.Tempo.Restore
		}
		if r := a.Grafana.Release; r != nil {
			counters[text(r.Namespace)+"/"+text(r.Name)] = &r.Restore
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.restore)) {
		counter, known := counters[name]
		switch {
		case !known:
			p.add("%s:restore: got %q; want one of the stack's releases: %s. Fix: pulumi config rm --path %[4]s",
				p.project, name, strings.Join(slices.Sorted(maps.Keys(counters)), ", "), quoted(fmt.Sprintf("restore[%q]", name)))
		case s.restore[name] < 1:
			p.add("%s:restore[%q]: got %d; want 1 or more. Fix: pulumi config rm --path 'restore[%[2]q]'", p.project, name, s.restore[name]) // a release's name has no quotes
		default:
			*counter = s.restore[name]
		}
	}
}

// ignored adds a problem for each entry of driftIgnore without an object, and for each empty
// path.
func (p *problems) ignored(entries []ignored) {
	for i, entry := range entries {
		if strings.TrimSpace(entry.Object) == "" {
			p.add("%s:driftIgnore[%d].object: got nothing; want an object. Fix: pulumi config set --path 'driftIgnore[%[2]d].object' 'Deployment tempo/*'", p.project, i)
		}
		for j, path := range entry.Paths {
			if strings.TrimSpace(path) == "" {
				p.add("%s:driftIgnore[%d].paths[%d]: got nothing; want a path. Fix: pulumi config rm --path 'driftIgnore[%[2]d].paths[%[3]d]'", p.project, i, j)
			}
		}
	}
}
