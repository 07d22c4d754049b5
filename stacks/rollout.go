package stacks

import (
	"context"
	"time"

	"github.com/picluster/picluster/components/tempo"
	"github.com/picluster/picluster/internal/kubeconfig"
	"github.com/picluster/picluster/internal/rollout"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// await returns tempo.Args.Await for the cluster of the stack's Kubernetes provider.
func await(ctx *pulumi.Context, timeout time.Duration) func(context.Context, tempo.Rollout) error {
	setting := func(name string) string {
		value, _ := ctx.GetConfig("kubernetes:" + name)
		return value
	}
	return func(c context.Context, r tempo.Rollout) error {
		loader, err := kubeconfig.Load(setting)
		if err != nil {
			return err
		}
		config, err := loader.ClientConfig()
		if err != nil {
			return err
		}
		client, err := rollout.NewClient(config)
		if err != nil {
			return err
		}
		return rollout.Await(c, client, rollout.Release{
			Namespace: r.Namespace, Name: r.Release, Annotation: tempo.KeysAnnotation, Keys: r.Keys, Keyed: r.Keyed, Secrets: r.Secrets,
		}, timeout, func(waiting string) {
			_ = ctx.Log.Info(waiting, &pulumi.LogArgs{Ephemeral: true}) // a line of progress
		})
	}
}
