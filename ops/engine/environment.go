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
	env := goflags.Environment()
	env["GOGC"] = cmp.Or(os.Getenv("GOGC"), "300")
	return env
}
