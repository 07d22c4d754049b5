// Command secret gives a cluster tracing with keys that another tool keeps in a Secret, such
// as the External Secrets Operator.
package main

import (
	"github.com/picluster/picluster/components/kubernetes"
	"github.com/picluster/picluster/components/objectstore"
	"github.com/picluster/picluster/components/tempo"
	"github.com/picluster/picluster/components/tracing"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func main() { pulumi.Run(program) }

func program(ctx *pulumi.Context) error {
	t, err := tracing.New(ctx, "tempo", &tracing.Args{
		ObjectStore: objectstore.Args{
			Bucket: pulumi.String("k3s-tempo"),
			// MinIO's user, which must be the access key in the Secret.
			User: pulumi.String("tempo"),
		},
		// The Secret is there before the first update, so its namespace is too.
		Namespace:   kubernetes.NamespaceArgs{Name: pulumi.String("tempo"), Existing: true},
		Credentials: tracing.CredentialsExisting,
		SecretName:  pulumi.String("tempo-minio-secret"),
		Tempo: tempo.Args{
			Endpoint: pulumi.String("s3.picluster.example.com:9091"),
			Profile:  "pi",
		},
	})
	if err != nil {
		return err
	}
	ctx.Export("queryUrl", t.QueryURL)
	ctx.Export("otlpGrpc", t.OTLPGRPCEndpoint)
	return nil
}
