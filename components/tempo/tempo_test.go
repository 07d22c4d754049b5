package tempo_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/picluster/picluster/components/componenttest"
	"github.com/picluster/picluster/components/tempo"
	"github.com/picluster/picluster/components/tempo/chart"
	"github.com/picluster/picluster/internal/helm"
	"github.com/picluster/picluster/internal/kube"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

func args(changes ...func(*tempo.Args)) *tempo.Args {
	a := tempo.Guide(chart.Chart{Version: "1.61.3"})
	a.Namespace = pulumi.String("traces")
	a.Bucket = pulumi.String("k3s-tempo")
	a.Endpoint = pulumi.String("s3.example.com:9091")
	a.SecretName = pulumi.String("tempo-minio-secret")
	for _, change := range changes {
		change(&a)
	}
	return &a
}

func withKeys(a *tempo.Args) {
	a.AccessKey = pulumi.String("tempo")
	a.SecretKey = pulumi.ToSecret(pulumi.String("the-key")).(pulumi.StringOutput)
}

func closed(a *tempo.Args) {
	a.Network = &tempo.Network{
		AllowTracesFrom: []pulumi.StringInput{pulumi.String("apps")},
		AllowQueryFrom:  []pulumi.StringInput{pulumi.String("monitoring")},
	}
}

// install runs a program that installs Tempo.
func install(t *testing.T, preview bool, a *tempo.Args, opts ...pulumi.ResourceOption) []componenttest.Resource {
	t.Helper()
	resources, err := componenttest.Run(t, preview, nil, func(ctx *pulumi.Context) error {
		_, err := tempo.New(ctx, "tempo", a, opts...)
		return err
	})
	require.NoError(t, err)
	return resources
}

func release(t *testing.T, resources []componenttest.Resource) resource.PropertyMap {
	t.Helper()
	return componenttest.Find(t, resources, helm.ReleaseToken, "tempo-release").Inputs
}

// at returns what a map has at a dotted path.
func at(t *testing.T, inputs resource.PropertyMap, path string) resource.PropertyValue {
	t.Helper()
	value := resource.NewProperty(inputs)
	for _, key := range strings.Split(path, ".") {
		require.True(t, value.IsObject(), path)
		require.True(t, componenttest.Has(value.ObjectValue(), key), "there is no %s of %s", key, path)
		value = value.ObjectValue()[resource.PropertyKey(key)]
	}
	return value
}

func TestTempo(t *testing.T) {
	for _, preview := range []bool{false, true} {
		t.Run(fmt.Sprintf("preview=%t", preview), func(t *testing.T) {
			outputs := make(chan []any, 1)
			resources, err := componenttest.Run(t, preview, nil, func(ctx *pulumi.Context) error {
				traces, err := tempo.New(ctx, "tempo", args())
				if err != nil {
					return err
				}
				pulumi.All(traces.QueryURL, traces.OTLPGRPCEndpoint, traces.OTLPHTTPEndpoint).ApplyT(func(all []any) error {
					outputs <- all
					return nil
				})
				return nil
			})
			require.NoError(t, err)

			release := componenttest.Find(t, resources, helm.ReleaseToken, "tempo-release").Inputs
			assert.Equal(t, "tempo", release["name"].StringValue(), "without a name the provider makes one up")
			assert.Equal(t, "traces", release["namespace"].StringValue())
			assert.Equal(t, "tempo-distributed", release["chart"].StringValue())
			assert.Equal(t, "1.61.3", release["version"].StringValue())
			assert.Equal(t, "https://grafana.github.io/helm-charts", release["repositoryOpts"].ObjectValue()["repo"].StringValue())
			assert.False(t, componenttest.Has(release, "timeout"))
			assert.Equal(t, "us-east-1", at(t, release, "values.storage.trace.s3.region").StringValue())

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
// key. Without the salt, which is in the state, no guess can be tested.
func TestKeysRestartThePods(t *testing.T) {
	annotation := func(accessKey, secretKey string) string {
		a := args(func(a *tempo.Args) {
			a.AccessKey = pulumi.String(accessKey)
			a.SecretKey = pulumi.ToSecret(pulumi.String(secretKey)).(pulumi.StringOutput)
		})
		resources := install(t, false, a)
		salt := componenttest.Find(t, resources, saltType, "tempo-keys-salt")
		assert.Contains(t, salt.Parent, "picluster:tempo:Tempo::tempo")
		assert.Contains(t, salt.AdditionalSecretOutputs, "result")
		values := release(t, resources)["values"]
		assert.False(t, values.ContainsSecrets())
		assert.NotContains(t, fmt.Sprint(values), secretKey)
		assert.NotContains(t, fmt.Sprint(values), componenttest.SecretKey, "the salt")
		hash := at(t, values.ObjectValue(), "ingester.podAnnotations.picluster/keys").StringValue()
		for _, guess := range []string{secretKey, accessKey + "\n" + secretKey, accessKey + secretKey} {
			sum := sha256.Sum256([]byte(guess))
			assert.NotContains(t, hex.EncodeToString(sum[:]), hash, "a guess can be tested")
		}
		return hash
	}
	one := annotation("tempo", "one-key")
	assert.Equal(t, one, annotation("tempo", "one-key"))
	assert.NotEqual(t, one, annotation("tempo", "another-key"))
	assert.NotEqual(t, one, annotation("another", "one-key"))
}

const saltType = "random:index/randomPassword:RandomPassword"

// Nothing is known of keys that are managed elsewhere.
func TestUnknownKeysHaveNoHash(t *testing.T) {
	resources := install(t, false, args())
	for _, r := range resources {
		assert.NotEqual(t, saltType, r.Type)
	}
	assert.NotContains(t, fmt.Sprint(release(t, resources)), "picluster/keys")
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
			_, err := componenttest.Run(t, test.preview, nil, func(ctx *pulumi.Context) error {
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

// known are mocks of a preview of an update: what exists is known.
type known struct{}

func (known) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	return "id", args.Inputs, nil
}

func (known) Call(pulumi.MockCallArgs) (resource.PropertyMap, error) { return nil, nil }

func TestAwaitInThePreviewOfAnUpdate(t *testing.T) {
	err := pulumi.RunErr(func(ctx *pulumi.Context) error {
		_, err := tempo.New(ctx, "tempo", args(func(a *tempo.Args) {
			a.Await = func(context.Context, tempo.Rollout) error { return errors.New("a preview waits for pods") }
		}))
		return err
	}, pulumi.WithMocks("picluster", "test", known{}), func(info *pulumi.RunInfo) { info.DryRun = true })
	assert.NoError(t, err)
}

// Pods have to become ready also where the component does not know their keys.
func TestAwaitWithoutKeys(t *testing.T) {
	calls := 0
	_, err := componenttest.Run(t, false, nil, func(ctx *pulumi.Context) error {
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
	resources := install(t, false, args(func(a *tempo.Args) {
		a.SecretName = nil
		a.AccessKey, a.SecretKey = pulumi.String("tempo"), pulumi.String("the-key")
	}))
	s3 := at(t, release(t, resources), "values.storage.trace.s3").ObjectValue()
	assert.Equal(t, "the-key", componenttest.Secret(t, s3["secret_key"]).StringValue())
	assert.Equal(t, "k3s-tempo", s3["bucket"].StringValue(), "what is no secret stays readable")
}

func TestChartByPath(t *testing.T) {
	resources, err := componenttest.Run(t, false, nil, func(ctx *pulumi.Context) error {
		a := args()
		a.Chart.Name = "./chart"
		a.Timeout = 60
		_, err := tempo.New(ctx, "tempo", a)
		return err
	})
	require.NoError(t, err)
	release := componenttest.Find(t, resources, helm.ReleaseToken, "tempo-release").Inputs
	assert.Equal(t, "./chart", release["chart"].StringValue())
	assert.False(t, componenttest.Has(release["repositoryOpts"].ObjectValue(), "repo"))
	assert.Equal(t, 60.0, release["timeout"].NumberValue())
}

func TestTwoTempos(t *testing.T) {
	resources, err := componenttest.Run(t, false, nil, func(ctx *pulumi.Context) error {
		for _, name := range []string{"one", "two"} {
			a := args()
			a.Release = pulumi.String(name)
			withKeys(a)
			closed(a)
			if _, err := tempo.New(ctx, name, a); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, err)
	componenttest.Find(t, resources, helm.ReleaseToken, "one-release")
	componenttest.Find(t, resources, helm.ReleaseToken, "two-release")
}

// The least that a caller must say is a Tempo that receives traces.
func TestZeroValue(t *testing.T) {
	a := tempo.Args{
		Namespace:  pulumi.String("traces"),
		Bucket:     pulumi.String("k3s-tempo"),
		Endpoint:   pulumi.String("s3.example.com:9091"),
		SecretName: pulumi.String("keys"),
	}
	require.NoError(t, a.Validate())
	release := release(t, install(t, false, &a))
	assert.Equal(t, "tempo", release["name"].StringValue())
	assert.Equal(t, "2.26.2", release["version"].StringValue())
	for path, want := range map[string]bool{
		"values.traces.otlp.grpc.enabled": true,
		"values.traces.otlp.http.enabled": true,
		"values.traces.zipkin.enabled":    false,
		"values.streamOverHTTPEnabled":    true,
		"values.reportingEnabled":         false,
		"values.metricsGenerator.enabled": false,
	} {
		assert.Equal(t, want, at(t, release, path).BoolValue(), path)
	}
}

// The endpoint of a receiver that is off is empty.
func TestEndpointsOfReceivers(t *testing.T) {
	for receiver, want := range map[string][]any{
		"otlpGrpc": {"tempo-distributor.traces.svc.cluster.local:4317", ""},
		"otlpHttp": {"", "http://tempo-distributor.traces.svc.cluster.local:4318"},
		"zipkin":   {"", ""},
	} {
		a := args(func(a *tempo.Args) { a.Receivers = []string{receiver} })
		assert.Equal(t, receiver == "otlpGrpc", a.Receives("otlpGrpc"))
		endpoints := make(chan []any, 1)
		_, err := componenttest.Run(t, false, nil, func(ctx *pulumi.Context) error {
			traces, err := tempo.New(ctx, "tempo", a)
			if err != nil {
				return err
			}
			pulumi.All(traces.OTLPGRPCEndpoint, traces.OTLPHTTPEndpoint).ApplyT(func(all []any) error {
				endpoints <- all
				return nil
			})
			return nil
		})
		require.NoError(t, err)
		assert.Equal(t, want, <-endpoints, receiver)
	}
}

func TestMonolithicEndpoints(t *testing.T) {
	endpoints := make(chan string, 1)
	_, err := componenttest.Run(t, false, nil, func(ctx *pulumi.Context) error {
		traces, err := tempo.New(ctx, "tempo", args(func(a *tempo.Args) { *a = monolithic(*a) }))
		if err != nil {
			return err
		}
		traces.QueryURL.ApplyT(func(url string) error { endpoints <- url; return nil })
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, "http://tempo.traces.svc.cluster.local:3200", <-endpoints)
}

func monolithic(a tempo.Args) tempo.Args {
	a.Chart, a.Receivers = chart.Chart{Mode: chart.Monolithic}, nil
	return a
}

// made is an output of another resource of the program.
func made(ctx *pulumi.Context, name, value string) (pulumi.StringOutput, error) {
	o, err := kube.NewObject(ctx, "v1", "ConfigMap", name, kube.Metadata{Name: pulumi.String(value)}, nil)
	if err != nil {
		return pulumi.StringOutput{}, err
	}
	return o.Name(), nil
}

// Every input can be another resource's output, and the release waits for it.
func TestInputsOfOtherResources(t *testing.T) {
	for _, mode := range chart.Modes() {
		t.Run(mode, func(t *testing.T) {
			inputs := map[string]func(*tempo.Args) *pulumi.StringInput{
				"release":   func(a *tempo.Args) *pulumi.StringInput { return &a.Release },
				"namespace": func(a *tempo.Args) *pulumi.StringInput { return &a.Namespace },
				"bucket":    func(a *tempo.Args) *pulumi.StringInput { return &a.Bucket },
				"endpoint":  func(a *tempo.Args) *pulumi.StringInput { return &a.Endpoint },
				"region":    func(a *tempo.Args) *pulumi.StringInput { return &a.Region },
				"ca":        func(a *tempo.Args) *pulumi.StringInput { return &a.CAConfigMap },
				"secret":    func(a *tempo.Args) *pulumi.StringInput { return &a.SecretName },
				"key":       func(a *tempo.Args) *pulumi.StringInput { return &a.SecretKey },
				"class":     func(a *tempo.Args) *pulumi.StringInput { return &a.Persistence.StorageClass },
				"write":     func(a *tempo.Args) *pulumi.StringInput { return &a.Generator.RemoteWriteURL },
				"registry":  func(a *tempo.Args) *pulumi.StringInput { return &a.ImageRegistry },
				"priority":  func(a *tempo.Args) *pulumi.StringInput { return &a.PriorityClassName },
				"pull":      func(a *tempo.Args) *pulumi.StringInput { return &a.ImagePullSecrets[0] },
			}
			values := map[string]string{"endpoint": "10.0.0.11:9091", "write": "http://prometheus/api"}
			for name, input := range inputs {
				resources, err := componenttest.Run(t, false, nil, func(ctx *pulumi.Context) error {
					out, err := made(ctx, name, cmp.Or(values[name], "made"))
					if err != nil {
						return err
					}
					a := args(withKeys, func(a *tempo.Args) {
						if mode == chart.Monolithic {
							*a = monolithic(*a)
						}
						a.CA, a.CAConfigMap = "PEM", pulumi.String("ca")
						a.Persistence = &tempo.Persistence{}
						a.Generator = &tempo.Generator{SpanMetrics: true}
						a.Generator.RemoteWriteURL = pulumi.String("http://prometheus/api")
						a.ImagePullSecrets = make([]pulumi.StringInput, 1)
						a.ImagePullSecrets[0] = pulumi.String("pull")
					})
					*input(a) = out
					_, err = tempo.New(ctx, "tempo", a)
					return err
				})
				require.NoError(t, err, name)
				r := componenttest.Find(t, resources, helm.ReleaseToken, "tempo-release")
				assert.Condition(t, func() bool {
					return slices.ContainsFunc(r.Dependencies, func(urn string) bool { return strings.HasSuffix(urn, "::"+name) })
				}, "the release does not wait for %s: %v", name, r.Dependencies)
				if want := cmp.Or(values[name], "made"); name != "key" {
					assert.Contains(t, fmt.Sprint(r.Inputs), want, name)
				}
			}
		})
	}
}

// An output is checked once it is known, and its error shows no credential.
func TestBadOutput(t *testing.T) {
	_, err := componenttest.Run(t, false, nil, func(ctx *pulumi.Context) error {
		out, err := made(ctx, "endpoint", "https://admin:hunter2@s3")
		if err != nil {
			return err
		}
		_, err = tempo.New(ctx, "tempo", args(func(a *tempo.Args) { a.Endpoint = out }))
		return err
	})
	assert.ErrorContains(t, err, `Endpoint: got "https://xxxxx@s3"; want a host:port`)
	assert.NotContains(t, err.Error(), "hunter2")
}

func TestNetworkPoliciesAreInTheNamespace(t *testing.T) {
	resources := install(t, false, args(closed, func(a *tempo.Args) { a.Release = pulumi.String("tracer") }))
	for _, suffix := range []string{"own", "traces", "metrics", "query"} {
		p := componenttest.Find(t, resources, "kubernetes:networking.k8s.io/v1:NetworkPolicy", "tempo-network-"+suffix)
		assert.Equal(t, "tracer-"+suffix, at(t, p.Inputs, "metadata.name").StringValue())
		assert.Equal(t, "traces", at(t, p.Inputs, "metadata.namespace").StringValue())
		assert.Contains(t, p.Parent, "picluster:tempo:Tempo::tempo")
		assert.True(t, at(t, p.Inputs, "spec.podSelector").IsObject())
	}
	for _, r := range install(t, false, args()) {
		assert.NotContains(t, r.Type, "NetworkPolicy", "Network is not set")
	}
}

func TestReleaseOptions(t *testing.T) {
	resources := install(t, false, args(func(a *tempo.Args) {
		a.Timeout, a.Restore = 60, 2
		a.CA, a.CAConfigMap = "PEM", pulumi.String("ca")
	}))
	r := release(t, resources)
	assert.Equal(t, 60.0, r["timeout"].NumberValue())
	assert.Equal(t, "restore 2", r["description"].StringValue())
	assert.Equal(t, "/etc/minio-ca/ca.crt", at(t, r, "values.storage.trace.s3.tls_ca_path").StringValue())
}

func TestOptionsReachEveryChild(t *testing.T) {
	children := componenttest.AssertOptions(t, func(ctx *pulumi.Context, opts ...pulumi.ResourceOption) error {
		_, err := tempo.New(ctx, "tempo", args(withKeys, closed), opts...)
		return err
	})
	assert.Len(t, children, 6, "release, salt, four policies")
	salt := componenttest.AssertOptions(t, func(ctx *pulumi.Context, opts ...pulumi.ResourceOption) error {
		_, err := tempo.ChartValues(ctx, "tempo", args(withKeys), opts...)
		return err
	})
	assert.Len(t, salt, 1)
}

// The values of a release that is managed elsewhere are those of one that is installed.
func TestChartValues(t *testing.T) {
	texts := make(chan string, 1)
	_, err := componenttest.Run(t, false, nil, func(ctx *pulumi.Context) error {
		text, err := tempo.ChartValues(ctx, "tempo", args(withKeys))
		if err != nil {
			return err
		}
		text.ApplyT(func(text string) error { texts <- text; return nil })
		return nil
	})
	require.NoError(t, err)
	var values map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(<-texts), &values))
	assert.Equal(t, release(t, install(t, false, args(withKeys)))["values"].Mappable(), values)
}

func TestChartValuesOfBadArgs(t *testing.T) {
	resources, err := componenttest.Run(t, false, nil, func(ctx *pulumi.Context) error {
		if _, err := tempo.ChartValues(ctx, "tempo", nil); err == nil {
			return errors.New("nil is accepted")
		}
		_, err := tempo.ChartValues(ctx, "tempo", &tempo.Args{})
		return err
	})
	assert.ErrorContains(t, err, "Bucket: got nothing")
	assert.Empty(t, resources)
}

// TestRegisteredOutputs has what a program in another language, and the state, see.
func TestRegisteredOutputs(t *testing.T) {
	resources := install(t, false, args(withKeys, func(a *tempo.Args) { a.Receivers = []string{tempo.ReceiverOTLPGRPC, tempo.ReceiverOTLPHTTP} }))
	component := componenttest.Find(t, resources, "picluster:tempo:Tempo", "tempo")
	assert.Equal(t, map[string]any{
		"queryUrl":         "http://tempo-query-frontend.traces.svc.cluster.local:3200",
		"otlpGrpcEndpoint": "tempo-distributor.traces.svc.cluster.local:4317",
		"otlpHttpEndpoint": "http://tempo-distributor.traces.svc.cluster.local:4318",
		"accessKey":        "tempo",
	}, component.Outputs.Mappable())
}
