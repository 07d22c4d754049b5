package tempo

import (
	"context"
	"slices"

	"github.com/picluster/picluster/components/tempo/chart"
	"github.com/picluster/picluster/internal/field"
	"github.com/picluster/picluster/internal/helm"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Args describes a release of Tempo. With Namespace, Bucket, Endpoint and SecretName alone
// it is a Tempo that receives traces by OTLP.
type Args struct {
	// Release is the Helm release's name, and the first part of the name of each of its
	// objects: a DNS label of at most 53 characters. Default: tempo.
	Release pulumi.StringInput `pulumi:"release,optional"`
	// Namespace is the namespace of the release, which must exist. Required.
	Namespace pulumi.StringInput `pulumi:"namespace"`
	// Chart is the chart to install.
	Chart chart.Chart `pulumi:"chart,optional"`
	// Timeout is how long to wait for the pods, in seconds, at most a day. Default: 300, the
	// provider's.
	Timeout int `pulumi:"timeout,optional"`
	// Restore is how many times the release was restored. Raise it to have Helm restore
	// the release's objects.
	Restore int `pulumi:"restore,optional"`
	// Await is called in an update, once Helm has deployed the release, and returns once
	// its pods are ready and have the keys. Nil: the output AccessKey is known while pods
	// with other keys may still run, and an update succeeds though a pod does not start.
	Await func(ctx context.Context, r Rollout) error

	// Bucket is the S3 bucket of the traces. Required.
	Bucket pulumi.StringInput `pulumi:"bucket"`
	// Endpoint is the S3 server's host:port, as the pods reach it. Required.
	Endpoint pulumi.StringInput `pulumi:"endpoint"`
	// Region is the S3 server's region. Default: us-east-1.
	Region pulumi.StringInput `pulumi:"region,optional"`
	// Insecure has Tempo reach the S3 server without TLS.
	Insecure bool `pulumi:"insecure,optional"`
	// CA is the CA that signed the S3 server's certificate, as PEM. The pods restart when it
	// changes. It requires CAConfigMap. Default: the CAs of Tempo's image.
	CA string `pulumi:"ca,optional"`
	// CAConfigMap is the ConfigMap in Namespace whose CAField has the CA.
	CAConfigMap pulumi.StringInput `pulumi:"caConfigMap,optional"`

	// SecretName is the Secret in Namespace with the keys of the bucket's user. Nil: the
	// keys are in the values, in plain text.
	SecretName pulumi.StringInput `pulumi:"secretName,optional"`
	// AccessKeyField is the Secret's field with the access key. Default: the constant
	// AccessKeyField.
	AccessKeyField string `pulumi:"accessKeyField,optional"`
	// SecretKeyField is the Secret's field with the secret key. Default: the constant
	// SecretKeyField.
	SecretKeyField string `pulumi:"secretKeyField,optional"`
	// AccessKey and SecretKey are the keys. With SecretName they are optional, and only
	// restart the pods when they change.
	AccessKey pulumi.StringInput `pulumi:"accessKey,optional"`
	SecretKey pulumi.StringInput `pulumi:"secretKey,optional"`

	// Network closes the namespace but for what Tempo needs. Nil: it is as open as the
	// cluster.
	Network *Network `pulumi:"network,optional"`

	// ServiceMonitors has the Prometheus Operator scrape the metrics of all pods. Nil: there
	// are none.
	ServiceMonitors *ServiceMonitors `pulumi:"serviceMonitors,optional"`

	// Profile is the name of a size, one of ProfilesOf. Default: ProfileChart, which
	// requires three nodes.
	Profile string `pulumi:"profile,optional"`
	// Replicas is the number of pods by service, over the profile's.
	Replicas map[string]int `pulumi:"replicas,optional"`
	// Resources are requests and limits by service, over the profile's.
	Resources map[string]Resources `pulumi:"resources,optional"`
	// Persistence gives each ingester a volume. Nil: what is not in the bucket yet is lost
	// with the pod's directory.
	Persistence *Persistence `pulumi:"persistence,optional"`
	// Retention is how long traces are kept, as a duration of Go, at least 1h. Default: 48h.
	Retention string `pulumi:"retention,optional"`

	// Receivers are the protocols that traces are received by, of ReceiversOf. Default:
	// DefaultReceivers.
	Receivers []string `pulumi:"receivers,optional"`
	// DisableStreamOverHTTP turns off streaming of search results over HTTP/2, which
	// Grafana's data source uses.
	DisableStreamOverHTTP bool `pulumi:"disableStreamOverHttp,optional"`
	// LogReceivedSpans has the distributor log each span.
	LogReceivedSpans bool `pulumi:"logReceivedSpans,optional"`
	// Reporting reports this Tempo's use to Grafana Labs.
	Reporting bool `pulumi:"reporting,optional"`
	// MultiTenancy requires a tenant in the header X-Scope-OrgID of every request. Traces
	// without the header are rejected.
	MultiTenancy bool `pulumi:"multiTenancy,optional"`
	// Generator is the metrics-generator, which TraceQL metrics such as rate() require. Nil:
	// there is none.
	Generator *Generator `pulumi:"generator,optional"`

	// NodeSelector are the labels that a node must have. It is for the pods of all services,
	// the cache included, as are the fields that follow.
	NodeSelector map[string]string `pulumi:"nodeSelector,optional"`
	// Tolerations are the taints that the pods tolerate.
	Tolerations []Toleration `pulumi:"tolerations,optional"`
	// Affinity is the pods' affinity, as Kubernetes has it. It replaces that of the chart,
	// which keeps pods of a service on different nodes.
	Affinity map[string]any `pulumi:"affinity,optional"`
	// ImagePullSecrets are Secrets of the namespace with credentials of the registry.
	ImagePullSecrets []pulumi.StringInput `pulumi:"imagePullSecrets,optional"`
	// ImageRegistry is the host:port of the registry that has all images. Default:
	// docker.io.
	ImageRegistry pulumi.StringInput `pulumi:"imageRegistry,optional"`
	// PriorityClassName is the priority class of the pods. Default: the cluster's.
	PriorityClassName pulumi.StringInput `pulumi:"priorityClassName,optional"`

	// Values are values of the chart, merged over all others. They cannot have a credential,
	// a null, what a field here sets, or what cannot be checked for these: a struct, or an
	// output of a map or a list.
	Values map[string]any `pulumi:"values,optional"`
}

// Resources are the requests and limits of a service's pods: quantities by the name of the
// resource, which is cpu, memory or ephemeral-storage.
type Resources struct {
	// Requests are what a node reserves for a pod.
	Requests map[string]string `pulumi:"requests,optional" json:"requests,omitempty"`
	// Limits are what a pod may use at most.
	Limits map[string]string `pulumi:"limits,optional" json:"limits,omitempty"`
}

// Persistence is the volume of an ingester.
type Persistence struct {
	// Size is a Kubernetes quantity. Default: 10Gi.
	Size string `pulumi:"size,optional"`
	// StorageClass is the volume's class. Default: the cluster's.
	StorageClass pulumi.StringInput `pulumi:"storageClass,optional"`
}

// Generator is the metrics-generator. It always has the metrics of TraceQL.
type Generator struct {
	// ServiceGraphs generates metrics of which service calls which.
	ServiceGraphs bool `pulumi:"serviceGraphs,optional"`
	// SpanMetrics generates metrics of spans' number and duration.
	SpanMetrics bool `pulumi:"spanMetrics,optional"`
	// RemoteWriteURL is the URL where Prometheus receives those metrics. Required with
	// ServiceGraphs or SpanMetrics.
	RemoteWriteURL pulumi.StringInput `pulumi:"remoteWriteUrl,optional"`
}

// Rollout is what Args.Await waits for.
type Rollout struct {
	Namespace, Release string
	// Keys is the value that KeysAnnotation must have; empty if the keys are not known.
	Keys string
	// Keyed are the values of the label app.kubernetes.io/component of pods that have
	// the keys.
	Keyed []string
	// Secrets are texts that an error must not have.
	Secrets []string
}

// defaults of Args.
const (
	defaultRelease = "tempo"
	defaultRegion  = "us-east-1" // S3's own
	defaultVolume  = "10Gi"
)

// Guide returns the choices of the guide that this project replaces, for a chart: those of
// the guide's receivers that the chart's Tempo has, a log of each span, and TraceQL metrics.
func Guide(c chart.Chart) Args {
	return Args{
		Chart:            c,
		Receivers:        guideReceivers(c.WithDefaults()),
		LogReceivedSpans: true,
		Generator:        &Generator{},
	}
}

// BucketActions returns the actions of S3 that Tempo needs in its bucket.
// Source: https://grafana.com/docs/tempo/latest/configuration/hosted-storage/s3/
func BucketActions() []string {
	return []string{
		"s3:PutObject",
		"s3:GetObject",
		"s3:ListBucket",
		"s3:DeleteObject",
		"s3:GetObjectTagging",
		"s3:PutObjectTagging",
	}
}

// Receives returns whether a receiver is on.
func (a Args) Receives(receiver string) bool {
	return slices.Contains(a.withDefaults().Receivers, receiver)
}

// ReleaseName returns the Helm release's name with its default.
func (a Args) ReleaseName() pulumi.StringInput { return a.withDefaults().Release }

// withDefaults returns the arguments with what is empty filled in. An optional input that
// is an empty text becomes nil.
func (a Args) withDefaults() Args {
	a.Chart = a.Chart.WithDefaults()
	a.Values, a.Affinity = helm.Plain(a.Values), helm.Plain(a.Affinity)
	for _, in := range []*pulumi.StringInput{
		&a.Release, &a.Region, &a.CAConfigMap, &a.SecretName, &a.AccessKey, &a.SecretKey,
		&a.ImageRegistry, &a.PriorityClassName,
	} {
		*in = optional(*in)
	}
	if a.Release == nil {
		a.Release = pulumi.String(defaultRelease)
	}
	if a.Region == nil {
		a.Region = pulumi.String(defaultRegion)
	}
	if a.AccessKeyField == "" {
		a.AccessKeyField = AccessKeyField
	}
	if a.SecretKeyField == "" {
		a.SecretKeyField = SecretKeyField
	}
	if a.Profile == "" {
		a.Profile = ProfileChart
	}
	if len(a.Receivers) == 0 {
		a.Receivers = DefaultReceivers()
	}
	if p := a.Persistence; p != nil {
		volume := *p
		volume.StorageClass = optional(volume.StorageClass)
		if volume.Size == "" {
			volume.Size = defaultVolume
		}
		a.Persistence = &volume
	}
	if g := a.Generator; g != nil {
		generator := *g
		generator.RemoteWriteURL = optional(generator.RemoteWriteURL)
		a.Generator = &generator
	}
	return a
}

func optional(in pulumi.StringInput) pulumi.StringInput {
	if text, plain := field.Plain(in); plain && text == "" {
		return nil
	}
	return in
}
