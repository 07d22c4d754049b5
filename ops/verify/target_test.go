package verify

import (
	"cmp"
	"strings"
	"testing"

	"github.com/picluster/picluster/internal/command"
	"github.com/picluster/picluster/ops/engine"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// state returns the state of a stack with outputs and releases.
func state(outputs map[string]any, releases ...*engine.Resource) *engine.State {
	return &engine.State{Resources: append(releases,
		&engine.Resource{Type: "pulumi:pulumi:Stack", Outputs: outputs},
		&engine.Resource{Type: engine.NamespaceType},
	)}
}

func release(namespace, name string, values map[string]any) *engine.Resource {
	return &engine.Resource{URN: urn.URN("urn:" + namespace + name), Type: engine.ReleaseType, Inputs: map[string]any{"namespace": namespace, "name": name, "values": values}}
}

// labelled returns a ConfigMap with a label for Grafana's sidecar.
func labelled(label string) *engine.Resource {
	return &engine.Resource{Type: configMapType, Inputs: map[string]any{"metadata": map[string]any{"labels": map[string]any{label: "1"}}}}
}

func outputs(change func(map[string]any)) map[string]any {
	all := map[string]any{
		"namespace": "n", "bucket": "traces", "secretName": "keys", "grafanaValues": grafanaValues,
		"queryUrl": "http://tempo-query-frontend.n.svc.cluster.local:3200",
		"otlpGrpc": "tempo-distributor.n.svc.cluster.local:4317",
		"otlpHttp": "http://tempo-distributor.n.svc.cluster.local:4318",
	}
	if change != nil {
		change(all)
	}
	return all
}

func TestTargets(t *testing.T) {
	var grafana map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(grafanaValues), &grafana))
	processors := map[string]any{"defaults": map[string]any{"metrics_generator": map[string]any{"processors": []any{"local-blocks"}}}}
	generator := map[string]any{"overrides": processors}
	for name, test := range map[string]struct {
		state *engine.State
		want  func(*Target)
	}{
		"all": {state(outputs(nil), release("m", "kps", grafana), release("n", "tempo", generator)), func(*Target) {}},
		"several releases": {
			state(outputs(nil), release("n", "temp", nil), release("n", "tempo", generator), release("n", "te", nil), release("other", "tempo-query", nil), release("m", "kps", grafana)), func(*Target) {},
		},
		"without a generator": {state(outputs(nil), release("m", "kps", grafana), release("n", "tempo", nil)), func(t *Target) { t.Generator = false }},
		"a chart that has the list alone": {
			state(outputs(func(o map[string]any) { o["grafanaValues"] = listAlone(t) }), release("m", "kps", parsed(t, listAlone(t))), release("n", "tempo", generator)), func(*Target) {},
		},
		"a release of all tenants": {
			state(outputs(nil), release("m", "kps", map[string]any{"grafana": map[string]any{
				"additionalDataSourcesString": "- uid: other\n- uid: loki\n- uid: tempo\n",
			}}), release("n", "tempo", generator)), func(*Target) {},
		},
		"a release of another stack": {
			state(outputs(nil), release("m", "kps", map[string]any{"grafana": map[string]any{
				"additionalDataSourcesString": "- uid: loki\n- uid: other\n",
			}}), release("n", "tempo", generator)), func(t *Target) { t.GrafanaRelease, t.Delivered = nil, false },
		},
		"Grafana elsewhere": {state(outputs(nil), release("n", "tempo", generator)), func(t *Target) { t.GrafanaRelease, t.Delivered = nil, false }},
		"by a ConfigMap": {
			state(outputs(nil), release("n", "tempo", generator), labelled("grafana_datasource")), func(t *Target) { t.GrafanaRelease = nil },
		},
		"by another ConfigMap": {
			state(outputs(nil), release("n", "tempo", generator), labelled("grafana_dashboard")), func(t *Target) { t.GrafanaRelease, t.Delivered = nil, false },
		},
		"by the operator": {
			state(outputs(nil), release("n", "tempo", generator), &engine.Resource{Type: datasourceType}), func(t *Target) { t.GrafanaRelease = nil },
		},
		"inline": {
			state(outputs(func(o map[string]any) { delete(o, "secretName") }), release("m", "kps", grafana), release("n", "tempo", generator)), func(t *Target) { t.Secret = "" },
		},
		"without receivers": {
			state(outputs(func(o map[string]any) { delete(o, "otlpGrpc"); delete(o, "otlpHttp") }), release("m", "kps", grafana), release("n", "tempo", generator)),
			func(t *Target) { t.OTLPGRPC, t.OTLPHTTP = nil, nil },
		},
		"without data sources": {
			state(outputs(func(o map[string]any) { delete(o, "grafanaValues") }), release("m", "kps", grafana), release("n", "tempo", generator)),
			func(t *Target) { t.Datasources, t.GrafanaRelease, t.Delivered = nil, nil, false },
		},
		"monolithic": {
			state(outputs(func(o map[string]any) {
				o["queryUrl"], o["otlpGrpc"], o["otlpHttp"] = "http://tempo.n.svc.cluster.local:3200", "tempo.n.svc.cluster.local:4317", "http://tempo.n.svc:80"
			}), release("m", "kps", grafana), release("n", "tempo", map[string]any{"tempo": generator})),
			func(t *Target) {
				t.Query, t.OTLPGRPC, t.OTLPHTTP = &Address{"n", "tempo", 3200}, &Address{"n", "tempo", 4317}, &Address{"n", "tempo", 80}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			targets, err := Targets(ofS, test.state)
			require.NoError(t, err)
			want := target(t)
			test.want(&want)
			assert.Equal(t, []Target{want}, targets)
		})
	}
}

func parsed(t *testing.T, text string) (values map[string]any) {
	t.Helper()
	require.NoError(t, yaml.Unmarshal([]byte(text), &values))
	return values
}

// listAlone is grafanaValues of a chart before 81.2.3.
func listAlone(t *testing.T) string {
	t.Helper()
	grafana := parsed(t, grafanaValues)["grafana"].(map[string]any)
	var list []any
	require.NoError(t, yaml.Unmarshal([]byte(grafana["additionalDataSourcesString"].(string)), &list))
	text, err := yaml.Marshal(map[string]any{"grafana": map[string]any{"additionalDataSources": list}})
	require.NoError(t, err)
	return string(text)
}

func TestTargetsOfTenants(t *testing.T) {
	targets, err := Targets(ofS, state(map[string]any{"tenants": map[string]any{
		"b": map[string]any{"namespace": "n", "bucket": "traces", "tempoValues": "a: b"},
		"a": outputs(nil),
	}}, release("n", "tempo", nil)))
	require.NoError(t, err)
	require.Len(t, targets, 2)
	assert.Equal(t, []string{"a", "tempo"}, []string{targets[0].Tenant, targets[0].Release})
	assert.Equal(t, Target{Tenant: "b", Namespace: "n", Bucket: "traces", Unmanaged: true}, targets[1])
}

// Two releases in a namespace can have names of which one begins with the other.
func TestTargetsOfOneNamespace(t *testing.T) {
	own := outputs(func(o map[string]any) {
		o["queryUrl"] = "http://tempo-a-query-frontend.n.svc.cluster.local:3200"
	})
	one, other := release("n", "tempo-a", nil), release("n", "tempo", nil)
	for _, releases := range [][]*engine.Resource{{one, other}, {other, one}} {
		targets, err := Targets(ofS, state(own, releases...))
		require.NoError(t, err)
		assert.Equal(t, "tempo-a", targets[0].Release)
	}
}

// The tenant that Grafana names to Tempo is the one that is verified.
func TestTargetsOfAMultiTenantTempo(t *testing.T) {
	own := outputs(func(o map[string]any) {
		o["grafanaValues"] = strings.Replace(grafanaValues, "      jsonData:\n        nodeGraph:",
			"      secureJsonData: {httpHeaderValue1: team}\n      jsonData:\n        httpHeaderName1: X-Scope-OrgID\n        nodeGraph:", 1)
	})
	for name, test := range map[string]struct {
		values map[string]any
		want   string
	}{
		"microservices": {map[string]any{"multitenancyEnabled": true}, "team"},
		"monolithic":    {map[string]any{"tempo": map[string]any{"multitenancyEnabled": true}}, "team"},
		"one tenant":    {map[string]any{"multitenancyEnabled": false}, ""},
	} {
		targets, err := Targets(ofS, state(own, release("n", "tempo", test.values)))
		require.NoError(t, err, name)
		assert.Equal(t, test.want, targets[0].OrgID, name)
		assert.Equal(t, cmp.Or(test.want, "single-tenant")+"/", targets[0].blockPrefix(), name)
	}
}

func TestHeader(t *testing.T) {
	d := Datasource{
		JSONData: map[string]any{"httpHeaderName1": "X-Other", "httpHeaderName2": "X-Scope-OrgID", "httpHeaderName3": 1.0, "a": "X-Third"},
		Secure:   map[string]string{"httpHeaderValue1": "other", "httpHeaderValue2": "team"},
	}
	assert.Equal(t, "team", d.header("X-Scope-OrgID"))
	assert.Equal(t, "other", d.header("X-Other"))
	assert.Empty(t, d.header("X-Third"))
}

func TestTargetsOfABadState(t *testing.T) {
	tempo := release("n", "tempo", nil)
	for name, test := range map[string]struct {
		state *engine.State
		err   string
	}{
		"never up":          {&engine.State{Resources: []*engine.Resource{{Type: "pulumi:pulumi:Stack"}}}, "stack s has created nothing yet. Fix: picluster up --stack s"},
		"an up that failed": {state(nil), "stack s: output namespace: got none; want one, which an up that succeeds writes. Fix: picluster up --stack s"},
		"no release":        {state(outputs(nil), release("n", "other", nil)), "stack s: the state has no Helm release in namespace n for Service tempo-query-frontend. Fix: picluster up --stack s"},
		"another address": {
			state(outputs(func(o map[string]any) { o["queryUrl"] = "https://tempo.example.com" }), tempo),
			`stack s: output queryUrl: got "https://tempo.example.com"; want a Service as NAME.NAMESPACE.svc.cluster.local and its port`,
		},
		"no port": {
			state(outputs(func(o map[string]any) { o["otlpGrpc"] = "tempo.n.svc.cluster.local" }), tempo),
			`stack s: output otlpGrpc: got "tempo.n.svc.cluster.local"; want a Service as NAME.NAMESPACE.svc.cluster.local and its port`,
		},
		"no URL": {
			state(outputs(func(o map[string]any) { o["otlpHttp"] = "http://%zz" }), tempo), `stack s: output otlpHttp: got "http://%zz"; want a URL`,
		},
		"no tenant of Tempo": {
			state(outputs(nil), release("n", "tempo", map[string]any{"multitenancyEnabled": true})),
			`stack s: output grafanaValues: got no X-Scope-OrgID for Tempo; want one with multiTenancy. Fix: pulumi config set tempoTenant TENANT; then picluster up --stack s`,
		},
		"no YAML":            {state(outputs(func(o map[string]any) { o["grafanaValues"] = "{" }), tempo), "stack s: output grafanaValues: got no YAML"},
		"no data sources":    {state(outputs(func(o map[string]any) { o["grafanaValues"] = "grafana: {additionalDataSources: x}" }), tempo), "stack s: output grafanaValues: got no list of data sources"},
		"a tenant's outputs": {state(map[string]any{"tenants": map[string]any{"a": nil}}), "stack s: tenant a: output namespace: got none; want one"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Targets(ofS, test.state)
			assert.ErrorContains(t, err, test.err)
		})
	}
}

// TestTargetsNameTheCommand has each error name make's target, if that is how the command is run.
func TestTargetsNameTheCommand(t *testing.T) {
	tempo := release("n", "tempo", map[string]any{"multitenancyEnabled": true})
	for _, s := range []*engine.State{
		{Resources: []*engine.Resource{{Type: "pulumi:pulumi:Stack"}}},
		state(nil),
		state(outputs(nil), release("n", "other", nil)),
		state(outputs(func(o map[string]any) { o["otlpGrpc"] = "tempo.n.svc.cluster.local" }), tempo),
		state(outputs(nil), tempo),
	} {
		for stack, want := range map[string]string{"s": "make up STACK=s", "lab": "make up"} {
			_, err := Targets(command.Names{Stack: stack, Make: true}, s)
			if assert.Error(t, err) {
				assert.True(t, strings.HasSuffix(err.Error(), want), err)
			}
		}
	}
}

func TestDatasources(t *testing.T) {
	list := sources(t)
	require.Len(t, list, 2)
	assert.Equal(t, "${__value.raw}", list[0].JSONData["derivedFields"].([]any)[0].(map[string]any)["url"])
	assert.Equal(t, `{${__tags}} | a="{{ b"`, list[1].JSONData["tracesToLogsV2"].(map[string]any)["query"])
	assert.Equal(t, []string{"tempo"}, linked(list[0].JSONData))
	assert.Equal(t, []string{"prometheus", "loki"}, linked(list[1].JSONData))
}

func TestDifferences(t *testing.T) {
	for name, test := range map[string]struct {
		is, want any
		found    []string
	}{
		"the same":       {map[string]any{"a": []any{1.0}}, map[string]any{"a": []any{1.0}}, nil},
		"more":           {map[string]any{"a": []any{1.0, 2.0}, "b": true}, map[string]any{"a": []any{1.0}}, nil},
		"another number": {map[string]any{"a": []any{1.0}}, map[string]any{"a": []any{2.0}}, []string{"x.a[0]: got 1; want 2"}},
		"a shorter list": {map[string]any{"a": []any{}}, map[string]any{"a": []any{2.0}}, []string{"x.a: got []; want [2]"}},
		"missing":        {nil, map[string]any{"a": "b"}, []string{`x: got null; want {"a":"b"}`}},
		"in order":       {map[string]any{}, map[string]any{"b": 1, "a": 2}, []string{"x.a: got null; want 2", "x.b: got null; want 1"}},
		"another kind":   {"a", []any{"a"}, []string{`x: got "a"; want ["a"]`}},
	} {
		assert.Equal(t, test.found, differences("x", test.is, test.want), name)
	}
}

func TestAnnouncement(t *testing.T) {
	one := target(t)
	assert.Equal(t, "release n/tempo: reads its pods, their logs and Services, the Secret keys and the bucket traces, and Grafana's pods, Service and Secret in m; "+
		"writes one trace of the service picluster-verify by each of otlpGrpc, otlpHttp; writes more while the rate has no series", one.announcement(Options{}))
	one.OrgID = "team"
	assert.Contains(t, one.announcement(Options{}), "by each of otlpGrpc, otlpHttp, for Tempo's tenant team")
	one.OTLPGRPC, one.OTLPHTTP, one.Secret = nil, nil, ""
	assert.Equal(t, "release n/tempo: reads its pods, their logs and Services, and Grafana's data sources; writes nothing", one.announcement(Options{Grafana: "https://g"}))
}
