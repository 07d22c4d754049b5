package tests

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestChartRepository installs the chart by its name from a repository over HTTP, as on a
// cluster that reaches one, and then by an oci:// reference from a registry over TLS.
func TestChartRepository(t *testing.T) {
	archive := packChart(t, filepath.Join("..", "lab", "chart"), "tempo-distributed")
	var asked []string
	repository := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		switch r.URL.Path {
		case "/index.yaml":
			fmt.Fprint(w, "apiVersion: v1\nentries:\n  tempo-distributed:\n  - {name: tempo-distributed, version: 2.26.2, urls: [chart.tgz]}\n")
		case "/chart.tgz":
			_, _ = w.Write(archive)
		default:
			http.NotFound(w, r)
		}
	}))
	defer repository.Close()

	h := start(t)
	h.set("profile", "pi")
	h.set("chart", "tempo-distributed")
	h.set("chartRepository", repository.URL)
	h.up()
	assert.Contains(t, asked, "/chart.tgz")
	assert.NotEmpty(t, h.podsOf("querier"))
	h.mustStack("preview", noChanges)
	h.sub("by OCI", chartByOCI)
}

// packChart returns a chart's directory as `helm package` packs it.
func packChart(t *testing.T, folder, name string) []byte {
	t.Helper()
	var packed bytes.Buffer
	zipper := gzip.NewWriter(&packed)
	archive := tar.NewWriter(zipper)
	err := fs.WalkDir(os.DirFS(folder), ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(folder, file))
		if err != nil {
			return err
		}
		if err := archive.WriteHeader(&tar.Header{Name: path.Join(name, file), Mode: 0o644, Size: int64(len(text))}); err != nil {
			return err
		}
		_, err = archive.Write(text)
		return err
	})
	require.NoError(t, err)
	require.NoError(t, archive.Close())
	require.NoError(t, zipper.Close())
	return packed.Bytes()
}

// chartByOCI upgrades the release with the chart from a registry, which restores a label.
func chartByOCI(h harness) {
	t := h.T
	server := httptest.NewTLSServer(registry.New(registry.Logger(log.New(t.Output(), "registry: ", 0))))
	defer server.Close()
	push(t, server, "charts/tempo-distributed", "2.26.2", packChart(t, filepath.Join("..", "lab", "chart"), "tempo-distributed"))
	ca := filepath.Join(t.TempDir(), "ca.crt")
	require.NoError(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))

	h.kubectl("label", "deployment", "--namespace=tempo", "tempo-querier", "helm.sh/chart-")
	h.set("chart", "oci://"+server.Listener.Addr().String()+"/charts/tempo-distributed")
	h.unset("chartRepository")
	cmd := h.StackCommand(h.Context(), "up", "--yes", "--skip-preview")
	cmd.Env = append(cmd.Env, "SSL_CERT_FILE="+ca)
	out, err := output(cmd)
	require.NoError(t, err, lastLines(out, 20))
	assert.NotEmpty(t, h.podsOf("querier"))
	assert.Contains(t, h.kubectl("get", "deployment", "--namespace=tempo", "tempo-querier", `--output=jsonpath={.metadata.labels.helm\.sh/chart}`), "2.26.2")
}

// push pushes a chart to a registry as `helm push` does.
func push(t *testing.T, server *httptest.Server, repository, tag string, chart []byte) {
	t.Helper()
	config := []byte(`{"name":"tempo-distributed","version":"` + tag + `","apiVersion":"v2"}`)
	put := func(path, kind string, body []byte) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, server.URL+"/v2/"+repository+path, bytes.NewReader(body))
		require.NoError(t, err)
		request.Header.Set("Content-Type", kind)
		response, err := server.Client().Do(request)
		require.NoError(t, err)
		defer response.Body.Close()
		require.Equal(t, http.StatusCreated, response.StatusCode, readAll(t, response.Body))
	}
	digest := func(body []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(body)) }
	for _, blob := range [][]byte{config, chart} {
		put("/blobs/uploads/1?digest="+digest(blob), "application/octet-stream", blob)
	}
	manifest, err := json.Marshal(map[string]any{
		"schemaVersion": 2,
		"mediaType":     "application/vnd.oci.image.manifest.v1+json",
		"config":        map[string]any{"mediaType": "application/vnd.cncf.helm.config.v1+json", "digest": digest(config), "size": len(config)},
		"layers":        []any{map[string]any{"mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip", "digest": digest(chart), "size": len(chart)}},
	})
	require.NoError(t, err)
	put("/manifests/"+tag, "application/vnd.oci.image.manifest.v1+json", manifest)
}
