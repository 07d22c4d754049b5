// Package tracing gives a Kubernetes cluster distributed tracing as one component: a MinIO
// bucket with its user, a namespace, a Secret, a release of Grafana Tempo, and Grafana's
// data sources. Outputs feed inputs, so that each part waits for what it needs.
package tracing

import (
	"errors"
	"fmt"

	"github.com/picluster/picluster/components/grafana"
	"github.com/picluster/picluster/components/kubernetes"
	"github.com/picluster/picluster/components/objectstore"
	"github.com/picluster/picluster/components/otel"
	"github.com/picluster/picluster/components/tempo"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Tracing is distributed tracing for a cluster, and where it is reached from inside.
type Tracing struct {
	pulumi.ResourceState

	// Bucket is the bucket's name.
	Bucket pulumi.StringOutput `pulumi:"bucket"`
	// Namespace is the namespace's name.
	Namespace pulumi.StringOutput `pulumi:"namespace"`
	// SecretName is the name of the Secret with the keys; empty if they are inline.
	SecretName pulumi.StringOutput `pulumi:"secretName"`
	// AccessKey is the access key that Tempo's pods use.
	AccessKey pulumi.StringOutput `pulumi:"accessKey"`
	// QueryURL is the URL that Grafana queries.
	QueryURL pulumi.StringOutput `pulumi:"queryUrl"`
	// OTLPGRPCEndpoint is where traces are sent by OTLP over gRPC, as host:port; empty if
	// that receiver is off.
	OTLPGRPCEndpoint pulumi.StringOutput `pulumi:"otlpGrpcEndpoint"`
	// OTLPHTTPEndpoint is where traces are sent by OTLP over HTTP, as a URL without a path;
	// empty if that receiver is off.
	OTLPHTTPEndpoint pulumi.StringOutput `pulumi:"otlpHttpEndpoint"`
	// OtelCollectorValues are values of the chart opentelemetry-collector, as YAML, with
	// which a collector sends its traces to Tempo; empty if OTLP over gRPC is off.
	OtelCollectorValues pulumi.StringOutput `pulumi:"otelCollectorValues"`
	// GrafanaValues are the data sources as values of kube-prometheus-stack, as YAML.
	GrafanaValues pulumi.StringOutput `pulumi:"grafanaValues"`
	// TempoValues are the chart's values, as YAML, for a release that another tool installs;
	// empty if this component installs it.
	TempoValues pulumi.StringOutput `pulumi:"tempoValues"`
}

// New creates the parts of Tracing. It returns one error that names every bad field, before
// anything is created.
//
// Two Tracings in one cluster must differ in ObjectStore.Bucket, ObjectStore.User and
// Namespace.Name, or, with Namespace.Existing, in SecretName and Tempo.Release. With the same
// names the second writes over what the first has: both have one user, whose key is the
// second one's. New rejects the second only if both are in one program, with the same parent
// and providers, and the names are not outputs.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Tracing, error) {
	if args == nil {
		return nil, errors.New("tracing: args are missing")
	}
	a := args.withDefaults()
	errs := a.problems()
	if len(errs) == 0 {
		errs = a.claim(ctx, name, opts)
	}
	if err := errs.Err(); err != nil {
		return nil, fmt.Errorf("tracing %q: %w", name, err)
	}
	t := &Tracing{}
	for _, output := range []*pulumi.StringOutput{
		&t.SecretName, &t.AccessKey, &t.QueryURL, &t.OTLPGRPCEndpoint, &t.OTLPHTTPEndpoint,
		&t.OtelCollectorValues, &t.GrafanaValues, &t.TempoValues,
	} {
		*output = pulumi.String("").ToStringOutput()
	}
	if err := ctx.RegisterComponentResource("picluster:tracing:Tracing", name, t, opts...); err != nil {
		return nil, err
	}
	if err := t.create(ctx, name, a, pulumi.Parent(t)); err != nil {
		return nil, err
	}
	return t, ctx.RegisterResourceOutputs(t, pulumi.Map{
		"bucket":              t.Bucket,
		"namespace":           t.Namespace,
		"secretName":          t.SecretName,
		"accessKey":           t.AccessKey,
		"queryUrl":            t.QueryURL,
		"otlpGrpcEndpoint":    t.OTLPGRPCEndpoint,
		"otlpHttpEndpoint":    t.OTLPHTTPEndpoint,
		"otelCollectorValues": t.OtelCollectorValues,
		"grafanaValues":       t.GrafanaValues,
		"tempoValues":         t.TempoValues,
	})
}

func (t *Tracing) create(ctx *pulumi.Context, name string, a Args, parent pulumi.ResourceOption) error {
	namespace, err := kubernetes.NewNamespace(ctx, name, &a.Namespace, parent)
	if err != nil {
		return err
	}
	t.Namespace = namespace.Name
	store, secret, err := a.keys(ctx, name, namespace, parent)
	if err != nil {
		return err
	}
	t.Bucket = store.Bucket
	if secret != nil {
		t.SecretName = secret.Name
	}
	release, err := a.tempo(ctx, name, store, namespace, secret, parent)
	if err != nil {
		return err
	}
	if a.ValuesOnly {
		t.TempoValues, err = tempo.ChartValues(ctx, name, release, parent)
		return err
	}
	installed, err := tempo.New(ctx, name, release, parent)
	if err != nil {
		return err
	}
	t.AccessKey = installed.AccessKey
	t.QueryURL = installed.QueryURL
	t.OTLPGRPCEndpoint, t.OTLPHTTPEndpoint = installed.OTLPGRPCEndpoint, installed.OTLPHTTPEndpoint
	t.OtelCollectorValues = installed.OTLPGRPCEndpoint.ApplyT(func(endpoint string) (string, error) {
		if endpoint == "" {
			return "", nil
		}
		return otel.CollectorValues(endpoint, a.Grafana.Preset.TempoTenant)
	}).(pulumi.StringOutput)

	dataSources := a.Grafana
	dataSources.TempoURL = installed.QueryURL
	dataSources.Preset.StreamOverHTTP = !a.Tempo.DisableStreamOverHTTP
	shown, err := grafana.New(ctx, name, &dataSources, parent)
	if err != nil {
		return err
	}
	t.GrafanaValues = shown.Values
	return a.watch(ctx, name, t.Namespace, shown, parent)
}

// keys creates the bucket with its user, and the Secret with the user's keys. With
// CredentialsExisting it reads the keys from an existing Secret. The Secret is nil if the keys
// are inline.
func (a Args) keys(ctx *pulumi.Context, name string, namespace *kubernetes.Namespace, parent pulumi.ResourceOption) (*objectstore.ObjectStore, *kubernetes.Secret, error) {
	if a.Credentials == CredentialsExisting {
		return a.existingKeys(ctx, name, namespace, parent)
	}
	store, err := objectstore.New(ctx, name, &a.ObjectStore, parent)
	if err != nil || a.Credentials == CredentialsInline {
		return store, nil, err
	}
	secret, err := kubernetes.NewSecret(ctx, name, &kubernetes.SecretArgs{
		Name:      a.SecretName,
		Namespace: namespace.Name,
		StringData: map[string]pulumi.StringInput{
			a.Tempo.AccessKeyField: store.AccessKey,
			a.Tempo.SecretKeyField: store.SecretKey,
		},
	}, parent)
	return store, secret, err
}

// tempo returns the arguments of the release.
func (a Args) tempo(ctx *pulumi.Context, name string, store *objectstore.ObjectStore, namespace *kubernetes.Namespace, secret *kubernetes.Secret, parent pulumi.ResourceOption) (*tempo.Args, error) {
	args := a.Tempo
	args.Namespace = namespace.Name
	if a.Monitoring != nil && args.ServiceMonitors == nil {
		args.ServiceMonitors = &tempo.ServiceMonitors{Labels: a.Monitoring.Labels}
	}
	args.Bucket = store.Bucket
	args.AccessKey, args.SecretKey = store.AccessKey, store.SecretKey
	if secret != nil {
		args.SecretName = secret.Name
	}
	if args.CA != "" {
		ca, err := kubernetes.NewConfigMap(ctx, name+"-ca", &kubernetes.ConfigMapArgs{
			Name:      pulumi.Sprintf("%s-minio-ca", args.ReleaseName()),
			Namespace: namespace.Name,
			Data:      map[string]pulumi.StringInput{tempo.CAField: pulumi.String(args.CA)},
		}, parent)
		if err != nil {
			return nil, err
		}
		args.CAConfigMap = ca.Name
	}
	return &args, nil
}
