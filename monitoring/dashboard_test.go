package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDashboards has the program's dashboards be those that this module writes.
func TestDashboards(t *testing.T) {
	all, err := dashboards()
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(written, "*.json"))
	require.NoError(t, err)
	assert.Len(t, files, len(all), "a dashboard that is written no longer, or not yet")
	for name, want := range all {
		got, err := os.ReadFile(filepath.Join(written, name+".json"))
		require.NoError(t, err)
		assert.Equal(t, string(want), string(got), "dashboard %s. Fix: make dashboards", name)
	}
}

// TestExplore has variables of Grafana in a URL, and every other brace escaped.
func TestExplore(t *testing.T) {
	assert.Equal(t, "%7B${a.b}%7D${c}", unescape("%7B%24%7Ba.b%7D%7D%24%7Bc%7D"))
	assert.Contains(t, explore("tempo", map[string]any{"query": `{a="${b}"}`}), "%7Ba%3D%5C%22${b}%5C%22%7D")
}
