// Package engine reads and runs a Pulumi stack: what only reads goes through
// Pulumi's Automation API, and what asks for confirmation through its CLI on this
// terminal.
package engine

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path"
	"sync/atomic"

	"github.com/picluster/picluster/internal/command"
	"github.com/pulumi/pulumi/sdk/v3/go/auto"
)

// Stack is a stack of the project in the current directory.
type Stack struct {
	Name string
	// Project is the name of the project, which its own configuration keys start with.
	Project string
	// ConfigFile is the path of its configuration; empty is Pulumi.<name>.yaml.
	ConfigFile string

	api      auto.Stack
	commands atomic.Pointer[command.Names] // once Config has been read
}

// ErrNoPulumi is returned by Open if there is no Pulumi.
var ErrNoPulumi = errors.New("pulumi is not on PATH. Fix: install it, see https://www.pulumi.com/docs/install/; or use the lab, which has one: make up")

// Open finds a stack. It does not select it, so that the user's own commands keep the stack that
// is selected.
func Open(ctx context.Context, name, configFile string) (*Stack, error) {
	if _, err := exec.LookPath("pulumi"); err != nil {
		return nil, ErrNoPulumi
	}
	local, err := auto.NewLocalWorkspace(ctx, auto.WorkDir("."), auto.EnvVars(environment()))
	if err != nil {
		return nil, err
	}
	project, err := local.ProjectSettings(ctx)
	if err != nil {
		return nil, fmt.Errorf("no Pulumi project in this directory: %w", err)
	}
	api, err := auto.SelectStack(ctx, name, workspace{local})
	return &Stack{Name: name, Project: project.Name.String(), ConfigFile: configFile, api: api}, err
}

// workspace is a workspace in which selecting a stack has no effect.
type workspace struct{ auto.Workspace }

func (workspace) SelectStack(context.Context, string) error { return nil }

// Commands returns the commands that messages suggest. Those of kubectl name the stack's cluster
// once Config has been read.
func (s *Stack) Commands() command.Names {
	if names := s.commands.Load(); names != nil {
		return *names
	}
	return command.Of(s.Name)
}

// FileName is the name of the stack's configuration, for messages.
func (s *Stack) FileName() string {
	if s.ConfigFile != "" {
		return s.ConfigFile
	}
	return "Pulumi." + path.Base(s.Name) + ".yaml" // a name may be ORG/PROJECT/NAME
}
