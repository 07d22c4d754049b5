// Command lab runs the lab and its stack. The Makefile has its commands.
package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"github.com/picluster/picluster/lab"
)

// dirVariable names the environment variable for the lab's folder.
const dirVariable = "LAB_DIR"

type command struct {
	name, help string
	run        func(context.Context, *lab.Lab) error
}

var commands = []command{
	{"build", "build the lab's parts", func(context.Context, *lab.Lab) error { return nil }},
	{"start", "start the lab", start},
	{"up", "start the lab and bring its stack up", up},
	{"preview", "show what up would change", preview},
	{"refresh", "accept into the state what was changed by hand", refresh},
	{"status", "show the lab's health, Tempo's pods and the stack's outputs", status},
	{"down", "destroy the stack and remove the lab", down},
	{"stop", "stop the lab and keep its data", stop},
}

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 1 {
		for _, c := range commands {
			if c.name == args[0] {
				l, err := lab.Open(ctx, cmp.Or(os.Getenv(dirVariable), ".lab"), os.Stderr)
				if err != nil {
					return err
				}
				return c.run(ctx, l)
			}
		}
	}
	var usage strings.Builder
	for _, c := range commands {
		fmt.Fprintf(&usage, "\n  %-8s %s", c.name, c.help)
	}
	return fmt.Errorf("usage: lab COMMAND%s", usage.String())
}

func start(ctx context.Context, l *lab.Lab) error {
	if err := l.Start(ctx); err != nil {
		return err
	}
	endpoint, user, _ := l.MinIO()
	fmt.Printf("lab: Kubernetes: export KUBECONFIG=%s\n", l.Kubeconfig())
	fmt.Printf("lab: MinIO:      http://%s, user %s\n", endpoint, user)
	fmt.Printf("lab: logs, state, passwords: %s\n", l.Dir)
	return nil
}

func up(ctx context.Context, l *lab.Lab) error {
	if err := start(ctx, l); err != nil {
		return err
	}
	return show(l.StackCommand(toItsEnd(ctx), "up", "--yes", "--skip-preview"))
}

func preview(ctx context.Context, l *lab.Lab) error {
	return onStack(ctx, l, "preview", "--diff")
}

func refresh(ctx context.Context, l *lab.Lab) error {
	return onStack(ctx, l, "refresh", "--yes")
}

func status(ctx context.Context, l *lab.Lab) error {
	if !l.Exists() {
		return fmt.Errorf("there is no lab in %s. Start one: make up", l.Dir)
	}
	if err := l.Load(); err != nil {
		return err
	}
	if err := l.Healthy(ctx); err != nil {
		return fmt.Errorf("the lab is not healthy. Start it: make up\n%w", err)
	}
	fmt.Println("lab: Kubernetes and MinIO are healthy")
	pods, err := l.Kubectl(ctx, "get", "pods", "--all-namespaces", "--selector=app.kubernetes.io/name=tempo")
	if err != nil {
		return err
	}
	fmt.Printf("\n%s\n", pods)
	return show(l.Pulumi(toItsEnd(ctx), "stack", "output", "--stack", lab.Stack))
}

// down leaves the lab alone if the stack's destroy fails, so that one can look.
func down(ctx context.Context, l *lab.Lab) error {
	if !l.Exists() {
		fmt.Println("lab: there is none")
		return nil
	}
	if err := onStack(ctx, l, "destroy", "--yes", "--skip-preview"); err != nil {
		return err
	}
	return l.Remove(ctx)
}

func stop(ctx context.Context, l *lab.Lab) error {
	if !l.Exists() {
		return nil
	}
	return l.Stop(ctx)
}

// onStack runs a command on a stack that must have been brought up.
func onStack(ctx context.Context, l *lab.Lab, command string, args ...string) error {
	if !l.Exists() {
		return fmt.Errorf("there is no lab in %s. Start one: make up", l.Dir)
	}
	if err := l.Start(ctx); err != nil {
		return err
	}
	return show(l.StackCommand(toItsEnd(ctx), command, args...))
}

// toItsEnd is for commands of Pulumi: Ctrl-C reaches them from the terminal, and
// they end cleanly then; killed, they would leave operations pending.
func toItsEnd(ctx context.Context) context.Context { return context.WithoutCancel(ctx) }

// show runs cmd on this terminal.
func show(cmd *exec.Cmd) error {
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("pulumi %s: %w", strings.Join(cmd.Args[1:], " "), err)
	}
	return nil
}
