// Package golden compares what a test generates with a file of the documentation.
package golden

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the files of the documentation")

// Check fails the test unless the file at path, from the repository's root, is text. up is the
// path of the root from the test's package, like "../..".
func Check(t *testing.T, up, path, text string) {
	t.Helper()
	file := filepath.Join(up, path)
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))  // #nosec G301 -- of a document
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644)) // #nosec G306 -- a document
	}
	is, err := os.ReadFile(file)
	require.NoError(t, err, "Fix: cd ops && go test ./... -update")
	assert.Equal(t, text, string(is), "%s is out of date. Fix: cd ops && go test ./... -update", path)
}
