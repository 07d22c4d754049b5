package engine

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// lockedByFile is how Pulumi says that a stack with its state in a directory is locked.
const lockedByFile = "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the lock file with `pulumi cancel`.\n" +
	"  file:///state/.pulumi/locks/organization/p/s/1.json: created by me@host (pid 1) at 2026-01-02T03:04:05Z\n"

func TestRun(t *testing.T) {
	for name, test := range map[string]struct {
		run        run
		configFile string
		arguments  string
		err        string
	}{
		"success":                         {run{}, "", "up --stack s --event-log LOG --yes", ""},
		"a configuration file":            {run{}, "f.yaml", "up --stack s --event-log LOG --config-file f.yaml --yes", ""},
		"an error":                        {run{Stderr: "error: no user", Code: 255}, "", "up --stack s --event-log LOG --yes", "pulumi up: exit status 255"},
		"an error on stderr with a hint":  {run{Stderr: "error: failed to load checkpoint: place 1: unexpected EOF\n", Code: 255}, "", "up --stack s --event-log LOG --yes", "pulumi up: exit status 255\nthe state is cut off, as a full disk leaves it. Fix: "},
		"an error event with a hint":      {run{Events: []apitype.EngineEvent{says("warning", "w"), says("error", "etcdserver: <{%reset%}>mvcc: database space exceeded")}, Code: 255}, "", "up --stack s --event-log LOG --yes", "pulumi up: exit status 255\netcd, the store of Kubernetes, is full. Fix: "},
		"a warning with the words":        {run{Events: []apitype.EngineEvent{says("warning", "etcdserver: mvcc: database space exceeded")}, Code: 1}, "", "up --stack s --event-log LOG --yes", "pulumi up: exit status 1"},
		"a success with an error's words": {run{Stderr: "etcdserver: mvcc: database space exceeded"}, "", "up --stack s --event-log LOG --yes", ""},
		"locked, without waiting":         {run{Stderr: lockedByFile, Code: 255}, "", "up --stack s --event-log LOG --yes", "another update has locked the stack: pulumi up: exit status 255"},
		"locked at Pulumi Cloud":          {run{Stderr: "error: [409] Conflict: Another update is currently in progress.", Code: 255}, "", "up --stack s --event-log LOG --yes", "another update has locked the stack: pulumi up: exit status 255"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			stack, arguments := scenario{"up": {test.run}}.use(t)
			stack.ConfigFile = test.configFile
			err := stack.Run(t.Context(), 0, "up", "--yes")
			switch {
			case test.err == "":
				require.NoError(t, err)
			case test.err == "pulumi up: exit status 255" || test.err == "pulumi up: exit status 1":
				assert.EqualError(t, err, test.err)
			default:
				assert.ErrorContains(t, err, test.err)
			}
			assert.Equal(t, []string{test.arguments}, arguments(), "it ran more than once, or otherwise")
			left, err := os.ReadDir(os.TempDir())
			require.NoError(t, err)
			assert.Empty(t, left, "the event log, which may have secrets, is removed")
		})
	}
}

func TestRunWithoutPulumi(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	assert.ErrorContains(t, (&Stack{Name: "s"}).Run(t.Context(), 0, "up"), "executable file not found")
}

// slow skips a test that waits for a constant of Run.
func slow(t *testing.T, wait time.Duration) {
	t.Helper()
	if testing.Short() {
		t.Skipf("it waits for %s", wait)
	}
}

func TestRunWaitsForALock(t *testing.T) {
	slow(t, lockInterval)
	locked := run{Stderr: lockedByFile, Code: 255}
	stack, arguments := scenario{
		"up":      {locked, {}},
		"destroy": {locked, {Stderr: "error: no user", Code: 1}},
		"refresh": {locked},
	}.use(t)
	var commands sync.WaitGroup // side by side, since each waits for lockInterval
	for command, test := range map[string]struct {
		wait time.Duration
		err  string
	}{
		"up":      {time.Minute, ""},
		"destroy": {time.Minute, "pulumi destroy: exit status 1"},
		"refresh": {lockInterval * 4 / 5, "another update has locked the stack: pulumi refresh: exit status 255"}, // the wait is over then
	} {
		commands.Go(func() {
			err := stack.Run(t.Context(), test.wait, command)
			if test.err == "" {
				assert.NoError(t, err, command)
			} else {
				assert.EqualError(t, err, test.err, command)
			}
		})
	}
	commands.Wait()
	assert.Len(t, arguments(), 6, "each twice")
}

func TestRunEndsWhileItWaitsForALock(t *testing.T) {
	stack, arguments := scenario{"up": {{Stderr: lockedByFile, Code: 255}}}.use(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	returned := make(chan error, 1)
	go func() { returned <- stack.Run(ctx, time.Hour, "up") }()
	eventually(t, "Pulumi was not started", func() bool { return len(arguments()) > 0 })
	terminated := errors.New("terminated")
	cancel(terminated)
	assert.ErrorIs(t, result(t, returned), terminated)
	assert.Len(t, arguments(), 1)
}

// result returns what a goroutine returns in time.
func result(t *testing.T, returned <-chan error) error {
	t.Helper()
	select {
	case err := <-returned:
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("it has not returned")
		return nil
	}
}

// starts runs `pulumi up` with a context that end ends, and returns once it runs.
func starts(t *testing.T, r run) (returned <-chan error, end context.CancelCauseFunc) {
	t.Helper()
	stack, _ := scenario{"up": {r}}.use(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	t.Cleanup(func() { cancel(nil) })
	done := make(chan error, 1)
	go func() { done <- stack.Run(ctx, time.Minute, "up") }()
	eventually(t, "Pulumi was not started", exists("hangs"))
	return done, cancel
}

// SIGTERM reaches picluster alone: it interrupts Pulumi, which ends what it has begun.
func TestRunTerminated(t *testing.T) {
	returned, end := starts(t, run{Hangs: true, Code: 1})
	terminated := errors.New("terminated")
	end(terminated)
	err := result(t, returned)
	assert.ErrorIs(t, err, terminated)
	assert.ErrorContains(t, err, "pulumi up: ")
	assert.ErrorContains(t, err, "exit status 1")
	assert.True(t, exists("interrupted")())
}

func TestRunKilled(t *testing.T) {
	slow(t, graceTime)
	returned, end := starts(t, run{Hangs: true, Ignores: true})
	terminated := errors.New("terminated")
	end(terminated)
	began := time.Now()
	err := result(t, returned)
	assert.ErrorIs(t, err, terminated)
	assert.ErrorContains(t, err, "signal: killed")
	assert.True(t, exists("interrupted")(), "Pulumi has got no interrupt before")
	assert.GreaterOrEqual(t, time.Since(began), graceTime-time.Second)
}

// Ctrl-C has reached Pulumi from the terminal already: a second interrupt would end it
// at once.
func TestRunInterrupted(t *testing.T) {
	returned, end := starts(t, run{Hangs: true})
	end(ErrInterrupted)
	require.NoError(t, os.WriteFile("end", nil, 0o600))
	require.NoError(t, result(t, returned))
	assert.False(t, exists("interrupted")(), "Pulumi was interrupted a second time")
}

func TestLogged(t *testing.T) {
	said := logged("/nonexistent")
	assert.Empty(t, said.errors)
	assert.Empty(t, said.outcome)
	path := t.TempDir() + "/events"
	require.NoError(t, os.WriteFile(path, []byte(`{"diagnosticEvent":{"severity":"error","message":"no user"}}`+"\n"+`{"diagnosticEvent":{"sev`), 0o600))
	assert.Equal(t, []string{"no user"}, logged(path).errors, "a log that is cut off is read up to there")
}

func TestPlain(t *testing.T) {
	for marked, want := range map[string]string{
		"":                                    "",
		"none":                                "none",
		"<{%reset%}>a <{%fg 1%}>b<{%reset%}>": "a b",
		"cut <{%fg":                           "cut ",
		"<{ no mark":                          "<{ no mark",
	} {
		assert.Equal(t, want, plain(marked))
	}
}
