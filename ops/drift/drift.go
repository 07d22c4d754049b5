package drift

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/picluster/picluster/ops/engine"
	"github.com/picluster/picluster/ops/object"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
)

// Look is what a look at a stack has found.
type Look struct {
	Findings []Finding
	// Ignored is what driftIgnore names.
	Ignored []Finding
	// Differs is true if a refresh would change the state.
	Differs bool
	// Refresh is true if an up is to begin with a refresh: if one would change the state, and no
	// release has failed. A refresh stores what a failed release was to deploy as deployed, and the
	// up would not try it again.
	Refresh bool
	// Planned are the steps of the next up.
	Planned []engine.Step
	// Changes are the resources that the next up changes, whatever has drifted.
	Changes map[urn.URN]bool
	// RefreshErr is why a refresh fails; nil if it does not. A provider fails, for example, if it
	// cannot read what is gone.
	RefreshErr error
}

// Drifted returns the findings without the changes of the configuration that no up
// has deployed yet, which Pulumi's own preview shows.
func (l *Look) Drifted() []Finding {
	return slices.DeleteFunc(slices.Clone(l.Findings), func(f Finding) bool { return f.Pending })
}

// ErrEmpty is returned by Find for a stack that has never been up.
var ErrEmpty = errors.New("the stack has created nothing yet")

// Find returns all drift of a stack. Its error says why it cannot be determined.
//
// Three look at once: Pulumi's refresh, at what its providers read; Pulumi's preview, at what the
// configuration would change; and picluster itself, at the cluster and at MinIO. If both the
// refresh and picluster find something, only picluster's finding is reported, because it says
// more.
func (t *Target) Find(ctx context.Context, stack *engine.Stack) (*Look, error) {
	if t.Empty() {
		return nil, ErrEmpty
	}
	var (
		looks               sync.WaitGroup
		refresh, preview    []engine.Step
		look                Look
		previewErr, findErr error
		previewed           = make(chan struct{})
	)
	looks.Go(func() {
		look.RefreshErr = safely(func() (err error) { refresh, err = stack.Refresh(ctx); return err })
	})
	looks.Go(func() {
		defer close(previewed)
		previewErr = safely(func() (err error) { preview, err = stack.Preview(ctx); return err })
	})
	looks.Go(func() {
		next := func() []engine.Step { <-previewed; return preview }
		findErr = safely(func() (err error) { look.Findings, look.Ignored, err = t.direct(ctx, next); return err })
	})
	looks.Wait()
	for _, err := range []error{findErr, previewErr} {
		if err != nil {
			return nil, err
		}
	}
	if look.RefreshErr != nil && (!goneFromMinIO(look.Findings) || errors.Is(look.RefreshErr, engine.ErrLocked)) {
		return nil, look.RefreshErr
	}
	if look.RefreshErr != nil {
		// picluster itself has found what the provider cannot read.
		look.Findings = append(look.Findings, Finding{Where: inPulumi, What: "refresh",
			Is: "fails until the rest is repaired: " + object.Redact(firstLine(look.RefreshErr.Error()), t.state.Secrets)})
	}
	look.Planned = preview
	look.add(t.own(engine.Changing(refresh)), t.own(engine.Changing(preview)), t.state.Pending)
	return &look, nil
}

// goneFromMinIO returns whether something is gone that the provider cannot read, so that its
// refresh fails.
func goneFromMinIO(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Where == inMinIO && f.Is == "is gone" })
}

// own returns the steps of resources that the stack does not only read.
func (t *Target) own(steps []engine.Step) []engine.Step {
	return slices.DeleteFunc(slices.Clone(steps), func(s engine.Step) bool {
		r := t.state.Find(s.URN)
		return r != nil && r.External
	})
}

// add adds what Pulumi sees to what was found, and notes what the next up restores.
func (l *Look) add(refresh, preview []engine.Step, interrupted []*engine.Resource) {
	failed := slices.ContainsFunc(l.Findings, func(f Finding) bool { return f.Failed })
	stale := slices.ContainsFunc(l.Findings, func(f Finding) bool { return f.Stale })
	l.Differs = len(refresh) > 0 || stale
	l.Refresh = l.Differs && !failed && l.RefreshErr == nil
	seen, upgraded := map[urn.URN]bool{}, map[urn.URN]bool{}
	for _, s := range refresh {
		seen[s.URN] = l.Refresh
	}
	for _, s := range preview {
		upgraded[s.URN] = true
	}
	l.Changes = upgraded
	for i, f := range l.Findings {
		// An upgrade of a release for any reason restores its objects.
		// An up that cannot refresh does not begin.
		l.Findings[i].ByUp = l.RefreshErr == nil && (f.ByUp || f.Stale && l.Refresh || f.Repairable() && (seen[f.URN] || upgraded[f.URN]))
	}
	known := map[string]bool{}
	for _, f := range append(slices.Clone(l.Findings), l.Ignored...) {
		known[f.What] = true
	}
	for _, f := range refreshed(refresh, l.Refresh) {
		if !known[f.What] {
			l.Findings = append(l.Findings, f)
		}
	}
	// What is found or ignored of an object says nothing of what is still to be deployed.
	l.Findings = append(l.Findings, previewed(preview, interrupted)...)
	sorted(l.Findings)
}

// refreshed returns the findings of a refresh. byUp is true if the next up begins with a refresh,
// which restores them.
func refreshed(steps []engine.Step, byUp bool) []Finding {
	var findings []Finding
	for _, s := range steps {
		where, what := Called(s.Resource())
		is := "is gone"
		if s.Op != apitype.OpDelete {
			is = "differs from the state"
			if len(s.Changed) > 0 {
				is += ": " + paths(s.Changed)
			}
		}
		findings = append(findings, Finding{Where: where, What: what, Is: is, URN: s.URN, ByUp: byUp})
	}
	return findings
}

// previewed returns the findings of a preview: what the configuration has, and the state does
// not. interrupted are the resources that an up has begun to change.
func previewed(steps []engine.Step, interrupted []*engine.Resource) []Finding {
	var findings []Finding
	for _, s := range steps {
		_, what := Called(s.Resource())
		is := fmt.Sprintf("is not yet as the configuration has it; up would %s it", strings.ReplaceAll(string(s.Op), "-", " "))
		if slices.ContainsFunc(interrupted, func(r *engine.Resource) bool { return r.URN == s.URN }) {
			is = "an up of it was interrupted; the next up continues"
		}
		if len(s.Changed) > 0 {
			is += ": " + paths(s.Changed)
		}
		findings = append(findings, Finding{Where: inPulumi, What: what, Is: is, URN: s.URN, ByUp: true, Pending: true})
	}
	return findings
}

func paths[V any](changed map[string]V) string {
	return strings.Join(slices.Sorted(maps.Keys(changed)), ", ")
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
