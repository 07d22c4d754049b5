package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/picluster/picluster/ops/drift"
	"github.com/picluster/picluster/ops/engine"
)

// up looks, tells what has drifted, and runs `pulumi up`. Preview, confirmation,
// lock and protection are Pulumi's; it writes nothing itself.
func up(ctx context.Context, o *options) error {
	var target *drift.Target
	var found *drift.Look
	err := o.whileLocked(ctx, func() (err error) {
		if target, err = look(ctx, o); err != nil || target.Empty() {
			return err
		}
		found, err = target.Find(ctx, o.stack)
		return untouched(err)
	})
	if errors.Is(err, errOtherSettings) {
		var args []string
		if o.otherCluster {
			// What the cluster before had is gone. The program has the settings of the new
			// one, where the state has those of the one before.
			args = append(args, "--refresh", "--run-program")
		} else {
			// A refresh would use the state's, which may be out of date.
			fmt.Println("The provider settings differ from those in the state: this up stores them, and the next one looks for drift too.")
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
		return untouched(fmt.Errorf("a refresh fails until the drift in MinIO is repaired. Fix: picluster repair --stack %[1]s; or deploy without a refresh: pulumi up --stack %[1]s", o.stack.Name))
	}
	if found.Refresh {
		return o.runUp(ctx, "--refresh")
	}
	return o.runUp(ctx)
}

// runUp runs `pulumi up`, with its preview even if nothing is asked: what is
// protected stops the run there.
func (o *options) runUp(ctx context.Context, args ...string) error {
	if o.yes {
		args = append(args, "--yes")
	}
	err := o.stack.Run(ctx, o.lockTimeout, "up", args...)
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
		if why := cluster.Diagnose(ctx, r.Text("namespace"), r.Text("name"), state.Secrets); why != "" {
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
