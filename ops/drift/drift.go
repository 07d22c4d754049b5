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
)

// Direct looks at the cluster and at MinIO themselves, at all that the state says
// is there.
func (t *Target) Direct(ctx context.Context) ([]Finding, error) {
	var findings []Finding
	for _, look := range []func(context.Context) ([]Finding, error){t.minio, t.kubernetes} {
		found, err := look(ctx)
		if err != nil {
			return nil, err
		}
		findings = append(findings, found...)
	}
	found, err := t.secrets(ctx, findings)
	return sorted(append(findings, found...)), err
}

// Find returns all drift of a stack. Its error says why it cannot be told.
//
// Three look at once: Pulumi's refresh, at what its providers read; Pulumi's
// preview, at what the configuration would change; and Direct. Of what two of
// them see Direct tells more.
func Find(ctx context.Context, stack engine.Stack) ([]Finding, error) {
	state, err := stack.State(ctx)
	if err != nil {
		return nil, err
	}
	target := NewTarget(state)
	if target.Empty() {
		return nil, errors.New("the stack has made nothing yet")
	}
	if err := target.Open(ctx); err != nil {
		return nil, err
	}

	var (
		looks                          sync.WaitGroup
		refresh, preview               []engine.Step
		refreshErr, previewErr, dirErr error
		findings                       []Finding
	)
	looks.Go(func() { refresh, refreshErr = stack.Refresh(ctx) })
	looks.Go(func() { preview, previewErr = stack.Preview(ctx) })
	looks.Go(func() { findings, dirErr = target.Direct(ctx) })
	looks.Wait()
	if dirErr != nil {
		return nil, dirErr
	}
	if previewErr != nil {
		return nil, previewErr
	}
	if refreshErr != nil {
		if len(findings) == 0 {
			return nil, refreshErr
		}
		// A provider can fail to read what is gone. It is found all the same.
		first, _, _ := strings.Cut(refreshErr.Error(), "\n")
		findings = append(findings, Finding{Where: inPulumi, What: "refresh",
			Is: "fails until the rest is put right, which make up does first: " + first})
	}

	known := map[string]bool{}
	for _, f := range findings {
		known[f.What] = true
	}
	for _, f := range append(refreshed(refresh), previewed(preview)...) {
		if !known[f.What] {
			findings = append(findings, f)
		}
	}
	return sorted(findings), nil
}

// refreshed tells what a refresh has found.
func refreshed(steps []engine.Step) []Finding {
	var findings []Finding
	for _, s := range engine.Changing(steps) {
		where, what := Called(s.Resource())
		is := "is gone"
		if s.Op != "delete" {
			is = "is another than in the state: " + paths(s.Changed)
		}
		findings = append(findings, Finding{Where: where, What: what, Is: is})
	}
	return findings
}

// previewed tells what a preview would do: what the configuration has, and the
// state has not.
func previewed(steps []engine.Step) []Finding {
	var findings []Finding
	for _, s := range engine.Changing(steps) {
		_, what := Called(s.Resource())
		is := fmt.Sprintf("is not yet as the configuration has it; up would %s it", strings.ReplaceAll(s.Op, "-", " "))
		if len(s.Changed) > 0 {
			is += ": " + paths(s.Changed)
		}
		findings = append(findings, Finding{Where: inPulumi, What: what, Is: is})
	}
	return findings
}

func paths(changed map[string]any) string {
	return strings.Join(slices.Sorted(maps.Keys(changed)), ", ")
}
