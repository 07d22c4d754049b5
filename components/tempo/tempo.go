// Package tempo installs Grafana Tempo from one of its charts, with its traces in an S3
// bucket.
package tempo

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/picluster/picluster/components/tempo/chart"
	"github.com/picluster/picluster/internal/helm"
	"github.com/picluster/picluster/internal/kube"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"sigs.k8s.io/yaml"
)

// The ports of the chart's Services, all of them plain text.
const (
	queryPort    = 3200
	otlpGRPCPort = 4317
	otlpHTTPPort = 4318
)

// Tempo is a release of Tempo, and where it is reached from inside the cluster.
type Tempo struct {
	pulumi.ResourceState

	// QueryURL is the URL that Grafana queries: that of the query-frontend.
	QueryURL pulumi.StringOutput `pulumi:"queryUrl"`
	// OTLPGRPCEndpoint is where traces are sent by OTLP over gRPC, as host:port; empty if
	// that receiver is off.
	OTLPGRPCEndpoint pulumi.StringOutput `pulumi:"otlpGrpcEndpoint"`
	// OTLPHTTPEndpoint is where traces are sent by OTLP over HTTP, as a URL without a path;
	// empty if that receiver is off.
	OTLPHTTPEndpoint pulumi.StringOutput `pulumi:"otlpHttpEndpoint"`
	// AccessKey is the access key that the pods use, known once Args.Await has returned;
	// empty if the keys are not known.
	AccessKey pulumi.StringOutput `pulumi:"accessKey"`
}

var errNoArgs = errors.New("tempo: args are missing")

// New installs the release. It returns one error that names every bad field, before anything
// is registered.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Tempo, error) {
	if args == nil {
		return nil, errNoArgs
	}
	if err := args.Validate(); err != nil {
		return nil, fmt.Errorf("tempo %q: %w", name, err)
	}
	t := &Tempo{}
	if err := ctx.RegisterComponentResource("picluster:tempo:Tempo", name, t, opts...); err != nil {
		return nil, err
	}
	s, err := args.withDefaults().settings(ctx, name, t)
	if err != nil {
		return nil, err
	}
	if err := s.newNetworkPolicies(ctx, name, t); err != nil {
		return nil, err
	}
	release, err := helm.NewRelease(ctx, name+"-release", &helm.ReleaseArgs{
		Chart:          pulumi.String(s.Chart.Name),
		Version:        pulumi.String(s.Chart.Version),
		RepositoryOpts: helm.RepositoryOptsArgs{Repo: helm.OptionalString(s.Chart.Repository)},
		Name:           input(s.release),
		Namespace:      s.Namespace,
		Values:         helm.Values(s.values()),
		Timeout:        helm.OptionalInt(s.Timeout),
		Description:    helm.Restored(s.Restore),
	}, pulumi.Parent(t))
	if err != nil {
		return nil, err
	}
	t.setOutputs(ctx, s, release)
	return t, ctx.RegisterResourceOutputs(t, pulumi.Map{
		"queryUrl":         t.QueryURL,
		"otlpGrpcEndpoint": t.OTLPGRPCEndpoint,
		"otlpHttpEndpoint": t.OTLPHTTPEndpoint,
		"accessKey":        t.AccessKey,
	})
}

func (t *Tempo) setOutputs(ctx *pulumi.Context, s settings, release *helm.Release) {
	host := func(service string) pulumi.StringOutput {
		if s.Chart.Mode == chart.Monolithic {
			return pulumi.Sprintf("%s.%s.svc.cluster.local", release.Name.Elem(), release.Namespace.Elem())
		}
		return pulumi.Sprintf("%s-%s.%s.svc.cluster.local", release.Name.Elem(), service, release.Namespace.Elem())
	}
	t.QueryURL = pulumi.Sprintf("http://%s:%d", host("query-frontend"), queryPort)
	t.OTLPGRPCEndpoint = pulumi.String("").ToStringOutput()
	if slices.Contains(s.Receivers, ReceiverOTLPGRPC) {
		t.OTLPGRPCEndpoint = pulumi.Sprintf("%s:%d", host("distributor"), otlpGRPCPort)
	}
	t.OTLPHTTPEndpoint = pulumi.String("").ToStringOutput()
	if slices.Contains(s.Receivers, ReceiverOTLPHTTP) {
		t.OTLPHTTPEndpoint = pulumi.Sprintf("http://%s:%d", host("distributor"), otlpHTTPPort)
	}
	t.AccessKey = s.usedAccessKey(ctx, release)
}

// usedAccessKey returns the access key once all pods of the release are ready and use it.
//
// Pulumi deletes what the program no longer has, which includes the user of the previous
// key, after the program has ended. While this waits, that key works. If this fails, nothing
// is deleted.
func (s settings) usedAccessKey(ctx *pulumi.Context, release *helm.Release) pulumi.StringOutput {
	var accessKey, secretKey pulumi.StringInput = pulumi.String(""), pulumi.String("")
	if s.knowsKeys() {
		accessKey, secretKey = s.AccessKey, s.SecretKey
	}
	all := pulumi.All(accessKey, secretKey, input(s.keysHash), release.ID(), release.Namespace.Elem(), release.Name.Elem())
	return pulumi.Unsecret(all.ApplyT(func(all []any) (string, error) {
		if ctx.DryRun() || s.Await == nil {
			return all[0].(string), nil
		}
		return all[0].(string), s.Await(ctx.Context(), Rollout{
			Namespace: all[4].(string),
			Release:   all[5].(string),
			Keys:      all[2].(string),
			Keyed:     keyedComponents(s.Chart.Mode),
			Secrets:   []string{all[1].(string)},
		})
	})).(pulumi.StringOutput)
}

// ChartValues returns the values of a release that is managed elsewhere, as YAML for
// `helm install -f`. It returns one error that names every bad field, before anything is
// registered.
func ChartValues(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (pulumi.StringOutput, error) {
	if args == nil {
		return pulumi.StringOutput{}, errNoArgs
	}
	a := args.withDefaults()
	if err := a.problems().Err(); err != nil {
		return pulumi.StringOutput{}, fmt.Errorf("tempo %q: %w", name, err)
	}
	var parent pulumi.ResourceState // of the salt
	if err := ctx.RegisterComponentResource("picluster:tempo:ChartValues", name, &parent, opts...); err != nil {
		return pulumi.StringOutput{}, err
	}
	s, err := a.settings(ctx, name, &parent)
	if err != nil {
		return pulumi.StringOutput{}, err
	}
	text := helm.Values(s.values()).ToMapOutput().ApplyT(func(values map[string]any) (string, error) {
		text, err := yaml.Marshal(values)
		return string(text), err
	}).(pulumi.StringOutput)
	return text, ctx.RegisterResourceOutputs(&parent, pulumi.Map{})
}

func (s settings) newNetworkPolicies(ctx *pulumi.Context, name string, parent pulumi.Resource) error {
	if s.Network == nil {
		return nil
	}
	specs := s.networkPolicies()
	for _, suffix := range slices.Sorted(maps.Keys(specs)) {
		_, err := kube.NewObject(ctx, "networking.k8s.io/v1", "NetworkPolicy", name+"-network-"+suffix,
			kube.Metadata{Name: input(suffixed(s.release, "-"+suffix)), Namespace: s.Namespace},
			pulumi.Map{"spec": helm.Values(specs[suffix])}, pulumi.Parent(parent))
		if err != nil {
			return err
		}
	}
	return nil
}

// settings returns what the values are made of. The salt of the keys' hash becomes a child
// of parent.
func (a Args) settings(ctx *pulumi.Context, name string, parent pulumi.Resource) (settings, error) {
	s := a.inputs()
	var err error
	s.keysHash, err = a.newKeysHash(ctx, name, parent)
	return s, err
}
