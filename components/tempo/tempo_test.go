package tempo_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/picluster/picluster/components/helm"
	"github.com/picluster/picluster/components/tempo"
	"github.com/picluster/picluster/components/tempo/chart"
	"github.com/picluster/picluster/internal/pulumitest"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func args() *tempo.Args {
	return &tempo.Args{
		Chart:      chart.Chart{Version: "1.61.3"},
		Release:    "tempo",
		Namespace:  pulumi.String("traces"),
		Bucket:     pulumi.String("k3s-tempo"),
		Endpoint:   "s3.example.com:9091",
		Region:     "eu-west-1",
		SecretName: pulumi.String("tempo-minio-secret"),
		Options:    howTo().Options,
	}
}

// plain returns values as they arrive at the provider.
func plain(t *testing.T, values map[string]any) any {
	t.Helper()
	text, err := json.Marshal(values)
	require.NoError(t, err)
	var v any
	require.NoError(t, json.Unmarshal(text, &v))
	return v
}

func TestTempo(t *testing.T) {
	for _, preview := range []bool{false, true} {
		t.Run(fmt.Sprintf("preview=%t", preview), func(t *testing.T) {
			outputs := make(chan []any, 1)
			resources, err := pulumitest.Run(t, preview, nil, func(ctx *pulumi.Context) error {
				traces, err := tempo.New(ctx, "tempo", args())
				if err != nil {
					return err
				}
				pulumi.All(traces.QueryURL, traces.OTLPGRPC, traces.OTLPHTTP).ApplyT(func(all []any) error {
					outputs <- all
					return nil
				})
				return nil
			})
			require.NoError(t, err)

			release := pulumitest.Find(t, resources, helm.ReleaseToken, "tempo-release").Inputs
			assert.Equal(t, "tempo", release["name"].StringValue(), "without a name the provider makes one up")
			assert.Equal(t, "traces", release["namespace"].StringValue())
			assert.Equal(t, "tempo-distributed", release["chart"].StringValue())
			assert.Equal(t, "1.61.3", release["version"].StringValue())
			assert.Equal(t, "https://grafana.github.io/helm-charts", release["repositoryOpts"].ObjectValue()["repo"].StringValue())
			assert.False(t, pulumitest.Has(release, "timeout"))
			assert.Equal(t, plain(t, tempo.Values(howTo())), release["values"].Mappable())

			if preview { // where the release is waits for what Helm will say
				assert.Empty(t, outputs)
				return
			}
			assert.Equal(t, []any{
				"http://tempo-query-frontend.traces.svc.cluster.local:3200",
				"tempo-distributor.traces.svc.cluster.local:4317",
				"http://tempo-distributor.traces.svc.cluster.local:4318",
			}, <-outputs)
		})
	}
}

// A preview must show that the pods restart when the key is another, and not the
// key; the rest of the values stays readable.
func TestKeysRestartThePods(t *testing.T) {
	annotation := func(key string) string {
		resources, err := pulumitest.Run(t, false, nil, func(ctx *pulumi.Context) error {
			a := args()
			a.AccessKey = pulumi.String("tempo")
			a.SecretKey = pulumi.ToSecret(pulumi.String(key)).(pulumi.StringOutput)
			_, err := tempo.New(ctx, "tempo", a)
			return err
		})
		require.NoError(t, err)
		values := pulumitest.Find(t, resources, helm.ReleaseToken, "tempo-release").Inputs["values"]
		assert.False(t, values.ContainsSecrets())
		assert.NotContains(t, fmt.Sprint(values), key)
		return values.ObjectValue()["ingester"].ObjectValue()["podAnnotations"].ObjectValue()["picluster/keys"].StringValue()
	}
	assert.Equal(t, annotation("one-key"), annotation("one-key"))
	assert.NotEqual(t, annotation("one-key"), annotation("another-key"))
}

// The access key is known once the pods are ready and none has other keys, in an update
// alone: Pulumi deletes the user before only then.
func TestAwait(t *testing.T) {
	for name, test := range map[string]struct {
		preview bool
		err     error
		calls   int
	}{
		"an update":        {false, nil, 1},
		"a preview":        {true, nil, 0},
		"pods that remain": {false, errors.New("a pod has the previous key"), 1},
	} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			_, err := pulumitest.Run(t, test.preview, nil, func(ctx *pulumi.Context) error {
				a := args()
				a.AccessKey, a.SecretKey = pulumi.String("tempo"), pulumi.ToSecret(pulumi.String("a-key")).(pulumi.StringOutput)
				a.Await = func(_ context.Context, r tempo.Rollout) error {
					calls++
					assert.Equal(t, "traces", r.Namespace)
					assert.Equal(t, "tempo", r.Release)
					assert.Len(t, r.Keys, 12)
					assert.Equal(t, []string{"a-key"}, r.Secrets)
					assert.Equal(t, []string{"distributor", "ingester", "compactor", "querier", "query-frontend", "metrics-generator"}, r.Keyed)
					return test.err
				}
				_, err := tempo.New(ctx, "tempo", a)
				return err
			})
			if test.err == nil {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, test.err.Error(), "the update goes on, and Pulumi deletes the key in use")
			}
			assert.Equal(t, test.calls, calls)
		})
	}
}

// Pods have to become ready also where the component does not know their keys.
func TestAwaitWithoutKeys(t *testing.T) {
	calls := 0
	_, err := pulumitest.Run(t, false, nil, func(ctx *pulumi.Context) error {
		a := args()
		a.Await = func(_ context.Context, r tempo.Rollout) error {
			calls++
			assert.Empty(t, r.Keys)
			return nil
		}
		_, err := tempo.New(ctx, "tempo", a)
		return err
	})
	require.NoError(t, err)
	assert.Equal(t, 1, calls)
}

func TestInlineKeyIsSecret(t *testing.T) {
	resources, err := pulumitest.Run(t, false, nil, func(ctx *pulumi.Context) error {
		a := args()
		a.SecretName = nil
		a.AccessKey, a.SecretKey = pulumi.String("tempo"), pulumi.String("the-key")
		_, err := tempo.New(ctx, "tempo", a)
		return err
	})
	require.NoError(t, err)
	values := pulumitest.Find(t, resources, helm.ReleaseToken, "tempo-release").Inputs["values"].ObjectValue()
	s3 := values["storage"].ObjectValue()["trace"].ObjectValue()["s3"].ObjectValue()
	assert.Equal(t, "the-key", pulumitest.Secret(t, s3["secret_key"]).StringValue())
	assert.Equal(t, "k3s-tempo", s3["bucket"].StringValue(), "what is no secret stays readable")
}

func TestChartByPath(t *testing.T) {
	resources, err := pulumitest.Run(t, false, nil, func(ctx *pulumi.Context) error {
		a := args()
		a.Chart.Name = "./chart"
		a.Timeout = 60
		_, err := tempo.New(ctx, "tempo", a)
		return err
	})
	require.NoError(t, err)
	release := pulumitest.Find(t, resources, helm.ReleaseToken, "tempo-release").Inputs
	assert.Equal(t, "./chart", release["chart"].StringValue())
	assert.False(t, pulumitest.Has(release["repositoryOpts"].ObjectValue(), "repo"))
	assert.Equal(t, 60.0, release["timeout"].NumberValue())
}

func TestTwoTempos(t *testing.T) {
	resources, err := pulumitest.Run(t, false, nil, func(ctx *pulumi.Context) error {
		for _, name := range []string{"one", "two"} {
			a := args()
			a.Release = name
			if _, err := tempo.New(ctx, name, a); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, err)
	pulumitest.Find(t, resources, helm.ReleaseToken, "one-release")
	pulumitest.Find(t, resources, helm.ReleaseToken, "two-release")
}

func TestBadArgs(t *testing.T) {
	for name, test := range map[string]struct {
		args *tempo.Args
		want []string
	}{
		"nil": {nil, []string{"args are missing"}},
		"empty": {&tempo.Args{}, []string{
			`Release ""`, "Namespace is missing", "Bucket is missing", "Endpoint is missing", "Region is missing", "SecretName is missing, and so is AccessKey",
		}},
		"long release": {
			&tempo.Args{Release: strings.Repeat("r", 54), Timeout: -1},
			[]string{"no more than 53", "Timeout -1"},
		},
		"repository of a path": {
			&tempo.Args{Chart: chart.Chart{Name: "oci://example.com/tempo", Repository: "https://example.com"}},
			[]string{"Chart.Repository"},
		},
		"chart 3":                    {&tempo.Args{Chart: chart.Chart{Version: "3.3.0"}}, []string{"whose microservices need Kafka"}},
		"a CA without its ConfigMap": {&tempo.Args{CA: "PEM", Insecure: true}, []string{"CA goes with CAConfigMap", "CA goes with TLS"}},
		"options": {
			&tempo.Args{Options: tempo.Options{
				Profile:   "huge",
				Replicas:  map[string]int{"gateway": 0},
				Resources: map[string]map[string]any{"gateway": {}},
				Receivers: []string{"kafka"},
				Generator: &tempo.Generator{SpanMetrics: true},
				Extra:     map[string]any{"config": ""},
			}},
			[]string{`Profile "huge"`, `Replicas "gateway": is none of`, `Replicas "gateway": 0 is less`, `Resources "gateway"`, `Receivers "kafka"`, "RemoteWriteURL", "config: it replaces"},
		},
		"too few ingesters": {
			&tempo.Args{Options: tempo.Options{Profile: "ha", Replicas: map[string]int{"ingester": 2}}},
			[]string{"2 ingesters cannot hold the 3 copies"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			resources, err := pulumitest.Run(t, false, nil, func(ctx *pulumi.Context) error {
				_, err := tempo.New(ctx, "tempo", test.args)
				return err
			})
			for _, want := range test.want {
				assert.ErrorContains(t, err, want)
			}
			assert.Empty(t, resources, "something was registered")
		})
	}
}
