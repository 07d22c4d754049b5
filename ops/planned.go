package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/picluster/picluster/internal/command"
	"github.com/picluster/picluster/ops/adopt"
	"github.com/picluster/picluster/ops/drift"
	"github.com/picluster/picluster/ops/engine"
	"github.com/picluster/picluster/ops/object"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
)

// planned looks at what an up would do, before it does it.
type planned struct {
	commands command.Names
	state    *engine.State
	// store and cluster are where what exists already is looked for.
	store   adopt.Store
	cluster objects
}

// objects is what is asked of the cluster.
type objects interface {
	Get(ctx context.Context, manifest *object.Object) (*object.Object, error)
}

// checkFirst previews the first up of a stack, and checks its steps.
func (o *options) checkFirst(ctx context.Context) error {
	steps, err := o.stack.Preview(ctx)
	if err != nil {
		return nil // the up reports it, with all else that is wrong
	}
	return o.checkPlanned(ctx, steps)
}

// checkPlanned returns an error if the steps of an up take what exists already and this stack
// has not created, or lock pods out of their bucket.
func (o *options) checkPlanned(ctx context.Context, steps []engine.Step) error {
	if !slices.ContainsFunc(steps, func(s engine.Step) bool { return s.New != nil && s.New.Custom && s.Op != apitype.OpSame }) {
		return nil
	}
	state, config, err := o.read(ctx)
	if err != nil {
		return untouched(err)
	}
	store, cluster, err := drift.Servers(ctx, config)
	if err != nil || store == nil {
		return untouched(err)
	}
	p := planned{commands: o.commands(), state: state, store: store, cluster: cluster}
	return untouched(errors.Join(p.checkDeleting(steps), p.checkBucket(steps), p.checkTaken(ctx, steps), p.checkObjects(ctx, steps)))
}

// isNew returns whether a step creates a resource of one of these types.
func isNew(s engine.Step, types ...string) bool {
	return (s.Op == apitype.OpCreate || s.Op == apitype.OpReplace) && s.New != nil && slices.Contains(types, s.New.Type)
}

// created returns the steps that create a resource of these types under a name that the stack
// does not have. What an interrupted up has begun to create is this stack's, and what the stack
// has only read is not. A replacement by what is only read has a step of its own for that.
func (p planned) created(steps []engine.Step, types ...string) (created []engine.Step) {
	for _, s := range steps {
		isRead := slices.ContainsFunc(steps, func(r engine.Step) bool {
			return r.URN == s.URN && (r.Op == apitype.OpRead || r.Op == apitype.OpReadReplacement)
		})
		if isRead || !isNew(s, types...) || slices.ContainsFunc(p.state.Pending, func(r *engine.Resource) bool { return r.URN == s.URN && placeOf(r) == placeOf(s.New) }) {
			continue
		}
		if had := p.state.Find(s.URN); had != nil && !had.External && placeOf(had) == placeOf(s.New) {
			continue
		}
		s.Op = apitype.OpCreate // of another name
		created = append(created, s)
	}
	return created
}

// nameOf returns the name of a user, a policy, a bucket or an object, where it is.
func nameOf(r *engine.Resource) string {
	if manifest := r.Object(); manifest != nil {
		return manifest.GetName()
	}
	if bucket := r.Text("bucket"); bucket != "" {
		return bucket
	}
	return r.Text("name")
}

// checkBucket returns an error if the up gives a stack another bucket. The policy is for one
// bucket, and changes before the pods restart.
func (p planned) checkBucket(steps []engine.Step) error {
	for _, s := range steps {
		if s.Op != apitype.OpReplace || s.New == nil || s.New.Type != engine.BucketType {
			continue
		}
		had := p.state.Find(s.URN)
		if had == nil || nameOf(had) == nameOf(s.New) {
			continue
		}
		return fmt.Errorf("bucket: got %q; want %q, which the stack has, because this up would lock out pods that still write to it, and queries would not find its traces. "+
			"Fix: pulumi config set bucket %[2]s; to move the traces, see docs/object-store.md", nameOf(s.New), nameOf(had))
	}
	return nil
}

// laterVersion ends the name of the user of a later key version.
var laterVersion = regexp.MustCompile(`\.v\d+$`)

// checkTaken returns an error if MinIO has a user or a policy that the up creates. The provider
// writes over what exists: another stack's user would get this one's key, and its policy this
// one's bucket. A later version of the stack's own user can be of a state that was lost, and pods
// have its key.
func (p planned) checkTaken(ctx context.Context, steps []engine.Step) error {
	users := p.state.Of(engine.UserType)
	if len(users) == 0 && len(p.state.Of(engine.BucketType)) > 0 && len(p.state.Of(engine.ReleaseType)) == 0 {
		return nil // an earlier up has ended after the bucket, before its user was stored
	}
	found, _, err := adopt.Finder{Store: p.store}.Find(ctx, p.created(steps, engine.UserType, engine.PolicyType))
	if err != nil || len(found) == 0 {
		return err
	}
	var names []string
	for _, r := range found {
		if version := versionOf(r); r.Type == engine.UserType && slices.ContainsFunc(users, func(had *engine.Resource) bool {
			return laterVersion.ReplaceAllString(nameOf(had), "") == laterVersion.ReplaceAllString(nameOf(r), "")
		}) {
			return fmt.Errorf("keyVersion: got %d, whose user %s MinIO has and this state does not know; want %d, because this up would replace the user's key, which pods can have. "+
				"Fix: pulumi config set keyVersion %[3]d", version, nameOf(r), version+1)
		}
		_, what := drift.Called(r)
		names = append(names, what)
	}
	slices.Sort(names)
	return fmt.Errorf("MinIO has %s already, and this stack has not created that: the up would give another stack's user a new key. "+
		"Fix: %s, if they are this stack's; or give this stack its own: pulumi config set user NAME", strings.Join(slices.Compact(names), " and "), p.commands.Picluster("adopt"))
}

// checkObjects returns an error if the cluster has a namespace, a Secret or a ConfigMap that the
// up creates. The provider takes it over, and a destroy deletes it, a namespace with all that is
// in it. One that is being deleted is reported by the up.
func (p planned) checkObjects(ctx context.Context, steps []engine.Step) error {
	var all error
	for _, s := range p.created(steps, engine.NamespaceType, engine.SecretType, engine.ConfigMapType) {
		manifest := s.New.Object()
		if manifest == nil || manifest.GetName() == "" { // known later
			continue
		}
		live, err := p.cluster.Get(ctx, manifest)
		if err != nil || live == nil || live.GetDeletionTimestamp() != nil {
			all = errors.Join(all, err)
			continue
		}
		if s.New.Type == engine.NamespaceType {
			err = fmt.Errorf("namespace: got %q, which exists and which this stack has not created; want a new one, because a destroy deletes the stack's namespace with all that is in it. "+
				"Fix: pulumi config set existingNamespace true; or, if it is this stack's, %s", nameOf(s.New), p.commands.Picluster("adopt"))
		} else {
			err = fmt.Errorf("%s: exists, and this stack has not created it; want a name of its own, because this up would write over it. "+
				"Fix: %s, if it is this stack's; or set another name: secretName, or release", object.Name(manifest), p.commands.Picluster("adopt"))
		}
		all = errors.Join(all, err)
	}
	return all
}
