package stacks

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"

	"github.com/picluster/picluster/components/grafana"
	"github.com/picluster/picluster/components/kube"
	"github.com/picluster/picluster/components/objectstore"
	"github.com/picluster/picluster/components/tempo"
	"github.com/picluster/picluster/components/tempo/chart"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"sigs.k8s.io/yaml"
)

// Credentials is how Tempo comes by the keys of the bucket's user.
const (
	// CredentialsSecret: from a Secret that the stack makes.
	CredentialsSecret = "secret"
	// CredentialsInline: from the chart's values, for all to see.
	CredentialsInline = "inline"
	// CredentialsExisting: from a Secret that somebody else keeps.
	CredentialsExisting = "existing"
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

// Config is a stack's configuration, read once and checked. Pulumi.yaml
// describes each key.
type Config struct {
	ObjectStore objectstore.Args
	// SecretKey is the user's, if it is kept elsewhere too.
	SecretKey string

	Namespace   string
	SecretName  string
	Credentials string

	Release string
	Chart   chart.Chart
	Timeout int // seconds
	S3      S3
	Tempo   tempo.Options

	Grafana Grafana
}

// S3 is the S3 server as Tempo reaches it.
type S3 struct {
	Endpoint string // host:port
	Region   string
	Insecure bool   // plain HTTP
	CA       string // PEM; empty: a CA that every system knows
}

// Grafana is what Grafana shows, and how it comes by it.
type Grafana struct {
	Links     grafana.Links
	Exemplars bool
	ConfigMap *grafana.ConfigMap
	Release   *grafana.Release
}

// Load reads the configuration of the stack that ctx runs. Its error names every
// problem: the key, what is wrong with the value, and the command that mends it.
func Load(ctx *pulumi.Context) (*Config, error) {
	r := newReader(ctx, ctx.Project())
	config := load(r)
	r.unknown(allKeys())
	return config, r.err(ctx.Stack())
}

// allKeys returns the keys that the stack sets. The SDK hands out single keys
// only; it reads this variable itself. A program that runs inside another
// process has none, and no unknown keys are found then.
func allKeys() (keys []string) {
	var config map[string]string
	if json.Unmarshal([]byte(os.Getenv(pulumi.EnvConfig)), &config) != nil {
		return nil
	}
	for key := range config {
		keys = append(keys, key)
	}
	return keys
}

func load(r *reader) *Config {
	c := &Config{
		ObjectStore: objectstore.Args{
			KeyGeneration: r.number("keyGeneration", 1, 1),
			Bucket:        r.text("bucket", "k3s-tempo", objectstore.ValidateBucket),
			User:          r.text("user", "tempo", objectstore.ValidateIAMName),
			Policy:        r.text("policy", "tempo", objectstore.ValidateIAMName),
			BucketOnly:    !r.flag("manageUser", true),
			ImportBucket:  r.flag("importBucket", false),
			DeleteBucket:  !r.flag("retainBucket", true),
		},
		SecretKey:   r.secret("secretKey", objectstore.ValidateSecretKey),
		Namespace:   r.text("namespace", "tempo", kube.ValidateLabel),
		SecretName:  r.text("secretName", "tempo-minio-secret", kube.ValidateSubdomain),
		Credentials: r.choice("credentials", CredentialsSecret, CredentialsSecret, CredentialsInline, CredentialsExisting),
		Release:     r.text("release", "tempo", tempo.ValidateRelease),
		Chart:       r.chart(),
		Timeout:     r.number("timeout", 600, 1),
		Tempo:       r.tempo(),
	}
	c.S3 = r.s3(r.minio())
	c.Grafana = r.grafana(c)

	switch existing := c.Credentials == CredentialsExisting; {
	case existing && c.ObjectStore.KeyGeneration != 1:
		r.problem("%s: is of no use with %s: existing, where the stack makes no key. Take it out: pulumi config rm keyGeneration",
			r.key("keyGeneration"), r.key("credentials"))
	case !existing && c.SecretKey != "":
		r.problem("%s: goes with %s: existing, where somebody else keeps the key; here the stack makes one. Take it out: pulumi config rm secretKey",
			r.key("secretKey"), r.key("credentials"))
	case !existing && c.ObjectStore.BucketOnly:
		r.problem("%s: false goes with %s: existing; here the stack must make the user, since it makes the key. Set it: pulumi config set credentials existing",
			r.key("manageUser"), r.key("credentials"))
	case existing && c.ObjectStore.BucketOnly && c.SecretKey != "":
		r.problem("%s: is of no use with %s: false, which leaves the user alone. Take it out: pulumi config rm secretKey",
			r.key("secretKey"), r.key("manageUser"))
	case existing && !c.ObjectStore.BucketOnly && c.SecretKey == "":
		r.problem("%s: is missing: with %s: existing the stack gives the MinIO user the key that the Secret has. Set it: pulumi config set --secret secretKey; or leave the user alone: pulumi config set manageUser false",
			r.key("secretKey"), r.key("credentials"))
	}
	return c
}

// chart reads where Tempo's chart is.
func (r *reader) chart() chart.Chart {
	c := chart.Chart{
		Name:       r.text("chart", chart.DefaultName, notEmpty),
		Repository: r.optional("chartRepository", webURL),
		Version:    r.text("chartVersion", chart.DefaultVersion, chart.ValidateVersion),
	}
	r.repositoryOf("chart", c.Name, "chartRepository", c.Repository)
	if version, ok := folderVersion(c.Name); ok && version != c.Version {
		r.problem("%s: is %q, but the chart in %s is %q. Set it: pulumi config set chartVersion %s",
			r.key("chartVersion"), c.Version, c.Name, version, version)
	}
	return c
}

// folderVersion returns the version of the chart in a folder, if there is one.
func folderVersion(folder string) (version string, ok bool) {
	text, err := os.ReadFile(filepath.Join(folder, "Chart.yaml"))
	if err != nil {
		return "", false
	}
	var file struct {
		Version string `json:"version"`
	}
	return file.Version, yaml.Unmarshal(text, &file) == nil
}

// repositoryOf notes a repository that is given for a chart that needs none.
func (r *reader) repositoryOf(chartKey, name, repositoryKey, repository string) {
	if repository != "" && !(chart.Chart{Name: name}).IsBareName() {
		r.problem("%s: %q is where to look for a chart's bare name, but %s is %q. Take it out: pulumi config rm %s",
			r.key(repositoryKey), repository, r.key(chartKey), name, repositoryKey)
	}
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
		r.problem("%s: is of no use without %s. Set that: pulumi config set lokiUrl URL", r.key("lokiTenant"), r.key("lokiUrl"))
	}
	if uids := []string{grafana.TempoUID, g.Links.Loki.UID, g.Links.Prometheus.UID}; len(slices.Compact(slices.Sorted(slices.Values(uids)))) < len(uids) {
		r.problem("%s, %s: %q and %q must differ from each other and from %q, which is Tempo's. Set one: pulumi config set lokiUid loki",
			r.key("lokiUid"), r.key("prometheusUid"), g.Links.Loki.UID, g.Links.Prometheus.UID, grafana.TempoUID)
	}

	delivery := r.choice("datasources", DatasourcesValues, DatasourcesValues, DatasourcesConfigMap, DatasourcesRelease)
	namespace := r.text("grafanaNamespace", "monitoring", kube.ValidateLabel)
	release := grafana.Release{
		Name:       r.text("grafanaRelease", "kube-prometheus-stack", tempo.ValidateRelease),
		Namespace:  namespace,
		Chart:      r.text("grafanaChart", "kube-prometheus-stack", notEmpty),
		Repository: r.optional("grafanaChartRepository", webURL),
		Version:    r.text("grafanaChartVersion", "88.5.3", chart.ValidateExact),
		Timeout:    c.Timeout,
	}
	r.repositoryOf("grafanaChart", release.Chart, "grafanaChartRepository", release.Repository)
	if release.Repository == "" && (chart.Chart{Name: release.Chart}).IsBareName() {
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
		r.problem("%s: is of no use with %s: %s. Set that: pulumi config set datasources release",
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
