package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/picluster/picluster/internal/command"
	"github.com/picluster/picluster/ops/drift"
	"github.com/picluster/picluster/ops/engine"
	"golang.org/x/sync/errgroup"
)

// read reads the stack's state and configuration.
func (o *options) read(ctx context.Context) (*engine.State, engine.Config, error) {
	var (
		state  *engine.State
		config engine.Config
	)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { state, err = o.stack.State(ctx); return err })
	group.Go(func() (err error) { config, err = o.stack.Config(ctx); return err })
	err := group.Wait()
	if err == nil {
		o.config = config
	}
	return state, config, err
}

// errOtherSettings is returned by look if the configuration names a server in
// another way than the state, so that the state's cannot be relied on.
var errOtherSettings = errors.New("the provider settings of the configuration differ from those in the state")

// look looks whether the servers of the configuration respond, and whether it is the
// stack's own cluster. It returns the target of the state, which is the same.
func look(ctx context.Context, o *options) (*drift.Target, error) {
	state, config, err := o.read(ctx)
	if err != nil {
		return nil, untouched(err)
	}
	if err := checkKeyVersion(state, config.Own); err != nil && !o.raisesKeyVersion {
		return nil, untouched(err)
	}
	if err := checkDuplicates(o.commands(), state); err != nil {
		return nil, untouched(err)
	}
	same, err := drift.Ready(ctx, state, config)
	otherCluster := drift.IsOtherCluster(err) && o.otherCluster
	if err != nil && !otherCluster {
		return nil, untouched(err)
	}
	if err := o.checkKeys(ctx, config); err != nil {
		return nil, untouched(err)
	}
	if otherCluster {
		fmt.Fprintf(os.Stderr, "picluster: accepted with --other-cluster: %v\n", err)
		return nil, errOtherSettings
	}
	if err := checkKeySource(ctx, state, config); err != nil && !o.raisesKeyVersion {
		return nil, untouched(err)
	}
	if !same && !drift.IsEmpty(state) { // the first up has no settings to compare with
		return nil, errOtherSettings
	}
	target, err := drift.Open(ctx, state, config)
	return target, untouched(err)
}

// unusable is the error if the settings of the S3 server cannot be used.
func unusable(commands command.Names) error {
	return errors.New("the settings of the S3 server in the configuration (minio:, s3Endpoint, s3CaFile) cannot be used. Fix: " + commands.Pulumi("preview"))
}

// untouched says of an error that nothing was changed before it.
func untouched(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("nothing was changed: %w", err)
}
