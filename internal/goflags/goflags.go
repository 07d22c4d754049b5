// Package goflags has the flags with which a checkout's programs and the lab's parts are compiled.
package goflags

import (
	"cmp"
	"os"
	"slices"
	"strings"
)

// Shared are the flags of the Makefile, the workflows and the documentation, so that Go compiles
// each package once. They leave out the paths of the machine, which Pulumi would write into the
// state, and debug information: without it, picluster from an empty cache took 227 s of CPU
// time in place of 257 s.
var Shared = []string{"-trimpath", "-gcflags=all=-dwarf=false"}

// With returns a user's own GOFLAGS after those of Shared that it lacks. Of two -gcflags, Go
// takes the last one.
func With(own string) string {
	flags := strings.Fields(own)
	lacks := slices.DeleteFunc(slices.Clone(Shared), func(flag string) bool { return slices.Contains(flags, flag) })
	return strings.Join(append(lacks, flags...), " ")
}

// Environment returns the variables with which Pulumi compiles the program: those of the Makefile,
// so that Go compiles each package once for the command and the program. The user's own
// CGO_ENABLED has precedence.
func Environment() map[string]string {
	return map[string]string{"CGO_ENABLED": cmp.Or(os.Getenv("CGO_ENABLED"), "0"), "GOFLAGS": With(os.Getenv("GOFLAGS"))}
}
