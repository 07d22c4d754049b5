package tests

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/picluster/picluster/lab"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// killedUp is a lab that `make up` starts, with a cache that lacks a part.
type killedUp struct {
	*testing.T
	dir, cache string
}

func (k killedUp) command(target string) (*exec.Cmd, *buffer) {
	cmd := exec.Command("make", "--no-print-directory", target)
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "LAB_DIR="+k.dir, lab.CacheVariable+"="+k.cache, lab.NodesVariable+"=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out := &buffer{}
	cmd.Stdout, cmd.Stderr = out, out
	return cmd, out
}

// processes returns the command lines of processes that have the environment of the lab, and with
// ofLabToo of those that are its servers. The guard of the lab is not among them.
func (k killedUp) processes(ofLabToo bool) (found []string) {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	require.NoError(k, err)
	for _, dir := range dirs {
		exe, _ := os.Readlink(filepath.Join(dir, "exe"))
		environ, _ := os.ReadFile(filepath.Join(dir, "environ"))
		line, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		runs := bytes.Contains(environ, []byte(lab.OwnerVariable+"="+k.dir+"\x00")) && !strings.Contains(exe, "pulumi")
		started := bytes.Contains(environ, []byte("TMPDIR="+k.dir)) || bytes.Contains(environ, []byte("PULUMI_HOME="+k.cache))
		if len(line) > 0 && (ofLabToo && runs || started && !runs) {
			found = append(found, string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
		}
	}
	return found
}

// file returns whether a pattern, from the lab's or the cache's directory, matches.
func (k killedUp) file(pattern ...string) func(string) bool {
	return func(string) bool {
		found, err := filepath.Glob(filepath.Join(pattern...))
		return err == nil && len(found) > 0
	}
}

func says(text string) func(string) bool {
	return func(out string) bool { return strings.Contains(out, text) }
}

// TestKilledUp kills the process group of `make up` at ten moments, each time with what the run
// before has left. No process is left then, except the servers of a lab that had started. The up
// after that succeeds.
func TestKilledUp(t *testing.T) {
	if _, err := os.Stat("/proc/self/exe"); err != nil {
		t.Skip("the guard needs /proc")
	}
	t.Parallel()
	l, err := lab.Open(t.Context(), t.TempDir(), t.Output()) // the parts are built
	require.NoError(t, err)
	k := killedUp{t, filepath.Join(t.TempDir(), "lab"), t.TempDir()}
	own, err := filepath.Glob(filepath.Join(l.Cache(), "parts", "*"))
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(filepath.Join(k.cache, "parts"), 0o700))
	for _, part := range own {
		if !strings.HasPrefix(filepath.Base(part), "etcd-") {
			require.NoError(t, os.Symlink(part, filepath.Join(k.cache, "parts", filepath.Base(part))))
		}
	}
	// One lab of the machine starts at a time, because each looks for free ports.
	require.NoError(t, os.Symlink(filepath.Join(l.Cache(), "start"), filepath.Join(k.cache, "start")))
	t.Cleanup(func() {
		cmd, out := k.command("down")
		if err := cmd.Run(); err != nil {
			t.Errorf("make down: %v\n%s", err, lastLines(out.String(), 20))
		}
		assert.Empty(t, k.processes(true))
	})

	cluster := filepath.Join(k.dir, "kwok", "clusters", "lab")
	for _, moment := range []struct {
		name    string
		reached func(out string) bool
		runsOn  bool
	}{
		{"a part is built", k.file(k.cache, "parts", "etcd-*", "build-*"), false},
		{"the plugins are installed", k.file(k.cache, "install-*", "plugins"), false},
		{"the lab starts", says("starting Kubernetes"), false},
		{"MinIO starts", k.file(k.dir, "minio", "log"), false},
		{"the cluster is created", k.file(cluster), false},
		{"the cluster has certificates", k.file(cluster, "pki", "*"), false},
		{"etcd runs", k.file(cluster, "pids", "etcd.pid"), false},
		{"the API server runs", k.file(cluster, "pids", "kube-apiserver.pid"), false},
		{"the stack is created", k.file(k.dir, "state", ".pulumi", "stacks"), false},
		{"the up runs", says("Updating (lab)"), true},
	} {
		cmd, out := k.command("up")
		require.NoError(t, cmd.Start())
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		deadline := time.After(commandTimeout)
		poll := time.NewTicker(2 * time.Millisecond)
		for waiting := true; waiting; {
			select {
			case <-poll.C:
				waiting = !moment.reached(out.String())
			case err := <-ended:
				require.Fail(t, moment.name, "make up ended before: %v\n%s", err, out)
			case <-deadline:
				_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
				require.Fail(t, moment.name, "it is not reached:\n%s", out)
			}
		}
		poll.Stop()
		require.NoError(t, syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL))
		<-ended
		var left []string
		eventually(t, func() bool { left = k.processes(!moment.runsOn); return len(left) == 0 }, time.Minute, 50*time.Millisecond,
			"%s: these run on: %v\n%s", moment.name, &left, out)
		t.Logf("killed: %s", moment.name)
	}

	cmd, out := k.command("up")
	if err := cmd.Run(); err != nil {
		require.Contains(t, out.String(), "helm rollback", "%v", err)
		require.NoError(t, err, "the up was killed in the middle of a Helm operation:\n%s", lastLines(out.String(), 40))
	}
	assert.Contains(t, out.String(), "\nNext\n")
	cmd, out = k.command("drift")
	require.NoError(t, cmd.Run(), lastLines(out.String(), 20))
	cmd, out = k.command("up")
	require.NoError(t, cmd.Run(), lastLines(out.String(), 20))
	assert.Regexp(t, `Stack lab: resources: \d+ unchanged\n`, out.String(), "the up after is not one without changes")
}
