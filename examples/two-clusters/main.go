// Command two-clusters gives two clusters tracing from one program, each with a MinIO of its
// own.
package main

import (
	"github.com/picluster/picluster/components/objectstore"
	"github.com/picluster/picluster/components/tempo"
	"github.com/picluster/picluster/components/tracing"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi-minio/sdk/go/minio"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
)

func main() { pulumi.Run(program) }

func program(ctx *pulumi.Context) error {
	settings := config.New(ctx, "")
	for _, cluster := range []struct{ name, s3 string }{
		{"north", "s3.north.example.com:9091"},
		{"south", "s3.south.example.com:9091"},
	} {
		k8s, err := kubernetes.NewProvider(ctx, cluster.name, &kubernetes.ProviderArgs{
			Context:             pulumi.String(cluster.name), // of the kubeconfig
			EnableSecretMutable: pulumi.Bool(true),           // a Secret with a new key is updated
		})
		if err != nil {
			return err
		}
		store, err := minio.NewProvider(ctx, cluster.name, &minio.ProviderArgs{
			MinioServer:   pulumi.String(cluster.s3),
			MinioSsl:      pulumi.Bool(true),
			MinioUser:     pulumi.String("admin"),
			MinioPassword: settings.RequireSecret(cluster.name + "MinioPassword"),
		})
		if err != nil {
			return err
		}
		t, err := tracing.New(ctx, cluster.name, &tracing.Args{
			ObjectStore: objectstore.Args{Bucket: pulumi.String("k3s-tempo")},
			Tempo: tempo.Args{
				Release:  pulumi.String("tempo"),
				Endpoint: pulumi.String(cluster.s3),
				Profile:  "pi",
			},
		}, pulumi.Providers(k8s, store))
		if err != nil {
			return err
		}
		ctx.Export(cluster.name, pulumi.Map{"queryUrl": t.QueryURL, "otlpGrpc": t.OTLPGRPCEndpoint})
	}
	return nil
}
