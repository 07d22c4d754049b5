package grafana_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/picluster/picluster/components/componenttest"
	"github.com/picluster/picluster/components/grafana"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const dashboardToken = "kubernetes:grafana.integreatly.org/v1beta1:GrafanaDashboard"

func createDashboards(t *testing.T, args *grafana.DashboardsArgs) ([]componenttest.Resource, error) {
	t.Helper()
	resources, err := componenttest.Run(t, false, nil, func(ctx *pulumi.Context) error {
		_, err := grafana.NewDashboards(ctx, "traces", args)
		return err
	})
	componenttest.AssertParents(t, resources)
	return resources, err
}

// dashboard is what is checked of one.
type dashboard struct {
	UID, Title string
	Templating struct {
		List []struct {
			Name, Type string
			Current    struct{ Value any }
		}
	}
}

func parse(t *testing.T, text resource.PropertyValue) (d dashboard) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(text.StringValue()), &d))
	return d
}

// start returns the data source that a dashboard starts with.
func (d dashboard) start(name string) any {
	for _, v := range d.Templating.List {
		if v.Name == name && v.Type == "datasource" {
			return v.Current.Value
		}
	}
	return nil
}

func TestDashboardsInAConfigMap(t *testing.T) {
	resources, err := createDashboards(t, &grafana.DashboardsArgs{})
	require.NoError(t, err)
	object := componenttest.Find(t, resources, configMap, "traces-dashboards").Inputs
	metadata := object["metadata"].ObjectValue()
	assert.Equal(t, "tempo-dashboards", metadata["name"].StringValue())
	assert.Equal(t, "monitoring", metadata["namespace"].StringValue())
	assert.Equal(t, map[string]any{"grafana_dashboard": "1"}, metadata["labels"].Mappable())
	titles := map[string]string{}
	for file, text := range object["data"].ObjectValue() {
		d := parse(t, text)
		titles[string(file)] = d.Title
		assert.Equal(t, string(file), d.UID+".json")
		assert.Equal(t, "prometheus", d.start("prometheus"), d.UID)
	}
	assert.Equal(t, map[string]string{"tempo-writes.json": "Tempo writes", "tempo-reads.json": "Tempo reads", "tempo-resources.json": "Tempo resources"}, titles)
}

// Those of two stacks can be told apart, and start with the data sources that are given.
func TestDashboardsOfAName(t *testing.T) {
	long := strings.Repeat("n", 50)
	resources, err := createDashboards(t, &grafana.DashboardsArgs{
		Name: long, Services: true, PrometheusUID: "metrics", LokiUID: "logs", TempoUID: "spans",
		ConfigMap: &grafana.ConfigMap{Namespace: pulumi.String("g")},
	})
	require.NoError(t, err)
	object := componenttest.Find(t, resources, configMap, "traces-dashboards").Inputs
	assert.Equal(t, long+"-dashboards", object["metadata"].ObjectValue()["name"].StringValue())
	assert.Equal(t, "g", object["metadata"].ObjectValue()["namespace"].StringValue())
	uids := map[string]bool{}
	for _, text := range object["data"].ObjectValue() {
		d := parse(t, text)
		assert.NoError(t, grafana.ValidateUID(d.UID))
		assert.True(t, strings.HasSuffix(d.Title, " ("+long+")"), d.Title)
		uids[d.UID] = true
		if strings.HasPrefix(d.Title, "Services") {
			assert.Equal(t, []any{"metrics", "logs", "spans"}, []any{d.start("prometheus"), d.start("loki"), d.start("tempo")})
		}
	}
	assert.Len(t, uids, 4)
}

func TestDashboardsByTheOperator(t *testing.T) {
	resources, err := createDashboards(t, &grafana.DashboardsArgs{Operator: &grafana.Operator{
		InstanceSelector: map[string]string{"dashboards": "grafana"}, AllowCrossNamespaceImport: true,
	}})
	require.NoError(t, err)
	for _, own := range []string{"writes", "reads", "resources"} {
		object := componenttest.Find(t, resources, dashboardToken, "traces-dashboard-"+own)
		metadata, spec := object.Inputs["metadata"].ObjectValue(), object.Inputs["spec"].ObjectValue()
		assert.Equal(t, "tempo-"+own, metadata["name"].StringValue())
		assert.Equal(t, "monitoring", metadata["namespace"].StringValue())
		assert.Equal(t, map[string]any{"matchLabels": map[string]any{"dashboards": "grafana"}}, spec["instanceSelector"].Mappable())
		assert.True(t, spec["allowCrossNamespaceImport"].BoolValue())
		assert.Equal(t, "tempo-"+own, parse(t, spec["json"]).UID)
		assert.True(t, object.DeleteBeforeReplace)
		assert.Contains(t, object.ReplaceOnChanges, "spec.instanceSelector")
	}
	for _, r := range resources {
		assert.NotEqual(t, configMap, r.Type, "Grafana has the dashboards twice")
	}
}

// The ConfigMap is in the namespace that the release creates, or in its own once the release
// is there.
func TestDashboardsAfterTheRelease(t *testing.T) {
	for name, test := range map[string]struct {
		own       *grafana.ConfigMap
		namespace string
	}{
		"default":          {nil, "monitoring"},
		"of no namespace":  {&grafana.ConfigMap{Name: pulumi.String("shown")}, "monitoring"},
		"of its namespace": {&grafana.ConfigMap{Namespace: pulumi.String("dashboards")}, "dashboards"},
	} {
		t.Run(name, func(t *testing.T) {
			resources, err := componenttest.Run(t, false, nil, func(ctx *pulumi.Context) error {
				g, err := grafana.New(ctx, "traces", &grafana.Args{TempoURL: url(), Release: &grafana.Release{}})
				require.NoError(t, err)
				_, err = grafana.NewDashboards(ctx, "traces", grafana.DashboardsArgs{ConfigMap: test.own}.After(g))
				return err
			})
			require.NoError(t, err)
			object := componenttest.Find(t, resources, configMap, "traces-dashboards")
			assert.Equal(t, test.namespace, object.Inputs["metadata"].ObjectValue()["namespace"].StringValue())
			assert.True(t, componenttest.WaitsFor(object, "traces-grafana"), "%v", object.Dependencies)
		})
	}
	resources, err := componenttest.Run(t, false, nil, func(ctx *pulumi.Context) error {
		g, err := grafana.New(ctx, "traces", &grafana.Args{TempoURL: url(), Release: &grafana.Release{}})
		require.NoError(t, err)
		_, err = grafana.NewDashboards(ctx, "traces", grafana.DashboardsArgs{Operator: &grafana.Operator{InstanceSelector: map[string]string{"a": "b"}}}.After(g))
		return err
	})
	require.NoError(t, err)
	for _, r := range resources {
		assert.NotEqual(t, configMap, r.Type)
	}
}

func TestBadDashboards(t *testing.T) {
	_, err := createDashboards(t, nil)
	assert.ErrorContains(t, err, "args are missing")
	_, err = createDashboards(t, &grafana.DashboardsArgs{
		Name: "N", PrometheusUID: "a b", LokiUID: "c d", TempoUID: "e f",
		ConfigMap: &grafana.ConfigMap{Namespace: pulumi.String("M")}, Operator: &grafana.Operator{},
	})
	assert.ErrorContains(t, err, `grafana "traces": Name: got "N"; want 1 to 63 lower-case letters, digits or -, with a letter or digit first and last
PrometheusUID: got "a b"; want a uid of 1 to 40 letters, digits, - or _
LokiUID: got "c d"; want a uid of 1 to 40 letters, digits, - or _
TempoUID: got "e f"; want a uid of 1 to 40 letters, digits, - or _
ConfigMap.Name: got "N-dashboards"; want `)
	assert.ErrorContains(t, err, "ConfigMap.Namespace: ")
	assert.ErrorContains(t, err, "Operator: want one of ConfigMap, Release and Operator")
}
