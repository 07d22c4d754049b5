package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/picluster/picluster/ops/drift"
	"github.com/picluster/picluster/ops/github"
	"github.com/picluster/picluster/ops/summary"
)

// preview shows the difference, and writes a summary if one is asked for.
func preview(ctx context.Context, o options) error {
	if err := show(o.stack.Command(ctx, "preview", "--diff")); err != nil {
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
	return os.WriteFile(path, []byte(text), 0o644)
}

// up looks before it refreshes, and puts right what Pulumi does not see.
func up(ctx context.Context, o options) error {
	target, err := drift.Open(ctx, o.stack)
	if err != nil {
		return fmt.Errorf("nothing was touched: %w\nIf it has moved, `pulumi up --stack %s` takes its new address from the configuration", err, o.stack.Name)
	}
	args := []string{}
	if !target.Empty() {
		args = append(args, "--refresh")
		findings, err := target.Direct(ctx)
		if err != nil {
			return fmt.Errorf("nothing was touched: %w", err)
		}
		if unseen := drift.Mendable(findings); len(unseen) > 0 {
			if err := drift.Table(os.Stdout, unseen); err != nil {
				return err
			}
			if !o.yes && !confirmed("Put this right?") {
				return errors.New("nothing was touched")
			}
			if err := target.Mend(ctx, unseen, os.Stdout); err != nil {
				return err
			}
		}
	}
	if o.yes {
		args = append(args, "--yes") // but with its preview: what is protected stops the run there
	}
	return show(o.stack.Command(ctx, "up", args...))
}

// refresh looks before it refreshes.
func refresh(ctx context.Context, o options) error {
	if _, err := drift.Open(ctx, o.stack); err != nil {
		return fmt.Errorf("nothing was touched: %w", err)
	}
	args := []string{}
	if o.yes {
		args = append(args, "--yes", "--skip-preview")
	}
	return show(o.stack.Command(ctx, "refresh", args...))
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

// show runs a command on this terminal.
func show(cmd *exec.Cmd) error {
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(cmd.Args[:2], " "), err)
	}
	return nil
}
