package main

import (
	"context"
	"fmt"

	"github.com/picluster/picluster/ops/drift"
	"github.com/picluster/picluster/ops/engine"
)

// findDrift prints a table of what has drifted.
func findDrift(ctx context.Context, o *options) error {
	found, err := o.find(ctx)
	if err != nil {
		return fmt.Errorf("drift could not be determined: %w", err)
	}
	if err := show(found.Findings, found.Ignored); err != nil {
		return err
	}
	if err := write(o.summary, found.Markdown(o.commands())); err != nil {
		return err
	}
	if len(found.Findings) == 0 {
		fmt.Printf("stack %s: no drift\n", o.stack.Name)
		return nil
	}
	fmt.Print(drift.NextSteps(found.Findings, o.commands()))
	return errDrifted
}

// find looks at the servers of the state, and finds all drift.
func (o *options) find(ctx context.Context) (found *drift.Look, err error) {
	err = o.whileLocked(ctx, func() error {
		found, err = o.findOnce(ctx)
		return err
	})
	return found, err
}

// whileLocked runs do. While another update has the stack locked, it runs do again from its
// start, because that update changes what do reads.
func (o *options) whileLocked(ctx context.Context, do func() error) error {
	return engine.WhileLocked(ctx, o.lockTimeout, do)
}

func (o *options) findOnce(ctx context.Context) (*drift.Look, error) {
	state, config, err := o.read(ctx)
	if err != nil {
		return nil, err
	}
	target, err := drift.Open(ctx, state, config)
	if err != nil {
		return nil, err
	}
	if target.Empty() {
		return nil, drift.ErrEmpty
	}
	// The configuration may name another cluster than the state.
	if _, err := drift.Ready(ctx, state, config); err != nil {
		return nil, err
	}
	return target.Find(ctx, o.stack)
}
