// Package await waits for the pods of a release of Tempo. It is a package of its own because
// of Kubernetes' client, which an importer of tempo does not have to compile.
package await

import (
	"context"
	"time"

	"github.com/picluster/picluster/components/tempo"
	"github.com/picluster/picluster/internal/command"
	"github.com/picluster/picluster/internal/kubeconfig"
	"github.com/picluster/picluster/internal/rollout"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// defaultTimeout is how long to wait if no time is given, as Helm does.
const defaultTimeout = 5 * time.Minute

// Pods returns tempo.Args.Await for the cluster of the default Kubernetes provider, which
// is that of the stack's configuration. Without Await, Pulumi may delete the user of a
// previous key while pods still have that key, and an update succeeds although a pod does not
// start. The default of timeout is 5 minutes.
func Pods(ctx *pulumi.Context, timeout time.Duration) func(context.Context, tempo.Rollout) error {
	return pods(ctx, timeout, func(name string) string {
		value, _ := ctx.GetConfig("kubernetes:" + name)
		return value
	})
}

// PodsIn is Pods for the cluster of an explicit provider, by what that provider was given:
// the kubeconfig, as text or as a path, and the name of the context in it. An empty name
// is the kubeconfig's current one.
func PodsIn(ctx *pulumi.Context, kubeconfig, contextName string, timeout time.Duration) func(context.Context, tempo.Rollout) error {
	settings := map[string]string{"kubeconfig": kubeconfig, "context": contextName}
	return pods(ctx, timeout, func(name string) string { return settings[name] })
}

// pods returns Await for the cluster that the settings of a provider name.
func pods(ctx *pulumi.Context, timeout time.Duration, setting func(string) string) func(context.Context, tempo.Rollout) error {
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	return func(c context.Context, r tempo.Rollout) error {
		loader, err := kubeconfig.Load(setting)
		if err != nil {
			return err
		}
		client, err := rollout.Connect(loader)
		if err != nil {
			return err
		}
		return rollout.Await(c, client, rollout.Release{
			Namespace: r.Namespace, Name: r.Release, Annotation: tempo.KeysAnnotation, Keys: r.Keys, Keyed: r.Keyed, Secrets: r.Secrets,
			Commands: command.Of(ctx.Stack()).In(setting),
		}, timeout, func(waiting string) {
			_ = ctx.Log.Info(waiting, &pulumi.LogArgs{Ephemeral: true}) // a line of progress
		})
	}
}
