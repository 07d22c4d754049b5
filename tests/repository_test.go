package tests

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestChartRepository installs the chart by its name from a repository over HTTP,
// as on a cluster that reaches one.
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
}

// packChart returns a chart's folder as `helm package` packs it.
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
