package drift

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/picluster/picluster/ops/cluster"
	"github.com/picluster/picluster/ops/engine"
	"github.com/picluster/picluster/ops/object"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
	"helm.sh/helm/v3/pkg/release"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// owner is what restores an object: the resource that it is, or the release that
// Helm created it in.
type owner struct {
	urn     urn.URN
	release string // NAMESPACE/RELEASE
	// next returns the object as the configuration would deploy it, nil if not at
	// all, and whether that differs from what is deployed.
	next func(manifest *object.Object) (*object.Object, bool, error)
}

// objects returns looks at the objects that are resources of the stack's own.
func (t *Target) objects(next func() []engine.Step) []look {
	var looks []look
	for _, r := range t.state.Resources {
		manifest := r.Object()
		if r.External || manifest == nil {
			continue
		}
		looks = append(looks, func(ctx context.Context) ([]Finding, error) {
			return t.object(ctx, manifest, owner{urn: r.URN, next: func(*object.Object) (*object.Object, bool, error) {
				for _, s := range next() {
					// A preview does not say what a Secret would hold.
					if s.URN == r.URN && s.Changes() && !object.IsSecret(manifest) {
						return s.New.Object(), true, nil
					}
				}
				return nil, false, nil
			}})
		})
	}
	return looks
}

// releases returns looks at the stack's Helm releases.
func (t *Target) releases(next func() []engine.Step) []look {
	var looks []look
	for _, r := range t.state.Of(engine.ReleaseType) {
		looks = append(looks, func(ctx context.Context) ([]Finding, error) { return t.release(ctx, r, next) })
	}
	return looks
}

// release looks at Helm's record of a release, and at its objects.
func (t *Target) release(ctx context.Context, r *engine.Resource, next func() []engine.Step) ([]Finding, error) {
	where, what := Called(r)
	id := r.Text("namespace") + "/" + r.Text("name")
	finding := func(is string) Finding {
		return Finding{Where: where, What: what, Is: is, URN: r.URN, Release: id}
	}
	record, err := t.cluster.Record(r.Text("namespace"), r.Text("name"))
	if err != nil {
		return nil, err
	}
	if record == nil {
		return []Finding{finding("is not installed")}, nil
	}
	var findings []Finding
	if status := record.Info.Status; status.IsPending() {
		// Helm rejects an upgrade until the interrupted operation is rolled back.
		return []Finding{{Where: where, What: what, Is: fmt.Sprintf("has the status %q since revision %d: an operation of Helm was interrupted; first run %s",
			status, record.Version, t.commands.Helm("rollback", record.Name, "--namespace", record.Namespace))}}, nil
	} else if status != release.StatusDeployed {
		f := finding(fmt.Sprintf("has the status %q since revision %d", status, record.Version))
		f.Failed = status == release.StatusFailed
		findings = append(findings, f)
	}
	if want := revision(r); want != 0 && record.Version != want {
		// The live objects are those of another revision, so they are not compared.
		f := finding(fmt.Sprintf("is at revision %d, and should be at %d: %s", record.Version, want, object.Redact(record.Info.Description, t.state.Secrets)))
		f.Stale = true
		return append(findings, f), nil
	}

	manifests, err := t.cluster.Objects(record)
	if err != nil {
		return nil, err
	}
	rendered := sync.OnceValues(func() (map[string]*object.Object, error) { return t.rendered(ctx, r, next()) })
	o := owner{urn: r.URN, release: id, next: func(manifest *object.Object) (*object.Object, bool, error) {
		objects, err := rendered()
		return objects[object.Name(manifest)], objects != nil, err
	}}
	var looks []look
	for _, manifest := range manifests {
		looks = append(looks, func(ctx context.Context) ([]Finding, error) { return t.object(ctx, manifest, o) })
	}
	found, err := t.together(ctx, looks)
	return append(findings, found...), err
}

// rendered returns the objects of a release as the configuration would deploy them,
// by their names; nil if that changes nothing.
func (t *Target) rendered(ctx context.Context, r *engine.Resource, next []engine.Step) (map[string]*object.Object, error) {
	for _, s := range next {
		if s.URN != r.URN || !s.Changes() || s.Op == apitype.OpDelete {
			continue
		}
		list, err := t.cluster.Render(ctx, cluster.ReleaseOf(s.New.Inputs))
		if err != nil {
			return nil, fmt.Errorf("rendering release %s: %w", r.Text("name"), err)
		}
		objects := map[string]*object.Object{}
		for _, o := range list {
			objects[object.Name(o)] = o
		}
		return objects, nil
	}
	return nil, nil
}

// revision is the revision of a release that the state has; 0 if it has none.
func revision(r *engine.Resource) int {
	status, _ := r.Outputs["status"].(map[string]any)
	number, _ := status["revision"].(float64)
	return int(number)
}

// object looks at one object. A field on which the object and the configuration agree is no
// drift, for example after a hotfix that is in the configuration too.
func (t *Target) object(ctx context.Context, manifest *object.Object, o owner) ([]Finding, error) {
	f := Finding{Where: inKubernetes, What: object.Name(manifest), URN: o.urn, Release: o.release}
	live, err := t.cluster.Get(ctx, manifest)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.What, err)
	}
	if live == nil {
		if next, changes, err := o.next(manifest); err != nil || changes && next == nil {
			return nil, err
		}
		f.Is = "is gone"
		f.Change, err = object.Diff(nil, manifest, t.state.Secrets)
		return []Finding{f}, err
	}
	differences, err := t.differences(manifest, live)
	if err != nil || len(differences) == 0 {
		return nil, err
	}
	next, changes, err := o.next(manifest)
	if err != nil {
		return nil, err
	}
	if changes && next != nil {
		pending, err := t.differences(next, live)
		if err != nil {
			return nil, err
		}
		differences = object.Pending(differences, pending)
	}

	report, ignored := object.Ignored(t.ignores, f.What, differences)
	var changed, added []string
	for _, d := range report {
		if d.Added() {
			added = append(added, d.String())
		} else {
			changed = append(changed, d.String())
		}
	}
	by := ""
	if editor := object.LastEditor(live); editor != "" {
		by = " (" + editor + ")"
	}
	var findings []Finding
	if len(changed) > 0 {
		f.Is = strings.Join(changed, "; ") + by
		restored, err := object.Restored(manifest, live)
		if err != nil {
			return nil, err
		}
		if f.Change, err = object.Diff(live, restored, t.state.Secrets); err != nil {
			return nil, err
		}
		if o.release != "" {
			f.Unmerged = func(ctx context.Context) (*Finding, error) { return t.unmerged(ctx, f, manifest, live, restored) }
		}
		findings = append(findings, f)
	}
	if len(added) > 0 {
		findings = append(findings, Finding{Where: f.Where, What: f.What, Is: strings.Join(added, "; ") + by})
	}
	t.ignore(f, ignored)
	return findings, nil
}

// unmerged returns a finding with a Fix if merged, which is what Helm's upgrade would leave, is
// not a valid object. This upgrade would fail, and so would each one after it. Examples are an
// item of a list that is there twice because its key field was edited, and an env with two
// sources because it was given a value.
func (t *Target) unmerged(ctx context.Context, f Finding, manifest, live, merged *object.Object) (*Finding, error) {
	err := t.cluster.Replace(ctx, merged, true)
	if !apierrors.IsInvalid(err) {
		return nil, err
	}
	want, err := object.Want(manifest, live)
	if err != nil {
		return nil, err
	}
	if err := t.cluster.Replace(ctx, want, true); err != nil {
		return nil, fmt.Errorf("cannot be changed in place, neither by Helm nor directly. Fix: set the chartVersion before and run up; or delete it, if what it holds can be lost, and repair creates it again: %w", err)
	}
	f.Is += "; Helm cannot merge this edit, so the object is written directly, without what others have added"
	if f.Change, err = object.Diff(live, want, t.state.Secrets); err != nil {
		return nil, err
	}
	f.Fix = func(ctx context.Context) error { return t.cluster.Replace(ctx, want, false) }
	return &f, nil
}

// differences returns how live differs from what its manifest would have it be.
func (t *Target) differences(manifest, live *object.Object) ([]object.Difference, error) {
	want, err := object.Want(manifest, live)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", object.Name(manifest), err)
	}
	return object.Differences(live, want, t.state.Secrets), nil
}

// ignore notes what driftIgnore has ignored of an object.
func (t *Target) ignore(f Finding, differences []object.Difference) {
	if len(differences) == 0 {
		return
	}
	var said []string
	for _, d := range differences {
		said = append(said, d.String())
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ignored = append(t.ignored, Finding{Where: f.Where, What: f.What, Is: strings.Join(said, "; ")})
}
