package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/picluster/picluster/internal/command"
	"github.com/picluster/picluster/ops/engine"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMessagesNameCommands has each message name the commands that its reader has: picluster's own,
// or make's targets.
func TestMessagesNameCommands(t *testing.T) {
	user := engine.Step{Op: apitype.OpCreate, URN: named(engine.UserType, "u"), New: &engine.Resource{URN: named(engine.UserType, "u"), Type: engine.UserType, Custom: true, Inputs: map[string]any{"name": "theirs"}}}
	namespace := engine.Step{Op: apitype.OpCreate, New: &engine.Resource{URN: named(engine.NamespaceType, "n"), Type: engine.NamespaceType,
		Inputs: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "monitoring"}}}}
	twice := &engine.State{Resources: []*engine.Resource{
		{URN: named(engine.NamespaceType, "a"), Type: engine.NamespaceType, ID: "tempo", Custom: true},
		{URN: named(engine.NamespaceType, "b"), Type: engine.NamespaceType, ID: "tempo", Custom: true},
	}}
	message := func(err error) string {
		require.Error(t, err)
		return err.Error()
	}
	for name, test := range map[string]struct {
		of                        func(command.Names) string
		picluster, makes, thatLab string
	}{
		"after an import": {
			afterImport, "would change: picluster preview --stack dev\nChange it: picluster up --stack dev\n",
			"would change: make preview STACK=dev\nChange it: make up STACK=dev\n", "would change: make preview\nChange it: make up\n",
		},
		"a refresh that fails": {
			func(names command.Names) string { return refreshFails(names).Error() },
			"Fix: picluster repair --stack dev; or deploy without a refresh: pulumi up --stack dev",
			"Fix: make repair STACK=dev; or deploy without a refresh: pulumi up --stack dev", "Fix: make repair; or deploy without a refresh: bin/lab run pulumi up --stack lab",
		},
		"a user that is taken": {
			func(names command.Names) string {
				return message(planned{commands: names, state: &engine.State{}, store: takenStore{}}.checkTaken(t.Context(), []engine.Step{user}))
			},
			"Fix: picluster adopt --stack dev, if they", "Fix: make adopt STACK=dev, if they", "Fix: make adopt, if they",
		},
		"a namespace that is taken": {
			func(names command.Names) string {
				return message(planned{commands: names, state: &engine.State{}, cluster: takenCluster{}}.checkObjects(t.Context(), []engine.Step{namespace}))
			},
			"stack's, picluster adopt --stack dev", "stack's, make adopt STACK=dev", "stack's, make adopt",
		},
		"a user that stays disabled": {
			func(names command.Names) string {
				_, err := choose(findings, []int{2}, false, names)
				return message(err)
			},
			"Fix: picluster repair --stack dev --enable-user; if its key has leaked, in its place picluster rotate --stack dev",
			"Fix: bin/picluster repair --stack dev --enable-user; if its key has leaked, in its place make rotate STACK=dev",
			"Fix: bin/lab run bin/picluster repair --stack lab --enable-user; if its key has leaked, in its place make rotate",
		},
		"settings that cannot be used": {
			func(names command.Names) string { return unusable(names).Error() },
			"Fix: pulumi preview --stack dev", "Fix: pulumi preview --stack dev", "Fix: bin/lab run pulumi preview --stack lab",
		},
		"a state with something twice": {
			func(names command.Names) string { return message(checkDuplicates(names, twice)) },
			"Fix: pulumi state delete --stack dev, with", "Fix: pulumi state delete --stack dev, with", "Fix: bin/lab run pulumi state delete --stack lab, with",
		},
		"before a migration": {
			func(names command.Names) string { return beforeMigration(engine.Config{Commands: names}) },
			"true; picluster up --stack dev\n", "true; make up STACK=dev\n", "true; make up\n",
		},
		"after a migration": {
			func(names command.Names) string {
				return migrateOptions{to: side{name: "to", url: "https://s3.example.com/traces"}}.afterMigration(engine.Config{Commands: names})
			},
			" picluster verify --stack dev\n", " make verify STACK=dev\n", " make verify\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Contains(t, test.of(command.Names{Stack: "dev"}), test.picluster)
			assert.Contains(t, test.of(command.Names{Stack: "dev", Make: true}), test.makes)
			assert.Contains(t, test.of(command.Names{Stack: "lab", Make: true}), test.thatLab)
		})
	}
}

// TestUnsetNamesTheCommand has the message of a rotation whose state cannot be read name it too.
func TestUnsetNamesTheCommand(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "pulumi"), []byte("#!/bin/sh\ncase $1 in version) echo v3.216.0 ;; *) exit 1 ;; esac\n"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Pulumi.yaml"), []byte("name: p\nruntime: go\n"), 0o600))
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Chdir(dir)
	for set, want := range map[string]string{"": "Fix: picluster up --stack s, which", "yes": "Fix: make up STACK=s, which"} {
		t.Setenv(command.MakeVariable, set)
		stack, err := engine.Open(t.Context(), "s", "")
		require.NoError(t, err)
		o := &options{stack: stack}
		assert.ErrorContains(t, o.unset(t.Context(), "keyVersion", "1", func(*engine.State) bool { return false }), want)
	}
}
