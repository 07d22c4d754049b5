package drift

import (
	"context"
	"fmt"
	"strings"

	"github.com/picluster/picluster/ops/engine"
	"github.com/picluster/picluster/ops/object"
	"helm.sh/helm/v3/pkg/release"
)

// kubernetes looks at the releases of the state, at the objects of each, and at
// the objects that are resources of their own.
func (t *Target) kubernetes(ctx context.Context) ([]Finding, error) {
	var findings []Finding
	for _, r := range t.state.Resources {
		if r.External {
			continue
		}
		if manifest := r.Object(); manifest != nil {
			found, err := t.object(ctx, manifest, false)
			if err != nil {
				return nil, err
			}
			findings = append(findings, found...)
		}
	}
	for _, r := range t.state.Of(engine.ReleaseType) {
		found, err := t.release(ctx, r)
		if err != nil {
			return nil, err
		}
		findings = append(findings, found...)
	}
	return findings, nil
}

// release looks at Helm's record of a release, and at its objects.
func (t *Target) release(ctx context.Context, r *engine.Resource) ([]Finding, error) {
	where, what := Called(r)
	record, err := t.cluster.Record(r.Text("namespace"), r.Text("name"))
	if err != nil {
		return nil, err
	}
	if record == nil {
		return []Finding{{Where: where, What: what, Is: "is not installed"}}, nil
	}
	var findings []Finding
	if status := record.Info.Status; status != release.StatusDeployed {
		is := fmt.Sprintf("has the status %q since revision %d", status, record.Version)
		if status.IsPending() {
			is += fmt.Sprintf(": an operation of Helm was cut off; first run helm rollback %s --namespace %s", record.Name, record.Namespace)
		}
		findings = append(findings, Finding{Where: where, What: what, Is: is})
	}
	if want := revision(r); want != 0 && record.Version != want {
		findings = append(findings, Finding{Where: where, What: what,
			Is: fmt.Sprintf("is at revision %d, and should be at %d: %s", record.Version, want, record.Info.Description)})
		return findings, nil // its objects are another revision's
	}

	objects, err := t.cluster.Objects(record)
	if err != nil {
		return nil, err
	}
	for _, manifest := range objects {
		found, err := t.object(ctx, manifest, true)
		if err != nil {
			return nil, err
		}
		findings = append(findings, found...)
	}
	return findings, nil
}

// revision is the revision of a release that the state has; 0 if it has none.
func revision(r *engine.Resource) int {
	status, _ := r.Outputs["status"].(map[string]any)
	number, _ := status["revision"].(float64)
	return int(number)
}

// object looks at one object. One that is gone is made anew only if Pulumi would
// not do it.
func (t *Target) object(ctx context.Context, manifest *object.Object, ofRelease bool) ([]Finding, error) {
	f := Finding{Where: inKubernetes, What: object.Name(manifest)}
	live, err := t.cluster.Get(ctx, manifest)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.What, err)
	}
	if live == nil {
		f.Is = "is gone"
		if ofRelease {
			f.mend, f.object = func(ctx context.Context) error { return t.cluster.Create(ctx, manifest) }, manifest
		}
		return []Finding{f}, nil
	}
	want, err := object.Want(manifest, live)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.What, err)
	}
	differences := object.Differences(live, want, t.state.Secrets)
	if len(differences) == 0 {
		return nil, nil
	}
	var said []string
	for _, d := range differences {
		said = append(said, d.String())
	}
	f.Is = strings.Join(said, "; ")
	if editor := object.LastEditor(live); editor != "" {
		f.Is += " (" + editor + ")"
	}
	f.mend, f.object = func(ctx context.Context) error { return t.cluster.Update(ctx, want) }, want
	return []Finding{f}, nil
}
