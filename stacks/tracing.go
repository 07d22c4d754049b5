// Package stacks wires the components into a stack, from its configuration.
package stacks

import (
	"github.com/picluster/picluster/components/grafana"
	"github.com/picluster/picluster/components/kube"
	"github.com/picluster/picluster/components/objectstore"
	"github.com/picluster/picluster/components/tempo"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Tracing gives a cluster distributed tracing: each component's outputs are the
// next one's inputs.
func Tracing(ctx *pulumi.Context) error {
	config, err := Load(ctx)
	if err != nil {
		return err
	}

	store, err := objectstore.New(ctx, "tempo", &config.ObjectStore)
	if err != nil {
		return err
	}

	namespace, err := kube.NewNamespace(ctx, "tempo", &kube.NamespaceArgs{
		Name:       config.Namespace,
		SecretName: config.SecretName,
		SecretData: map[string]pulumi.StringInput{
			tempo.AccessKeyField: store.AccessKey,
			tempo.SecretKeyField: store.SecretKey,
		},
	})
	if err != nil {
		return err
	}

	traces, err := tempo.New(ctx, "tempo", &tempo.Args{
		Release:    config.Release,
		Namespace:  namespace.Name,
		Chart:      config.Chart,
		Timeout:    config.Timeout,
		Bucket:     store.Bucket,
		Endpoint:   config.S3.Endpoint,
		Region:     config.S3.Region,
		Insecure:   config.S3.Insecure,
		SecretName: namespace.SecretName,
	})
	if err != nil {
		return err
	}

	datasources, err := grafana.New(ctx, "tempo", &grafana.Args{
		TempoURL: traces.QueryURL,
		Loki:     config.Loki,
	})
	if err != nil {
		return err
	}

	ctx.Export("bucket", store.Bucket)
	ctx.Export("secretName", namespace.SecretName)
	ctx.Export("queryUrl", traces.QueryURL)
	ctx.Export("otlpGrpc", traces.OTLPGRPC)
	ctx.Export("otlpHttp", traces.OTLPHTTP)
	ctx.Export("grafanaValues", datasources.Values)
	return nil
}
