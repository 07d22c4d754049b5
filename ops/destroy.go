package main

import (
	"context"

	"github.com/picluster/picluster/ops/drift"
)

// destroy runs `pulumi destroy` where the stack was brought up. Providers delete by name, so that
// a destroy with another kubeconfig would delete what has the same names in another cluster.
func destroy(ctx context.Context, o *options) error {
	err := o.whileLocked(ctx, func() error {
		state, config, err := o.read(ctx)
		if err != nil {
			return err
		}
		_, err = drift.Open(ctx, state, config)
		return err
	})
	if err != nil {
		return untouched(err)
	}
	var args []string
	if o.yes {
		args = append(args, "--yes") // with the preview, in which a protected bucket stops it
	}
	return o.stack.Run(ctx, o.lockTimeout, "destroy", args...)
}
