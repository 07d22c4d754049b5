package engine

import (
	"cmp"
	"os"

	"github.com/picluster/picluster/internal/goflags"
)

// environment returns variables for the commands of Pulumi that only read. Pulumi, its plugins
// and the program collect garbage less often, because that is much of the work of a preview of
// hundreds of tenants. The user's own GOGC has precedence.
func environment() map[string]string {
	env := compilation()
	env["GOGC"] = cmp.Or(os.Getenv("GOGC"), "300")
	return env
}

// compilation returns the variables with which Pulumi compiles the program: those of the
// Makefile, so that Go compiles each package once for the command and the program. The user's
// own CGO_ENABLED has precedence.
func compilation() map[string]string {
	return map[string]string{"CGO_ENABLED": cmp.Or(os.Getenv("CGO_ENABLED"), "0"), "GOFLAGS": goflags.With(os.Getenv("GOFLAGS"))}
}
