package tempo_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/picluster/picluster/components/helm"
	"github.com/picluster/picluster/components/tempo"
	"github.com/picluster/picluster/internal/pulumitest"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func args() *tempo.Args {
	return &tempo.Args{
		Release:    "tempo",
		Namespace:  pulumi.String("traces"),
		Bucket:     pulumi.String("k3s-tempo"),
		Endpoint:   "s3.example.com:9091",
		Region:     "eu-west-1",
		SecretName: pulumi.String("tempo-minio-secret"),
	}
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
			assert.NotContains(t, release, "timeout")
			assert.Equal(t, tempo.Values(settings), release["values"].Mappable())

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
	assert.NotContains(t, release["repositoryOpts"].ObjectValue(), "repo")
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
			`Release ""`, "Namespace is missing", "Bucket is missing", "Endpoint is missing", "Region is missing", "SecretName is missing",
		}},
		"long release": {
			&tempo.Args{Release: strings.Repeat("r", 54), Timeout: -1},
			[]string{"no more than 53", "Timeout -1"},
		},
		"repository of a path": {
			&tempo.Args{Chart: tempo.Chart{Name: "oci://example.com/tempo", Repository: "https://example.com"}},
			[]string{"Chart.Repository"},
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
