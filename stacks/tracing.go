// Package stacks wires the components into a stack, from its configuration.
package stacks

import (
	"fmt"
	"slices"
	"time"

	"github.com/picluster/picluster/components/grafana"
	"github.com/picluster/picluster/components/kube"
	"github.com/picluster/picluster/components/objectstore"
	"github.com/picluster/picluster/components/otel"
	"github.com/picluster/picluster/components/tempo"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// inlineWarning is told at every run with credentials: inline.
const inlineWarning = `credentials is "inline": the bucket's keys stand in plain text in the ConfigMap of Tempo's ` +
	`configuration and in Helm's record of the release, for everybody who may read ConfigMaps or Secrets in the namespace. ` +
	`Mend it: pulumi config set credentials secret`

// Tracing gives a cluster distributed tracing, or each of its tenants.
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
	cluster, err := kube.ClusterUID(ctx)
	if err != nil {
		return err
	}
	ctx.Export("clusterUid", cluster)
	if len(config.Tenants) == 0 {
		outputs, err := config.tracing(ctx)
		for name, output := range outputs {
			ctx.Export(name, output)
		}
		return err
	}
	tenants := pulumi.Map{}
	for _, tenant := range config.Tenants {
		outputs, err := tenant.tracing(ctx)
		if err != nil {
			return err
		}
		tenants[tenant.Tenant] = outputs
	}
	ctx.Export("tenants", tenants)
	return nil
}

// tracing makes what one tenant has: each component's outputs are the next one's
// inputs. It returns the stack's outputs.
func (c *Config) tracing(ctx *pulumi.Context) (pulumi.Map, error) {
	namespace, err := kube.NewNamespace(ctx, c.name(), c.namespace())
	if err != nil {
		return nil, err
	}
	store, secret, err := c.keys(ctx, namespace)
	if err != nil {
		return nil, err
	}
	outputs := pulumi.Map{"bucket": store.Bucket, "namespace": namespace.Name}
	if secret != nil {
		outputs["secretName"] = secret.Name
	}
	args := c.tempo(ctx, store, namespace, secret)
	if c.ValuesOnly {
		outputs["tempoValues"], err = tempo.ChartValues(args)
		return outputs, err
	}

	if c.Grafana.Release != nil {
		c.Grafana.Release.Restore = c.Restore[c.Grafana.Release.Namespace+"/"+c.Grafana.Release.Name]
	}
	traces, err := tempo.New(ctx, c.name(), args)
	if err != nil {
		return nil, err
	}
	datasources, err := grafana.New(ctx, c.name(), &grafana.Args{
		TempoURL:  traces.QueryURL,
		Links:     c.Grafana.Links,
		Exemplars: c.Grafana.Exemplars,
		ConfigMap: c.Grafana.ConfigMap,
		Release:   c.Grafana.Release,
	})
	if err != nil {
		return nil, err
	}
	outputs["accessKey"] = traces.AccessKey
	outputs["queryUrl"] = traces.QueryURL
	if slices.Contains(c.Tempo.Receivers, tempo.ReceiverOTLPGRPC) {
		outputs["otlpGrpc"] = traces.OTLPGRPC
		outputs["otelCollectorValues"] = traces.OTLPGRPC.ApplyT(otel.CollectorValues)
	}
	if slices.Contains(c.Tempo.Receivers, tempo.ReceiverOTLPHTTP) {
		outputs["otlpHttp"] = traces.OTLPHTTP
	}
	outputs["grafanaValues"] = datasources.Values
	return outputs, nil
}

// name is what every component is called, and its children's names start with.
func (c *Config) name() string {
	if c.Tenant == "" {
		return "tempo"
	}
	return "tempo-" + c.Tenant
}

// keys makes the bucket, and has its user's keys in a Secret: one that is made of
// them, or one that they are read from. The Secret is nil if they go inline.
func (c *Config) keys(ctx *pulumi.Context, namespace *kube.Namespace) (*objectstore.ObjectStore, *kube.Secret, error) {
	args := c.ObjectStore
	if c.Credentials == CredentialsExisting {
		secret, err := namespace.ReadSecret(ctx, c.name(), c.SecretName)
		if err != nil {
			return nil, nil, err
		}
		// Pods log in with the Secret's access key, and the user gets its secret key.
		args.SecretKey = pulumi.All(secret.Value(tempo.AccessKeyField), secret.Value(tempo.SecretKeyField)).ApplyT(func(keys []any) (string, error) {
			if user := objectstore.UserName(args.User, args.KeyVersion); !args.BucketOnly && keys[0] != user {
				return "", fmt.Errorf("secret %s/%s: %s is not the name of the user, %q. Fix: change it there; or pulumi config set user NAME, or keyVersion NUMBER",
					c.Namespace, c.SecretName, tempo.AccessKeyField, user)
			}
			return keys[1].(string), nil
		}).(pulumi.StringOutput)
		store, err := objectstore.New(ctx, c.name(), &args)
		return store, secret, err
	}
	store, err := objectstore.New(ctx, c.name(), &args)
	if err != nil || c.Credentials == CredentialsInline {
		return store, nil, err
	}
	secret, err := namespace.NewSecret(ctx, c.name(), c.SecretName, map[string]pulumi.StringInput{
		tempo.AccessKeyField: store.AccessKey,
		tempo.SecretKeyField: store.SecretKey,
	})
	return store, secret, err
}

func (c *Config) namespace() *kube.NamespaceArgs {
	args := &kube.NamespaceArgs{Name: c.Namespace, PodSecurity: c.PodSecurity}
	if c.S3.CA != "" {
		args.ConfigMapName = c.Release + "-minio-ca"
		args.ConfigMapData = map[string]string{tempo.CAField: c.S3.CA}
	}
	return args
}

func (c *Config) tempo(ctx *pulumi.Context, store *objectstore.ObjectStore, namespace *kube.Namespace, secret *kube.Secret) *tempo.Args {
	args := &tempo.Args{
		Release:   c.Release,
		Namespace: namespace.Name,
		Chart:     c.Chart,
		Timeout:   c.Timeout,
		Restore:   c.Restore[c.Namespace+"/"+c.Release],
		Await:     await(ctx, time.Duration(c.Timeout)*time.Second),
		Bucket:    store.Bucket,
		Endpoint:  c.S3.Endpoint,
		Region:    c.S3.Region,
		Insecure:  c.S3.Insecure,
		CA:        c.S3.CA,
		AccessKey: store.AccessKey,
		SecretKey: store.SecretKey,
		Network:   c.Network,
		Options:   c.Tempo,
	}
	if c.S3.CA != "" {
		args.CAConfigMap = namespace.ConfigMapName
	}
	if secret != nil {
		args.SecretName = secret.Name
	}
	if c.ObjectStore.BucketOnly {
		args.AccessKey, args.SecretKey = secret.Value(tempo.AccessKeyField), secret.Value(tempo.SecretKeyField)
	}
	return args
}
