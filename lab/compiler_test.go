package lab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestGoFlags(t *testing.T) {
	ours := strings.Join(compileFlags, " ")
	for own, want := range map[string]string{
		"":                          ours,
		"-mod=mod":                  ours + " -mod=mod",
		"-trimpath":                 compileFlags[1] + " -trimpath",
		ours + " -v":                ours + " -v",
		"-gcflags=all=-N -trimpath": compileFlags[1] + " -gcflags=all=-N -trimpath", // the last one counts
	} {
		t.Setenv("GOFLAGS", own)
		assert.Equal(t, want, goFlags())
	}
}

// Another flag would compile each package again.
func TestTheMakefileHasTheSameFlags(t *testing.T) {
	root, err := checkout()
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(root, "Makefile"))
	require.NoError(t, err)
	assert.Contains(t, string(text), "\nexport GOFLAGS := "+strings.Join(compileFlags, " ")+" $(GOFLAGS)\n")
}
