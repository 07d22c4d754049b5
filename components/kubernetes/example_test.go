package kubernetes_test

import (
	"github.com/picluster/picluster/components/kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// A namespace whose pods meet the strictest Pod Security Standard.
func ExampleNewNamespace() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		_, err := kubernetes.NewNamespace(ctx, "shop", &kubernetes.NamespaceArgs{
			Name:        pulumi.String("shop"),
			PodSecurity: "restricted",
			Labels:      map[string]string{"team": "checkout"},
		})
		return err
	})
}

// A Secret of one's own, in a namespace that is managed elsewhere.
func ExampleNewSecret() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		namespace, err := kubernetes.NewNamespace(ctx, "shop", &kubernetes.NamespaceArgs{
			Name:     pulumi.String("shop"),
			Existing: true,
		})
		if err != nil {
			return err
		}
		_, err = kubernetes.NewSecret(ctx, "shop-database", &kubernetes.SecretArgs{
			Name:       pulumi.String("database"),
			Namespace:  namespace.Name,
			StringData: map[string]pulumi.StringInput{"password": pulumi.String("from another resource's output")},
		})
		return err
	})
}

// What a Secret holds that is managed elsewhere.
func ExampleSecret_Value() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		secret, err := kubernetes.NewSecret(ctx, "shop-token", &kubernetes.SecretArgs{
			Name:      pulumi.String("token"),
			Namespace: pulumi.String("shop"),
			Existing:  true,
		})
		if err != nil {
			return err
		}
		ctx.Export("token", secret.Value("token")) // encrypted in the state
		return nil
	})
}

// A ConfigMap with a CA's certificate.
func ExampleNewConfigMap() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		_, err := kubernetes.NewConfigMap(ctx, "shop-ca", &kubernetes.ConfigMapArgs{
			Name:      pulumi.String("ca"),
			Namespace: pulumi.String("shop"),
			Data:      map[string]pulumi.StringInput{"ca.crt": pulumi.String("-----BEGIN CERTIFICATE-----…")},
		})
		return err
	})
}
