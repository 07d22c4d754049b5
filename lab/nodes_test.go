package lab

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/picluster/picluster/components/tempo/chart"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// openReal is open for a lab with real nodes. Without root it skips the test; in CI,
// it fails instead.
func openReal(t *testing.T) *Lab {
	t.Helper()
	if err := SupportsRealNodes(); err != nil {
		if os.Getenv("CI") == "true" {
			require.NoError(t, err)
		}
		t.Skip("NOT TESTED: ", err)
	}
	l := open(t)
	l.RealNodes = true
	return l
}

func TestTheKindOfNodesComesFromTheEnvironment(t *testing.T) {
	for value, want := range map[string]bool{"": false, "real": true} {
		t.Setenv(NodesVariable, value)
		l := &Lab{}
		require.NoError(t, l.setNodes())
		assert.Equal(t, want, l.RealNodes, value)
	}
	t.Setenv(NodesVariable, "reel")
	assert.ErrorContains(t, (&Lab{}).setNodes(), `LAB_NODES: got "reel"; want real`)
}

func TestALabKeepsItsKindOfNodes(t *testing.T) {
	l, _ := inDir(t)
	require.NoError(t, l.claim())
	l.RealNodes = true
	require.NoError(t, l.Load())
	again := &Lab{Dir: l.Dir}
	require.NoError(t, again.Load())
	assert.True(t, again.RealNodes)

	simulated, _ := inDir(t)
	require.NoError(t, simulated.claim())
	require.NoError(t, simulated.Load())
	simulated.RealNodes = true
	assert.ErrorContains(t, simulated.Load(), "has simulated nodes")
}

// A kubelet may be older than the API server, but the lab's are not tested like that.
func TestNodesHaveTheClustersVersion(t *testing.T) {
	root, err := checkout()
	require.NoError(t, err)
	b := (&Lab{root: root}).builder()
	want, err := b.version(part("kube-apiserver"))
	require.NoError(t, err)
	for _, p := range nodeParts {
		if p.Module == part("kube-apiserver").Module {
			version, err := b.version(p)
			require.NoError(t, err)
			assert.Equal(t, want, version, p.Name)
		}
	}
}

// TestTwoStartsOfALabWithRealNodes starts a lab twice at the same time. Both starts succeed, and
// the second does not start the lab again.
func TestTwoStartsOfALabWithRealNodes(t *testing.T) {
	l := openReal(t)
	second := *l
	ended := make(chan error, 1)
	go func() { ended <- l.Start(t.Context()) }()
	begun, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, poll(begun, time.Millisecond, func() error {
		if !exists(l.machine().pidFile()) {
			return errors.New("the first does not start")
		}
		return nil
	}))
	require.NoError(t, second.Start(t.Context()))
	require.NoError(t, <-ended)
	assert.NoError(t, l.Healthy(t.Context()))
}

func TestMissingPackagesAreNamedBeforeAnythingStarts(t *testing.T) {
	l := openReal(t)
	all := debianPackages
	t.Cleanup(func() { debianPackages = all })
	debianPackages = append(debianPackages[:0:0], debianPackages...)
	debianPackages[0].programs = []string{"/nonexistent/containerd"}
	debianPackages[5].programs = []string{"/nonexistent/runc"}

	err := l.Start(t.Context())
	require.ErrorContains(t, err, "apt-get install --yes --no-install-recommends containerd runc")
	assert.NotContains(t, err.Error(), "\n")
	assert.NoDirExists(t, l.nodes().dir())
	assert.NoDirExists(t, l.objectStore().dir())
}

func TestAPartOfANodeThatFailsShowsItsLog(t *testing.T) {
	l := openReal(t)
	require.NoError(t, l.nodes().build(t.Context()))
	kubelet := filepath.Join(t.TempDir(), "kubelet")
	require.NoError(t, os.WriteFile(kubelet, []byte("#!/bin/sh\necho no room for $0\nexit 3\n"), 0o700))
	l.parts["kubelet"] = kubelet

	err := l.Start(t.Context())
	require.ErrorContains(t, err, "kubelet-node-")
	assert.ErrorContains(t, err, "ended: exit status 3")
	assert.ErrorContains(t, err, "--- the end of "+l.nodes().path("logs"))
	assert.ErrorContains(t, err, "no room for")
	assert.Zero(t, l.machine().pid(), "the rest runs on")
	assert.NoFileExists(t, l.machine().network())
}

func TestAStoppedLabWithRealNodesKeepsItsData(t *testing.T) {
	l := openReal(t)
	require.NoError(t, l.Start(t.Context()))
	_, err := l.Kubectl(t.Context(), "create", "namespace", "kept")
	require.NoError(t, err)

	require.NoError(t, l.Stop(t.Context()))
	assert.Zero(t, l.machine().pid())
	assert.Error(t, l.Healthy(t.Context()))
	_, err = l.Dial(t.Context(), "tcp", l.state.MinIO)
	assert.ErrorContains(t, err, "does not run")

	require.NoError(t, l.Start(t.Context()))
	require.NoError(t, l.Healthy(t.Context()))
	names, err := l.Kubectl(t.Context(), "get", "namespaces", "--output=name")
	require.NoError(t, err)
	assert.Contains(t, string(names), "namespace/kept")
}

// contents returns the files of a tar archive.
func contents(t *testing.T, archive []byte) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	reader := tar.NewReader(bytes.NewReader(archive))
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		require.NoError(t, err)
		files[header.Name], err = io.ReadAll(reader)
		require.NoError(t, err)
	}
}

func TestAnImageIsWhatItsFilesAre(t *testing.T) {
	source := filepath.Join(t.TempDir(), "program")
	require.NoError(t, os.WriteFile(source, []byte("text"), 0o600))
	image := Image{
		Ref:        []string{"example.com/a:1", "example.com/a:2"},
		Entrypoint: []string{"/bin/a"},
		User:       "1:2",
		Env:        []string{"A=b"},
		Files:      map[string]string{"/bin/a": source},
	}
	var archive, again bytes.Buffer
	require.NoError(t, image.write(&archive))
	require.NoError(t, image.write(&again))
	assert.Equal(t, archive.Bytes(), again.Bytes())

	files := contents(t, archive.Bytes())
	var manifest []struct {
		Config           string
		RepoTags, Layers []string
	}
	require.NoError(t, json.Unmarshal(files["manifest.json"], &manifest))
	assert.Equal(t, image.Ref, manifest[0].RepoTags)
	layer := contents(t, files[manifest[0].Layers[0]])
	assert.Equal(t, "text", string(layer["bin/a"]))
	assert.Contains(t, layer, "bin/")
	assert.Contains(t, layer, "etc/passwd")

	var config struct {
		Config struct {
			Entrypoint, Env []string
			User            string
		} `json:"config"`
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		} `json:"rootfs"`
	}
	require.NoError(t, json.Unmarshal(files[manifest[0].Config], &config))
	assert.Equal(t, image.Entrypoint, config.Config.Entrypoint)
	assert.Equal(t, "1:2", config.Config.User)
	assert.Contains(t, config.Config.Env, "A=b")
	assert.Equal(t, []string{"sha256:" + digest(files[manifest[0].Layers[0]])}, config.RootFS.DiffIDs)

	assert.Error(t, Image{Ref: image.Ref, Files: map[string]string{"/a": "/nonexistent"}}.write(io.Discard))
}

func TestAFolderWithoutImagesIsRejected(t *testing.T) {
	t.Setenv(ImagesVariable, t.TempDir())
	_, _, err := givenImages()
	assert.ErrorContains(t, err, "LAB_IMAGES: got")
}

// A chart whose image the nodes lack would wait for a registry. The published charts are
// looked at where they are.
func TestRealNodesHaveTheImagesOfTheCharts(t *testing.T) {
	root, err := checkout()
	require.NoError(t, err)
	folders := []string{filepath.Join(root, "lab", "chart")}
	if charts := os.Getenv("PICLUSTER_CHARTS"); charts != "" {
		for _, name := range []string{"tempo-distributed-1.61.3", "tempo-distributed-2.26.2"} {
			folders = append(folders, filepath.Join(charts, name))
		}
	}
	for _, folder := range folders {
		var file struct {
			AppVersion string `json:"appVersion"`
		}
		var values struct {
			Memcached struct{ Image struct{ Tag string } }
		}
		for name, into := range map[string]any{"Chart.yaml": &file, "values.yaml": &values} {
			text, err := os.ReadFile(filepath.Join(folder, name))
			require.NoError(t, err)
			require.NoError(t, yaml.Unmarshal(text, into))
		}
		assert.Contains(t, chart.TempoVersions(), file.AppVersion, folder)
		assert.Contains(t, memcachedTags, values.Memcached.Image.Tag, folder)
	}
}

// What LAB_IMAGES has is no stand-in, whatever name its archive has it under.
func TestStandInsHaveTheNamesThatAreNotGiven(t *testing.T) {
	folder := t.TempDir()
	t.Setenv(ImagesVariable, folder)
	program := filepath.Join(t.TempDir(), "program")
	require.NoError(t, os.WriteFile(program, nil, 0o600))
	for name, image := range map[string]Image{
		"tempo":     {Ref: []string{"grafana/tempo:2.10.8", "docker.io/grafana/tempo:2.10.7"}},
		"memcached": {Ref: []string{"memcached:1.6.39-alpine"}},
		"other":     {Ref: []string{"localhost:5000/grafana/tempo:2.9.0", "registry.k8s.io/pause:lab"}},
	} {
		file, err := os.Create(filepath.Join(folder, name+".tar"))
		require.NoError(t, err)
		require.NoError(t, image.write(file))
		require.NoError(t, file.Close())
	}
	archives, given, err := givenImages()
	require.NoError(t, err)
	assert.Len(t, archives, 3)

	var names, versions []string
	images := standIns(program, given)
	for _, image := range images {
		names = append(names, image.Ref...)
		versions = append(versions, image.Env...)
	}
	assert.Equal(t, []string{"docker.io/grafana/tempo:2.9.0", "docker.io/grafana/tempo:2.9.5", "docker.io/library/memcached:1.6.43-alpine"}, names)
	assert.Equal(t, []string{"STANDIN_VERSION=2.9.0", "STANDIN_VERSION=2.9.5"}, versions)

	var log bytes.Buffer
	announce(&log, images)
	assert.Contains(t, log.String(), "STAND-IN IMAGES of lab/standin, which are neither Tempo nor memcached: docker.io/grafana/tempo:2.9.0, ")
	log.Reset()
	announce(&log, nil)
	assert.Empty(t, log.String())
}

func TestAnArchiveThatIsNoImageIsRejected(t *testing.T) {
	folder := t.TempDir()
	t.Setenv(ImagesVariable, folder)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "a.tar"), make([]byte, 1024), 0o600))
	_, _, err := givenImages()
	assert.ErrorContains(t, err, "LAB_IMAGES: got an archive of "+folder)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "a.tar"), []byte("text"), 0o600))
	_, _, err = givenImages()
	assert.ErrorContains(t, err, "LAB_IMAGES: "+folder)
}

func TestNamesOfImagesInFull(t *testing.T) {
	for name, want := range map[string]string{
		"memcached:1":             "docker.io/library/memcached:1",
		"docker.io/memcached:1":   "docker.io/library/memcached:1",
		"grafana/tempo:1":         "docker.io/grafana/tempo:1",
		"docker.io/grafana/tempo": "docker.io/grafana/tempo",
		"quay.io/a:1":             "quay.io/a:1",
		"localhost/a/b:1":         "localhost/a/b:1",
		"localhost:5000/a:1":      "localhost:5000/a:1",
	} {
		assert.Equal(t, want, fullName(name), name)
	}
}
