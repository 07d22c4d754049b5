package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/picluster/picluster/lab"
	"sigs.k8s.io/yaml"
)

// onLab has f work with a lab that is removed afterwards.
func onLab(ctx context.Context, f func(*lab.Lab) error) (err error) {
	dir, err := os.MkdirTemp("", "picluster-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	l, err := lab.Open(ctx, dir, os.Stdout)
	if err != nil {
		return err
	}
	defer func() {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		if stopped := l.Remove(stop); err == nil {
			err = stopped
		}
	}()
	if err := l.Start(ctx); err != nil {
		return err
	}
	return f(l)
}

// set sets keys of the lab's stack.
func set(ctx context.Context, l *lab.Lab, pairs ...string) error {
	for i := 0; i < len(pairs); i += 2 {
		cmd := l.Pulumi(ctx, "config", "set", "--config-file", l.ConfigFile(), "--stack", lab.Stack, "--path", pairs[i], pairs[i+1])
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("pulumi config set %s: %w\n%s", pairs[i], err, out)
		}
	}
	return nil
}

// runs measures a stack that is up, and that nothing changes in.
func runs(ctx context.Context, text *strings.Builder) error {
	return onLab(ctx, func(l *lab.Lab) error {
		if err := set(ctx, l, "profile", "pi"); err != nil {
			return err
		}
		first, err := measure(l.StackCommand(ctx, "up", "--yes", "--skip-preview"))
		if err != nil {
			return err
		}
		fmt.Fprintf(text, `
## To run

On the lab: the first up, from nothing to every pod Running, took %.1f s. With nothing
to change (the middle one of three runs), against a Pulumi program that makes nothing,
on the same engine and backend:

| command | picluster | empty program | ratio |
|---|---|---|---|
`, first.elapsed.Seconds())
		empty, err := emptyProject(ctx, l)
		if err != nil {
			return err
		}
		for _, command := range [][]string{{"preview"}, {"up", "--yes", "--skip-preview"}, {"refresh", "--yes", "--skip-preview"}} {
			own, err := median(ctx, func(ctx context.Context) *exec.Cmd { return l.StackCommand(ctx, command[0], command[1:]...) })
			if err != nil {
				return err
			}
			floor, err := median(ctx, func(ctx context.Context) *exec.Cmd { return empty(ctx, command...) })
			if err != nil {
				return err
			}
			fmt.Fprintf(text, "| `pulumi %s` | %.1f s | %.1f s | %.2f |\n", command[0], own.elapsed.Seconds(), floor.elapsed.Seconds(),
				own.elapsed.Seconds()/floor.elapsed.Seconds())
		}

		fmt.Fprintf(text, "\n| command of this project | time |\n|---|---|\n")
		path, err := filepath.Abs(filepath.Join("bin", "picluster"))
		if err != nil {
			return err
		}
		for name, args := range map[string][]string{
			"`make drift`": {"drift"}, "`make preview` with its summary": {"preview", "-summary", filepath.Join(l.Dir, "summary.md")},
		} {
			c, err := median(ctx, func(ctx context.Context) *exec.Cmd {
				return l.Command(ctx, path, append(args, "-stack", lab.Stack)...)
			})
			if err != nil {
				return err
			}
			fmt.Fprintf(text, "| %s | %.1f s |\n", name, c.elapsed.Seconds())
		}
		return nil
	})
}

// emptyProject makes a project of the empty program, and returns how its commands run.
func emptyProject(ctx context.Context, l *lab.Lab) (func(ctx context.Context, args ...string) *exec.Cmd, error) {
	main, err := filepath.Abs(filepath.Join("bench", "empty"))
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(l.Dir, "empty")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	project := "name: empty\nruntime: go\nmain: " + main + "\n"
	if err := os.WriteFile(filepath.Join(dir, "Pulumi.yaml"), []byte(project), 0o600); err != nil {
		return nil, err
	}
	command := func(ctx context.Context, args ...string) *exec.Cmd {
		cmd := l.Command(ctx, "pulumi", append(args, "--stack", "empty")...)
		cmd.Dir = dir
		cmd.Env = append(cmd.Env, "GOFLAGS=-tags=bench")
		return cmd
	}
	if out, err := command(ctx, "stack", "init").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("pulumi stack init: %w\n%s", err, out)
	}
	_, err = measure(command(ctx, "up", "--yes", "--skip-preview"))
	return command, err
}

// growth measures stacks of several tenants without releases.
func growth(ctx context.Context, text *strings.Builder, numbers string) error {
	fmt.Fprintf(text, `
## To grow

Tenants in one stack, each a bucket, a user, a policy, its attachment, a key, a
namespace and a Secret, and the values of a release that is not installed. Time in
all, and of one tenant more than the line before has; memory of the largest process.

| tenants | first up | no-change preview | no-change up | refresh | a tenant's up | memory |
|---|---|---|---|---|---|---|
`)
	return onLab(ctx, func(l *lab.Lab) error {
		have, before := 0, time.Duration(0)
		for _, number := range strings.Split(numbers, ",") {
			want, err := strconv.Atoi(number)
			if err != nil {
				return err
			}
			if err := addTenants(l, want); err != nil {
				return err
			}
			first, err := measure(l.StackCommand(ctx, "up", "--yes", "--skip-preview"))
			if err != nil {
				return err
			}
			var costs []cost
			for _, command := range [][]string{{"preview"}, {"up", "--yes", "--skip-preview"}, {"refresh", "--yes", "--skip-preview"}} {
				c, err := measure(l.StackCommand(ctx, command[0], command[1:]...))
				if err != nil {
					return err
				}
				costs = append(costs, c)
			}
			fmt.Fprintf(text, "| %d | %.1f s (%d more) | %.1f s | %.1f s | %.1f s | %.0f ms | %s |\n", want, first.elapsed.Seconds(), want-have,
				costs[0].elapsed.Seconds(), costs[1].elapsed.Seconds(), costs[2].elapsed.Seconds(),
				float64((costs[1].elapsed-before).Milliseconds())/float64(want-have), gigabytes(costs[1].memory))
			have, before = want, costs[1].elapsed
		}
		return nil
	})
}

// addTenants has the stack's configuration name so many tenants.
func addTenants(l *lab.Lab, number int) error {
	text, err := os.ReadFile(l.ConfigFile())
	if err != nil {
		return err
	}
	var file map[string]any
	if err := yaml.Unmarshal(text, &file); err != nil {
		return err
	}
	var tenants []any
	for i := range number {
		tenants = append(tenants, map[string]any{"name": fmt.Sprintf("team-%03d", i), "install": false})
	}
	config, ok := file["config"].(map[string]any)
	if !ok {
		return errors.New("the stack's file has no config")
	}
	config["picluster:tenants"] = tenants
	if text, err = yaml.Marshal(file); err != nil {
		return err
	}
	return os.WriteFile(l.ConfigFile(), text, 0o600)
}
