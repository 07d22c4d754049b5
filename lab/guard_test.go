package lab

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTheGuardFindsServers starts a program that is elsewhere, by a symbolic link, as a server of a
// lab, and as one of another lab whose directory begins with the same text.
func TestTheGuardFindsServers(t *testing.T) {
	if len(processes()) == 0 {
		t.Skip("the guard needs /proc")
	}
	l, _ := inDir(t)
	other := &Lab{Dir: l.Dir + "-other"}
	sleep, err := exec.LookPath("sleep")
	require.NoError(t, err)
	program := filepath.Join(t.TempDir(), "sleep")
	require.NoError(t, os.Symlink(sleep, program))
	start := func(l *Lab) *exec.Cmd {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		t.Cleanup(cancel)
		cmd := exec.CommandContext(ctx, program, "60")
		cmd.Env = l.owned(os.Environ())
		require.NoError(t, cmd.Start())
		return cmd
	}
	ours, theirs := start(l), start(other)

	require.NoError(t, l.killServers())
	assert.EqualError(t, ours.Wait(), "signal: killed")
	assert.True(t, alive(theirs.Process.Pid), "the server of another lab has ended")
	assert.NotContains(t, l.Env(), OwnerVariable+"="+l.Dir, "the commands of the user are no servers")
	require.NoError(t, other.killServers())
	assert.EqualError(t, theirs.Wait(), "signal: killed")
}
