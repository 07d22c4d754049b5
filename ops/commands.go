package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/picluster/picluster/ops/adopt"
	"github.com/picluster/picluster/ops/drift"
	"github.com/picluster/picluster/ops/engine"
	"github.com/picluster/picluster/ops/github"
	"github.com/picluster/picluster/ops/summary"
)

// preview shows the difference, and writes a summary if one is asked for.
func preview(ctx context.Context, o options) error {
	if err := o.stack.Run(ctx, "preview", "--diff"); err != nil {
		return err
	}
	if o.summary == "" && o.pull == 0 {
		return nil
	}
	steps, err := o.stack.Preview(ctx)
	if err != nil {
		return err
	}
	state, err := o.stack.State(ctx)
	if err != nil {
		return err
	}
	text := summary.Markdown(ctx, o.stack.Name, steps, state)
	if err := write(o.summary, text); err != nil {
		return err
	}
	if o.pull == 0 {
		return nil
	}
	repository, err := github.FromEnvironment()
	if err != nil {
		return err
	}
	return repository.Comment(ctx, o.pull, o.stack.Name, text)
}

// write writes text to the file at path, if one is asked for.
func write(path, text string) error {
	if path == "" {
		return nil
	}
	return os.WriteFile(path, []byte(text), 0o644) // #nosec G306 -- for others to read, without secrets
}

// up looks before it refreshes, and puts right what Pulumi does not see.
func up(ctx context.Context, o options) error {
	target, refresh, err := lookBeforeUp(ctx, o)
	if err != nil {
		return fmt.Errorf("nothing was touched: %w", err)
	}
	args := []string{}
	if refresh {
		findings, err := putRight(ctx, o, target)
		if err != nil {
			return err
		}
		// After a refresh the up saves the whole state at every resource of the MinIO
		// provider, which is minutes for hundreds of tenants: so only for a reason.
		if len(findings) > 0 || refreshFinds(ctx, o) {
			args = append(args, "--refresh")
		}
	}
	if o.yes {
		args = append(args, "--yes") // but with its preview: what is protected stops the run there
	}
	return o.stack.Run(ctx, "up", args...)
}

// lookBeforeUp looks whether all answers that the up is to talk to. It says
// whether the up may refresh.
func lookBeforeUp(ctx context.Context, o options) (target *drift.Target, refresh bool, err error) {
	state, err := o.stack.State(ctx)
	if err != nil {
		return nil, false, err
	}
	config, err := o.stack.Config(ctx)
	if err != nil {
		return nil, false, err
	}
	target = drift.NewTarget(state)
	same, err := target.Ready(ctx, config)
	if err != nil || target.Empty() {
		return target, false, err
	}
	if !same {
		// A refresh would use the old ones, which may be of nobody by now.
		fmt.Println("the settings of a provider are other than in the state: this up takes them over; the next one looks for drift too")
		return target, false, nil
	}
	return target, true, target.Open(ctx)
}

// putRight puts right what Pulumi does not see, once that is confirmed, and returns
// all that has drifted.
func putRight(ctx context.Context, o options, target *drift.Target) ([]drift.Finding, error) {
	findings, err := target.Direct(ctx)
	if err != nil {
		return nil, fmt.Errorf("nothing was touched: %w", err)
	}
	unseen := drift.Mendable(findings)
	if len(unseen) == 0 {
		return findings, nil
	}
	if err := drift.Table(os.Stdout, unseen); err != nil {
		return nil, err
	}
	if !o.yes && !confirmed("Put this right?") {
		return nil, errors.New("nothing was touched")
	}
	return findings, target.Mend(ctx, unseen, os.Stdout)
}

// refreshFinds says whether a refresh would change the state; one that fails does
// so again where it is told.
func refreshFinds(ctx context.Context, o options) bool {
	steps, err := o.stack.Refresh(ctx)
	return err != nil || len(engine.Changing(steps)) > 0
}

// rotate raises the generation of the secret key in the stack's configuration,
// and brings that up.
func rotate(ctx context.Context, o options) error {
	config, err := o.stack.Config(ctx)
	if err != nil {
		return err
	}
	const key = "keyGeneration"
	generation, err := strconv.Atoi(cmp.Or(config["picluster:"+key], "1"))
	if err != nil {
		return fmt.Errorf("picluster:%s: %q is no number. Set it: pulumi config set %s 1", key, config["picluster:"+key], key)
	}
	if err := o.stack.Set(ctx, key, strconv.Itoa(generation+1)); err != nil {
		return err
	}
	return up(ctx, o)
}

// takeIn imports into the state what the stack would make and is there already.
func takeIn(ctx context.Context, o options) error {
	config, err := o.stack.Config(ctx)
	if err != nil {
		return err
	}
	store, cluster, err := drift.Servers(ctx, config)
	if err != nil {
		return fmt.Errorf("nothing was touched: %w", err)
	}
	steps, err := o.stack.Preview(ctx)
	if err != nil {
		return fmt.Errorf("nothing was touched: %w", err)
	}
	found, imports, err := adopt.Finder{Store: store, Cluster: cluster}.Find(ctx, steps)
	if err != nil {
		return fmt.Errorf("nothing was touched: %w", err)
	}
	if len(found) == 0 {
		fmt.Printf("stack %s: nothing is there that it would make\n", o.stack.Name)
		return nil
	}
	var findings []drift.Finding
	for _, r := range found {
		where, what := drift.Called(r)
		findings = append(findings, drift.Finding{Where: where, What: what, Is: "there already"})
	}
	if err := drift.Table(os.Stdout, findings); err != nil {
		return err
	}
	if !o.yes && !confirmed("Take this into the stack?") {
		return errors.New("nothing was touched")
	}
	if err := o.stack.Import(ctx, imports); err != nil {
		return err
	}
	fmt.Printf("\nIt is as it was. See what would change: make preview STACK=%[1]s\nHave it changed: make up STACK=%[1]s\n", o.stack.Name)
	return nil
}

// refresh looks before it refreshes, and leaves a state alone that is as it should be.
func refresh(ctx context.Context, o options) error {
	state, err := o.stack.State(ctx)
	if err != nil {
		return err
	}
	target := drift.NewTarget(state)
	if err := target.Open(ctx); err != nil {
		return fmt.Errorf("nothing was touched: %w", err)
	}
	findings, err := target.Direct(ctx)
	if err != nil {
		return fmt.Errorf("nothing was touched: %w", err)
	}
	if len(findings) == 0 && !refreshFinds(ctx, o) {
		fmt.Printf("stack %s: nothing to accept\n", o.stack.Name)
		return nil
	}
	args := []string{}
	if o.yes {
		args = append(args, "--yes", "--skip-preview")
	}
	return o.stack.Run(ctx, "refresh", args...)
}

// findDrift prints a table of what has drifted.
func findDrift(ctx context.Context, o options) error {
	findings, err := drift.Find(ctx, o.stack)
	if err != nil {
		return fmt.Errorf("drift: cannot tell: %w", err)
	}
	if err := tell(ctx, o, findings); err != nil {
		return err
	}
	if len(findings) == 0 {
		fmt.Printf("stack %s: no drift\n", o.stack.Name)
		return nil
	}
	if err := drift.Table(os.Stdout, findings); err != nil {
		return err
	}
	fmt.Printf("\nPut it right: make up STACK=%s\nAccept it into the state: make refresh STACK=%s\n", o.stack.Name, o.stack.Name)
	return errDrifted
}

// tell writes findings where they are asked for: into a file, into an issue.
func tell(ctx context.Context, o options, findings []drift.Finding) error {
	text := drift.Markdown(o.stack.Name, findings)
	if err := write(o.summary, text); err != nil {
		return err
	}
	if !o.issue {
		return nil
	}
	repository, err := github.FromEnvironment()
	if err != nil {
		return err
	}
	if len(findings) == 0 {
		return repository.Close(ctx, o.stack.Name)
	}
	return repository.Open(ctx, o.stack.Name, text)
}

// confirmed asks a yes-or-no question on the terminal; without one the answer is
// no.
func confirmed(question string) bool {
	fmt.Printf("%s [y/N] ", question)
	answer, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil {
		fmt.Println()
	}
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}
