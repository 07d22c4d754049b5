package lab

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// inDir returns a lab in a directory that has these files, and what it logs.
func inDir(t *testing.T, files ...string) (*Lab, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	l := &Lab{Dir: filepath.Join(t.TempDir(), "dir"), cache: t.TempDir(), log: &log}
	for _, name := range files {
		path := filepath.Join(l.Dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte("x"), 0o600))
	}
	return l, &log
}

// names returns the names in a lab's directory.
func names(t *testing.T, l *Lab) []string {
	t.Helper()
	files, err := os.ReadDir(l.Dir)
	require.NoError(t, err)
	var names []string
	for _, file := range files {
		names = append(names, file.Name())
	}
	return names
}

func TestStartRefusesADirectoryWithOtherFiles(t *testing.T) {
	for _, file := range []string{"thesis.txt", "bin/mine", labEntry} {
		l, _ := inDir(t, file)
		before := names(t, l)
		err := l.Start(t.Context())
		require.ErrorContains(t, err, "LAB_DIR", file)
		assert.ErrorContains(t, err, l.Dir, file)
		assert.Equal(t, before, names(t, l), file)
	}
}

func TestOpenRefusesADirectoryWithOtherFiles(t *testing.T) {
	l, _ := inDir(t, "thesis.txt")
	ended, cancel := context.WithCancel(t.Context())
	cancel() // no parts are built for this
	_, err := Open(ended, l.Dir, l.log)
	assert.ErrorContains(t, err, "LAB_DIR")
}

func TestClaim(t *testing.T) {
	for name, make := range map[string]func(*testing.T) *Lab{
		"no directory": func(t *testing.T) *Lab { l, _ := inDir(t); return l },
		"empty directory": func(t *testing.T) *Lab {
			l, _ := inDir(t)
			require.NoError(t, os.Mkdir(l.Dir, 0o700))
			return l
		},
		"lab": func(t *testing.T) *Lab { l, _ := inDir(t, markEntry, "thesis.txt"); return l },
		"lab without a mark": func(t *testing.T) *Lab {
			l, _ := inDir(t, "program")
			require.NoError(t, l.Load())
			return l
		},
	} {
		l := make(t)
		require.NoError(t, l.claim(), name)
		assert.Contains(t, names(t, l), markEntry, name)
	}
}

func TestRemoveLeavesWhatTheLabDidNotCreate(t *testing.T) {
	var files []string
	for _, name := range entries {
		if name != labEntry && name != markEntry {
			files = append(files, filepath.Join(name, "file"))
		}
	}
	l, log := inDir(t, append(files, markEntry, "thesis.txt", "photos/cat")...)
	require.NoError(t, l.Load())

	require.NoError(t, l.Remove(t.Context()))
	assert.Equal(t, []string{"photos", "thesis.txt"}, names(t, l))
	assert.FileExists(t, filepath.Join(l.Dir, "photos", "cat"))
	assert.Contains(t, log.String(), l.Dir)
	assert.Contains(t, log.String(), "photos, thesis.txt")
}

func TestRemoveALabWithoutAMark(t *testing.T) {
	l, log := inDir(t, "program", "state/.pulumi/stack.json")
	require.NoError(t, l.Load())
	require.NotContains(t, names(t, l), markEntry)

	require.NoError(t, l.Remove(t.Context()))
	assert.NoDirExists(t, l.Dir)
	assert.Empty(t, log.String())
}

func TestRemoveRefusesADirectoryThatIsNoLabs(t *testing.T) {
	l, _ := inDir(t, "bin/mine")
	require.NoError(t, os.WriteFile(l.stateFile(), []byte(`{"experiments": 3}`), 0o600))
	assert.ErrorContains(t, l.Remove(t.Context()), "LAB_DIR")
	assert.Equal(t, []string{"bin", labEntry}, names(t, l))
	assert.FileExists(t, filepath.Join(l.Dir, "bin", "mine"))
}

func TestALabCreatesNothingThatRemoveDoesNotKnow(t *testing.T) {
	l, _ := inDir(t)
	l.TLS = true
	for _, path := range []string{
		l.bin(), l.CA(), l.ConfigFile(), l.program(), l.stateDir(), l.stateFile(), l.Kubeconfig(),
		l.cluster().workDir(), l.objectStore().dir(), l.nodes().dir(),
	} {
		assert.True(t, slices.Contains(entries, filepath.Base(path)) && filepath.Dir(path) == l.Dir, path)
	}
	assert.Panics(t, func() { l.entry("another") })
}
