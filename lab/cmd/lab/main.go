// Command lab runs the lab, and other commands on it. The Makefile has its
// commands.
package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/picluster/picluster/lab"
)

// dirVariable names the environment variable for the lab's directory.
const dirVariable = "LAB_DIR"

type command struct {
	name, help string
	// builds says that the command builds the parts that are not built yet.
	builds bool
	run    func(ctx context.Context, l *lab.Lab, args []string) error
}

var commands = []command{
	{"build", "build the lab's parts", true, build},
	{"run", "start the lab, and run a command with its Pulumi, cluster and MinIO", true, run},
	{"status", "show the lab's health, Tempo's pods and the stack's outputs", false, status},
	{"down", "destroy the stack and remove the lab", false, down},
	{"stop", "stop the lab and keep its data", false, stop},
	{"packages", "install the Debian packages that a lab with real nodes requires", false, nil},
}

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := dispatch(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
}

func dispatch(ctx context.Context, args []string) error {
	if slices.Equal(args, []string{"packages"}) {
		return lab.InstallPackages(ctx, os.Stderr) // before there is a lab
	}
	if len(args) == 2 && args[0] == guardCommand {
		parent, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		return lab.Guard(ctx, parent, os.Stdin, func() (*lab.Lab, error) { return open(ctx, false) })
	}
	for _, c := range commands {
		if len(args) > 0 && c.run != nil && c.name == args[0] && (len(args) > 1) == (c.name == "run") {
			l, err := open(ctx, c.builds)
			if err != nil {
				return err
			}
			return c.run(ctx, l, args[1:])
		}
	}
	var usage strings.Builder
	for _, c := range commands {
		fmt.Fprintf(&usage, "\n  %-8s %s", c.name, c.help)
	}
	return fmt.Errorf("usage: lab COMMAND%s", usage.String())
}

func open(ctx context.Context, builds bool) (*lab.Lab, error) {
	dir := cmp.Or(os.Getenv(dirVariable), ".lab")
	if builds {
		return lab.Open(ctx, dir, os.Stderr)
	}
	return lab.Find(dir, os.Stderr)
}

// build does nothing, because open has built the parts.
func build(context.Context, *lab.Lab, []string) error { return nil }

// run starts the lab and replaces this process by the command, so that the terminal, signals and
// the exit code are the command's. With real nodes, stay runs the command.
func run(ctx context.Context, l *lab.Lab, args []string) error {
	started, err := startGuard()
	if err != nil {
		return err
	}
	if l.Runs(ctx) {
		started() // and is not stopped, whatever happens to this start
	}
	l.Pull = true
	err = l.Start(ctx)
	started() // a start that fails stops what it has started
	if err != nil {
		return err
	}
	path, err := l.LookPath(args[0])
	if err != nil {
		return err
	}
	if l.RealNodes {
		return stay(l, path, args[1:])
	}
	return syscall.Exec(path, args, l.Env())
}

// guardCommand is the command of the lab's guard. It is not for users.
const guardCommand = "guard"

// startGuard starts the guard of this process.
func startGuard() (started func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, guardCommand, strconv.Itoa(os.Getpid()))
	cmd.Stderr = os.Stderr
	return lab.StartGuard(cmd)
}

// stay runs a command, and ends with its exit code. It does not replace this process, which is
// the parent of the lab's processes: only their parent can wait for them, and the command would
// not.
func stay(l *lab.Lab, path string, args []string) error {
	cmd := l.Command(context.Background(), path, args...)
	cmd.Dir = "" // this one
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		for signal := range signals {
			// The terminal sends Ctrl-C to the command too.
			if signal != os.Interrupt {
				_ = cmd.Process.Signal(signal) // it may have ended
			}
		}
	}()
	_ = cmd.Wait() // its exit code says the same
	status := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		os.Exit(128 + int(status.Signal()))
	}
	os.Exit(status.ExitStatus())
	return nil
}

func status(ctx context.Context, l *lab.Lab, _ []string) error {
	if !l.Exists() {
		return fmt.Errorf("there is no lab in %s. Start one: make up", l.Dir)
	}
	if err := l.Healthy(ctx); err != nil {
		return fmt.Errorf("the lab is not healthy. Start it: make up\n%w", err)
	}
	fmt.Println("lab: Kubernetes and MinIO are healthy")
	endpoint, user, _ := l.MinIO()
	fmt.Printf("lab: Kubernetes: export KUBECONFIG=%s\n", l.Kubeconfig())
	fmt.Printf("lab: MinIO:      http://%s, user %s\n", endpoint, user)
	if network := l.Network(); network != "" {
		fmt.Printf("lab: network:    reach these by: ip netns exec %s COMMAND\n", network)
	}
	plugin, err := l.DescribePlugin("minio")
	if err != nil {
		return err
	}
	fmt.Printf("lab: MinIO's plugin: %s\n", plugin)
	fmt.Printf("lab: logs, state, passwords: %s\n", l.Dir)
	pods, err := l.Kubectl(ctx, "get", "pods", "--all-namespaces", "--selector=app.kubernetes.io/name=tempo")
	if err != nil {
		return err
	}
	fmt.Printf("\n%s\n", pods)
	return showOutputs(os.Stdout, l.Pulumi(toItsEnd(ctx), "stack", "output", "--json", "--stack", lab.Stack))
}

// down destroys the stack and removes the lab. If the destroy fails, the lab stays, so that you
// can find the cause.
func down(ctx context.Context, l *lab.Lab, _ []string) error {
	if !l.Exists() {
		fmt.Println("lab: there is none")
		return nil
	}
	if !l.HasStack() {
		return l.Remove(ctx) // its first start was cut off
	}
	if err := l.Resume(ctx); err != nil {
		return err
	}
	if err := show(l.StackCommand(toItsEnd(ctx), "destroy", "--yes", "--skip-preview", "--suppress-outputs")); err != nil {
		return err
	}
	return l.Remove(ctx)
}

func stop(ctx context.Context, l *lab.Lab, _ []string) error {
	if !l.Exists() {
		return nil
	}
	return l.Stop(ctx)
}

// toItsEnd returns a context without an end, for commands of Pulumi. Ctrl-C reaches Pulumi from
// the terminal, and Pulumi then ends cleanly. A Pulumi that is killed would leave pending
// operations.
func toItsEnd(ctx context.Context) context.Context { return context.WithoutCancel(ctx) }

// show runs cmd on this terminal.
func show(cmd *exec.Cmd) error {
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("pulumi %s: %w", strings.Join(cmd.Args[1:], " "), err)
	}
	return nil
}
