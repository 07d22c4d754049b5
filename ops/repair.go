package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/picluster/picluster/internal/command"
	"github.com/picluster/picluster/ops/drift"
	"github.com/picluster/picluster/ops/engine"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
)

// repair restores what has drifted. It writes directly to MinIO, and the objects that Helm cannot
// merge. For all else it runs an up of the resources, in which Helm upgrades the releases whose
// restore counter is raised.
func repair(ctx context.Context, o *options) error {
	if !onTerminal() && (!o.yes || len(o.only) == 0) {
		return untouched(errors.New("without a terminal repair requires --yes and --only, with the numbers that drift shows"))
	}
	found, err := o.find(ctx)
	if err != nil {
		return untouched(err)
	}
	if len(found.Findings) == 0 {
		fmt.Printf("stack %s: no drift\n", o.stack.Name)
		return show(found.Findings, found.Ignored)
	}
	if err := show(found.Findings, found.Ignored); err != nil {
		return err
	}
	chosen, err := choose(found.Findings, o.only, o.enableUser, o.commands())
	if err != nil {
		return untouched(err)
	}
	plan := newPlan(chosen)
	plan.extend(found.Findings)
	if err := plan.unmerge(ctx); err != nil {
		return untouched(err)
	}
	for _, target := range slices.Sorted(maps.Keys(plan.targets)) {
		if found.Changes[target] {
			fmt.Printf("%s has changes in the configuration that no up has deployed: Pulumi deploys them too.\n", target.Name())
		}
	}
	if o.yes {
		plan.print(os.Stdout)
	} else {
		plan = plan.confirm(confirmed)
	}
	if plan.empty() {
		return untouched(errors.New("nothing was chosen"))
	}
	for _, f := range plan.direct {
		if err := f.Fix(ctx); err != nil {
			return fmt.Errorf("restoring %s: %w", f.What, err)
		}
		fmt.Printf("restored: %s\n", f.What)
	}
	return o.restore(ctx, plan)
}

// restore has Pulumi restore the resources of a plan.
func (o *options) restore(ctx context.Context, p *plan) error {
	if len(p.targets) == 0 {
		return nil
	}
	state, config, err := o.read(ctx)
	if err != nil {
		return err
	}
	counters, err := config.Counters("restore")
	if err != nil {
		return err
	}
	raised := map[string]int{}
	for _, release := range slices.Sorted(maps.Keys(p.releases)) {
		// The file may be older than the state, as in a checkout in which an earlier
		// repair was not committed: the same counter again would restore nothing.
		raised[release] = max(counters[release], state.Restored(release)) + 1
		if err := o.stack.Set(ctx, counter(release), strconv.Itoa(raised[release])); err != nil {
			return err
		}
	}
	args := []string{"--refresh"}
	for _, target := range slices.Sorted(maps.Keys(p.targets)) {
		args = append(args, "--target", string(target))
	}
	if err := o.runUp(ctx, args...); err != nil {
		for release, n := range raised {
			before := ""
			if counters[release] > 0 {
				before = strconv.Itoa(counters[release])
			}
			err = errors.Join(err, o.unset(ctx, counter(release), before, func(state *engine.State) bool { return state.Restored(release) == n }))
		}
		return err
	}
	if len(raised) > 0 {
		fmt.Printf("\nCommit %s, where restore has changed.\n", o.stack.FileName())
	}
	return nil
}

// counter is the path of a release's counter in the configuration.
func counter(release string) string { return fmt.Sprintf("restore[%q]", release) }

// choose returns the findings of the numbers in only, or all that can be repaired if only is
// empty. A user that was disabled is chosen only with enableUser, because its key may have
// leaked.
func choose(findings []drift.Finding, only []int, enableUser bool, commands command.Names) ([]drift.Finding, error) {
	var chosen []drift.Finding
	var problems []error
	for _, n := range only {
		if n < 1 || n > len(findings) {
			problems = append(problems, fmt.Errorf("--only: got %d; want 1 to %d", n, len(findings)))
		}
	}
	for i, f := range findings {
		named := slices.Contains(only, i+1)
		if len(only) > 0 && !named {
			continue
		}
		switch {
		case f.Enables && !enableUser:
			text := fmt.Sprintf("%d: %s was disabled outside Pulumi, and stays so. Fix: %s; if its key has leaked, in its place %s",
				i+1, f.What, commands.Picluster("repair --enable-user"), commands.Picluster("rotate"))
			if named {
				problems = append(problems, errors.New(text))
			} else {
				fmt.Println(text)
			}
		case !f.Repairable():
			if named {
				problems = append(problems, fmt.Errorf("%d: %s %s: is reported only; change it where it was added", i+1, f.Where, f.What))
			}
		default:
			chosen = append(chosen, f)
		}
	}
	return chosen, errors.Join(problems...)
}

// plan is what a repair restores.
type plan struct {
	// direct is what picluster itself writes: in MinIO, and objects of a release that
	// Helm cannot merge.
	direct []drift.Finding
	// targets are what Pulumi restores by resource, and releases the releases among
	// it by NAMESPACE/RELEASE.
	targets  map[urn.URN][]drift.Finding
	releases map[string]urn.URN
}

func newPlan(findings []drift.Finding) *plan {
	p := &plan{targets: map[urn.URN][]drift.Finding{}, releases: map[string]urn.URN{}}
	for _, f := range findings {
		if f.Fix != nil {
			p.direct = append(p.direct, f)
			continue
		}
		p.targets[f.URN] = append(p.targets[f.URN], f)
		if f.Release != "" {
			p.releases[f.Release] = f.URN
		}
	}
	return p
}

// extend adds what a release's upgrade restores beside what was chosen of it.
func (p *plan) extend(findings []drift.Finding) {
	for _, f := range findings {
		chosen, upgraded := p.targets[f.URN]
		if f.Release == "" || !upgraded || slices.ContainsFunc(chosen, func(c drift.Finding) bool { return c.What == f.What && c.Is == f.Is }) {
			continue
		}
		fmt.Printf("%s is restored too: Helm upgrades release %s as a whole.\n", f.What, f.Release)
		p.targets[f.URN] = append(chosen, f)
	}
}

// unmerge moves to direct what Helm cannot merge.
func (p *plan) unmerge(ctx context.Context) error {
	for target, findings := range p.targets {
		var merged []drift.Finding
		for _, f := range findings {
			if f.Unmerged == nil {
				merged = append(merged, f)
				continue
			}
			fixed, err := f.Unmerged(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", f.What, err)
			}
			if fixed != nil {
				p.direct = append(p.direct, *fixed)
			} else {
				merged = append(merged, f)
			}
		}
		if p.targets[target] = merged; len(merged) == 0 {
			delete(p.targets, target)
			maps.DeleteFunc(p.releases, func(_ string, of urn.URN) bool { return of == target })
		}
	}
	return nil
}

func (p *plan) empty() bool { return len(p.direct) == 0 && len(p.targets) == 0 }

// print shows in full what is there and what will be written.
func (p *plan) print(w *os.File) {
	for _, f := range p.direct {
		fmt.Fprint(w, full(f))
	}
	for _, target := range slices.Sorted(maps.Keys(p.targets)) {
		for _, f := range p.targets[target] {
			fmt.Fprint(w, full(f))
		}
	}
}

// full shows a finding in full.
func full(f drift.Finding) string {
	text := fmt.Sprintf("--- %s %s: %s\n", f.Where, f.What, f.Is)
	if f.Now != "" {
		text += indented("now", f.Now)
	}
	if f.Then != "" {
		text += indented("then", f.Then)
	}
	if f.Change != "" {
		text += indented("change", f.Change)
	}
	return text
}

func indented(title, text string) string {
	return title + ":\n    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ") + "\n"
}

// confirm returns the part of a plan that ask confirms. It asks for each direct write, and once
// for each resource.
func (p *plan) confirm(ask func(question string) bool) *plan {
	kept := newPlan(nil)
	for _, f := range p.direct {
		fmt.Print(full(f))
		if ask(fmt.Sprintf("Write this to %s now?", f.Where)) {
			kept.direct = append(kept.direct, f)
		}
	}
	for _, target := range slices.Sorted(maps.Keys(p.targets)) {
		for _, f := range p.targets[target] {
			fmt.Print(full(f))
		}
		if ask(fmt.Sprintf("Have Pulumi restore %s %s?", target.Type(), target.Name())) {
			kept.targets[target] = p.targets[target]
		}
	}
	for release, target := range p.releases {
		if _, found := kept.targets[target]; found {
			kept.releases[release] = target
		}
	}
	return kept
}
