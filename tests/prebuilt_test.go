package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/picluster/picluster/lab"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPrebuilt brings up a stack with the result of `make build`, outside the checkout, where Go
// compiles nothing and no go.mod names the plugins.
func TestPrebuilt(t *testing.T) {
	h := start(t)
	h.set("profile", "pi")
	name := filepath.Join("dist", "linux-"+runtime.GOARCH)
	out, err := output(h.Command(h.Context(), "make", name))
	require.NoError(t, err, out)

	// Pulumi asks Go for the plugins that a program needs, all the same.
	goCommand, err := exec.LookPath("go")
	require.NoError(t, err)
	bin := t.TempDir()
	script := "#!/bin/sh\n[ \"$1\" != build ] || exit 1\nexec '" + goCommand + "' \"$@\"\n"
	require.NoError(t, os.WriteFile(filepath.Join(bin, "go"), []byte(script), 0o755))
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join("..", name))))
	for _, want := range []string{"+ 16 created", "16 unchanged"} {
		cmd := h.Command(h.Context(), filepath.Join(dir, "picluster"), "up", "--stack", lab.Stack, "--yes")
		cmd.Dir = dir
		cmd.Env = append(cmd.Env, "PATH="+bin+":"+filepath.Join(h.Dir, "bin")+":"+os.Getenv("PATH"))
		out, err := output(cmd)
		require.NoError(t, err, out)
		assert.Contains(t, out, want)
	}
}
