package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSamples compares each block that is a sample with its file, which the test of the
// command writes.
func TestSamples(t *testing.T) {
	shown := map[string]bool{}
	for _, p := range pages(t) {
		for _, b := range p.blocks {
			if b.sample == "" {
				continue
			}
			shown[filepath.Base(b.sample)] = true
			want, err := os.ReadFile(filepath.Join(root, b.sample))
			require.NoError(t, err)
			assert.Equal(t, strings.TrimSuffix(string(want), "\n"), b.text, "%s:%d is not %s. Fix: copy the file into the block", p.path, b.line, b.sample)
		}
	}
	files, err := filepath.Glob("samples/*")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		assert.True(t, shown[filepath.Base(file)], "docs/%s is shown nowhere", file)
	}
}

// figure is a measured time or amount.
var figure = regexp.MustCompile(`\b\d+\.\d+ (?:s|ms|GB|MB)\b`)

// TestFigures looks for measurements that docs/bench does not have.
func TestFigures(t *testing.T) {
	var measured strings.Builder
	for _, p := range pages(t) {
		// The lab's own costs are measured in the table of its parts.
		if strings.HasPrefix(p.path, "docs/bench/") || p.path == "docs/lab-parts.md" {
			measured.WriteString(p.text)
		}
	}
	for _, p := range pages(t) {
		for _, f := range figure.FindAllString(p.prose, -1) {
			assert.True(t, strings.Contains(measured.String(), f), "%s: docs/bench has no %s", p.path, f)
		}
	}
}

// TestReadme holds the README to what a newcomer reads in ten minutes.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	assert.LessOrEqual(t, strings.Count(string(text), "\n"), 120)
	assert.Len(t, regexp.MustCompile(`(?m)^\d\. `).FindAllString(string(text), -1), 6, "the quick start has six steps")
}
