package stacks

import (
	"context"
	"time"

	"github.com/picluster/picluster/components/tempo"
	"github.com/picluster/picluster/internal/kubeconfig"
	"github.com/picluster/picluster/internal/pods"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/client-go/metadata"
)

// awaitPods returns tempo.Args.AwaitPods for the cluster of the stack's Kubernetes
// provider.
func awaitPods(ctx *pulumi.Context, timeout time.Duration) func(ctx context.Context, namespace, release, keys string) error {
	setting := func(name string) string {
		value, _ := ctx.GetConfig("kubernetes:" + name)
		return value
	}
	return func(ctx context.Context, namespace, release, keys string) error {
		loader, err := kubeconfig.Load(setting)
		if err != nil {
			return err
		}
		config, err := loader.ClientConfig()
		if err != nil {
			return err
		}
		client, err := metadata.NewForConfig(config)
		if err != nil {
			return err
		}
		return pods.Await(ctx, client, namespace, release, tempo.KeysAnnotation, keys, timeout)
	}
}
