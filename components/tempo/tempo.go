// Package tempo installs Grafana Tempo from one of its charts, with its traces in an S3
// bucket.
package tempo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/picluster/picluster/components/helm"
	"github.com/picluster/picluster/components/kube"
	"github.com/picluster/picluster/components/tempo/chart"
	"github.com/picluster/picluster/internal/problems"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"sigs.k8s.io/yaml"
)

// The ports that the chart's Services listen on, all of them plain text.
const (
	queryPort    = 3200
	otlpGRPCPort = 4317
	otlpHTTPPort = 4318
)

// maxReleaseName is Helm's limit for a release's name.
const maxReleaseName = 53

// Args describes the release.
type Args struct {
	// Release is the Helm release's name, and the first part of the name of each
	// of its objects: a DNS label of at most 53 characters. Required.
	Release string
	// Namespace is where the release goes; it must exist. Required.
	Namespace pulumi.StringInput
	// Chart is the chart to install.
	Chart chart.Chart
	// Timeout is how long to wait for the pods, in seconds. Default: 300, the
	// provider's.
	Timeout int
	// Restore is how many times the release was restored. Raise it to have Helm
	// restore the release's objects.
	Restore int
	// Await is called in an update, once Helm has deployed the release, and returns
	// once its pods are ready and have the keys. Nil: AccessKey is known while pods with
	// other keys may still run, and an update ends well though a pod does not start.
	Await func(ctx context.Context, r Rollout) error

	// Bucket is the S3 bucket of the traces. Required.
	Bucket pulumi.StringInput
	// Endpoint is the S3 server's host and port, as the pods reach it. Required.
	Endpoint string
	// Region is the S3 server's region. Required.
	Region string
	// Insecure has Tempo talk to the S3 server without TLS.
	Insecure bool
	// CA is the CA that signed the S3 server's certificate, as PEM, and
	// CAConfigMap the ConfigMap in Namespace whose CAField has it. Both or
	// neither; neither is a CA that every system knows.
	CA          string
	CAConfigMap pulumi.StringInput

	// SecretName is the Secret, in Namespace, that holds AccessKeyField and
	// SecretKeyField. Nil: the keys go into the values.
	SecretName pulumi.StringInput
	// AccessKey and SecretKey are the keys. With a SecretName they only have the
	// pods restart when they change, and may be nil.
	AccessKey, SecretKey pulumi.StringInput

	// Network closes the namespace but for what Tempo needs. Nil: it is as open as
	// the cluster.
	Network *Network

	Options
}

// Tempo is a release of Tempo, and where to reach it from inside the cluster.
type Tempo struct {
	pulumi.ResourceState

	// QueryURL is where Grafana asks: the query-frontend's URL.
	QueryURL pulumi.StringOutput `pulumi:"queryUrl"`
	// OTLPGRPC is where traces go by OTLP over gRPC, as host:port.
	OTLPGRPC pulumi.StringOutput `pulumi:"otlpGrpc"`
	// OTLPHTTP is where traces go by OTLP over HTTP: a URL without a path.
	OTLPHTTP pulumi.StringOutput `pulumi:"otlpHttp"`
	// AccessKey is the access key that the pods use, known once Await has returned;
	// empty if the caller does not know the keys.
	AccessKey pulumi.StringOutput `pulumi:"accessKey"`
}

// Rollout is what Args.Await waits for.
type Rollout struct {
	Namespace, Release string
	// Keys is the value that KeysAnnotation is to have; empty if the keys are not known.
	Keys string
	// Keyed are the values of the label app.kubernetes.io/component of pods that have
	// the keys.
	Keyed []string
	// Secrets are texts that an error must not have.
	Secrets []string
}

// New installs the release. It returns one error that names every bad field.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Tempo, error) {
	if args == nil {
		return nil, errors.New("tempo: args are missing")
	}
	a, err := args.complete()
	if err != nil {
		return nil, fmt.Errorf("tempo %q: %w", name, err)
	}

	t := &Tempo{}
	if err := ctx.RegisterComponentResource("picluster:tempo:Tempo", name, t, opts...); err != nil {
		return nil, err
	}

	if a.Network != nil {
		if err := t.newNetworkPolicies(ctx, name, a); err != nil {
			return nil, err
		}
	}
	release, err := helm.NewRelease(ctx, name+"-release", &helm.ReleaseArgs{
		Chart:          pulumi.String(a.Chart.Name),
		Version:        pulumi.String(a.Chart.Version),
		RepositoryOpts: helm.RepositoryOptsArgs{Repo: helm.OptionalString(a.Chart.Repository)},
		Name:           pulumi.String(a.Release),
		Namespace:      a.Namespace,
		Values:         helm.Values(Values(a.settings())),
		Timeout:        helm.OptionalInt(a.Timeout),
		Description:    helm.Restored(a.Restore),
	}, pulumi.Parent(t))
	if err != nil {
		return nil, err
	}

	host := func(service string) pulumi.StringOutput {
		if a.Chart.Mode == chart.Monolithic {
			return pulumi.Sprintf("%s.%s.svc.cluster.local", release.Name.Elem(), release.Namespace.Elem())
		}
		return pulumi.Sprintf("%s-%s.%s.svc.cluster.local", release.Name.Elem(), service, release.Namespace.Elem())
	}
	t.QueryURL = pulumi.Sprintf("http://%s:%d", host("query-frontend"), queryPort)
	t.OTLPGRPC = pulumi.Sprintf("%s:%d", host("distributor"), otlpGRPCPort)
	t.OTLPHTTP = pulumi.Sprintf("http://%s:%d", host("distributor"), otlpHTTPPort)
	t.AccessKey = a.accessKey(ctx, release)
	return t, ctx.RegisterResourceOutputs(t, pulumi.Map{
		"queryUrl":  t.QueryURL,
		"otlpGrpc":  t.OTLPGRPC,
		"otlpHttp":  t.OTLPHTTP,
		"accessKey": t.AccessKey,
	})
}

// accessKey returns the access key once all pods of the release are ready and use it.
//
// Pulumi deletes what the program no longer has, the user of the previous key among
// it, after the program has ended. So while this waits that key works, and if it
// fails nothing is deleted.
func (a Args) accessKey(ctx *pulumi.Context, release *helm.Release) pulumi.StringOutput {
	var accessKey, secretKey pulumi.StringInput = pulumi.String(""), pulumi.String("")
	var keys pulumi.Output = pulumi.String("").ToStringOutput()
	if a.AccessKey != nil && a.SecretKey != nil {
		accessKey, secretKey, keys = a.AccessKey, a.SecretKey, a.keysHash()
	}
	all := pulumi.All(accessKey, secretKey, keys, release.ID(), release.Namespace.Elem())
	return pulumi.Unsecret(all.ApplyT(func(all []any) (string, error) {
		if ctx.DryRun() || a.Await == nil {
			return all[0].(string), nil
		}
		return all[0].(string), a.Await(ctx.Context(), Rollout{
			Namespace: all[4].(string),
			Release:   a.Release,
			Keys:      all[2].(string),
			Keyed:     keyedComponents(a.Chart.Mode),
			Secrets:   []string{all[1].(string)},
		})
	})).(pulumi.StringOutput)
}

// keysHash changes with the keys. It is no secret, so that a preview shows that the
// pods restart.
func (a Args) keysHash() pulumi.Output {
	return pulumi.Unsecret(pulumi.All(a.AccessKey, a.SecretKey).ApplyT(func(keys []any) string {
		return hash(keys[0].(string) + "\n" + keys[1].(string))
	}))
}

// ChartValues returns the values of a release that somebody else installs, as YAML
// for `helm install -f`. It returns one error that names every bad field.
func ChartValues(args *Args) (pulumi.StringOutput, error) {
	a, err := args.complete()
	if err != nil {
		return pulumi.StringOutput{}, fmt.Errorf("tempo: %w", err)
	}
	return helm.Values(Values(a.settings())).ToMapOutput().ApplyT(func(values map[string]any) (string, error) {
		text, err := yaml.Marshal(values)
		return string(text), err
	}).(pulumi.StringOutput), nil
}

func (t *Tempo) newNetworkPolicies(ctx *pulumi.Context, name string, a Args) error {
	for last, spec := range NetworkPolicies(*a.Network, a.Release, a.Chart.Mode, a.Endpoint, a.Insecure, a.Options) {
		_, err := kube.NewObject(ctx, "networking.k8s.io/v1", "NetworkPolicy", name+"-network-"+last,
			kube.Metadata{Name: a.Release + "-" + last, Namespace: a.Namespace},
			pulumi.Map{"spec": helm.Values(spec)}, pulumi.Parent(t))
		if err != nil {
			return err
		}
	}
	return nil
}

// settings returns what the values are made of. An input that is nil must reach
// them as nil, not as an interface that holds a nil.
func (a Args) settings() Settings {
	s := Settings{
		Chart:    a.Chart,
		Release:  a.Release,
		Bucket:   a.Bucket,
		Endpoint: a.Endpoint,
		Region:   a.Region,
		Insecure: a.Insecure,
		Options:  a.Options,
	}
	if a.CAConfigMap != nil {
		s.CAConfigMap, s.CAHash = a.CAConfigMap, hash(a.CA)
	}
	if a.AccessKey != nil && a.SecretKey != nil {
		s.KeysHash = a.keysHash()
	}
	if a.SecretName == nil {
		s.AccessKey, s.SecretKey = a.AccessKey, pulumi.ToSecret(a.SecretKey)
		return s
	}
	s.SecretName = a.SecretName
	return s
}

// hash returns enough of a SHA-256 to see a change by, and too little to check a
// guess with certainty.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}

// complete returns a with its defaults, or one error that names every bad field.
func (a Args) complete() (Args, error) {
	a.Chart = a.Chart.WithDefaults()
	if a.Profile == "" {
		a.Profile = ProfileChart
	}
	return a, a.validate()
}

// ValidateRelease says what is wrong with a release's name, or nil.
func ValidateRelease(name string) error {
	if len(name) > maxReleaseName {
		return fmt.Errorf("must be no more than %d characters", maxReleaseName)
	}
	return kube.ValidateLabel(name)
}

func (a Args) validate() error {
	p := a.Options.validate(a.Chart)
	p.Check("Release", a.Release, ValidateRelease(a.Release))
	if !slices.Contains(chart.Modes(), a.Chart.Mode) {
		p.Add("Chart.Mode %q: is none of %v", a.Chart.Mode, chart.Modes())
	}
	p.Check("Chart.Version", a.Chart.Version, chart.ValidateVersion(a.Chart.Mode, a.Chart.Version))
	if a.Chart.TempoVersion != "" {
		p.Check("Chart.TempoVersion", a.Chart.TempoVersion, chart.ValidateTempo(a.Chart.TempoVersion))
	}
	if a.Chart.Repository != "" && !chart.IsBareName(a.Chart.Name) {
		p.Add("Chart.Repository %q: goes with a chart's bare name, not with %q", a.Chart.Repository, a.Chart.Name)
	}
	if a.Timeout < 0 {
		p.Add("Timeout %d: is less than zero", a.Timeout)
	}
	if (a.CA == "") != (a.CAConfigMap == nil) {
		p.Add("CA goes with CAConfigMap, and neither without the other")
	}
	if a.CA != "" && a.Insecure {
		p.Add("CA goes with TLS, and Insecure is true")
	}
	if n := a.Network; n != nil {
		for _, from := range append(slices.Clone(n.TracesFrom), n.QueryFrom) {
			p.Check("Network", from, kube.ValidateLabel(from))
		}
		p.Required("Network.TracesFrom", len(n.TracesFrom) == 0)
	}
	if a.SecretName == nil && (a.AccessKey == nil || a.SecretKey == nil) {
		p.Add("SecretName is missing, and so is AccessKey or SecretKey: there are no keys")
	}
	p.Required("Namespace", a.Namespace == nil)
	p.Required("Bucket", a.Bucket == nil)
	p.Required("Endpoint", a.Endpoint == "")
	p.Required("Region", a.Region == "")
	return p.Err()
}

func (o Options) validate(c chart.Chart) (p problems.List) {
	if !slices.Contains(ProfilesOf(c.Mode), o.Profile) {
		p.Add("Profile %q: is none of %v", o.Profile, ProfilesOf(c.Mode))
	}
	if c.Mode == chart.Monolithic && len(o.Replicas) > 0 {
		p.Add("Replicas: has no effect with Chart.Mode %s, which has one pod", c.Mode)
	}
	for service, replicas := range o.Replicas {
		p.Check("Replicas", service, validateService(service, c.Mode))
		if replicas < 1 {
			p.Add("Replicas %q: %d is less than 1", service, replicas)
		}
	}
	for service := range o.Resources {
		p.Check("Resources", service, validateService(service, c.Mode))
	}
	for _, receiver := range o.Receivers {
		p.Check("Receivers", receiver, validateReceiver(receiver, c))
	}
	if c.Mode != chart.Monolithic {
		p.Check("Replicas", "ingester", o.ValidateIngesters())
	}
	if g := o.Generator; g != nil && (g.ServiceGraphs || g.SpanMetrics) {
		p.Required("Generator.RemoteWriteURL", g.RemoteWriteURL == "")
	}
	return append(p, CheckExtra(c.Mode, o.Extra)...)
}

func validateService(service, mode string) error {
	if services := Services(mode); !slices.Contains(services, service) {
		return fmt.Errorf("is none of %v", services)
	}
	return nil
}

// ValidateIngesters says that there are too few ingesters for the copies that the
// profile keeps of each span, or nil.
func (o Options) ValidateIngesters() error {
	ingesters, copies := profiles[o.Profile].ingesters()
	if replicas, ok := o.Replicas["ingester"]; ok {
		ingesters = replicas
	}
	if ingesters < copies {
		return fmt.Errorf("%d ingesters cannot hold the %d copies of each span that profile %q keeps", ingesters, copies, o.Profile)
	}
	return nil
}
