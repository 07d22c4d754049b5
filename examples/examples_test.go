// Package examples_test checks what a program that imports the components depends on.
package examples_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/modfile"
)

// TestNothingOfTheLab has neither the program nor an example depend on a module that only the
// lab, the tests on it or the benchmarks import.
func TestNothingOfTheLab(t *testing.T) {
	program := modules(t, ".", "./components/...", "./stacks/...", "./internal/...")
	var own []string
	for _, dir := range []string{"../lab", "../tests", "../bench"} {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		require.NoError(t, err)
		mod, err := modfile.Parse("go.mod", text, nil)
		require.NoError(t, err)
		for _, require := range mod.Require {
			if !require.Indirect && !program[require.Mod.Path] && require.Mod.Path != "github.com/picluster/picluster" {
				own = append(own, require.Mod.Path)
			}
		}
	}
	for _, module := range []string{"github.com/minio/madmin-go/v3", "gonum.org/v1/plot", "github.com/google/go-containerregistry"} {
		assert.Contains(t, own, module, "the test looks at nothing")
	}

	sums, err := filepath.Glob("*/go.sum")
	require.NoError(t, err)
	require.NotEmpty(t, sums)
	for _, path := range append(sums, "../go.sum", "../provider/go.sum") {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			module, _, _ := strings.Cut(line, " ")
			assert.NotContains(t, own, module, path)
		}
	}
}

// modules returns the modules of the packages that packages import, in their tests too.
func modules(t *testing.T, packages ...string) map[string]bool {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-deps", "-test", "-f", "{{with .Module}}{{.Path}}{{end}}"}, packages...)...)
	cmd.Dir = ".."
	out, err := cmd.Output()
	require.NoError(t, err)
	found := map[string]bool{}
	for _, module := range strings.Fields(string(out)) {
		found[module] = true
	}
	return found
}
