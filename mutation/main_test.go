package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each mutant still applies: a list that follows the code is what make wiring runs.
func TestListApplies(t *testing.T) {
	mutants, err := read("wiring.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, mutants)
	names := map[string]bool{}
	for _, m := range mutants {
		assert.False(t, names[m.Name], "two mutants are called %q", m.Name)
		names[m.Name] = true
		m.File = "../" + m.File
		_, err := m.changed()
		assert.NoError(t, err, m.Name)
	}
}

func TestChanged(t *testing.T) {
	file := t.TempDir() + "/a.go"
	require.NoError(t, os.WriteFile(file, []byte("one two two"), 0o600))
	text, err := mutant{File: file, Old: "one", New: "1"}.changed()
	require.NoError(t, err)
	assert.Equal(t, "1 two two", text)
	for _, old := range []string{"two", "three"} {
		_, err := mutant{File: file, Old: old}.changed()
		assert.ErrorContains(t, err, "want once")
	}
}
