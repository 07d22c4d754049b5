// Package summary describes in Markdown, for the readers of a pull request, what an up would
// change: the stack's resources, and the Kubernetes objects that Helm renders. It shows no
// secret.
package summary

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/picluster/picluster/internal/command"
	"github.com/picluster/picluster/ops/cluster"
	"github.com/picluster/picluster/ops/engine"
	"github.com/picluster/picluster/ops/object"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
)

// longest is how long a summary gets, in bytes: a comment on GitHub has at most
// 65536 characters.
const longest = 60_000

// Kinds of change, the ones that lose something first.
var kinds = []struct{ name, mark string }{
	{"replace", "⚠️ replace"},
	{"delete", "⚠️ delete"},
	{"update", "update"},
	{"create", "create"},
}

// change is what an up would do with one resource.
type change struct {
	kind string
	step engine.Step
}

// Markdown returns the summary of what steps would do to a stack. state is what
// the stack has now.
func Markdown(ctx context.Context, commands command.Names, steps []engine.Step, state *engine.State) string {
	changes := changesOf(steps)
	text := heading(commands.Stack, changes) + resources(changes)
	if len(changes) == 0 {
		return text
	}
	objects := objectsOf(ctx, changes, steps, state)
	for _, diffs := range []bool{true, false} {
		if full := text + objects.markdown(diffs, commands); len(full) <= longest {
			return full
		}
	}
	return shortened(text+objects.markdown(false, commands), commands)
}

// shortened cuts a text at the end of a line, and says where the rest is.
func shortened(text string, commands command.Names) string {
	text = text[:longest]
	return text[:strings.LastIndex(text, "\n")+1] + fmt.Sprintf("\nThe rest is too long for a comment: `%s` shows it.\n", commands.Picluster("preview"))
}

// rank is the place of a kind in kinds; -1 if it is none of them.
func rank(kind string) int {
	return slices.IndexFunc(kinds, func(k struct{ name, mark string }) bool { return k.name == kind })
}

// changesOf returns what would change: one change for a replacement, which has
// several steps.
func changesOf(steps []engine.Step) []change {
	byURN := map[urn.URN]change{}
	for _, s := range engine.Changing(steps) {
		c := change{string(s.Op), s}
		if strings.Contains(string(s.Op), "replace") {
			c.kind = "replace"
			if before, found := byURN[s.URN]; found {
				c.step.Old, c.step.New = cmp.Or(s.Old, before.step.Old), cmp.Or(s.New, before.step.New)
				c.step.Changed = map[string]apitype.PropertyDiff{}
				maps.Copy(c.step.Changed, before.step.Changed)
				maps.Copy(c.step.Changed, s.Changed)
			}
		}
		byURN[s.URN] = c
	}
	return slices.SortedFunc(maps.Values(byURN), func(a, b change) int {
		return cmp.Or(cmp.Compare(rank(a.kind), rank(b.kind)), cmp.Compare(a.step.URN, b.step.URN))
	})
}

func heading(stack string, changes []change) string {
	var counts []string
	for _, kind := range kinds {
		n := 0
		for _, c := range changes {
			if c.kind == kind.name {
				n++
			}
		}
		if n > 0 {
			counts = append(counts, fmt.Sprintf("%s %d", kind.mark, n))
		}
	}
	if len(counts) == 0 {
		counts = []string{"no changes"}
	}
	return fmt.Sprintf("### Stack `%s`: %s\n", stack, strings.Join(counts, ", "))
}

// resources is the table of what would change.
func resources(changes []change) string {
	if len(changes) == 0 {
		return ""
	}
	var text strings.Builder
	text.WriteString("\n| | resource | type | what changes |\n|---|---|---|---|\n")
	for _, c := range changes {
		mark := c.kind
		if at := rank(c.kind); at >= 0 {
			mark = kinds[at].mark
		}
		var what []string
		for _, path := range slices.Sorted(maps.Keys(c.step.Changed)) {
			what = append(what, "`"+strings.NewReplacer("`", "'", "|", `\|`).Replace(path)+"`")
		}
		fmt.Fprintf(&text, "| %s | `%s` | `%s` | %s |\n", mark, c.step.URN.Name(), c.step.URN.Type(), strings.Join(what, ", "))
	}
	return text.String()
}

// objects is how Kubernetes objects would change.
type objects struct {
	changed []changedObject
	same    int
	missing []string // what could not be shown, and why
}

type changedObject struct{ kind, name, diff string }

// objectsOf compares the objects before and after: those that Helm renders, and
// those that are resources of their own.
func objectsOf(ctx context.Context, changes []change, steps []engine.Step, state *engine.State) objects {
	var all objects
	for _, c := range changes {
		var err error
		switch c.step.URN.Type() {
		case engine.ReleaseType:
			err = all.release(ctx, c, steps, state)
		default:
			err = all.resource(c, state)
		}
		if err != nil {
			all.missing = append(all.missing, fmt.Sprintf("The objects of `%s` are not shown: %s",
				c.step.URN.Name(), object.Redact(err.Error(), state.Secrets)))
		}
	}
	return all
}

// resource notes a resource that is an object.
func (o *objects) resource(c change, state *engine.State) error {
	before, after := c.step.Old.Object(), c.step.New.Object()
	if before == nil && after == nil {
		return nil
	}
	return o.note(before, after, state.Secrets)
}

// release notes what Helm would do.
func (o *objects) release(ctx context.Context, c change, steps []engine.Step, state *engine.State) error {
	target, err := clusterOf(ctx, cmp.Or(c.step.New, c.step.Old), steps, state)
	if err != nil {
		return err
	}
	before, after := map[string]*object.Object{}, map[string]*object.Object{}
	if old := c.step.Old; old != nil {
		record, err := target.Record(old.Text("namespace"), old.Text("name"))
		if err != nil {
			return err
		}
		if record != nil {
			list, err := target.Objects(record)
			if err != nil {
				return err
			}
			before = byName(list)
		}
	}
	if c.step.New != nil {
		next := cluster.ReleaseOf(c.step.New.Inputs)
		if c.step.Old != nil && makesKey(steps) {
			awaitKey(c.step.Old.Inputs["values"], next.Values)
		}
		list, err := target.Render(ctx, next)
		if err != nil {
			return err
		}
		after = byName(list)
	}
	names := slices.Concat(slices.Collect(maps.Keys(before)), slices.Collect(maps.Keys(after)))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if err := o.note(before[name], after[name], state.Secrets); err != nil {
			return err
		}
	}
	return nil
}

func byName(list []*object.Object) map[string]*object.Object {
	by := map[string]*object.Object{}
	for _, o := range list {
		by[object.Name(o)] = o
	}
	return by
}

// note compares one object before and after; either may be nil.
func (o *objects) note(before, after *object.Object, secrets []string) error {
	diff, err := object.Diff(before, after, secrets)
	switch {
	case err != nil:
		return err
	case before == nil:
		o.changed = append(o.changed, changedObject{"create", object.Name(after), diff})
	case after == nil:
		o.changed = append(o.changed, changedObject{"delete", object.Name(before), diff})
	case diff == "":
		o.same++
	default:
		o.changed = append(o.changed, changedObject{"update", object.Name(after), diff})
	}
	return nil
}

// keysAnnotation is the pods' annotation with a hash of the bucket's keys.
const keysAnnotation = "picluster/keys"

// makesKey returns whether the steps create another secret key, or the salt of its hash.
func makesKey(steps []engine.Step) bool {
	return slices.ContainsFunc(steps, func(s engine.Step) bool {
		return s.Changes() && s.URN.Type() == engine.PasswordType
	})
}

// awaitKey sets NotKnown where the old values have the hash of the keys. The release's provider
// leaves out a value that is not known yet, which would look like a removal.
func awaitKey(old any, values map[string]any) {
	before, _ := old.(map[string]any)
	for key, child := range before {
		section, _ := values[key].(map[string]any)
		if _, found := values[key]; key == keysAnnotation && !found && values != nil {
			values[key] = cluster.NotKnown
		}
		awaitKey(child, section)
	}
}

// clusterOf returns the cluster of a resource: with the settings that its provider
// has now, or will have if it is new.
func clusterOf(ctx context.Context, r *engine.Resource, steps []engine.Step, state *engine.State) (*cluster.Cluster, error) {
	provider := state.Provider(r)
	for _, s := range steps {
		if provider.URN == "" && s.New != nil && strings.HasPrefix(r.Provider, string(s.URN)+"::") {
			provider = s.New
		}
	}
	return cluster.New(ctx, provider.Text)
}

// markdown lists the objects, with or without their differences.
func (o objects) markdown(diffs bool, commands command.Names) string {
	var text strings.Builder
	if len(o.changed) > 0 {
		fmt.Fprintf(&text, "\n#### Kubernetes objects: %d change, %d do not\n", len(o.changed), o.same)
		if !diffs {
			fmt.Fprintf(&text, "\nTheir differences are too long for a comment: `%s` shows them.\n", commands.Picluster("preview"))
		}
	}
	for _, c := range o.changed {
		switch c.kind {
		case "delete":
			fmt.Fprintf(&text, "\n- ⚠️ delete %s", c.name)
		case "create":
			fmt.Fprintf(&text, "\n- create %s", c.name)
		default:
			if !diffs {
				fmt.Fprintf(&text, "\n- update %s", c.name)
			}
		}
	}
	text.WriteString("\n")
	for _, c := range o.changed {
		if c.kind == "update" && diffs {
			// Four backquotes, since what is in a ConfigMap can have three.
			fmt.Fprintf(&text, "\n<details><summary>update %s</summary>\n\n````diff\n%s````\n</details>\n", c.name, c.diff)
		}
	}
	for _, missing := range o.missing {
		fmt.Fprintf(&text, "\n⚠️ %s\n", missing)
	}
	return text.String()
}
