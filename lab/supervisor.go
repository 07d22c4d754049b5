package lab

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// supervisor starts programs in a lab's machine, each with a log. Its ctx ends when
// one of them does, and the cause has the end of that one's log.
type supervisor struct {
	ctx     context.Context
	fail    context.CancelCauseFunc
	machine machine
}

// ended is the cause of a supervisor's ctx, once a program has ended.
type ended struct {
	name, log string
	err       error
}

func (e ended) Error() string { return fmt.Sprintf("%s ended: %v%s", e.name, e.err, endOfLog(e.log)) }

func newSupervisor(ctx context.Context, m machine) *supervisor {
	ctx, fail := context.WithCancelCause(ctx)
	return &supervisor{ctx, fail, m}
}

// start starts a program, which runs on when this process ends. Its environment is the machine's,
// with env over it.
func (s *supervisor) start(name string, env []string, path string, args ...string) error {
	log := s.log(name)
	if err := os.MkdirAll(filepath.Dir(log), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	cmd := exec.Command(path, args...)
	cmd.Env = append(s.machine.env(), env...)
	cmd.Stdout, cmd.Stderr = file, file
	// A session of its own, so that Ctrl-C in the terminal is not meant for it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := s.machine.start(cmd); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	go func() { s.fail(ended{name, log, fmt.Errorf("%s", exitText(cmd.Wait()))}) }()
	return nil
}

// explain returns err with the ends of these programs' logs. If a program has ended, it returns
// why instead.
func (s *supervisor) explain(err error, names ...string) error {
	if cause, ok := context.Cause(s.ctx).(ended); ok {
		return cause
	}
	var logs strings.Builder
	for _, name := range names {
		logs.WriteString(endOfLog(s.log(name)))
	}
	return fmt.Errorf("%w%s", err, logs.String())
}

func (s *supervisor) log(name string) string {
	return filepath.Join(s.machine.lab.nodes().path("logs"), name+".log")
}

// endOfLog returns the last lines of a log, under its path.
func endOfLog(path string) string {
	text, _ := os.ReadFile(path)
	return fmt.Sprintf("\n--- the end of %s\n%s", path, tail(string(text), 15))
}

// exitText returns how a program ended. An exit without an error is a failure too, because the
// program should run on.
func exitText(err error) string {
	if err == nil {
		return "exit status 0"
	}
	return err.Error()
}
