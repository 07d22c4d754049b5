package tempo_test

import (
	"github.com/picluster/picluster/components/tempo"
	"github.com/picluster/picluster/components/tempo/chart"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Tempo on a cluster of small boards, with a bucket and a Secret that exist already. The
// Secret has the fields S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY.
func ExampleNew() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		traces, err := tempo.New(ctx, "tempo", &tempo.Args{
			Namespace:      pulumi.String("tracing"),
			Bucket:         pulumi.String("traces"),
			Endpoint:       pulumi.String("s3.example.com:9091"),
			SecretName:     pulumi.String("tempo-keys"),
			AccessKeyField: "S3_ACCESS_KEY_ID",
			SecretKeyField: "S3_SECRET_ACCESS_KEY",
			Profile:        "pi",
			Retention:      "336h",
			NodeSelector:   map[string]string{"kubernetes.io/arch": "arm64"},
		})
		if err != nil {
			return err
		}
		ctx.Export("traces", traces.OTLPGRPCEndpoint)
		return nil
	})
}

// One pod, with the choices of the guide.
func ExampleGuide() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		args := tempo.Guide(chart.Chart{Mode: chart.Monolithic})
		args.Namespace = pulumi.String("tracing")
		args.Bucket = pulumi.String("traces")
		args.Endpoint = pulumi.String("s3.example.com:9091")
		args.SecretName = pulumi.String("tempo-keys")
		_, err := tempo.New(ctx, "tempo", &args)
		return err
	})
}
