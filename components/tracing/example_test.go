package tracing_test

import (
	"github.com/picluster/picluster/components/objectstore"
	"github.com/picluster/picluster/components/tracing"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi-minio/sdk/go/minio"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Distributed tracing for the cluster and the MinIO of the stack's configuration.
func ExampleNew() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		t, err := tracing.New(ctx, "tempo", least(func(a *tracing.Args) {
			a.ObjectStore.Bucket = pulumi.String("k3s-tempo")
		}))
		if err != nil {
			return err
		}
		ctx.Export("otlpGrpc", t.OTLPGRPCEndpoint)
		ctx.Export("grafanaValues", t.GrafanaValues)
		return nil
	})
}

// Two clusters in one program, each with providers of its own.
func ExampleNew_twoClusters() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		for _, cluster := range []string{"home", "office"} {
			kube, err := kubernetes.NewProvider(ctx, cluster, &kubernetes.ProviderArgs{Context: pulumi.String(cluster)})
			if err != nil {
				return err
			}
			store, err := minio.NewProvider(ctx, cluster, &minio.ProviderArgs{
				MinioServer: pulumi.Sprintf("s3.%s.example.com", cluster),
				MinioSsl:    pulumi.Bool(true),
			})
			if err != nil {
				return err
			}
			args := least(func(a *tracing.Args) {
				a.ObjectStore = objectstore.Args{Bucket: pulumi.String("traces")}
			})
			t, err := tracing.New(ctx, cluster, args, pulumi.Providers(kube, store))
			if err != nil {
				return err
			}
			ctx.Export(cluster+"QueryUrl", t.QueryURL)
		}
		return nil
	})
}
