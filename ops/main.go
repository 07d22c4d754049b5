// Command picluster is for those who run stacks: it previews a change, finds
// drift, and puts it right. The Makefile has its commands.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"github.com/picluster/picluster/ops/engine"
)

// Exit codes. Those of drift are what CI goes by.
const (
	exitError   = 1 // also: drift could not be told
	exitDrifted = 2
)

// errDrifted ends drift when there is some.
var errDrifted = errors.New("drifted")

// options are the flags that commands share.
type options struct {
	stack   engine.Stack
	yes     bool
	summary string
	pull    int
	issue   bool
}

type command struct {
	name, help string
	run        func(context.Context, options) error
}

var commands = []command{
	{"preview", "show what up would change", preview},
	{"up", "put right what was changed by hand, and bring the stack up", up},
	{"refresh", "accept into the state what was changed by hand", refresh},
	{"adopt", "take into the stack what it would make and is there already", takeIn},
	{"rotate", "make another secret key, and have all follow that have the old one", rotate},
	{"drift", "tell what was changed by hand: exits with 0 if nothing was, 2 if something was, 1 if it cannot tell", findDrift},
}

func main() {
	// Ctrl-C reaches Pulumi from the terminal, and it ends cleanly then.
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	err := run(ctx, os.Args[1:])
	switch {
	case errors.Is(err, errDrifted):
		os.Exit(exitDrifted)
	case err != nil:
		fmt.Fprintln(os.Stderr, "picluster:", err)
		os.Exit(exitError)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 {
		for _, c := range commands {
			if c.name != args[0] {
				continue
			}
			o := options{}
			flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
			flags.StringVar(&o.stack.Name, "stack", "", "`name` of the stack")
			flags.StringVar(&o.stack.ConfigFile, "config-file", os.Getenv("PICLUSTER_CONFIG_FILE"), "`path` of its configuration; default: Pulumi.<stack>.yaml")
			flags.BoolVar(&o.yes, "yes", false, "do not ask")
			flags.StringVar(&o.summary, "summary", "", "`path` to write the result to, in Markdown")
			flags.IntVar(&o.pull, "pull", 0, "`number` of the pull request on GitHub whose comment gets the summary of a preview")
			flags.BoolVar(&o.issue, "issue", false, "keep an issue on GitHub open for as long as there is drift")
			if err := flags.Parse(args[1:]); err != nil {
				return err
			}
			if o.stack.Name == "" || flags.NArg() > 0 {
				return fmt.Errorf("usage: picluster %s -stack NAME", c.name)
			}
			if _, err := exec.LookPath("pulumi"); err != nil {
				return errors.New("pulumi is not on PATH. Install it: https://www.pulumi.com/docs/install/; or use the lab, which builds one: STACK=lab")
			}
			return c.run(ctx, o)
		}
	}
	var usage strings.Builder
	for _, c := range commands {
		fmt.Fprintf(&usage, "\n  %-8s %s", c.name, c.help)
	}
	return fmt.Errorf("usage: picluster COMMAND -stack NAME [-yes] [-summary FILE] [-pull N] [-issue]%s", usage.String())
}
