package await_test

import (
	"time"

	"github.com/picluster/picluster/components/await"
	"github.com/picluster/picluster/components/tempo"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// An update fails if a pod of Tempo does not become ready within ten minutes.
func ExamplePods() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		_, err := tempo.New(ctx, "tempo", &tempo.Args{
			Namespace:  pulumi.String("tracing"),
			Bucket:     pulumi.String("traces"),
			Endpoint:   pulumi.String("s3.example.com:9091"),
			SecretName: pulumi.String("tempo-keys"),
			Await:      await.Pods(ctx, 10*time.Minute),
		})
		return err
	})
}
