package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/picluster/picluster/internal/command"
	"github.com/picluster/picluster/ops/adopt"
	"github.com/picluster/picluster/ops/drift"
	"github.com/picluster/picluster/ops/engine"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
)

// adoptExisting imports into the state what the stack would create and exists
// already.
func adoptExisting(ctx context.Context, o *options) error {
	state, config, err := o.read(ctx)
	if err != nil {
		return untouched(err)
	}
	if _, err := drift.Ready(ctx, state, config); err != nil {
		return untouched(err)
	}
	// The program reports bad settings, with all else that is wrong.
	steps, err := o.stack.Preview(ctx)
	if err != nil {
		return untouched(err)
	}
	store, cluster, err := drift.Servers(ctx, config)
	if err != nil {
		return untouched(err)
	}
	if store == nil {
		return untouched(unusable(config.Commands))
	}
	found, imports, err := adopt.Finder{Store: store, Cluster: cluster, ReplacesUser: replacesImported(config.Own)}.Find(ctx, steps)
	if err != nil {
		return untouched(err)
	}
	if len(found) == 0 {
		fmt.Printf("stack %s: nothing exists that it would create\n", o.stack.Name)
		return o.overlap(ctx, config)
	}
	var findings []drift.Finding
	for _, r := range found {
		where, what := drift.Called(r)
		findings = append(findings, drift.Finding{Where: where, What: what, Is: "exists already", ByUp: true})
	}
	if err := drift.Table(os.Stdout, findings); err != nil {
		return err
	}
	if release := missingRelease(found, steps); release != "" {
		fmt.Printf("\nThere is no release %s. If pods of another release have the key of an imported user, they lose it: the next up looks only at its own pods. "+
			"Fix: pulumi config set release NAME; pulumi config set namespace NAMESPACE\n", release)
	}
	if err := warnBeforeImport(os.Stdout, found, cluster); err != nil {
		return untouched(err)
	}
	if !o.yes && !confirmed("Import this into the stack?") {
		return untouched(errors.New("not confirmed"))
	}
	if err := o.stack.Import(ctx, imports); err != nil {
		return err
	}
	if err := o.overlap(ctx, config); err != nil {
		return err
	}
	lost, err := unwritten(ctx, cluster, slices.DeleteFunc(found, func(r *engine.Resource) bool { return r.Type != engine.ReleaseType }), config.Commands)
	if err != nil {
		return err
	}
	fmt.Print(lost)
	fmt.Print(afterImport(o.commands()))
	return nil
}

// warnBeforeImport prints what the next up or a destroy would do to what was found: values of a
// release that the configuration does not have, and a namespace with what else is in it.
func warnBeforeImport(out io.Writer, found []*engine.Resource, cluster adopt.Cluster) error {
	for _, r := range found {
		switch r.Type {
		case engine.NamespaceType:
			fmt.Fprintf(out, "\nA destroy deletes namespace %s with all that is in it. If it has more than Tempo: pulumi config set existingNamespace true\n", nameOf(r))
		case engine.ReleaseType:
			record, err := cluster.Record(r.Text("namespace"), r.Text("name"))
			if err != nil || record == nil {
				return err
			}
			if paths := adopt.Dropped(r, record); len(paths) > 0 {
				fmt.Fprintf(out, "\nThe next up removes these values of release %s/%s. To keep one, set it in the configuration:\n  %s\n",
					r.Text("namespace"), r.Text("name"), strings.Join(paths, "\n  "))
			}
		}
	}
	return nil
}

// afterImport returns what to run after an import.
func afterImport(commands command.Names) string {
	return fmt.Sprintf("\nIt is as it was. See what up would change: %s\nChange it: %s\n", commands.Picluster("preview"), commands.Picluster("up"))
}

// missingRelease returns NAMESPACE/NAME of a release that does not exist, although a user was
// found, whose key pods can have; empty if there is none.
func missingRelease(found []*engine.Resource, steps []engine.Step) string {
	has := func(kind, name string) bool {
		return slices.ContainsFunc(found, func(r *engine.Resource) bool { return r.Type == kind && (name == "" || r.Text("name") == name) })
	}
	if !has(engine.UserType, "") {
		return ""
	}
	for _, s := range steps {
		if s.Op == apitype.OpCreate && s.New != nil && s.New.Type == engine.ReleaseType && !has(engine.ReleaseType, s.New.Text("name")) {
			return s.New.Text("namespace") + "/" + s.New.Text("name")
		}
	}
	return ""
}

// overlap has the next up create a user beside the one that was imported, whose key
// running pods have.
func (o *options) overlap(ctx context.Context, config engine.Config) error {
	version, err := strconv.Atoi(config.Own("keyVersion", "1"))
	if err != nil {
		return nil // the program reports it
	}
	state, err := o.stack.State(ctx)
	if err != nil || !isImported(state, config.Own, version) {
		return err
	}
	if err := o.stack.Set(ctx, "keyVersion", strconv.Itoa(version+1)); err != nil {
		return err
	}
	fmt.Printf("\nkeyVersion is %d now, in %s: up creates another user, and deletes the imported one when no pod has its key.\n", version+1, o.stack.FileName())
	return nil
}
