package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/picluster/picluster/internal/command"
	"github.com/picluster/picluster/ops/drift"
	"github.com/picluster/picluster/ops/engine"
)

// up looks for drift, prints it, and runs `pulumi up`. Preview, confirmation, lock and protection
// are Pulumi's. up itself writes nothing except the object by which checkKeys tries keys.
func up(ctx context.Context, o *options) error {
	var target *drift.Target
	var found *drift.Look
	err := o.whileLocked(ctx, func() (err error) {
		if target, err = look(ctx, o); err != nil {
			return err
		}
		if target.Empty() {
			return o.checkFirst(ctx)
		}
		if found, err = target.Find(ctx, o.stack); err != nil {
			return untouched(err)
		}
		return o.checkPlanned(ctx, found.Planned)
	})
	if errors.Is(err, errOtherSettings) {
		var args []string
		if o.otherCluster {
			// The objects of the cluster before are gone. The refresh must use the program's settings,
			// which are those of the new cluster, and not the state's.
			args = append(args, "--refresh", "--run-program")
		} else {
			if err := o.checkOtherSettings(ctx); err != nil {
				return err
			}
			// No refresh: it would use the settings in the state, which may be out of date.
			fmt.Println("The provider settings differ from those in the state: this up stores them, and the next one looks for drift too.")
		}
		state, err := o.stack.State(ctx)
		if err != nil {
			return untouched(err)
		}
		if err := o.keepTraces(ctx, state.Of(engine.ReleaseType)); err != nil { // what it changes is not known
			return err
		}
		return o.runUp(ctx, args...)
	}
	if err != nil {
		return err
	}
	if target.Empty() {
		return o.runUp(ctx)
	}
	if err := show(found.Drifted(), found.Ignored); err != nil {
		return err
	}
	if found.RefreshErr != nil {
		return untouched(refreshFails(o.commands()))
	}
	if err := o.keepTraces(ctx, changedReleases(found.Planned)); err != nil {
		return err
	}
	if found.Refresh {
		return o.runUp(ctx, "--refresh")
	}
	return o.runUp(ctx)
}

// refreshFails is the error of an up that cannot begin with a refresh.
func refreshFails(commands command.Names) error {
	return fmt.Errorf("a refresh fails until the drift in MinIO is repaired. Fix: %s; or deploy without a refresh: %s", commands.Picluster("repair"), commands.Pulumi("up"))
}

// runUp runs `pulumi up`, with its preview even if nothing is asked: what is
// protected stops the run there.
func (o *options) runUp(ctx context.Context, args ...string) error {
	if o.yes {
		args = append(args, "--yes")
	}
	var err error
	o.outcome, err = o.stack.Up(ctx, o.lockTimeout, args...)
	if engine.IsUnready(err) && ctx.Err() == nil {
		o.diagnose(ctx)
	}
	return err
}

// diagnoseTimeout limits what follows an up that has failed.
const diagnoseTimeout = 15 * time.Second

// diagnose prints which pods of the stack's releases are not ready, and why.
func (o *options) diagnose(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, diagnoseTimeout)
	defer cancel()
	state, config, err := o.read(ctx)
	if err != nil {
		return // the error of the up says more
	}
	_, cluster, err := drift.Servers(ctx, config)
	if err != nil || cluster == nil {
		return
	}
	for _, r := range state.Of(engine.ReleaseType) {
		if why := cluster.Diagnose(ctx, r.Text("namespace"), r.Text("name"), state.Secrets, config.Commands); why != "" {
			fmt.Fprintln(os.Stderr, why)
		}
	}
}

// show prints what has drifted, and what is ignored.
func show(findings, ignored []drift.Finding) error {
	if len(findings) > 0 {
		if err := drift.Table(os.Stdout, findings); err != nil {
			return err
		}
	}
	for _, f := range ignored {
		fmt.Printf("ignored by driftIgnore: %s %s: %s\n", f.Where, f.What, f.Is)
	}
	if len(findings)+len(ignored) > 0 {
		fmt.Println()
	}
	return nil
}
