package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/picluster/picluster/lab"
)

// whereItGoes measures each step of a run on its own.
func whereItGoes(ctx context.Context, r *report) error {
	r.printf(`# Where the time of a run goes

What every run does beside the resources, each measured by itself; the middle one of
%d. Pulumi starts the plugins one after the other, when the program first asks for one.

`, rounds)
	r.header("step", "time", "when")
	return r.onLab(ctx, func(l *lab.Lab) error {
		binary := filepath.Join(l.Dir, "program")
		steps := []struct {
			name, when string
			command    func(context.Context) *exec.Cmd
		}{
			{"the `pulumi` command itself", "always", func(ctx context.Context) *exec.Cmd { return l.Pulumi(ctx, "version") }},
			{"`go list -m all`, for which plugins the program needs", "always", func(ctx context.Context) *exec.Cmd {
				return l.Command(ctx, "go", "list", "-m", "-json", "-mod=mod", "all")
			}},
			{"`go build` of a program that is built already", "unless it is prebuilt (`make build`)", func(ctx context.Context) *exec.Cmd {
				return picluster.build(ctx, binary)
			}},
		}
		for _, step := range steps {
			if err := quietly(step.command(ctx)); err != nil { // so that its files are in the page cache
				return err
			}
			c, err := median(ctx, step.command)
			if err != nil {
				return err
			}
			r.row(step.name, seconds(c.elapsed), step.when)
		}
		plugins, err := plugins(l)
		if err != nil {
			return err
		}
		for _, plugin := range plugins {
			var costs []cost
			for range rounds {
				took, err := untilItServes(l.Command(ctx, plugin, "127.0.0.1:1"))
				if err != nil {
					return err
				}
				costs = append(costs, cost{elapsed: took})
			}
			name := strings.TrimPrefix(filepath.Base(plugin), "pulumi-resource-")
			r.row("start of the plugin "+name, seconds(middle(costs).elapsed), "always")
		}
		return nil
	})
}

// plugins returns the paths of the providers' plugins.
func plugins(l *lab.Lab) ([]string, error) {
	for _, variable := range l.Env() {
		if home, ok := strings.CutPrefix(variable, "PULUMI_HOME="); ok {
			return filepath.Glob(filepath.Join(home, "plugins", "resource-*", "pulumi-resource-*[a-z]"))
		}
	}
	return nil, errors.New("the lab's environment has no PULUMI_HOME")
}

// untilItServes starts a plugin, and returns the time until it prints its port. No engine listens
// at the address in cmd, to which the plugin connects only later.
func untilItServes(cmd *exec.Cmd) (took time.Duration, err error) {
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	}()
	_, err = bufio.NewReader(out).ReadString('\n')
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("%s: ended before it served", cmd.Path)
	}
	return time.Since(start), err
}
