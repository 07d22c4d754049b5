package lab

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// open returns a lab of the test's own, which is removed at its end.
func open(t *testing.T) *Lab {
	t.Helper()
	dir, err := os.MkdirTemp("", "picluster-lab-")
	require.NoError(t, err)
	l, err := Open(t.Context(), dir, t.Output())
	require.NoError(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			kept, err := l.KeepLogs(t.Name())
			if err != nil {
				t.Logf("the lab's logs are not all kept: %v", err)
			}
			if kept != "" {
				t.Logf("the lab's logs are in %s", kept)
			}
		}
		assert.NoError(t, l.Remove(context.Background())) // the test's own has ended
		assert.NoDirExists(t, dir, "the lab created what Remove does not know")
		assert.NoError(t, os.RemoveAll(dir))
	})
	return l
}

// running says if anything listens on an address.
func running(address string) bool {
	connection, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return false
	}
	connection.Close()
	return true
}

func TestAPartThatFailsShowsItsLog(t *testing.T) {
	l := open(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	l.state = state{MinIO: taken.Addr().String(), MinIOPassword: "password", Passphrase: "x"}
	require.NoError(t, l.save())

	err = l.Start(t.Context())
	require.ErrorContains(t, err, "MinIO ended: exit status")
	assert.ErrorContains(t, err, "--- the end of "+l.objectStore().logFile())
	assert.ErrorContains(t, err, "in use", "the log does not say why")
	assert.False(t, l.cluster().exists())
}

func TestNoHalfLabIsLeft(t *testing.T) {
	l := open(t)
	// Where the cluster's directory should be, there is a file.
	require.NoError(t, l.claim())
	require.NoError(t, os.WriteFile(l.cluster().workDir(), nil, 0o600))
	var log bytes.Buffer
	l.log = io.MultiWriter(l.log, &log)

	err := l.Start(t.Context())
	require.ErrorContains(t, err, "kwokctl")
	assert.Regexp(t, `(?m)^lab: pulumi-resource-minio \S+ \(.+\)$`, log.String())
	require.NotEmpty(t, l.state.MinIO, "MinIO was never started")
	assert.False(t, running(l.state.MinIO), "MinIO runs on")
}

func TestAStoppedLabKeepsItsData(t *testing.T) {
	l := open(t)
	require.NoError(t, l.Start(t.Context()))
	require.NoError(t, l.Healthy(t.Context()))
	_, err := l.Kubectl(t.Context(), "create", "namespace", "kept")
	require.NoError(t, err)

	require.NoError(t, l.Stop(t.Context()))
	assert.Error(t, l.Healthy(t.Context()))
	assert.False(t, running(l.state.MinIO))

	// Meanwhile others listen at all of its addresses.
	taken := map[string]string{"MinIO": l.state.MinIO}
	for _, p := range clusterPorts {
		port, err := l.cluster().port(p.option)
		require.NoError(t, err)
		taken[p.part+" "+p.option] = "127.0.0.1:" + port
	}
	var others []net.Listener
	for _, address := range taken {
		other, err := net.Listen("tcp", address)
		require.NoError(t, err)
		others = append(others, other)
	}
	err = l.Start(t.Context())
	for name, address := range taken {
		part, _, _ := strings.Cut(name, " ")
		assert.ErrorContains(t, err, part+` of this lab: got "`+address+`", which another process has`)
	}
	time.AfterFunc(portTime/3, func() { // as the last threads of a part that was stopped
		for _, other := range others {
			_ = other.Close()
		}
	})

	require.NoError(t, l.Start(t.Context()))
	names, err := l.Kubectl(t.Context(), "get", "namespaces", "--output=name")
	require.NoError(t, err)
	assert.Contains(t, string(names), "namespace/kept")
}

// cancels is a log that ends a context once it has a text.
type cancels struct {
	io.Writer
	text   string
	cancel func()
}

func (c cancels) Write(text []byte) (int, error) {
	if strings.Contains(string(text), c.text) {
		c.cancel()
	}
	return c.Writer.Write(text)
}

// TestAnInterruptedStart stops a lab that did not run before, whatever the start was about to do,
// and leaves one that did.
func TestAnInterruptedStart(t *testing.T) {
	for _, during := range []string{"starting Kubernetes", "compiling the program"} {
		l := open(t)
		log := l.log
		interrupted := func() error {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			l.log = cancels{log, during, cancel}
			return l.Start(ctx)
		}
		require.Error(t, interrupted(), during)
		require.NotEmpty(t, l.state.MinIO, "MinIO was never started")
		assert.False(t, running(l.state.MinIO), "%s: MinIO runs on", during)
		assert.False(t, l.Runs(t.Context()), during)

		l.log = log
		require.NoError(t, l.Start(t.Context()))
		pid := readPID(l.objectStore().pidFile())
		require.Error(t, interrupted(), during)
		assert.True(t, l.Runs(t.Context()), "%s: the lab that ran before was stopped", during)
		assert.Equal(t, pid, readPID(l.objectStore().pidFile()), "%s: another MinIO was started", during)
		require.NoError(t, l.Stop(t.Context()))
		assert.False(t, running(l.state.MinIO), "%s: MinIO runs on after a stop", during)
	}
}

// What a stack must not see of the person who runs the lab.
func TestTheUsersOwnSettingsStayOutside(t *testing.T) {
	t.Setenv("PULUMI_ACCESS_TOKEN", "theirs")
	t.Setenv("MINIO_ENDPOINT", "theirs")
	t.Setenv("KUBECONFIG", "theirs")
	l := &Lab{Dir: t.TempDir(), parts: map[string]string{}}
	env := l.Env()
	assert.NotContains(t, env, "PULUMI_ACCESS_TOKEN=theirs")
	assert.NotContains(t, env, "MINIO_ENDPOINT=theirs")
	assert.Contains(t, env, "KUBECONFIG="+l.Kubeconfig())
	assert.NotContains(t, env, "KUBECONFIG=theirs")
}

func TestKeepLogs(t *testing.T) {
	l := &Lab{Dir: t.TempDir()}
	t.Setenv(LogsVariable, "")
	dir, err := l.KeepLogs("TestX/a part")
	require.NoError(t, err)
	assert.Empty(t, dir)

	file := l.objectStore().logFile()
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
	require.NoError(t, os.WriteFile(file, []byte("it ended"), 0o600))
	top := t.TempDir()
	t.Setenv(LogsVariable, top)
	dir, err = l.KeepLogs("TestX/a part")
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(top, "TestX-a part"), dir)
	text, err := os.ReadFile(filepath.Join(dir, "minio-log"))
	require.NoError(t, err)
	assert.Equal(t, "it ended", string(text))
}
