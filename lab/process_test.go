package lab

import (
	"context"
	"errors"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ways are the ways to look at a process: inspect's on Linux, and the one elsewhere.
var ways = map[string]func(context.Context, int) (process, error){
	"proc": func(_ context.Context, pid int) (process, error) { return fromProc(pid) },
	"ps":   fromPS,
}

func TestInspect(t *testing.T) {
	for name, look := range ways {
		t.Run(name, func(t *testing.T) {
			if name == "proc" && runtime.GOOS != "linux" {
				t.Skip("this system has no /proc")
			}
			mark := "--directory=" + t.TempDir() + "/" + strings.Repeat("x", 300) // wider than a terminal
			cmd := exec.Command("sh", "-c", "read line", mark)
			stdin, err := cmd.StdinPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			pid := cmd.Process.Pid

			p, err := look(t.Context(), pid)
			require.NoError(t, err)
			assert.Contains(t, p.commandLine, mark)
			assert.False(t, strings.HasPrefix(p.state, "Z"), p.state)

			// It ends, and is not waited for.
			require.NoError(t, stdin.Close())
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			require.NoError(t, poll(ctx, 10*time.Millisecond, func() error {
				if p, err = look(ctx, pid); err == nil && !strings.HasPrefix(p.state, "Z") {
					err = errors.New("its state is " + p.state)
				}
				return err
			}))
			assert.False(t, alive(pid))

			_ = cmd.Wait() // its exit status is of read
			_, err = look(t.Context(), pid)
			assert.Error(t, err, "it is gone")
		})
	}
}

// TestEndProcess ends a process of the lab, and leaves alone one with another's mark.
func TestEndProcess(t *testing.T) {
	cmd := exec.Command("sh", "-c", "read line", "ours")
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	defer stdin.Close()
	require.NoError(t, cmd.Start())
	require.NoError(t, endProcess(t.Context(), cmd.Process.Pid, "theirs"))
	require.True(t, alive(cmd.Process.Pid))
	require.NoError(t, endProcess(t.Context(), cmd.Process.Pid, "ours"))
	assert.False(t, alive(cmd.Process.Pid))
	_ = cmd.Wait() // it was ended by a signal
}
