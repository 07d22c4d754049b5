package prometheus_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/picluster/picluster/components/componenttest"
	"github.com/picluster/picluster/components/prometheus"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const token = "kubernetes:monitoring.coreos.com/v1:PrometheusRule"

func create(t *testing.T, preview bool, args *prometheus.AlertsArgs, options ...componenttest.Option) ([]componenttest.Resource, error) {
	t.Helper()
	resources, err := componenttest.Run(t, preview, nil, func(ctx *pulumi.Context) error {
		_, err := prometheus.NewAlerts(ctx, "traces", args)
		return err
	}, options...)
	componenttest.AssertParents(t, resources)
	return resources, err
}

// rules returns the rules of the object, by the alert's name.
func rules(t *testing.T, object componenttest.Resource) map[string]resource.PropertyMap {
	t.Helper()
	groups := object.Inputs["spec"].ObjectValue()["groups"].ArrayValue()
	require.Len(t, groups, 1)
	all := map[string]resource.PropertyMap{}
	for _, r := range groups[0].ObjectValue()["rules"].ArrayValue() {
		all[r.ObjectValue()["alert"].StringValue()] = r.ObjectValue()
	}
	return all
}

func TestDefaults(t *testing.T) {
	resources, err := create(t, false, &prometheus.AlertsArgs{Namespace: pulumi.String("tempo")})
	require.NoError(t, err)
	object := componenttest.Find(t, resources, token, "traces-alerts")
	assert.Equal(t, "monitoring.coreos.com/v1", object.Inputs["apiVersion"].StringValue())
	metadata := object.Inputs["metadata"].ObjectValue()
	assert.Equal(t, "tempo-alerts", metadata["name"].StringValue())
	assert.Equal(t, "tempo", metadata["namespace"].StringValue())
	assert.Equal(t, map[string]any{"release": "kube-prometheus-stack"}, metadata["labels"].Mappable())
	all := rules(t, object)
	assert.Len(t, all, len(prometheus.All()))
	for _, a := range prometheus.All() {
		r := all[a.Name]
		assert.Equal(t, a.For, r["for"].StringValue())
		assert.Equal(t, a.Severity, r["labels"].ObjectValue()["severity"].StringValue())
		annotations := r["annotations"].ObjectValue()
		assert.Equal(t, "https://github.com/picluster/picluster/blob/main/docs/alerts.md#"+strings.ToLower(a.Name), annotations["runbook_url"].StringValue())
		text := r["expr"].StringValue() + annotations["summary"].StringValue()
		assert.NotRegexp(t, regexp.MustCompile(`\$[A-Z]`), text, "a placeholder is left")
	}
	assert.Contains(t, all["TempoMemoryNearLimit"]["expr"].StringValue(), ` > 90`)
	assert.Contains(t, all["TempoBucketGrows"]["expr"].StringValue(), `[48h:1h] offset 48h)`)
}

// Each field is in the object, also if it is another resource's output.
func TestFields(t *testing.T) {
	resources, err := create(t, false, &prometheus.AlertsArgs{
		Release:    pulumi.String("r").ToStringOutput(),
		Namespace:  pulumi.String("n").ToStringOutput(),
		Retention:  "90m",
		Thresholds: map[string]int{prometheus.MemoryPercent: 0, prometheus.QuerySeconds: 3},
		Labels:     map[string]string{"team": "a"},
	})
	require.NoError(t, err)
	object := componenttest.Find(t, resources, token, "traces-alerts")
	metadata := object.Inputs["metadata"].ObjectValue()
	assert.Equal(t, "r-alerts", metadata["name"].StringValue())
	assert.Equal(t, "n", metadata["namespace"].StringValue())
	assert.Equal(t, map[string]any{"team": "a"}, metadata["labels"].Mappable())
	all := rules(t, object)
	for name, want := range map[string]string{
		"TempoNotScraped":      `absent(tempo_build_info{namespace="n",pod=~"r-.+"})`,
		"TempoTooFewIngesters": `statefulset=~"r(-ingester.*)?"`,
		"TempoBucketGrows":     `[5400s:1h] offset 5400s)`,
		"TempoMemoryNearLimit": ` > 0`,
		"TempoQueriesSlow":     ` > 3`,
		"TempoQueriesFail":     ` > 5`, // the default
	} {
		assert.Contains(t, all[name]["expr"].StringValue(), want, name)
	}
	assert.Contains(t, fmt.Sprint(all["TempoRetentionFails"]["annotations"]), "the retention, 5400s.")
}

func TestBadArgs(t *testing.T) {
	_, err := create(t, false, nil)
	assert.ErrorContains(t, err, "prometheus: args are missing")
	for name, test := range map[string]struct {
		args *prometheus.AlertsArgs
		want string
	}{
		"all at once": {&prometheus.AlertsArgs{
			Release: pulumi.String("R"), Retention: "1m", Labels: map[string]string{"a b": "c d"},
			Thresholds: map[string]int{"memory": 1, "memoryPercent": 100, "s3ErrorPercent": -1, "querySeconds": -1},
		}, `prometheus "traces": Release: got "R"; want 1 to 63 lower-case letters, digits or -, with a letter or digit first and last
Namespace: got nothing; want 1 to 63 lower-case letters, digits or -, with a letter or digit first and last
Retention: got "1m"; want a duration of 1h0m0s or more
Thresholds.memory: got "memory"; want one of bucketGrowthPercent, lostSpansPercent, memoryPercent, outstandingBlocks, queryErrorPercent, querySeconds, s3ErrorPercent
Thresholds.memoryPercent: got 100; want 0 to 99
Thresholds.querySeconds: got -1; want 0 or more
Thresholds.s3ErrorPercent: got -1; want 0 to 99
Labels["a b"]: got "a b"; want a key of `},
		"an output":     {&prometheus.AlertsArgs{Namespace: pulumi.String("N").ToStringOutput()}, `Namespace: got "N"; want 1 to 63`},
		"the release's": {&prometheus.AlertsArgs{Namespace: pulumi.String("n"), Release: pulumi.String("R").ToStringOutput()}, `Release: got "R"; want 1 to 63`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := create(t, false, test.args)
			assert.ErrorContains(t, err, test.want)
		})
	}
}

func TestOptionsReachEveryChild(t *testing.T) {
	children := componenttest.AssertOptions(t, func(ctx *pulumi.Context, opts ...pulumi.ResourceOption) error {
		_, err := prometheus.NewAlerts(ctx, "traces", &prometheus.AlertsArgs{Namespace: pulumi.String("tempo")}, opts...)
		return err
	})
	assert.Len(t, children, 1)
}

// TestNameWaits has the output come from the object, so that what uses it waits for the object.
func TestNameWaits(t *testing.T) {
	resources, err := create(t, false, &prometheus.AlertsArgs{Namespace: pulumi.String("tempo")}, componenttest.Outputs(token, func(componenttest.Resource) resource.PropertyMap {
		return resource.PropertyMap{"metadata": resource.NewProperty(resource.PropertyMap{"name": resource.NewProperty("as-created")})}
	}))
	require.NoError(t, err)
	outputs := componenttest.Find(t, resources, "picluster:prometheus:Alerts", "traces").Outputs
	assert.Equal(t, map[string]any{"name": "as-created"}, outputs.Mappable())
}
