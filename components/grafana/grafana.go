// Package grafana gives Grafana the data sources by which it shows traces, and links a
// trace to its logs and metrics and back.
package grafana

import (
	"errors"
	"fmt"

	"github.com/picluster/picluster/components/tempo/chart"
	"github.com/picluster/picluster/internal/field"
	"github.com/picluster/picluster/internal/helm"
	"github.com/picluster/picluster/internal/kube"
	"github.com/picluster/picluster/internal/rule"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const (
	// DefaultNamespace is where Grafana is, unless a namespace is given.
	DefaultNamespace = "monitoring"
	// DefaultChartVersion is the version of kube-prometheus-stack, unless one is given.
	DefaultChartVersion = "88.5.3"

	chartName  = "kube-prometheus-stack"
	repository = "https://prometheus-community.github.io/helm-charts"
)

// Args describes the data sources and how Grafana gets them. It requires TempoURL, Tenants
// or Datasources. At most one of ConfigMap, Release and Operator delivers them; with none
// of them the output Values is for a release that is managed elsewhere.
type Args struct {
	// TempoURL is Tempo's query URL, as Grafana reaches it. Default: no data source of a
	// Tempo but those of Tenants.
	TempoURL pulumi.StringInput `pulumi:"tempoUrl,optional"`
	// LokiURL is the URL of the Loki with the logs of what is traced. It requires
	// TempoURL. Default: no data source of Loki, and no links to one.
	LokiURL pulumi.StringInput `pulumi:"lokiUrl,optional"`
	// Preset is what the data sources of TempoURL and LokiURL show.
	Preset Preset `pulumi:"preset,optional"`
	// Tenants are further Tempos, whose data sources are in the same document.
	Tenants []Tenant `pulumi:"tenants,optional"`
	// Datasources are further data sources.
	Datasources []Datasource `pulumi:"datasources,optional"`
	// Exemplars links the exemplars of kube-prometheus-stack's own Prometheus to every
	// Tempo. It cannot be combined with ConfigMap and Operator, which cannot change that
	// data source.
	Exemplars bool `pulumi:"exemplars,optional"`
	// ChartVersion is the exact version of kube-prometheus-stack that Values is for, and
	// that Release installs. Default: DefaultChartVersion.
	ChartVersion string `pulumi:"chartVersion,optional"`

	// ConfigMap delivers the data sources in a ConfigMap, for Grafana's sidecar.
	ConfigMap *ConfigMap `pulumi:"configMap,optional"`
	// Release installs kube-prometheus-stack with the data sources.
	Release *Release `pulumi:"release,optional"`
	// Operator delivers the data sources as objects of the Grafana Operator.
	Operator *Operator `pulumi:"operator,optional"`
}

// ConfigMap is where Grafana's sidecar finds the data sources.
type ConfigMap struct {
	// Name is the ConfigMap's name, a DNS subdomain. Default: the component's name and
	// -datasources.
	Name pulumi.StringInput `pulumi:"name,optional"`
	// Namespace is one that the sidecar watches; it must exist. Default: DefaultNamespace.
	Namespace pulumi.StringInput `pulumi:"namespace,optional"`
}

// Release is a release of kube-prometheus-stack.
type Release struct {
	// Name is the release's name. Default: kube-prometheus-stack.
	Name pulumi.StringInput `pulumi:"name,optional"`
	// Namespace is the release's namespace; Helm creates it if it does not exist.
	// Default: DefaultNamespace.
	Namespace pulumi.StringInput `pulumi:"namespace,optional"`
	// Chart is the chart's name in Repository, a path, or an oci:// reference. Default:
	// kube-prometheus-stack.
	Chart string `pulumi:"chart,optional"`
	// Repository is the URL of the chart's repository; for a bare name alone. Default: the
	// one of prometheus-community.
	Repository string `pulumi:"repository,optional"`
	// Values are merged over those of the component. They cannot have a credential, because
	// Helm stores values in plain text, a null, or what cannot be checked for these: a struct,
	// or an output of a map or a list.
	Values map[string]any `pulumi:"values,optional"`
	// Timeout is how long to wait for the pods, in seconds, at most a day. Default: 300.
	Timeout int `pulumi:"timeout,optional"`
	// Restore is how many times the release was restored. Raise it to have Helm restore
	// the release's objects.
	Restore int `pulumi:"restore,optional"`
}

// Grafana is the data sources and what delivers them.
type Grafana struct {
	pulumi.ResourceState

	// Values are values of kube-prometheus-stack with the data sources, as YAML for
	// `helm upgrade -f`. If a preset shows metrics of Tempo, they have the chart's
	// Prometheus receive them (enableRemoteWriteReceiver).
	Values pulumi.StringOutput `pulumi:"values"`

	// installed is the namespace of Release, known once it is installed; nil without one.
	installed pulumi.StringInput
}

// New creates the data sources and what delivers them to Grafana. Its error names every
// bad field.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Grafana, error) {
	if args == nil {
		return nil, errors.New("grafana: args are missing")
	}
	a := args.withDefaults(name)
	if err := a.Validate(); err != nil {
		return nil, fmt.Errorf("grafana %q: %w", name, err)
	}

	g := &Grafana{}
	if err := ctx.RegisterComponentResource("picluster:grafana:Grafana", name, g, opts...); err != nil {
		return nil, err
	}
	known := a.document()
	values := known.ApplyT(func(d any) (map[string]any, error) { return d.(document).helmValues() }).(pulumi.MapOutput)
	g.Values = values.ApplyT(func(values map[string]any) (string, error) { return toYAML(values) }).(pulumi.StringOutput)

	if err := g.deliver(ctx, name, a, known, values); err != nil {
		return nil, err
	}
	return g, ctx.RegisterResourceOutputs(g, pulumi.Map{"values": g.Values})
}

// deliver creates the ConfigMap, the release or the operator's objects with the data sources.
// It creates nothing if the arguments name no delivery.
func (g *Grafana) deliver(ctx *pulumi.Context, name string, a Args, known pulumi.Output, values pulumi.MapOutput) error {
	if a.ConfigMap != nil {
		return g.newConfigMap(ctx, name, a.ConfigMap, known)
	}
	if a.Release != nil {
		return g.newRelease(ctx, name, a, values)
	}
	if a.Operator != nil {
		return g.newOperatorObjects(ctx, name, a, known)
	}
	return nil
}

// withDefaults returns a copy of the arguments with every default of what is delivered.
func (a Args) withDefaults(name string) Args {
	if a.ChartVersion == "" {
		a.ChartVersion = DefaultChartVersion
	}
	orDefault := func(in *pulumi.StringInput, value string) {
		if *in == nil {
			*in = pulumi.String(value)
		}
	}
	if a.ConfigMap != nil {
		c := *a.ConfigMap
		orDefault(&c.Name, name+"-datasources")
		orDefault(&c.Namespace, DefaultNamespace)
		a.ConfigMap = &c
	}
	if a.Operator != nil {
		o := *a.Operator
		orDefault(&o.Name, name)
		orDefault(&o.Namespace, DefaultNamespace)
		a.Operator = &o
	}
	if a.Release != nil {
		r := *a.Release
		r.Values = helm.Plain(r.Values)
		orDefault(&r.Name, chartName)
		orDefault(&r.Namespace, DefaultNamespace)
		if r.Chart == "" {
			r.Chart = chartName
		}
		if r.Repository == "" && chart.IsBareName(r.Chart) {
			r.Repository = repository
		}
		a.Release = &r
	}
	return a
}

// presets returns the Tempos of the arguments, each with its path.
func (a Args) presets() (paths []string, tenants []Tenant) {
	if a.TempoURL != nil {
		paths, tenants = append(paths, ""), append(tenants, Tenant{a.TempoURL, a.LokiURL, a.Preset})
	}
	for i, tenant := range a.Tenants {
		paths, tenants = append(paths, fmt.Sprintf("Tenants[%d].", i)), append(tenants, tenant)
	}
	return paths, tenants
}

// document returns all that is delivered, once the URLs are known.
func (a Args) document() pulumi.Output {
	all := document{chartVersion: a.ChartVersion}
	var parts []any
	paths, tenants := a.presets()
	for i, tenant := range tenants {
		parts = append(parts, tenant.output(paths[i]))
		all.remoteWrite = all.remoteWrite || tenant.Preset.ServiceMap || tenant.Preset.TracesToMetrics
		if a.Exemplars {
			all.exemplars = append(all.exemplars, tenant.Preset.tempoUID())
		}
	}
	for i, own := range a.Datasources {
		parts = append(parts, own.output(fmt.Sprintf("Datasources[%d]", i)))
	}
	return pulumi.All(parts...).ApplyT(func(known []any) document {
		d := all
		for _, part := range known {
			d.datasources = append(d.datasources, part.([]datasource)...)
		}
		return d
	})
}

func (g *Grafana) newConfigMap(ctx *pulumi.Context, name string, c *ConfigMap, known pulumi.Output) error {
	file := known.ApplyT(func(d any) (string, error) { return d.(document).provisioningFile() }).(pulumi.StringOutput)
	objectName := field.Checked("ConfigMap.Name", c.Name, validateConfigMapName)
	var data pulumi.StringMapInput
	if plain, ok := field.Plain(c.Name); ok {
		data = pulumi.StringMap{plain + ".yaml": file}
	} else {
		data = pulumi.All(objectName, file).ApplyT(func(known []any) map[string]string {
			return map[string]string{known[0].(string) + ".yaml": known[1].(string)}
		}).(pulumi.StringMapOutput)
	}
	_, err := kube.NewObject(ctx, "v1", "ConfigMap", name+"-datasources",
		kube.Metadata{
			Name:      objectName,
			Namespace: field.Checked("ConfigMap.Namespace", c.Namespace, kube.ValidateLabel),
			// What the sidecar of kube-prometheus-stack watches by default.
			Labels: map[string]string{"grafana_datasource": "1"},
		},
		pulumi.Map{"data": data},
		pulumi.Parent(g))
	return err
}

func (g *Grafana) newRelease(ctx *pulumi.Context, name string, a Args, values pulumi.MapOutput) error {
	r := a.Release
	release, err := helm.NewRelease(ctx, name+"-grafana", &helm.ReleaseArgs{
		Chart:           pulumi.String(r.Chart),
		Version:         pulumi.String(a.ChartVersion),
		RepositoryOpts:  helm.RepositoryOptsArgs{Repo: helm.OptionalString(r.Repository)},
		Name:            field.Checked("Release.Name", r.Name, kube.ValidateReleaseName),
		Namespace:       field.Checked("Release.Namespace", r.Namespace, kube.ValidateLabel),
		CreateNamespace: pulumi.Bool(true),
		Values: values.ApplyT(func(values map[string]any) map[string]any {
			return helm.Merge(values, r.Values)
		}).(pulumi.MapOutput),
		Timeout:     helm.OptionalInt(r.Timeout),
		Description: helm.Restored(r.Restore),
	}, pulumi.Parent(g))
	if err == nil {
		g.installed = release.Namespace.Elem()
	}
	return err
}

// checkedURL returns a URL as an output that fails if the value, once it is known, is not a
// URL. The error does not show the URL's user and password.
func checkedURL(path string, in pulumi.StringInput) pulumi.StringOutput {
	if _, plain := field.Plain(in); plain {
		return in.ToStringOutput() // Validate has seen it
	}
	return in.ToStringOutput().ApplyT(func(url string) (string, error) {
		var errs field.Errors
		errs.Check(path, rule.Redact(url), rule.ValidateURL(url))
		return url, errs.Err()
	}).(pulumi.StringOutput)
}
