package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/picluster/picluster/internal/command"
	"github.com/picluster/picluster/ops/engine"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
)

// tracingType is the component around all that a stack's program creates.
const tracingType = "picluster:tracing:Tracing"

// checkDuplicates returns an error if the state has something twice: the program of an
// earlier version, which has no component Tracing, was run on the state of this one. An up
// would delete the namespace, with all that is in it, as what the program no longer has.
func checkDuplicates(commands command.Names, state *engine.State) error {
	type identity struct{ kind, id string }
	first := map[identity]*engine.Resource{}
	for _, r := range state.Resources {
		if !r.Custom || r.External || r.ID == "" || !strings.HasPrefix(r.Type, "kubernetes:") && !strings.HasPrefix(r.Type, "minio:") {
			continue
		}
		key := identity{r.Type, r.ID}
		other := first[key]
		if other == nil {
			first[key] = r
			continue
		}
		surplus := r.URN
		if isInTracing(other.URN) == isInTracing(r.URN) {
			return fmt.Errorf("the state has %s %s twice: %s and %s. Fix: %s, with the one that the program does not have", r.Type, r.ID, other.URN, r.URN, commands.Pulumi("state delete"))
		}
		if isInTracing(r.URN) {
			surplus = other.URN
		}
		return fmt.Errorf("the state has %s %s twice, because an earlier version of the program was run on it: this up would delete it. Fix: %s --target-dependents '%s'", r.Type, r.ID, commands.Pulumi("state delete"), surplus)
	}
	return nil
}

func isInTracing(name urn.URN) bool {
	return slices.Contains(strings.Split(string(name.QualifiedType()), "$"), tracingType)
}
