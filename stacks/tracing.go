// Package stacks wires the components into a stack, from its configuration.
package stacks

import (
	"slices"

	"github.com/picluster/picluster/components/grafana"
	"github.com/picluster/picluster/components/kube"
	"github.com/picluster/picluster/components/objectstore"
	"github.com/picluster/picluster/components/otel"
	"github.com/picluster/picluster/components/tempo"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// name is what every component of the stack is called, and its children's names
// start with.
const name = "tempo"

// inlineWarning is told at every run with credentials: inline.
const inlineWarning = `credentials is "inline": the bucket's keys stand in plain text in the ConfigMap of Tempo's ` +
	`configuration and in Helm's record of the release, for everybody who may read ConfigMaps or Secrets in the namespace. ` +
	`Mend it: pulumi config set credentials secret`

// Tracing gives a cluster distributed tracing: each component's outputs are the
// next one's inputs.
func Tracing(ctx *pulumi.Context) error {
	config, err := Load(ctx)
	if err != nil {
		return err
	}
	if config.Credentials == CredentialsInline {
		if err := ctx.Log.Warn(inlineWarning, nil); err != nil {
			return err
		}
	}

	store, err := objectstore.New(ctx, name, config.objectStore())
	if err != nil {
		return err
	}
	namespace, err := kube.NewNamespace(ctx, name, config.namespace(store))
	if err != nil {
		return err
	}
	traces, err := tempo.New(ctx, name, config.tempo(store, namespace))
	if err != nil {
		return err
	}
	datasources, err := grafana.New(ctx, name, &grafana.Args{
		TempoURL:  traces.QueryURL,
		Links:     config.Grafana.Links,
		Exemplars: config.Grafana.Exemplars,
		ConfigMap: config.Grafana.ConfigMap,
		Release:   config.Grafana.Release,
	})
	if err != nil {
		return err
	}

	ctx.Export("bucket", store.Bucket)
	ctx.Export("secretName", config.secretName(namespace))
	ctx.Export("queryUrl", traces.QueryURL)
	if slices.Contains(config.Tempo.Receivers, tempo.ReceiverOTLPGRPC) {
		ctx.Export("otlpGrpc", traces.OTLPGRPC)
		ctx.Export("otelCollectorValues", traces.OTLPGRPC.ApplyT(otel.CollectorValues))
	}
	if slices.Contains(config.Tempo.Receivers, tempo.ReceiverOTLPHTTP) {
		ctx.Export("otlpHttp", traces.OTLPHTTP)
	}
	ctx.Export("grafanaValues", datasources.Values)
	return nil
}

func (c *Config) objectStore() *objectstore.Args {
	args := c.ObjectStore
	if c.SecretKey != "" {
		args.SecretKey = pulumi.String(c.SecretKey)
	}
	return &args
}

func (c *Config) namespace(store *objectstore.ObjectStore) *kube.NamespaceArgs {
	args := &kube.NamespaceArgs{Name: c.Namespace, PodSecurity: c.PodSecurity}
	if c.Credentials == CredentialsSecret {
		args.SecretName = c.SecretName
		args.SecretData = map[string]pulumi.StringInput{
			tempo.AccessKeyField: store.AccessKey,
			tempo.SecretKeyField: store.SecretKey,
		}
	}
	if c.S3.CA != "" {
		args.ConfigMapName = c.Release + "-minio-ca"
		args.ConfigMapData = map[string]string{tempo.CAField: c.S3.CA}
	}
	return args
}

func (c *Config) tempo(store *objectstore.ObjectStore, namespace *kube.Namespace) *tempo.Args {
	args := &tempo.Args{
		Release:   c.Release,
		Namespace: namespace.Name,
		Chart:     c.Chart,
		Timeout:   c.Timeout,
		Bucket:    store.Bucket,
		Endpoint:  c.S3.Endpoint,
		Region:    c.S3.Region,
		Insecure:  c.S3.Insecure,
		CA:        c.S3.CA,
		Options:   c.Tempo,
	}
	if c.S3.CA != "" {
		args.CAConfigMap = namespace.ConfigMapName
	}
	if c.Credentials != CredentialsInline {
		args.SecretName = c.secretName(namespace)
	}
	if !c.ObjectStore.BucketOnly {
		args.AccessKey, args.SecretKey = store.AccessKey, store.SecretKey
	}
	return args
}

// secretName is the name of the Secret that the pods read: empty if there is none.
func (c *Config) secretName(namespace *kube.Namespace) pulumi.StringOutput {
	if c.Credentials == CredentialsExisting {
		return pulumi.String(c.SecretName).ToStringOutput()
	}
	return namespace.SecretName
}
