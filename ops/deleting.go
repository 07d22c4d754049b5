package main

import (
	"fmt"
	"slices"

	"github.com/picluster/picluster/ops/drift"
	"github.com/picluster/picluster/ops/engine"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
)

// checkDeleting returns an error if an up would use something again that an interrupted up has
// left to delete: after a change of a name, or of where the key is from, that was set back before
// an up with it succeeded. Providers delete by name, so that Pulumi would delete what this up has
// just deployed.
func (p planned) checkDeleting(steps []engine.Step) error {
	for _, s := range steps {
		if s.New == nil || !s.New.Custom || s.Op == apitype.OpDelete || s.Op == apitype.OpDeleteReplaced {
			continue
		}
		at := slices.IndexFunc(p.state.Deleting, func(d *engine.Resource) bool {
			return !d.External && d.Type == s.New.Type && isNamed(d) && placeOf(d) == placeOf(s.New)
		})
		if at < 0 {
			continue
		}
		where, what := drift.Called(s.New)
		return fmt.Errorf("%s %s: an up that did not succeed has left it to be deleted; want the configuration of that up, because this one would deploy it and then delete it. "+
			"Fix: set what you have set back once more, and run %s until it succeeds; then change it back", where, what, p.commands.Picluster("up"))
	}
	return nil
}

// isNamed returns whether a provider finds a resource by its name: a user, a policy, a bucket, a
// release or an object.
func isNamed(r *engine.Resource) bool {
	return r.Object() != nil || slices.Contains([]string{engine.UserType, engine.PolicyType, engine.BucketType, engine.ReleaseType}, r.Type)
}

// placeOf returns the name of a resource, with its namespace.
func placeOf(r *engine.Resource) string {
	if manifest := r.Object(); manifest != nil {
		return manifest.GetNamespace() + "/" + manifest.GetName()
	}
	return r.Text("namespace") + "/" + nameOf(r)
}
