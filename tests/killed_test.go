package tests

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
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
	releases   string // the URL of the server of releases
}

// command returns a command of make, with variables over the test's own.
func (k killedUp) command(target string, variables ...string) (*exec.Cmd, *buffer) {
	cmd := exec.Command("make", "--no-print-directory", target)
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "LAB_DIR="+k.dir, lab.CacheVariable+"="+k.cache, lab.NodesVariable+"=",
		// A part that the cache lacks is downloaded if the test's server has it, and compiled otherwise.
		lab.PartsVariable+"=", "LAB_GITHUB_URL="+k.releases)
	cmd.Env = append(cmd.Env, variables...)
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

// slowReleases is a server of releases. While it is on, it has each, and sends no more of one than
// its first byte.
type slowReleases struct {
	*httptest.Server
	on atomic.Bool
}

func newSlowReleases(t *testing.T) *slowReleases {
	t.Helper()
	s := &slowReleases{}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close) // after the downloads have been killed
	return s
}

func (s *slowReleases) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	dir, name := path.Split(r.URL.Path)
	switch {
	case !s.on.Load():
		http.NotFound(w, r)
	case name == "SHA256SUMS":
		fmt.Fprintf(w, "%064d  etcd-%s-%s-%s.tar.gz\n", 0, path.Base(dir), runtime.GOOS, runtime.GOARCH)
	default:
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte("x"))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
}

// TestKilledUp kills the process group of `make up` at twelve moments, each time with what the run
// before has left. No process is left then, except the servers of a lab that had started. The up
// after that succeeds.
func TestKilledUp(t *testing.T) {
	if _, err := os.Stat("/proc/self/exe"); err != nil {
		t.Skip("the guard needs /proc")
	}
	t.Parallel()
	l, err := lab.Open(t.Context(), t.TempDir(), t.Output()) // the parts are built
	require.NoError(t, err)
	releases := newSlowReleases(t)
	k := killedUp{t, filepath.Join(t.TempDir(), "lab"), t.TempDir(), releases.URL}
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
		if l := findLab(t, k.dir); l != nil && t.Failed() {
			keepLogs(t, l)
		}
		cmd, out := k.command("down")
		if err := cmd.Run(); err != nil {
			t.Errorf("make down: %v\n%s", err, lastLines(out.String(), 20))
		}
		assert.Empty(t, k.processes(true))
	})

	const aDownload = "a part is downloaded"
	cluster := filepath.Join(k.dir, "kwok", "clusters", "lab")
	for _, moment := range []struct {
		name    string
		reached func(out string) bool
		runsOn  bool
	}{
		{aDownload, k.file(k.cache, "install-*", "download-*"), false},
		{"a part is built", k.file(k.cache, "parts", "etcd-*", "build-*"), false},
		{"the plugins are installed", k.file(k.cache, "install-*", "plugins"), false},
		{"the lab starts", says("starting Kubernetes"), false},
		{"MinIO starts", k.file(k.dir, "minio", "log"), false},
		{"the cluster is created", k.file(cluster), false},
		{"the cluster has certificates", k.file(cluster, "pki", "*"), false},
		{"etcd runs", k.file(cluster, "pids", "etcd.pid"), false},
		{"the API server runs", k.file(cluster, "pids", "kube-apiserver.pid"), false},
		{"the stack is created", k.file(k.dir, "state", ".pulumi", "stacks"), false},
		{"the program is compiled", says("compiling the program"), false},
		{"the up runs", says("Updating (lab)"), true},
	} {
		releases.on.Store(moment.name == aDownload)
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
	k.nothingIsHalf()
	k.endsWithoutCompiling()
}

// nothingIsHalf fails the test if the cache has what killed downloads and builds have left.
func (k killedUp) nothingIsHalf() {
	k.Helper()
	for _, pattern := range [][]string{{"install-*"}, {"parts", "etcd-*", "build-*"}} {
		left, err := filepath.Glob(filepath.Join(append([]string{k.cache}, pattern...)...))
		require.NoError(k, err)
		assert.Empty(k, left)
	}
}

// endsWithoutCompiling runs status, stop and down with a go command that fails, and without a part
// in the cache. A down that must start the lab again requires that part, and says so. Pulumi asks
// for Go's version, which compiles nothing.
func (k killedUp) endsWithoutCompiling() {
	dir := k.TempDir()
	mark := filepath.Join(dir, "ran")
	require.NoError(k, os.WriteFile(filepath.Join(dir, "go"), []byte("#!/bin/sh\necho \"$@\" >> '"+mark+"'\nexit 1\n"), 0o755))
	run := func(target string) (string, error) {
		cmd, out := k.command(target, "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"))
		err := cmd.Run()
		calls, _ := os.ReadFile(mark) // there may be none
		assert.Empty(k, strings.ReplaceAll(string(calls), "version\n", ""), "make %s runs go", target)
		return out.String(), err
	}

	var started struct{ Parts map[string]string } // those that it was started with
	text, err := os.ReadFile(filepath.Join(k.dir, "lab.json"))
	require.NoError(k, err)
	require.NoError(k, json.Unmarshal(text, &started))
	part, away := filepath.Dir(started.Parts["kube-scheduler"]), filepath.Join(dir, "part")
	require.NoError(k, os.Rename(part, away))
	out, err := run("status")
	require.NoError(k, err, out)
	assert.Contains(k, out, "Kubernetes and MinIO are healthy")
	out, err = run("stop")
	require.NoError(k, err, out)
	assert.Empty(k, k.processes(true))
	out, err = run("down")
	require.Error(k, err, out)
	assert.Contains(k, out, "where kube-scheduler is no more; want the parts that the lab was started with. Fix: make up")

	require.NoError(k, os.Rename(away, part))
	out, err = run("down")
	require.NoError(k, err, lastLines(out, 20))
	assert.NoDirExists(k, k.dir)
}
