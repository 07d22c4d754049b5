package engine

import (
	"os"
	"strings"
	"testing"

	"github.com/picluster/picluster/internal/goflags"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// shared are the flags of the Makefile.
var shared = strings.Join(goflags.Shared, " ")

func TestEnvironment(t *testing.T) {
	for name, test := range map[string]struct{ gogc, flags, cgo, wantGOGC, wantFlags, wantCgo string }{
		"nothing set":  {"", "", "", "300", shared, "0"},
		"the user's":   {"off", "-mod=mod", "1", "off", shared + " -mod=mod", "1"},
		"the Makefile": {"", shared + " -v", "0", "300", shared + " -v", "0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("GOGC", test.gogc)
			t.Setenv("GOFLAGS", test.flags)
			t.Setenv("CGO_ENABLED", test.cgo)
			assert.Equal(t, map[string]string{"GOGC": test.wantGOGC, "GOFLAGS": test.wantFlags, "CGO_ENABLED": test.wantCgo}, environment())
		})
	}
}

// Pulumi has the variables in each command that compiles the program.
func TestCompilation(t *testing.T) {
	t.Setenv("CGO_ENABLED", "")
	t.Setenv("GOFLAGS", "")
	stack, _ := scenario{"up": {{}}, "preview": {{}}}.use(t)
	for name, run := range map[string]func() error{
		"up":      func() error { _, err := stack.Up(t.Context(), 0); return err },
		"preview": func() error { _, err := stack.Preview(t.Context()); return err },
	} {
		require.NoError(t, os.WriteFile("compiles", nil, 0o600))
		_ = run()
		text, err := os.ReadFile("compiles")
		require.NoError(t, err)
		assert.Equal(t, "0 "+shared, string(text), name)
	}
}
