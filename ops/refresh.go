package main

import (
	"context"
	"fmt"

	"github.com/picluster/picluster/ops/drift"
)

// refresh looks for drift before it refreshes. If there is nothing to accept, it leaves the state
// as it is. It looks at the servers that the state names, because a refresh uses those.
func refresh(ctx context.Context, o *options) error {
	var found *drift.Look
	err := o.whileLocked(ctx, func() error {
		state, config, err := o.read(ctx)
		if err != nil {
			return err
		}
		target, err := drift.Open(ctx, state, config)
		if err != nil {
			return err
		}
		found, err = target.Find(ctx, o.stack)
		return err
	})
	if err != nil {
		return untouched(err)
	}
	if found.RefreshErr == nil && !found.Differs {
		fmt.Printf("stack %s: nothing to accept\n", o.stack.Name)
		return nil
	}
	var args []string
	if o.yes {
		args = append(args, "--yes", "--skip-preview")
	}
	return o.stack.Run(ctx, o.lockTimeout, "refresh", args...)
}
