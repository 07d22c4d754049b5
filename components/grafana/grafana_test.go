package grafana_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/picluster/picluster/components/componenttest"
	"github.com/picluster/picluster/components/grafana"
	"github.com/picluster/picluster/internal/field"
	"github.com/picluster/picluster/internal/helm"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

const (
	tempoURL    = "http://tempo-query-frontend.tempo.svc.cluster.local:3200"
	lokiURL     = "http://loki-read-headless.loki.svc.cluster.local"
	component   = "picluster:grafana:Grafana"
	objectToken = "kubernetes:grafana.integreatly.org/v1beta1:GrafanaDatasource"
	configMap   = "kubernetes:core/v1:ConfigMap"
)

// create runs a program with one component, and returns what is registered and its output.
func create(t *testing.T, preview bool, args *grafana.Args, opts ...pulumi.ResourceOption) ([]componenttest.Resource, string, error) {
	t.Helper()
	known := make(chan string, 1)
	resources, err := componenttest.Run(t, preview, nil, func(ctx *pulumi.Context) error {
		g, err := grafana.New(ctx, "tempo", args, opts...)
		if err != nil {
			return err
		}
		g.Values.ApplyT(func(text string) string {
			known <- text
			return text
		})
		return nil
	})
	if err != nil {
		return resources, "", err
	}
	select {
	case values := <-known:
		return resources, values, nil
	case <-time.After(5 * time.Second):
		t.Fatal("the output Values is not known")
		return nil, "", nil
	}
}

func url() pulumi.StringInput { return pulumi.String(tempoURL) }

// Without a delivery there is the output alone, which a preview knows too.
func TestValues(t *testing.T) {
	for _, preview := range []bool{false, true} {
		resources, values, err := create(t, preview, &grafana.Args{TempoURL: url(), LokiURL: pulumi.String(lokiURL)})
		require.NoError(t, err)
		require.Len(t, resources, 1)
		assert.Equal(t, component, resources[0].Type)
		assert.Contains(t, values, "  additionalDataSourcesString: |\n")
		assert.Contains(t, values, "url: "+tempoURL+"\n")
		assert.Contains(t, values, "url: "+lokiURL+"\n")
		assert.NotContains(t, values, "enableRemoteWriteReceiver")
		assert.NotContains(t, values, "exemplarTraceIdDestinations")
	}
}

// documentOf returns what the output has of the arguments.
func documentOf(t *testing.T, args *grafana.Args) (uids []string, values map[string]any) {
	t.Helper()
	_, text, err := create(t, false, args)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal([]byte(text), &values))
	section := values["grafana"].(map[string]any)
	sources := section["additionalDataSources"]
	if text, ok := section["additionalDataSourcesString"].(string); ok {
		require.NoError(t, yaml.Unmarshal([]byte(text), &sources))
	}
	for _, source := range sources.([]any) {
		uids = append(uids, source.(map[string]any)["uid"].(string))
	}
	return uids, values
}

// The data sources of all are in one document, in a fixed order.
func TestOneDocument(t *testing.T) {
	uids, values := documentOf(t, &grafana.Args{
		TempoURL: url(),
		LokiURL:  pulumi.String(lokiURL),
		Tenants: []grafana.Tenant{
			{TempoURL: pulumi.String("http://b"), Preset: grafana.Preset{Tenant: "b", SpanBar: grafana.SpanBar{Type: "Duration"}}},
			{TempoURL: pulumi.String("http://a"), LokiURL: pulumi.String(lokiURL), Preset: grafana.Preset{Tenant: "a", ServiceMap: true}},
		},
		Datasources: []grafana.Datasource{{Name: "Mimir", Type: "prometheus", UID: "mimir", URL: pulumi.String("http://mimir")}},
		Exemplars:   true,
	})
	assert.Equal(t, []string{"loki", "tempo", "tempo-b", "loki-a", "tempo-a", "mimir"}, uids)
	assert.Equal(t, true, values["prometheus"].(map[string]any)["prometheusSpec"].(map[string]any)["enableRemoteWriteReceiver"])
	assert.Contains(t, fmt.Sprint(values["grafana"]), "map[datasourceUid:tempo name:trace_id] map[datasourceUid:tempo-b name:trace_id] map[datasourceUid:tempo-a name:trace_id]")
}

func TestTracesToMetricsReceiveMetrics(t *testing.T) {
	_, values := documentOf(t, &grafana.Args{TempoURL: url(), Preset: grafana.Preset{TracesToMetrics: true}})
	assert.Contains(t, values, "prometheus")
}

func TestChartVersion(t *testing.T) {
	_, values := documentOf(t, &grafana.Args{TempoURL: url(), ChartVersion: "81.2.2"})
	assert.Contains(t, values["grafana"], "additionalDataSources")
}

func TestExemplarsOfTenant(t *testing.T) {
	_, values := documentOf(t, &grafana.Args{TempoURL: url(), Preset: grafana.Preset{Tenant: "shop"}, Exemplars: true})
	assert.Contains(t, fmt.Sprint(values["grafana"]), "exemplarTraceIdDestinations:map[datasourceUid:tempo-shop traceIdLabelName:trace_id]")
}

// Settings of a caller's data source can be outputs; its secrets are secrets of whatever
// has them.
func TestOwnDatasource(t *testing.T) {
	own := func(delivery func(*grafana.Args)) *grafana.Args {
		args := &grafana.Args{Datasources: []grafana.Datasource{{
			Name: "Mimir", Type: "prometheus", UID: "mimir",
			URL:            pulumi.String("http://mimir").ToStringOutput(),
			JSONData:       pulumi.Map{"httpHeaderName1": pulumi.String("Authorization").ToStringOutput()},
			SecureJSONData: pulumi.StringMap{"httpHeaderValue1": pulumi.String("hunter2")},
		}}}
		delivery(args)
		return args
	}
	for name, test := range map[string]struct {
		delivery func(*grafana.Args)
		secret   func([]componenttest.Resource) resource.PropertyValue
	}{
		"ConfigMap": {
			func(a *grafana.Args) { a.ConfigMap = &grafana.ConfigMap{} },
			func(r []componenttest.Resource) resource.PropertyValue {
				return componenttest.Find(t, r, configMap, "tempo-datasources").Inputs["data"].ObjectValue()["tempo-datasources.yaml"]
			},
		},
		"Release": {
			func(a *grafana.Args) { a.Release = &grafana.Release{} },
			func(r []componenttest.Resource) resource.PropertyValue {
				return componenttest.Find(t, r, helm.ReleaseToken, "tempo-grafana").Inputs["values"]
			},
		},
		"Operator": {
			func(a *grafana.Args) {
				a.Operator = &grafana.Operator{InstanceSelector: map[string]string{"a": "b"}}
			},
			func(r []componenttest.Resource) resource.PropertyValue {
				return componenttest.Find(t, r, objectToken, "tempo-datasource-mimir").Inputs["spec"]
			},
		},
	} {
		resources, values, err := create(t, false, own(test.delivery))
		require.NoError(t, err, name)
		inside := fmt.Sprint(componenttest.Secret(t, test.secret(resources)))
		assert.Contains(t, inside, "hunter2", name)
		assert.Contains(t, inside, "Authorization", name)
		assert.Contains(t, values, "hunter2")
	}
}

// A reference in a secret of the caller's is for Grafana to expand.
func TestOwnReference(t *testing.T) {
	own := []grafana.Datasource{{Name: "x", Type: "x", UID: "x", URL: url(), SecureJSONData: pulumi.StringMap{"token": pulumi.String("$__file{/etc/token}")}}}
	_, values, err := create(t, false, &grafana.Args{Datasources: own})
	require.NoError(t, err)
	assert.Contains(t, values, "token: $__file{/etc/token}\n")
	_, _, err = create(t, false, &grafana.Args{Datasources: own, Operator: &grafana.Operator{InstanceSelector: map[string]string{"a": "b"}}})
	assert.ErrorContains(t, err, "Datasources[0].SecureJSONData.token: want a value with Operator")
}

// Nothing of a preset is a secret, so that a preview shows what changes.
func TestPresetIsNoSecret(t *testing.T) {
	resources, _, err := create(t, false, &grafana.Args{
		TempoURL: url(), LokiURL: pulumi.String(lokiURL), Preset: grafana.Preset{LokiTenant: "x", TempoTenant: "y"}, ConfigMap: &grafana.ConfigMap{},
	})
	require.NoError(t, err)
	assert.False(t, resource.NewProperty(componenttest.Find(t, resources, configMap, "tempo-datasources").Inputs).ContainsSecrets())
}

func TestConfigMap(t *testing.T) {
	for name, test := range map[string]struct {
		configMap grafana.ConfigMap
		want      [2]string
	}{
		"defaults":   {grafana.ConfigMap{}, [2]string{"tempo-datasources", "monitoring"}},
		"names":      {grafana.ConfigMap{Name: pulumi.String("x"), Namespace: pulumi.String("y")}, [2]string{"x", "y"}},
		"of outputs": {grafana.ConfigMap{Name: pulumi.String("x").ToStringOutput(), Namespace: pulumi.String("y").ToStringOutput()}, [2]string{"x", "y"}},
	} {
		t.Run(name, func(t *testing.T) {
			resources, _, err := create(t, false, &grafana.Args{
				TempoURL: pulumi.String("http://x/{{ braces }}").ToStringOutput(), LokiURL: pulumi.String(lokiURL), ConfigMap: &test.configMap,
			})
			require.NoError(t, err)
			require.Len(t, resources, 2)
			inputs := componenttest.Find(t, resources, configMap, "tempo-datasources").Inputs
			metadata := inputs["metadata"].ObjectValue()
			assert.Equal(t, test.want[0], metadata["name"].StringValue())
			assert.Equal(t, test.want[1], metadata["namespace"].StringValue())
			assert.Equal(t, "1", metadata["labels"].ObjectValue()["grafana_datasource"].StringValue())
			file := inputs["data"].ObjectValue()[resource.PropertyKey(test.want[0]+".yaml")].StringValue()
			assert.Contains(t, file, "url: $${__value.raw}\n")
			assert.Contains(t, file, "apiVersion: 1\n")
			assert.Contains(t, file, "http://x/{{ braces }}", "nothing passes it through tpl")
		})
	}
}

func TestRelease(t *testing.T) {
	resources, _, err := create(t, false, &grafana.Args{TempoURL: url(), Release: &grafana.Release{}})
	require.NoError(t, err)
	require.Len(t, resources, 2)
	release := componenttest.Find(t, resources, helm.ReleaseToken, "tempo-grafana").Inputs
	for key, want := range map[string]string{"name": "kube-prometheus-stack", "namespace": "monitoring", "chart": "kube-prometheus-stack", "version": "88.5.3"} {
		assert.Equal(t, want, release[resource.PropertyKey(key)].StringValue())
	}
	assert.Equal(t, "https://prometheus-community.github.io/helm-charts", release["repositoryOpts"].ObjectValue()["repo"].StringValue())
	assert.True(t, release["createNamespace"].BoolValue())
	assert.False(t, componenttest.Has(release, "timeout"))
	assert.False(t, componenttest.Has(release, "description"))

	resources, _, err = create(t, false, &grafana.Args{
		TempoURL: url(), ChartVersion: "90.0.0", Exemplars: true, Preset: grafana.Preset{ServiceMap: true},
		Release: &grafana.Release{
			Name: pulumi.String("kps").ToStringOutput(), Namespace: pulumi.String("grafana").ToStringOutput(), Chart: "oci://x/y", Timeout: 60, Restore: 2,
			Values: map[string]any{
				"grafana":    map[string]any{"replicas": 2, "additionalDataSources": []any{map[string]any{"name": "mine"}}},
				"prometheus": map[string]any{"prometheusSpec": map[string]any{"enableRemoteWriteReceiver": false}},
			},
		},
	})
	require.NoError(t, err)
	release = componenttest.Find(t, resources, helm.ReleaseToken, "tempo-grafana").Inputs
	for key, want := range map[string]string{"name": "kps", "namespace": "grafana", "chart": "oci://x/y", "version": "90.0.0", "description": "restore 2"} {
		assert.Equal(t, want, release[resource.PropertyKey(key)].StringValue())
	}
	assert.Empty(t, release["repositoryOpts"].ObjectValue())
	assert.Equal(t, 60.0, release["timeout"].NumberValue())
	values := release["values"].ObjectValue()
	section := values["grafana"].ObjectValue()
	assert.Equal(t, 2.0, section["replicas"].NumberValue())
	assert.Len(t, section["additionalDataSources"].ArrayValue(), 1, "a list of the caller's own")
	assert.Contains(t, section["additionalDataSourcesString"].StringValue(), "uid: tempo\n")
	assert.True(t, componenttest.Has(section, "sidecar"))
	assert.False(t, values["prometheus"].ObjectValue()["prometheusSpec"].ObjectValue()["enableRemoteWriteReceiver"].BoolValue(), "the caller's values win")
}

func TestOperator(t *testing.T) {
	for _, preview := range []bool{false, true} {
		resources, _, err := create(t, preview, &grafana.Args{
			TempoURL: url(), LokiURL: pulumi.String(lokiURL), Preset: grafana.Preset{Tenant: "shop"},
			Operator: &grafana.Operator{InstanceSelector: map[string]string{"dashboards": "grafana"}},
		})
		require.NoError(t, err)
		require.Len(t, resources, 3, "an object a data source")
		for role, uid := range map[string]string{"tempo-shop": "tempo-shop", "loki-shop": "loki-shop"} {
			object := componenttest.Find(t, resources, objectToken, "tempo-datasource-"+role)
			metadata, spec := object.Inputs["metadata"].ObjectValue(), object.Inputs["spec"].ObjectValue()
			assert.Equal(t, "tempo-"+role, metadata["name"].StringValue())
			assert.Equal(t, "monitoring", metadata["namespace"].StringValue())
			assert.Equal(t, uid, spec["uid"].StringValue())
			assert.Equal(t, "grafana", spec["instanceSelector"].ObjectValue()["matchLabels"].ObjectValue()["dashboards"].StringValue())
			assert.ElementsMatch(t, []string{"spec.uid", "spec.instanceSelector", "spec.allowCrossNamespaceImport"}, object.ReplaceOnChanges)
			assert.True(t, object.DeleteBeforeReplace)
		}
	}
	resources, _, err := create(t, false, &grafana.Args{TempoURL: url(), Operator: &grafana.Operator{
		Name: pulumi.String("x").ToStringOutput(), Namespace: pulumi.String("y").ToStringOutput(), InstanceSelector: map[string]string{"a": "b"},
	}})
	require.NoError(t, err)
	metadata := componenttest.Find(t, resources, objectToken, "tempo-datasource-tempo").Inputs["metadata"].ObjectValue()
	assert.Equal(t, []string{"x-tempo", "y"}, []string{metadata["name"].StringValue(), metadata["namespace"].StringValue()})
}

// deliveries are all ways that create something.
func deliveries() map[string]func(*grafana.Args) {
	return map[string]func(*grafana.Args){
		"ConfigMap": func(a *grafana.Args) { a.ConfigMap = &grafana.ConfigMap{} },
		"Release":   func(a *grafana.Args) { a.Release = &grafana.Release{} },
		"Operator":  func(a *grafana.Args) { a.Operator = &grafana.Operator{InstanceSelector: map[string]string{"a": "b"}} },
	}
}

// What is delivered waits for the Tempo that it names.
func TestWiring(t *testing.T) {
	for name, deliver := range deliveries() {
		t.Run(name, func(t *testing.T) {
			resources, err := componenttest.Run(t, false, nil, func(ctx *pulumi.Context) error {
				release := &helm.Release{}
				if err := ctx.RegisterResource("test:index:Tempo", "release", pulumi.Map{"name": pulumi.String("http://tempo")}, release, pulumi.Parent(component1(ctx))); err != nil {
					return err
				}
				args := &grafana.Args{TempoURL: release.Name.Elem()}
				deliver(args)
				_, err := grafana.New(ctx, "tempo", args)
				return err
			})
			require.NoError(t, err)
			found := 0
			for _, r := range resources {
				if !strings.HasPrefix(r.Type, "kubernetes:") {
					continue
				}
				found++
				assert.True(t, strings.HasSuffix(r.Parent, component+"::tempo"), r.Parent)
				assert.Contains(t, fmt.Sprint(r.Dependencies), "test:index:Tempo::release")
			}
			assert.Equal(t, 1, found)
		})
	}
}

func TestOptionsReachEveryChild(t *testing.T) {
	for name, deliver := range deliveries() {
		t.Run(name, func(t *testing.T) {
			children := componenttest.AssertOptions(t, func(ctx *pulumi.Context, opts ...pulumi.ResourceOption) error {
				args := &grafana.Args{TempoURL: url()}
				deliver(args)
				_, err := grafana.New(ctx, "tempo", args, opts...)
				return err
			})
			assert.Len(t, children, 1)
			if args := (&grafana.Args{}); name != "Release" {
				deliver(args)
				children := componenttest.AssertOptions(t, func(ctx *pulumi.Context, opts ...pulumi.ResourceOption) error {
					_, err := grafana.NewDashboards(ctx, "tempo", &grafana.DashboardsArgs{ConfigMap: args.ConfigMap, Operator: args.Operator}, opts...)
					return err
				})
				assert.Len(t, children, map[string]int{"ConfigMap": 1, "Operator": 3}[name])
			}
		})
	}
}

// TestRegisteredOutputs has what a program in another language, and the state, see.
func TestRegisteredOutputs(t *testing.T) {
	known := make(chan string, 1)
	resources, err := componenttest.Run(t, false, nil, func(ctx *pulumi.Context) error {
		g, err := grafana.New(ctx, "tempo", &grafana.Args{TempoURL: url()})
		if err != nil {
			return err
		}
		g.Values.ApplyT(func(values string) error { known <- values; return nil })
		_, err = grafana.NewDashboards(ctx, "tempo", &grafana.DashboardsArgs{Name: "north"})
		return err
	})
	require.NoError(t, err)
	values := <-known
	assert.Contains(t, values, "additionalDataSourcesString")
	assert.Equal(t, map[string]any{"values": values}, componenttest.Find(t, resources, component, "tempo").Outputs.Mappable())
	uids := componenttest.Find(t, resources, "picluster:grafana:Dashboards", "tempo").Outputs["uids"].Mappable()
	assert.Contains(t, uids, grafana.UID("north", "writes"))
}

// component1 is a parent for what a test registers beside the component.
func component1(ctx *pulumi.Context) pulumi.Resource {
	parent := &pulumi.ResourceState{}
	if err := ctx.RegisterComponentResource("picluster:test:Parent", "parent", parent); err != nil {
		panic(err)
	}
	return parent
}

// Two of a kind fit into one program, and into one namespace.
func TestTwo(t *testing.T) {
	for name, deliver := range deliveries() {
		resources, err := componenttest.Run(t, false, nil, func(ctx *pulumi.Context) error {
			for _, name := range []string{"one", "two"} {
				args := &grafana.Args{TempoURL: url(), Preset: grafana.Preset{Tenant: name}}
				if deliver(args); args.Release != nil {
					args.Release.Name = pulumi.String(name)
				}
				if _, err := grafana.New(ctx, name, args); err != nil {
					return err
				}
			}
			return nil
		})
		require.NoError(t, err, name)
		names := map[string]bool{}
		for _, r := range resources {
			if r.Custom {
				if metadata := r.Inputs["metadata"]; metadata.IsObject() {
					names[metadata.ObjectValue()["name"].StringValue()] = true
				} else {
					names[r.Inputs["name"].StringValue()] = true
				}
			}
		}
		assert.Len(t, names, 2, name)
	}
}

// The arguments are the caller's: a default is not written into them.
func TestArgsAreNotChanged(t *testing.T) {
	for name, deliver := range deliveries() {
		args, want := &grafana.Args{TempoURL: url()}, &grafana.Args{TempoURL: url()}
		deliver(args)
		deliver(want)
		_, _, err := create(t, false, args)
		require.NoError(t, err, name)
		assert.Equal(t, want, args, name)
	}
}

func TestBadArgs(t *testing.T) {
	operator := &grafana.Operator{InstanceSelector: map[string]string{"a": "b"}}
	tenant := func(preset grafana.Preset) grafana.Tenant { return grafana.Tenant{TempoURL: url(), Preset: preset} }
	own := func(name, uid string) grafana.Datasource {
		return grafana.Datasource{Name: name, Type: "x", UID: uid, URL: url()}
	}
	for name, test := range map[string]struct {
		args grafana.Args
		want []string
	}{
		"empty":           {grafana.Args{}, []string{`TempoURL: got nothing; want a URL, unless Tenants or Datasources has a data source`}},
		"no URL":          {grafana.Args{TempoURL: pulumi.String("")}, []string{`TempoURL: got nothing; want a URL that starts`}},
		"password in URL": {grafana.Args{TempoURL: pulumi.String("http://u:hunter2@x"), LokiURL: pulumi.String("loki:hunter2@x")}, []string{`TempoURL: got "http://xxxxx@x"; want a URL without a user`, `LokiURL: got "xxxxx@x"; want a URL that starts`}},
		"Loki alone":      {grafana.Args{LokiURL: url(), Datasources: []grafana.Datasource{own("a", "a")}}, []string{`LokiURL: want none without TempoURL`}},
		"no URL of tenants": {grafana.Args{Tenants: []grafana.Tenant{{Preset: grafana.Preset{Tenant: "a"}}, {TempoURL: url(), LokiURL: pulumi.String("x"), Preset: grafana.Preset{Tenant: "b b"}}}},
			[]string{`Tenants[0].TempoURL: got nothing; want a URL`, `Tenants[1].LokiURL: got "x"; want a URL`, `Tenants[1].Preset.Tenant: got "b b"; want 1 to 63 letters`}},
		"preset": {
			grafana.Args{TempoURL: url(), Preset: grafana.Preset{
				TempoTenant: "a\nb", LokiUID: "a b", LokiTenant: "Ü", PrometheusUID: strings.Repeat("p", 41),
				SpanBar: grafana.SpanBar{Type: "Colour", Tag: "x"}, TraceQuery: grafana.TimeShift{Start: "-1 hour"},
			}},
			[]string{
				`Preset.TempoTenant: got "a\nb"; want 1 to 150 printable`,
				`Preset.SpanBar.Type: got "Colour"; want one of "None", "Duration", "Tag"`,
				`Preset.SpanBar.Tag: got "x"; want none unless SpanBar.Type is "Tag"`,
				`Preset.TraceQuery.Start: got "-1 hour"; want a duration like -1h or 30m`,
				`Preset.TraceQuery.End: got nothing; want a duration`,
				`Preset.LokiUID: got "a b"; want a uid of 1 to 40`,
				`Preset.LokiTenant: got "Ü"; want 1 to 150`,
				`LokiURL: got nothing; want a URL with Preset.LokiTenant`,
				`Preset.PrometheusUID: got "pppp`,
			},
		},
		"a tag":                 {grafana.Args{TempoURL: url(), Preset: grafana.Preset{SpanBar: grafana.SpanBar{Type: "Tag"}}}, []string{`Preset.SpanBar.Tag: got nothing; want a tag`}},
		"a tag of two lines":    {grafana.Args{TempoURL: url(), Preset: grafana.Preset{SpanBar: grafana.SpanBar{Type: "Tag", Tag: "a\nb"}}}, []string{`Preset.SpanBar.Tag: got "a\nb"; want 1 to 150 printable ASCII characters`}},
		"Loki's uid is Tempo's": {grafana.Args{TempoURL: url(), LokiURL: url(), Preset: grafana.Preset{LokiUID: "tempo"}}, []string{`Preset.LokiUID: got "tempo"; want a uid that no other data source has`}},
		"Prometheus is Tempo":   {grafana.Args{TempoURL: url(), Preset: grafana.Preset{PrometheusUID: "tempo"}}, []string{`Preset.PrometheusUID: got "tempo"; want a uid that is not Tempo's`}},
		"Prometheus is Loki":    {grafana.Args{TempoURL: url(), LokiURL: url(), Preset: grafana.Preset{PrometheusUID: "loki"}}, []string{`Preset.PrometheusUID: got "loki"; want a uid that is not Loki's`}},
		"a tenant twice": {grafana.Args{TempoURL: url(), Tenants: []grafana.Tenant{tenant(grafana.Preset{Tenant: "a"}), tenant(grafana.Preset{}), tenant(grafana.Preset{Tenant: "a"})}},
			[]string{`Tenants[1].Preset.Tenant: got nothing; want a tenant that no other Tempo has`, `Tenants[2].Preset.Tenant: got "a"; want a tenant that no other`}},
		"own": {grafana.Args{Datasources: []grafana.Datasource{{}}}, []string{
			"Datasources[0].Name: got nothing; want 1 to 150", "Datasources[0].Type: got nothing", "Datasources[0].UID: got nothing; want a uid", "Datasources[0].URL: got nothing; want a URL"}},
		"own uid twice":   {grafana.Args{TempoURL: url(), Datasources: []grafana.Datasource{own("x", "tempo")}}, []string{`Datasources[0].UID: got "tempo"; want a uid that no other`}},
		"own name twice":  {grafana.Args{TempoURL: url(), Datasources: []grafana.Datasource{own("Tempo", "x")}}, []string{`Datasources[0].Name: got "Tempo"; want a name that no other`}},
		"own object":      {grafana.Args{TempoURL: url(), Operator: operator, Datasources: []grafana.Datasource{own("TEMPO", "x")}}, []string{`Datasources[0].Name: got "TEMPO"; want with Operator, a name that differs`}},
		"version":         {grafana.Args{TempoURL: url(), ChartVersion: "latest"}, []string{`ChartVersion: got "latest"; want an exact version like 88.5.3`}},
		"version in part": {grafana.Args{TempoURL: url(), ChartVersion: "88.5"}, []string{`ChartVersion: got "88.5"`}},
		"bad ConfigMap": {grafana.Args{TempoURL: url(), ConfigMap: &grafana.ConfigMap{Name: pulumi.String("A"), Namespace: pulumi.String("B")}},
			[]string{`ConfigMap.Name: got "A"; want`, `ConfigMap.Namespace: got "B"; want`}},
		"ConfigMap's key": {grafana.Args{TempoURL: url(), ConfigMap: &grafana.ConfigMap{Name: pulumi.String(strings.Repeat("a", 250))}}, []string{"ConfigMap.Name: got"}},
		"bad release": {
			grafana.Args{TempoURL: url(), Release: &grafana.Release{Name: pulumi.String(strings.Repeat("a", 54)), Namespace: pulumi.String("B"), Chart: "./x", Repository: "https://u:hunter2@x", Timeout: -1, Restore: -1,
				Values: map[string]any{"grafana": map[string]any{"additionalDataSourcesString": "", "adminPassword": "hunter2",
					"additionalDataSources": []any{map[string]any{"secureJsonData": map[string]any{"x": "hunter2", "y": "$__file{/x}"}}}}}}},
			[]string{
				`Release.Name: got "aaa`, `want at most 53 characters`, `Release.Namespace: got "B"; want`,
				`Release.Repository: got "https://xxxxx@x"; want a URL without a user`,
				`Release.Repository: got "https://xxxxx@x"; want none, because Release.Chart is not a bare name`,
				`Release.Timeout: got -1; want`, `Release.Restore: got -1; want`,
				`Release.Values.grafana.additionalDataSourcesString: want none, because it would replace`,
				`Release.Values.grafana.additionalDataSources[0].secureJsonData.x: want no credential`,
				`Release.Values.grafana.adminPassword: want no credential`,
			},
		},
		"values of Pulumi": {
			grafana.Args{TempoURL: url(), Release: &grafana.Release{Values: map[string]any{"grafana": pulumi.Map{
				"adminPassword":               pulumi.String("x").ToStringOutput(),
				"additionalDataSourcesString": pulumi.String("x"),
				"env":                         pulumi.StringMap{"GF_TOKEN": pulumi.String("x")},
			}}}},
			[]string{
				"Release.Values.grafana.additionalDataSourcesString: want none, because it would replace",
				"Release.Values.grafana.adminPassword: want no credential",
				"Release.Values.grafana.env.GF_TOKEN: want no credential",
			},
		},
		"a text for Grafana": {grafana.Args{TempoURL: url(), Release: &grafana.Release{Values: map[string]any{"grafana": "x"}}},
			[]string{"Release.Values.grafana: want a map, which is merged with the component's own data sources"}},
		"null, which would remove a map of the component": {grafana.Args{TempoURL: url(), Release: &grafana.Release{Values: map[string]any{
			"grafana":    nil,
			"prometheus": map[string]any{"prometheusSpec": nil}}}},
			[]string{
				"Release.Values.grafana: want a value, because the Kubernetes provider drops null",
				"Release.Values.prometheus.prometheusSpec: want a value, because the Kubernetes provider drops null",
			}},
		"an old chart's list": {grafana.Args{TempoURL: url(), ChartVersion: "81.2.2", Release: &grafana.Release{Values: map[string]any{"grafana": map[string]any{"additionalDataSources": []any{}}}}},
			[]string{"Release.Values.grafana.additionalDataSources: want none, because it would replace the component's own data sources"}},
		"bad operator": {grafana.Args{TempoURL: url(), Operator: &grafana.Operator{Name: pulumi.String("a.b"), Namespace: pulumi.String("B"), InstanceSelector: map[string]string{"a b": "c d"}}},
			[]string{`Operator.Name: got "a.b"; want`, `Operator.Namespace: got "B"; want`, `Operator.InstanceSelector["a b"]: got "a b"; want a key of 1 to 63`, `Operator.InstanceSelector["a b"]: got "c d"; want a value of at most 63`}},
		"no selector": {grafana.Args{TempoURL: url(), Operator: &grafana.Operator{}}, []string{`Operator.InstanceSelector: got nothing; want at least one label`}},
		"all, with exemplars": {grafana.Args{TempoURL: url(), ConfigMap: &grafana.ConfigMap{}, Release: &grafana.Release{}, Operator: operator, Exemplars: true},
			[]string{"Exemplars: got true; want false with ConfigMap", "Release: want one of ConfigMap, Release and Operator", "Operator: want one of ConfigMap, Release and Operator"}},
		"exemplars, operator":   {grafana.Args{TempoURL: url(), Operator: operator, Exemplars: true}, []string{"Exemplars: got true; want false with Operator"}},
		"exemplars of nothing":  {grafana.Args{Datasources: []grafana.Datasource{own("x", "x")}, Exemplars: true}, []string{"Exemplars: got true; want false without TempoURL and Tenants"}},
		"exemplars of tenants":  {grafana.Args{TempoURL: url(), Tenants: []grafana.Tenant{tenant(grafana.Preset{Tenant: "a"})}, Exemplars: true, ChartVersion: "77.12.0"}, []string{"want false with several Tempos, unless ChartVersion is 77.12.1 or later"}},
		"a version of none too": {grafana.Args{TempoURL: url(), ChartVersion: "x", Release: &grafana.Release{Values: map[string]any{"grafana": map[string]any{"additionalDataSourcesString": "x"}}}}, []string{"ChartVersion: got", "Release.Values.grafana.additionalDataSourcesString: want none"}},
	} {
		t.Run(name, func(t *testing.T) {
			err := test.args.Validate()
			var errs field.Errors
			require.True(t, errors.As(err, &errs), "%v", err)
			for _, want := range test.want {
				assert.ErrorContains(t, err, want)
			}
			lines := strings.Count(err.Error(), "\n") + 1
			if name != "bad release" { // one is checked by two texts
				assert.Len(t, test.want, lines, "%v", err)
			}
			assert.NotContains(t, err.Error(), "hunter2")
			resources, _, err := create(t, false, &test.args)
			assert.ErrorContains(t, err, `grafana "tempo": `+strings.SplitN(errs.Error(), "\n", 2)[0])
			assert.Empty(t, resources, "something was registered")
		})
	}
	_, _, err := create(t, false, nil)
	assert.ErrorContains(t, err, "grafana: args are missing")
}

// A component's name that cannot be an object's is a problem of the field that it is the
// default of.
func TestNameThatIsNoObjects(t *testing.T) {
	for name, deliver := range deliveries() {
		_, err := componenttest.Run(t, false, nil, func(ctx *pulumi.Context) error {
			args := &grafana.Args{TempoURL: url()}
			deliver(args)
			_, err := grafana.New(ctx, "My Tempo", args)
			return err
		})
		switch name {
		case "Release":
			assert.NoError(t, err)
		default:
			assert.ErrorContains(t, err, name+`.Name: got "My Tempo`)
		}
	}
}

// Outputs are checked once they are known.
func TestBadOutputs(t *testing.T) {
	for path, args := range map[string]grafana.Args{
		"LokiURL":             {TempoURL: url(), LokiURL: pulumi.String("http://u:hunter2@x").ToStringOutput()},
		"Tenants[0].TempoURL": {Tenants: []grafana.Tenant{{TempoURL: pulumi.String("x").ToStringOutput()}}},
		"Datasources[0].URL":  {Datasources: []grafana.Datasource{{Name: "x", Type: "x", UID: "x", URL: pulumi.String("x").ToStringOutput()}}},
		"ConfigMap.Name":      {TempoURL: url(), ConfigMap: &grafana.ConfigMap{Name: pulumi.String("A").ToStringOutput()}},
		"ConfigMap.Namespace": {TempoURL: url(), ConfigMap: &grafana.ConfigMap{Namespace: pulumi.String("A").ToStringOutput()}},
		"Release.Name":        {TempoURL: url(), Release: &grafana.Release{Name: pulumi.String("A").ToStringOutput()}},
		"Release.Namespace":   {TempoURL: url(), Release: &grafana.Release{Namespace: pulumi.String("A").ToStringOutput()}},
		"Operator.Name":       {TempoURL: url(), Operator: &grafana.Operator{Name: pulumi.String("A").ToStringOutput(), InstanceSelector: map[string]string{"a": "b"}}},
		"Operator.Namespace":  {TempoURL: url(), Operator: &grafana.Operator{Namespace: pulumi.String("A").ToStringOutput(), InstanceSelector: map[string]string{"a": "b"}}},
	} {
		require.NoError(t, args.Validate(), path)
		_, _, err := create(t, false, &args)
		assert.ErrorContains(t, err, path+": got", path)
		assert.NotContains(t, fmt.Sprint(err), "hunter2")
	}
}
