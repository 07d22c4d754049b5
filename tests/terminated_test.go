package tests

import (
	"encoding/json"
	"errors"
	"net"
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

// TestTerminated sends SIGTERM to each command while it waits for a server that accepts
// connections and never responds. The command ends within 10 s.
func TestTerminated(t *testing.T) {
	h := start(t)
	h.set("profile", "pi")
	h.up()
	silent := silentServer(t)
	state := h.pulumi("stack", "export", "--show-secrets")
	endpoint, _, _ := h.MinIO()
	path, err := commands()
	require.NoError(t, err)

	terminate := func(t *testing.T, h harness, command string, args []string, until func() bool) {
		cmd := h.Command(t.Context(), path, append([]string{command, "--stack", lab.Stack}, args...)...)
		out := harness{t, h.Lab}.startPrinting(cmd)
		eventually(t, until, 2*time.Minute, 20*time.Millisecond, "it does not wait:\n%s", out)
		require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		sent := time.Now()
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		select {
		case err := <-ended:
			var exit *exec.ExitError
			require.True(t, errors.As(err, &exit), "%v\n%s", err, out)
			assert.Equal(t, 1, exit.ExitCode(), out)
			t.Logf("ended after %s", time.Since(sent).Round(time.Millisecond))
		case <-time.After(20 * time.Second):
			_ = cmd.Process.Kill()
			t.Errorf("%s does not end:\n%s", command, out)
		}
	}

	// MinIO hangs, in the configuration and in the state.
	h.set("minio:minioServer", silent.address)
	h.imported(strings.ReplaceAll(state, endpoint, silent.address))
	for command, args := range map[string][]string{
		"preview": nil, "drift": nil, "up": {"--yes"}, "refresh": {"--yes"}, "rotate": {"--yes"}, "adopt": {"--yes"}, "verify": nil,
		"repair": {"--yes", "--only", "1"},
	} {
		h.Run(command, func(t *testing.T) {
			before := silent.accepted()
			terminate(t, h, command, args, func() bool { return silent.accepted() > before })
		})
	}
	h.set("minio:minioServer", endpoint)
	h.imported(state)

	// Pods do not become ready, and Helm waits for them.
	h.Run("up that waits for pods", func(t *testing.T) {
		h := harness{t, h.Lab}
		h.set("--path", "resources.ingester.requests.cpu", "1000000m")
		pending := func() string {
			return h.kubectl("get", "secrets", "--namespace=tempo", "--selector=owner=helm,status=pending-upgrade", "--output=name")
		}
		terminate(t, h, "up", []string{"--yes"}, func() bool { return pending() != "" })
		h.unset("resources")
		h.unlocked()
		h.rollsBackIfPending()
		h.converges()
	})
}

// unlocked removes the lock that a killed command has left. If the state is cut off, unlocked
// restores it as picluster's message says.
func (h harness) unlocked() {
	h.T.Helper()
	path := filepath.Join(h.Dir, "state", ".pulumi", "stacks", "picluster", "lab.json")
	says := func(wayOut string) {
		h.T.Helper()
		out, code := h.picluster(nil, "drift")
		assert.Equal(h, exitUnknown, code, out)
		assert.Contains(h, out, wayOut)
	}
	if note, err := os.ReadFile(path + ".attrs"); err == nil && !json.Valid(note) {
		says("rm .pulumi/stacks/picluster/lab.json.attrs")
		require.NoError(h, os.Remove(path+".attrs"))
	}
	text, err := os.ReadFile(path)
	require.NoError(h, err)
	if !json.Valid(text) {
		says("copy the state before over it")
		before, err := os.ReadFile(path + ".bak")
		require.NoError(h, err)
		require.NoError(h, os.WriteFile(path, before, 0o600))
	}
	h.pulumi("cancel", "--yes")
}

// server accepts connections, and never responds.
type server struct {
	address string
	count   chan int
}

func silentServer(t *testing.T) *server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &server{address: listener.Addr().String(), count: make(chan int, 1)}
	s.count <- 0
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { connection.Close() })
			s.count <- <-s.count + 1
		}
	}()
	t.Cleanup(func() { listener.Close() })
	return s
}

// accepted is how many connections there were.
func (s *server) accepted() int {
	n := <-s.count
	s.count <- n
	return n
}
