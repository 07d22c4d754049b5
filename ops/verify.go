package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/picluster/picluster/ops/drift"
	"github.com/picluster/picluster/ops/engine"
	"github.com/picluster/picluster/ops/verify"
)

// grafanaTokenVariable names the environment variable for the token of Grafana, which
// is no flag because others on the machine can read flags.
const grafanaTokenVariable = "GRAFANA_TOKEN" // #nosec G101 -- a name

// verifyOptions are the flags of verify.
type verifyOptions struct {
	afterUp       bool
	wait, timeout time.Duration
	grafana       string
	json          bool
}

func (v verifyOptions) check() error {
	var problems []error
	if v.wait < 0 {
		problems = append(problems, fmt.Errorf(`--wait: got "%s"; want 0s or more. Fix: --wait 45m`, v.wait))
	}
	if v.timeout <= 0 {
		problems = append(problems, fmt.Errorf(`--timeout: got "%s"; want more than 0s. Fix: --timeout %s`, v.timeout, verify.DefaultTimeout))
	}
	if v.grafana != "" {
		u, err := url.Parse(v.grafana)
		switch {
		case err == nil && u.User != nil:
			problems = append(problems, fmt.Errorf(`--grafana: got credentials in the URL; want them in the environment. Fix: export %s=TOKEN`, grafanaTokenVariable))
		case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
			problems = append(problems, errors.New(`--grafana: got no URL; want one like https://grafana.example.com. Fix: --grafana URL`))
		}
	}
	return errors.Join(problems...)
}

// verifyStack shows whether the stack's tracing works.
func verifyStack(ctx context.Context, o *options) error {
	if err := o.verify.check(); err != nil {
		return err
	}
	state, config, err := o.read(ctx)
	if err != nil {
		return err
	}
	targets, err := verify.Targets(config.Commands, state)
	if err != nil {
		return err
	}
	if _, err := drift.Ready(ctx, state, config); err != nil {
		return err
	}
	store, cluster, err := drift.Servers(ctx, config)
	if err != nil {
		return err
	}
	if store == nil {
		return unusable(config.Commands)
	}
	verifier := verify.Verifier{Cluster: cluster, Store: store, Options: verify.Options{
		Commands: config.Commands, SecretFields: state.SecretFields(config), Timeout: o.verify.timeout, Wait: o.verify.wait,
		Grafana: o.verify.grafana, GrafanaToken: os.Getenv(grafanaTokenVariable), Progress: os.Stderr,
	}}
	report, err := verifier.Run(ctx, targets)
	if err != nil {
		return err
	}
	write := report.Table
	if o.verify.json {
		write = report.JSON
	}
	if err := write(os.Stdout); err != nil {
		return err
	}
	if failed := len(report.Failed()); failed > 0 {
		err := fmt.Errorf("stack %s: %d of %d steps failed", o.stack.Name, failed, len(report.Steps))
		if simulated() {
			err = fmt.Errorf("%w, because the pods of this lab are simulated and receive no trace. Fix: %s", err, realPods)
		}
		return err
	}
	return nil
}

// upThenVerify runs up, and verify after it if that is asked for.
func upThenVerify(ctx context.Context, o *options) error {
	err := up(ctx, o)
	if errors.Is(err, engine.ErrLocked) {
		return notDeployedError{err}
	}
	if err != nil {
		return err
	}
	o.showResult(ctx)
	if !o.verify.afterUp {
		return nil
	}
	o.verify.timeout = verify.DefaultTimeout
	return verifyStack(ctx, o)
}
