// Command picluster runs stacks: it previews a change, brings it up, verifies it, finds drift,
// and repairs it.
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

// Exit codes. Those of drift and up are what CI goes by.
const (
	exitError   = 1 // also: drift could not be determined
	exitDrifted = 2
	exitLocked  = 3 // of up: nothing was deployed, because another update had the stack locked
)

// errDrifted is the error of drift if the stack has drifted.
var errDrifted = errors.New("drifted")

// notDeployedError is the error of up if another update has the stack locked.
type notDeployedError struct{ error }

// errTerminated is the cause of the context that SIGTERM has ended.
var errTerminated = errors.New("terminated")

// run runs the command. It returns a panic as an error, because Go ends a program that panics
// with exit code 2, which is drift's code for drift.
func run(ctx context.Context) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return newCommand().ExecuteContext(ctx)
}

func main() {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		if <-signals == os.Interrupt && onTerminal() {
			cancel(engine.ErrInterrupted) // the terminal has sent it to Pulumi too
		} else {
			cancel(errTerminated)
		}
		<-signals
		os.Exit(exitError)
	}()
	err := run(ctx)
	if err != nil && !errors.Is(err, errDrifted) {
		fmt.Fprintln(os.Stderr, "picluster:", err)
	}
	os.Exit(exitCode(err))
}

func exitCode(err error) int {
	var notDeployed notDeployedError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errDrifted):
		return exitDrifted
	case errors.As(err, &notDeployed):
		return exitLocked
	}
	return exitError
}
