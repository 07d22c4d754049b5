// Command picluster is for those who run stacks: it previews a change, finds
// drift, and restores what has drifted.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/picluster/picluster/ops/engine"
)

// Exit codes. Those of drift are what CI goes by.
const (
	exitError   = 1 // also: drift could not be determined
	exitDrifted = 2
)

// errDrifted ends drift when there is some.
var errDrifted = errors.New("drifted")

// errTerminated is the cause of the context that SIGTERM has ended.
var errTerminated = errors.New("terminated")

// run runs the command. A panic is an error: Go would end with the code of drift.
func run(ctx context.Context) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return command().ExecuteContext(ctx)
}

func main() {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		if <-signals == os.Interrupt && onTerminal() {
			cancel(engine.ErrInterrupted) // from the terminal it has reached Pulumi too
		} else {
			cancel(errTerminated)
		}
		<-signals
		os.Exit(exitError)
	}()
	err := run(ctx)
	switch {
	case errors.Is(err, errDrifted):
		os.Exit(exitDrifted)
	case err != nil:
		fmt.Fprintln(os.Stderr, "picluster:", err)
		os.Exit(exitError)
	}
}
