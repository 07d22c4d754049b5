package cluster

import (
	"context"

	"github.com/picluster/picluster/internal/command"
	"github.com/picluster/picluster/internal/rollout"
)

// Diagnose returns why pods of a release are not ready, a line each; empty if they are.
// It does not return what secrets has. commands are those that it suggests.
func (c *Cluster) Diagnose(ctx context.Context, namespace, release string, secrets []string, commands command.Names) string {
	client, err := rollout.NewClient(c.config)
	if err != nil {
		return ""
	}
	return rollout.Diagnose(ctx, client, rollout.Release{Namespace: namespace, Name: release, Secrets: secrets, Commands: commands})
}
