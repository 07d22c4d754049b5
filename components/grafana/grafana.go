// Package grafana gives the Grafana of kube-prometheus-stack the datasources by
// which it shows traces, and goes from a trace to its logs and metrics and back.
package grafana

import (
	"errors"
	"fmt"

	"github.com/picluster/picluster/components/helm"
	"github.com/picluster/picluster/components/kube"
	"github.com/picluster/picluster/internal/problems"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Args describes the datasources, and how Grafana gets them.
type Args struct {
	// TempoURL is Tempo's query URL, as Grafana reaches it. Required.
	TempoURL pulumi.StringInput
	// Links is what traces are linked with.
	Links Links
	// Exemplars has the exemplars of kube-prometheus-stack's Prometheus link to
	// Tempo. Not with ConfigMap, which cannot change that datasource.
	Exemplars bool

	// ConfigMap puts the datasources into a ConfigMap, for the sidecar of a
	// Grafana that somebody else installed. Nil: it does not.
	ConfigMap *ConfigMap
	// Release installs kube-prometheus-stack with the datasources. Nil: it does
	// not. Not with ConfigMap.
	Release *Release
}

// ConfigMap is where Grafana's sidecar finds the datasources.
type ConfigMap struct {
	// Name is the ConfigMap's name, a DNS subdomain. Required.
	Name string
	// Namespace is one that the sidecar looks into; it must exist. Required.
	Namespace string
}

// Release is a release of kube-prometheus-stack.
type Release struct {
	// Name is the release's name. Required.
	Name string
	// Namespace is where it goes; Helm makes it if it is not there. Required.
	Namespace string
	// Chart is the chart's name in Repository, a path, or an oci:// reference.
	// Required.
	Chart string
	// Repository is the chart repository's URL; empty for a path and oci://.
	Repository string
	// Version is the chart's exact version. Required.
	Version string
	// Values are merged over those that the datasources make.
	Values map[string]any
	// Timeout is how long to wait for the pods, in seconds. Default: 300.
	Timeout int
	// Restore is how many times the release was restored. Raise it to have Helm
	// restore the release's objects.
	Restore int
}

// Grafana is the datasources, and what has them.
type Grafana struct {
	pulumi.ResourceState

	// Values is the datasources as values of kube-prometheus-stack, as YAML for
	// `helm upgrade -f`.
	Values pulumi.StringOutput `pulumi:"values"`
}

// New makes the datasources, and what carries them to Grafana. It returns one
// error that names every bad field.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Grafana, error) {
	if args == nil {
		return nil, errors.New("grafana: args are missing")
	}
	a := *args
	if err := a.validate(); err != nil {
		return nil, fmt.Errorf("grafana %q: %w", name, err)
	}

	g := &Grafana{}
	if err := ctx.RegisterComponentResource("picluster:grafana:Grafana", name, g, opts...); err != nil {
		return nil, err
	}
	url := a.TempoURL.ToStringOutput()
	values := url.ApplyT(func(url string) (map[string]any, error) {
		return HelmValues(Datasources(url, a.Links), a.Exemplars)
	}).(pulumi.MapOutput)
	g.Values = values.ApplyT(func(values map[string]any) (string, error) { return toYAML(values) }).(pulumi.StringOutput)

	if a.ConfigMap != nil {
		if err := g.newConfigMap(ctx, name, a, url); err != nil {
			return nil, err
		}
	}
	if a.Release != nil {
		if err := g.newRelease(ctx, name, a.Release, values); err != nil {
			return nil, err
		}
	}
	return g, ctx.RegisterResourceOutputs(g, pulumi.Map{"values": g.Values})
}

func (g *Grafana) newConfigMap(ctx *pulumi.Context, name string, a Args, url pulumi.StringOutput) error {
	file := url.ApplyT(func(url string) (string, error) {
		return ProvisioningFile(Datasources(url, a.Links))
	}).(pulumi.StringOutput)
	_, err := kube.NewObject(ctx, "v1", "ConfigMap", name+"-datasources",
		kube.Metadata{
			Name:      a.ConfigMap.Name,
			Namespace: pulumi.String(a.ConfigMap.Namespace),
			// What kube-prometheus-stack's sidecar looks for, by default.
			Labels: map[string]string{"grafana_datasource": "1"},
		},
		pulumi.Map{"data": pulumi.StringMap{a.ConfigMap.Name + ".yaml": file}},
		pulumi.Parent(g))
	return err
}

func (g *Grafana) newRelease(ctx *pulumi.Context, name string, r *Release, values pulumi.MapOutput) error {
	_, err := helm.NewRelease(ctx, name+"-grafana", &helm.ReleaseArgs{
		Chart:           pulumi.String(r.Chart),
		Version:         pulumi.String(r.Version),
		RepositoryOpts:  helm.RepositoryOptsArgs{Repo: helm.OptionalString(r.Repository)},
		Name:            pulumi.String(r.Name),
		Namespace:       pulumi.String(r.Namespace),
		CreateNamespace: pulumi.Bool(true),
		Values: values.ApplyT(func(values map[string]any) map[string]any {
			return helm.Merge(values, r.Values)
		}).(pulumi.MapOutput),
		Timeout:     helm.OptionalInt(r.Timeout),
		Description: helm.Restored(r.Restore),
	}, pulumi.Parent(g))
	return err
}

func (a Args) validate() error {
	var p problems.List
	p.Required("TempoURL", a.TempoURL == nil)
	if c := a.ConfigMap; c != nil {
		p.Check("ConfigMap.Name", c.Name, kube.ValidateSubdomain(c.Name))
		p.Check("ConfigMap.Namespace", c.Namespace, kube.ValidateLabel(c.Namespace))
		if a.Exemplars {
			p.Add("of Exemplars and ConfigMap there can be one: a ConfigMap cannot change Prometheus's own datasource")
		}
		if a.Release != nil {
			p.Add("of ConfigMap and Release there can be one: Grafana would have the datasources twice")
		}
	}
	if r := a.Release; r != nil {
		p.Check("Release.Name", r.Name, kube.ValidateLabel(r.Name))
		p.Check("Release.Namespace", r.Namespace, kube.ValidateLabel(r.Namespace))
		p.Required("Release.Chart", r.Chart == "")
		p.Required("Release.Version", r.Version == "")
	}
	return p.Err()
}
