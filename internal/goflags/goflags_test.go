package goflags_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/picluster/picluster/internal/goflags"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWith(t *testing.T) {
	shared := strings.Join(goflags.Shared, " ")
	for own, want := range map[string]string{
		"":                          shared,
		"-mod=mod":                  shared + " -mod=mod",
		"-trimpath":                 goflags.Shared[1] + " -trimpath",
		shared + " -v":              shared + " -v",
		"-gcflags=all=-N -trimpath": goflags.Shared[1] + " -gcflags=all=-N -trimpath",
	} {
		assert.Equal(t, want, goflags.With(own))
	}
}

// TestFlagsAreTheSameEverywhere has each place that sets GOFLAGS. Other flags would compile each
// package again.
func TestFlagsAreTheSameEverywhere(t *testing.T) {
	shared := strings.Join(goflags.Shared, " ")
	for file, want := range map[string]string{
		"Makefile":                      "\nexport GOFLAGS := " + shared + " $(GOFLAGS)\n",
		"docs/quickstart.md":            "GOFLAGS='" + shared + "'\n",
		".github/workflows/drift.yml":   "GOFLAGS: " + shared + "\n",
		".github/workflows/preview.yml": "GOFLAGS: " + shared + "\n",
		".github/workflows/up.yml":      "GOFLAGS: " + shared + "\n",
	} {
		text, err := os.ReadFile(filepath.Join("..", "..", file))
		require.NoError(t, err)
		assert.Contains(t, string(text), want, file)
		assert.Equal(t, strings.Count(string(text), "GOFLAGS: ")+strings.Count(string(text), "GOFLAGS := ")+strings.Count(string(text), "GOFLAGS="),
			strings.Count(string(text), want[1:]), "%s sets it another time", file)
	}
}
