package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/picluster/picluster/ops/objectstore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tempoVariable names the environment variable with the path of a Tempo, 2.9 or 2.10.
const tempoVariable = "LAB_TEMPO"

// TestRealTempo verifies a real Tempo, one process on loopback, whose bucket is a
// directory. A Tempo is AGPL and no dependency of this project, so the user names one.
func TestRealTempo(t *testing.T) {
	binary := os.Getenv(tempoVariable)
	if binary == "" {
		t.Skipf("%s is not set: the responses of a real Tempo are not tried", tempoVariable)
	}
	dir := t.TempDir()
	ports := map[string]int{}
	for _, name := range []string{"http", "grpc", "otlpGrpc", "otlpHttp", "gossip"} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer listener.Close()
		ports[name] = listener.Addr().(*net.TCPAddr).Port
		require.NoError(t, listener.Close())
	}
	config := filepath.Join(dir, "tempo.yaml")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, `
server: {http_listen_address: 127.0.0.1, http_listen_port: %[1]d, grpc_listen_address: 127.0.0.1, grpc_listen_port: %[2]d}
distributor:
  receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:%[3]d"}, http: {endpoint: "127.0.0.1:%[4]d"}}}}
memberlist: {bind_addr: [127.0.0.1], bind_port: %[5]d}
ingester:
  max_block_duration: 5s
  trace_idle_period: 1s
  flush_check_period: 1s
  lifecycler: {address: 127.0.0.1, min_ready_duration: 0s, ring: {replication_factor: 1, kvstore: {store: inmemory}}}
metrics_generator:
  ring: {instance_addr: 127.0.0.1, kvstore: {store: inmemory}}
  processor: {local_blocks: {filter_server_spans: false}}
  storage: {path: %[6]s/metrics}
  traces_storage: {path: %[6]s/generator}
overrides: {defaults: {metrics_generator: {processors: [local-blocks]}}}
querier: {frontend_worker: {frontend_address: "127.0.0.1:%[2]d"}}
storage: {trace: {backend: local, local: {path: %[6]s/blocks}, wal: {path: %[6]s/wal}}}
usage_report: {reporting_enabled: false}
`, ports["http"], ports["grpc"], ports["otlpGrpc"], ports["otlpHttp"], ports["gossip"], dir), 0o600))
	var log bytes.Buffer
	tempo := exec.CommandContext(context.WithoutCancel(t.Context()), binary, "-config.file="+config)
	tempo.Stdout, tempo.Stderr = &log, &log
	require.NoError(t, tempo.Start())
	t.Cleanup(func() {
		_ = tempo.Process.Kill()
		_ = tempo.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	address := func(name string) string { return fmt.Sprintf("127.0.0.1:%d", ports[name]) }
	require.Eventually(t, func() bool {
		response, err := http.Get("http://" + address("http") + "/ready")
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK
	}, time.Minute, 100*time.Millisecond)

	w := newWorld(t)
	w.backends["tempo-distributor-0:14317"] = address("otlpGrpc")
	w.backends["tempo-distributor-0:4318"] = address("otlpHttp")
	w.backends["tempo-query-frontend-0:13200"] = address("http")
	one := target(t)
	one.GrafanaRelease = nil
	var progress bytes.Buffer
	v := &Verifier{Cluster: w, Store: directory(filepath.Join(dir, "blocks")), Options: Options{Commands: ofS, Wait: time.Minute, Progress: &progress}}
	report, err := v.Run(t.Context(), []Target{one})
	require.NoError(t, err)
	var table bytes.Buffer
	require.NoError(t, report.Table(&table))
	t.Log("\n" + progress.String() + table.String())
	assert.Equal(t, map[string]Outcome{"grafana read": NotChecked, "grafana links": NotChecked}, outcomes(report))
}

// directory is a bucket in a file system, as Tempo's backend local has it.
type directory string

func (d directory) Kind() string     { return "directory" }
func (d directory) Endpoint() string { return string(d) }

func (d directory) Opens(context.Context, string, string, string) (objectstore.Denial, error) {
	return "", nil
}

func (d directory) Each(_ context.Context, _ objectstore.Keys, _ string, do func(string, int64, time.Time)) error {
	return filepath.WalkDir(string(d), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			do(strings.TrimPrefix(path, string(d)+"/"), info.Size(), info.ModTime())
		}
		return err
	})
}

func (d directory) Prefixes(_ context.Context, _ objectstore.Keys, _, prefix string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(string(d), prefix))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var found []string
	for _, entry := range entries {
		if entry.IsDir() {
			found = append(found, prefix+entry.Name()+"/")
		}
	}
	return found, err
}

func (d directory) Read(_ context.Context, _ objectstore.Keys, _, name string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(string(d), name))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return text, err
}
