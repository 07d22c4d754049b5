package stacks_test

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/picluster/picluster/components/componenttest"
	"github.com/picluster/picluster/stacks"
	"github.com/stretchr/testify/assert"
)

// Each problem of the data sources names the key and the command that fixes it.
func TestGrafanaProblems(t *testing.T) {
	for name, test := range map[string]struct {
		pairs []string
		want  string
	}{
		"delivery":             {[]string{"datasources", "sidecar"}, `picluster:datasources: got "sidecar"; want one of values, configmap, release, operator. Fix: pulumi config set datasources values`},
		"no selector":          {[]string{"datasources", "operator"}, `picluster:grafanaInstanceSelector: got nothing; want at least one label of the Grafana objects. Fix: pulumi config set --path 'grafanaInstanceSelector.dashboards' grafana`},
		"bad selector":         {[]string{"datasources", "operator", "grafanaInstanceSelector", `{"a":"b c"}`}, `picluster:grafanaInstanceSelector.a: got "b c"; want a value of at most 63 `},
		"selector of nothing":  {[]string{"grafanaInstanceSelector", `{"a":"b"}`}, `picluster:grafanaInstanceSelector: want nothing with datasources: values, because it has no effect. Fix: pulumi config set datasources operator`},
		"namespace, operator":  {[]string{"datasources", "operator", "grafanaNamespace", "A", "grafanaInstanceSelector", `{"a":"b"}`}, `picluster:grafanaNamespace: got "A"; want`},
		"namespace, configmap": {[]string{"datasources", "configmap", "grafanaNamespace", "A"}, `picluster:grafanaNamespace: got "A"; want`},
		"password":             {[]string{"datasources", "release", "grafanaChartValues", `{"grafana":{"adminPassword":"hunter3"}}`}, `picluster:grafanaChartValues.grafana.adminPassword: want no credential`},
		"password of tenants":  {[]string{"datasources", "release", "tenants", `[{"name":"a"}]`, "grafanaChartValues", `{"grafana":{"adminPassword":"hunter3"}}`}, `Fix: pulumi config rm --path 'grafanaChartValues.grafana.adminPassword'`},
		"the stack's text":     {[]string{"datasources", "release", "grafanaChartValues", `{"grafana":{"additionalDataSourcesString":"x"}}`}, `picluster:grafanaChartValues.grafana.additionalDataSourcesString: want none`},
		"tenant of no Loki":    {[]string{"lokiTenant", "team"}, `picluster:lokiUrl: got nothing; want a URL with lokiTenant. Fix: pulumi config set lokiUrl URL`},
		"multi-tenant Tempo":   {[]string{"multiTenancy", "true"}, `picluster:tempoTenant: got nothing; want a tenant with multiTenancy, because Grafana and the collector send one. Fix: pulumi config set tempoTenant TENANT`},
		"multi-tenant tenants": {[]string{"multiTenancy", "true", "tenants", `[{"name":"a","tempoTenant":"x"},{"name":"b"}]`}, `picluster:tenants[1].tempoTenant: got nothing; want a tenant with multiTenancy, because Grafana and the collector send one. Fix: pulumi config set --path 'tenants[1].tempoTenant' NAME`},
		"tenant of no Tempo":   {[]string{"tempoTenant", "team"}, `picluster:multiTenancy: got false; want true with tempoTenant, because Tempo has no tenants otherwise. Fix: pulumi config set multiTenancy true`},
		"uid of Tempo":         {[]string{"lokiUrl", "http://loki", "lokiUid", "tempo"}, `picluster:lokiUid: got "tempo"; want a uid that no other data source has. Fix: pulumi config set lokiUid loki`},
		"version":              {[]string{"grafanaChartVersion", "latest"}, `picluster:grafanaChartVersion: got "latest"; want an exact version like 88.5.3. Fix: pulumi config set grafanaChartVersion 88.5.3`},
		"repository":           {[]string{"datasources", "release", "grafanaChart", "oci://x/y", "grafanaChartRepository", "https://x"}, `picluster:grafanaChartRepository: got "https://x"; want none`},
		"exemplars":            {[]string{"datasources", "configmap", "exemplars", "true"}, `picluster:exemplars: got true; want false with datasources: configmap`},
	} {
		t.Run(name, func(t *testing.T) {
			resources, err := componenttest.Run(t, false, howTo(append([]string{"lokiUrl", ""}, test.pairs...)...), stacks.Tracing)
			assert.Contains(t, regexp.MustCompile(` --stack \S+`).ReplaceAllString(fmt.Sprint(err), ""), test.want)
			assert.ErrorContains(t, err, "has 1 problem,")
			assert.NotContains(t, err.Error(), "hunter")
			assert.Empty(t, resources)
		})
	}
}
