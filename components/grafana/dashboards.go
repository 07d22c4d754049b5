package grafana

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/picluster/picluster/internal/field"
	"github.com/picluster/picluster/internal/kube"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// dashboards are Grafana's dashboards as JSON. `make dashboards` generates them.
//
//go:embed dashboards/*.json
var dashboards embed.FS

// ServicesDashboard is the dashboard of Tempo's span metrics.
const ServicesDashboard = "services"

// DashboardsArgs describes the dashboards of the Tempos in a cluster, and how Grafana gets
// them. They show every Tempo that Prometheus scrapes, by its namespace.
type DashboardsArgs struct {
	// Name is the first part of the dashboards' uids and of their objects' names: a DNS
	// label. Default: tempo.
	Name string `pulumi:"name,optional"`
	// Services adds the dashboard of the traced services, which requires Tempo's span
	// metrics.
	Services bool `pulumi:"services,optional"`
	// PrometheusUID is the uid of Prometheus's data source. Default: prometheus.
	PrometheusUID string `pulumi:"prometheusUid,optional"`
	// LokiUID is the uid of Loki's data source. Default: loki.
	LokiUID string `pulumi:"lokiUid,optional"`
	// TempoUID is the uid of Tempo's data source. Default: tempo.
	TempoUID string `pulumi:"tempoUid,optional"`

	// ConfigMap delivers the dashboards in a ConfigMap, for Grafana's sidecar. Default: one
	// in DefaultNamespace, unless Operator is set. Default of its Name: Name and
	// -dashboards.
	ConfigMap *ConfigMap `pulumi:"configMap,optional"`
	// Operator delivers them as objects of the Grafana Operator.
	Operator *Operator `pulumi:"operator,optional"`
}

// Dashboards are dashboards of Grafana and what delivers them.
type Dashboards struct {
	pulumi.ResourceState

	// UIDs are the uids of the dashboards.
	UIDs pulumi.StringArrayOutput `pulumi:"uids"`
}

// NewDashboards creates what delivers the dashboards to Grafana. Its error names every bad
// field.
func NewDashboards(ctx *pulumi.Context, name string, args *DashboardsArgs, opts ...pulumi.ResourceOption) (*Dashboards, error) {
	if args == nil {
		return nil, errors.New("grafana: args are missing")
	}
	a := args.withDefaults()
	if err := a.Validate(); err != nil {
		return nil, fmt.Errorf("grafana %q: %w", name, err)
	}
	d := &Dashboards{}
	if err := ctx.RegisterComponentResource("picluster:grafana:Dashboards", name, d, opts...); err != nil {
		return nil, err
	}
	files, err := a.files()
	if err != nil {
		return nil, err
	}
	deliver := d.newConfigMap
	if a.Operator != nil {
		deliver = d.newOperatorObjects
	}
	if err := deliver(ctx, name, a, files); err != nil {
		return nil, err
	}
	var uids []string
	for _, own := range slices.Sorted(maps.Keys(files)) {
		uids = append(uids, UID(a.Name, own))
	}
	d.UIDs = pulumi.ToStringArray(uids).ToStringArrayOutput()
	return d, ctx.RegisterResourceOutputs(d, pulumi.Map{"uids": d.UIDs})
}

// After returns the arguments with a ConfigMap that waits for the release that g installs,
// which creates the namespace. The ConfigMap's default namespace is the release's. It changes
// nothing if g installs no release or Operator alone delivers the dashboards.
func (a DashboardsArgs) After(g *Grafana) *DashboardsArgs {
	if g.installed == nil || a.ConfigMap == nil && a.Operator != nil {
		return &a
	}
	c := ConfigMap{}
	if a.ConfigMap != nil {
		c = *a.ConfigMap
	}
	if c.Namespace == nil {
		c.Namespace = g.installed
	} else {
		c.Namespace = pulumi.All(c.Namespace, g.installed).ApplyT(func(all []any) string { return all[0].(string) }).(pulumi.StringOutput)
	}
	a.ConfigMap = &c
	return &a
}

func (a DashboardsArgs) withDefaults() DashboardsArgs {
	for _, d := range []struct {
		text  *string
		value string
	}{{&a.Name, "tempo"}, {&a.PrometheusUID, "prometheus"}, {&a.LokiUID, "loki"}, {&a.TempoUID, TempoUID}} {
		if *d.text == "" {
			*d.text = d.value
		}
	}
	of := Args{Operator: a.Operator, ConfigMap: a.ConfigMap}
	if of.ConfigMap == nil && of.Operator == nil {
		of.ConfigMap = &ConfigMap{}
	}
	if of.ConfigMap != nil && of.ConfigMap.Name == nil {
		c := *of.ConfigMap
		c.Name = pulumi.String(a.Name + "-dashboards")
		of.ConfigMap = &c
	}
	of = of.withDefaults(a.Name)
	a.Operator, a.ConfigMap = of.Operator, of.ConfigMap
	return a
}

// Validate returns an error with every field that has a bad value. Outputs of other
// resources are checked once they are known.
func (a DashboardsArgs) Validate() error {
	var errs field.Errors
	if a.Name != "" {
		errs.Check("Name", a.Name, kube.ValidateLabel(a.Name))
	}
	for _, u := range []struct{ path, uid string }{
		{"PrometheusUID", a.PrometheusUID}, {"LokiUID", a.LokiUID}, {"TempoUID", a.TempoUID},
	} {
		if u.uid != "" {
			errs.Check(u.path, u.uid, ValidateUID(u.uid))
		}
	}
	Args{Operator: a.Operator, ConfigMap: a.ConfigMap}.validateDelivery(&errs)
	return errs.Err()
}

// files returns the dashboards as JSON, by their own names.
func (a DashboardsArgs) files() (map[string]string, error) {
	entries, err := fs.ReadDir(dashboards, "dashboards")
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	for _, entry := range entries {
		own := strings.TrimSuffix(entry.Name(), ".json")
		if own == ServicesDashboard && !a.Services {
			continue
		}
		text, err := dashboards.ReadFile(path.Join("dashboards", entry.Name()))
		if err != nil {
			return nil, err
		}
		if files[own], err = a.render(UID(a.Name, own), text); err != nil {
			return nil, fmt.Errorf("dashboard %s: %w", own, err)
		}
	}
	return files, nil
}

// render returns a dashboard under its uid, with the data sources that it starts with.
func (a DashboardsArgs) render(uid string, text []byte) (string, error) {
	var d map[string]any
	if err := json.Unmarshal(text, &d); err != nil {
		return "", err
	}
	d["uid"] = uid
	if a.Name != "tempo" { // because two stacks would have dashboards of one title
		d["title"] = fmt.Sprintf("%s (%s)", d["title"], a.Name)
	}
	templating, _ := d["templating"].(map[string]any)
	variables, _ := templating["list"].([]any)
	uids := map[string]string{"prometheus": a.PrometheusUID, "loki": a.LokiUID, "tempo": a.TempoUID}
	for _, v := range variables {
		variable, _ := v.(map[string]any)
		name, _ := variable["name"].(string)
		if own, ok := uids[name]; ok && variable["type"] == "datasource" {
			variable["current"] = map[string]any{"text": own, "value": own}
		}
	}
	rendered, err := json.Marshal(d)
	return string(rendered), err
}

// newConfigMap creates the ConfigMap that Grafana's sidecar reads.
func (d *Dashboards) newConfigMap(ctx *pulumi.Context, name string, a DashboardsArgs, files map[string]string) error {
	data := pulumi.StringMap{}
	for own, text := range files {
		data[UID(a.Name, own)+".json"] = pulumi.String(text)
	}
	_, err := kube.NewObject(ctx, "v1", "ConfigMap", name+"-dashboards",
		kube.Metadata{
			Name:      field.Checked("ConfigMap.Name", a.ConfigMap.Name, validateConfigMapName),
			Namespace: field.Checked("ConfigMap.Namespace", a.ConfigMap.Namespace, kube.ValidateLabel),
			// What the sidecar of kube-prometheus-stack watches by default.
			Labels: map[string]string{"grafana_dashboard": "1"},
		},
		pulumi.Map{"data": data},
		pulumi.Parent(d))
	return err
}

// newOperatorObjects creates an object for each dashboard.
func (d *Dashboards) newOperatorObjects(ctx *pulumi.Context, name string, a DashboardsArgs, files map[string]string) error {
	for _, own := range slices.Sorted(maps.Keys(files)) {
		spec := pulumi.Map{
			"instanceSelector": pulumi.Map{"matchLabels": pulumi.ToStringMap(a.Operator.InstanceSelector)},
			"json":             pulumi.String(files[own]),
		}
		if a.Operator.AllowCrossNamespaceImport {
			spec["allowCrossNamespaceImport"] = pulumi.Bool(true)
		}
		_, err := kube.NewObject(ctx, OperatorVersion, dashboardKind, name+"-dashboard-"+own,
			kube.Metadata{
				Name:      pulumi.Sprintf("%s-%s", field.Checked("Operator.Name", a.Operator.Name, kube.ValidateLabel), own),
				Namespace: field.Checked("Operator.Namespace", a.Operator.Namespace, kube.ValidateLabel),
			},
			pulumi.Map{"spec": spec},
			pulumi.Parent(d), pulumi.ReplaceOnChanges(immutable), pulumi.DeleteBeforeReplace(true))
		if err != nil {
			return err
		}
	}
	return nil
}
