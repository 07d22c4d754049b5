package main

import (
	"context"
	"os/exec"
	"time"

	"github.com/picluster/picluster/lab"
)

// noChange measures commands on a stack without changes.
func noChange(ctx context.Context, r *report) error {
	return r.onLab(ctx, func(l *lab.Lab) error {
		if _, err := measure(up(ctx, l)); err != nil {
			return err
		}
		values, err := releaseValues(ctx, l)
		if err != nil {
			return err
		}
		emptyDir, err := empty.compileInto(ctx, l, "empty")
		if err != nil {
			return err
		}
		ordinaryDir, err := ordinary.compileInto(ctx, l, "picluster")
		if err != nil {
			return err
		}
		onEmpty := func(ctx context.Context, args ...string) *exec.Cmd {
			cmd := l.Pulumi(ctx, append(args, "--stack", "empty")...)
			cmd.Dir = emptyDir
			return cmd
		}
		for _, args := range [][]string{{"stack", "init"}, upArgs} {
			if err := quietly(onEmpty(ctx, args...)); err != nil {
				return err
			}
		}

		r.printf(`# With nothing to change

A stack that is up, on the lab, each program compiled before; the middle one of %d runs. "Ordinary" is
the same stack by the program with the ordinary imports; "empty" is a stack of a Pulumi
program that makes nothing, on the same engine and backend.

`, rounds)
		r.header("command", "picluster", "ordinary", "empty", "picluster to empty")
		for _, args := range unchanging {
			var costs []cost
			for _, command := range []func(context.Context) *exec.Cmd{
				func(ctx context.Context) *exec.Cmd { return l.StackCommand(ctx, args[0], args[1:]...) },
				func(ctx context.Context) *exec.Cmd {
					cmd := l.StackCommand(ctx, args[0], args[1:]...)
					cmd.Dir = ordinaryDir
					return cmd
				},
				func(ctx context.Context) *exec.Cmd { return onEmpty(ctx, args...) },
			} {
				c, err := median(ctx, command)
				if err != nil {
					return err
				}
				costs = append(costs, c)
			}
			r.row("`pulumi "+args[0]+"`", seconds(costs[0].elapsed), seconds(costs[1].elapsed), seconds(costs[2].elapsed),
				ratio(costs[0].elapsed, costs[2].elapsed))
		}

		plan, err := tofuPlan(ctx, r, values)
		if err != nil {
			return err
		}
		r.printf("\nOpenTofu's plan of the same resources, which reads each of them as a refresh does: %s.\n", seconds(plan))
		return nil
	})
}

// tofuPlan measures OpenTofu's plan on a lab of its own.
func tofuPlan(ctx context.Context, r *report, values []byte) (took time.Duration, err error) {
	err = r.onLab(ctx, func(l *lab.Lab) error {
		t, err := newTofu(ctx, l, values)
		if err != nil {
			return err
		}
		if _, err := measure(t.command(ctx, "apply", "-auto-approve")); err != nil {
			return err
		}
		c, err := median(ctx, func(ctx context.Context) *exec.Cmd { return t.command(ctx, "plan", "-detailed-exitcode") })
		took = c.elapsed
		return err
	})
	return took, err
}
