// Package tempo installs Grafana Tempo from the chart tempo-distributed, with
// its traces in an S3 bucket.
package tempo

import (
	"errors"
	"fmt"
	"strings"

	"github.com/picluster/picluster/components/helm"
	"github.com/picluster/picluster/components/kube"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Defaults of Chart: the last of the line that grafana.github.io serves, with
// Tempo 2.9.0.
const (
	DefaultChart      = "tempo-distributed"
	DefaultRepository = "https://grafana.github.io/helm-charts"
	DefaultVersion    = "1.61.3"
)

// The ports that the chart's Services listen on, all of them plain text.
const (
	queryPort    = 3200
	otlpGRPCPort = 4317
	otlpHTTPPort = 4318
)

// maxReleaseName is Helm's limit for a release's name.
const maxReleaseName = 53

// Chart says where the chart is found.
type Chart struct {
	// Name is the chart's name in Repository, a path to a folder or an archive,
	// or an oci:// reference. Default: DefaultChart.
	Name string
	// Repository is the chart repository's URL; it goes with a bare name alone.
	// Default for a bare name: DefaultRepository.
	Repository string
	// Version is the chart's exact version. Default: DefaultVersion.
	Version string
}

// Args describes the release.
type Args struct {
	// Release is the Helm release's name, and the first part of the name of each
	// of its objects: a DNS label of at most 53 characters. Required.
	Release string
	// Namespace is where the release goes; it must exist. Required.
	Namespace pulumi.StringInput
	// Chart is the chart to install.
	Chart Chart
	// Timeout is how long to wait for the pods, in seconds. Default: 300, the
	// provider's.
	Timeout int

	// Bucket is the S3 bucket of the traces. Required.
	Bucket pulumi.StringInput
	// Endpoint is the S3 server's host and port, as the pods reach it. Required.
	Endpoint string
	// Region is the S3 server's region. Required.
	Region string
	// Insecure has Tempo talk to the S3 server without TLS.
	Insecure bool
	// SecretName is the Secret, in Namespace, that holds AccessKeyField and
	// SecretKeyField. Required.
	SecretName pulumi.StringInput
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
}

// New installs the release. It returns one error that names every bad field.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Tempo, error) {
	if args == nil {
		return nil, errors.New("tempo: args are missing")
	}
	a := *args
	a.Chart = a.Chart.withDefaults()
	if err := a.validate(); err != nil {
		return nil, fmt.Errorf("tempo %q: %w", name, err)
	}

	t := &Tempo{}
	if err := ctx.RegisterComponentResource("picluster:tempo:Tempo", name, t, opts...); err != nil {
		return nil, err
	}

	values := pulumi.All(a.Bucket, a.SecretName).ApplyT(func(in []any) map[string]any {
		return Values(Settings{
			Release:    a.Release,
			Bucket:     in[0].(string),
			Endpoint:   a.Endpoint,
			Region:     a.Region,
			Insecure:   a.Insecure,
			SecretName: in[1].(string),
		})
	}).(pulumi.MapOutput)

	release, err := helm.NewRelease(ctx, name+"-release", &helm.ReleaseArgs{
		Chart:          pulumi.String(a.Chart.Name),
		Version:        pulumi.String(a.Chart.Version),
		RepositoryOpts: helm.RepositoryOptsArgs{Repo: optional(a.Chart.Repository)},
		Name:           pulumi.String(a.Release),
		Namespace:      a.Namespace,
		Values:         values,
		Timeout:        seconds(a.Timeout),
	}, pulumi.Parent(t))
	if err != nil {
		return nil, err
	}

	host := func(service string) pulumi.StringOutput {
		return pulumi.Sprintf("%s-%s.%s.svc.cluster.local", release.Name.Elem(), service, release.Namespace.Elem())
	}
	t.QueryURL = pulumi.Sprintf("http://%s:%d", host("query-frontend"), queryPort)
	t.OTLPGRPC = pulumi.Sprintf("%s:%d", host("distributor"), otlpGRPCPort)
	t.OTLPHTTP = pulumi.Sprintf("http://%s:%d", host("distributor"), otlpHTTPPort)
	return t, ctx.RegisterResourceOutputs(t, pulumi.Map{
		"queryUrl": t.QueryURL,
		"otlpGrpc": t.OTLPGRPC,
		"otlpHttp": t.OTLPHTTP,
	})
}

// IsBareName tells a chart's name, to be found in a repository, from a path or
// an oci:// reference, which say themselves where the chart is.
func (c Chart) IsBareName() bool { return !strings.ContainsAny(c.Name, `/\`) }

func (c Chart) withDefaults() Chart {
	if c.Name == "" {
		c.Name = DefaultChart
	}
	if c.Repository == "" && c.IsBareName() {
		c.Repository = DefaultRepository
	}
	if c.Version == "" {
		c.Version = DefaultVersion
	}
	return c
}

// ValidateRelease says what is wrong with a release's name, or nil.
func ValidateRelease(name string) error {
	if len(name) > maxReleaseName {
		return fmt.Errorf("must be no more than %d characters", maxReleaseName)
	}
	return kube.ValidateLabel(name)
}

func (a Args) validate() error {
	var problems []error
	problem := func(field, format string, args ...any) {
		problems = append(problems, fmt.Errorf("%s "+format, append([]any{field}, args...)...))
	}
	if err := ValidateRelease(a.Release); err != nil {
		problem("Release", "%q: %w", a.Release, err)
	}
	if a.Chart.Repository != "" && !a.Chart.IsBareName() {
		problem("Chart.Repository", "%q: goes with a chart's bare name, not with %q", a.Chart.Repository, a.Chart.Name)
	}
	if a.Timeout < 0 {
		problem("Timeout", "%d: is less than zero", a.Timeout)
	}
	for _, required := range []struct {
		field   string
		missing bool
	}{
		{"Namespace", a.Namespace == nil},
		{"Bucket", a.Bucket == nil},
		{"Endpoint", a.Endpoint == ""},
		{"Region", a.Region == ""},
		{"SecretName", a.SecretName == nil},
	} {
		if required.missing {
			problem(required.field, "is missing")
		}
	}
	return errors.Join(problems...)
}

func optional(s string) pulumi.StringPtrInput {
	if s == "" {
		return nil
	}
	return pulumi.String(s)
}

func seconds(n int) pulumi.IntPtrInput {
	if n == 0 {
		return nil
	}
	return pulumi.Int(n)
}
