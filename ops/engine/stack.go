// Package engine asks the Pulumi CLI about a stack, and reads the JSON that it
// answers.
package engine

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Stack is a stack of the project in the current folder.
type Stack struct {
	Name string
	// ConfigFile is the path of its configuration; empty is Pulumi.<name>.yaml.
	ConfigFile string
}

// Step is what Pulumi would do with one resource.
type Step struct {
	// Op is create, update, delete, same, refresh, or one of the steps of a
	// replacement.
	Op  string `json:"op"`
	URN URN    `json:"urn"`
	// Old is missing when something is created, New when it is deleted.
	Old *Resource `json:"oldState"`
	New *Resource `json:"newState"`
	// Changed has the paths of the properties that change.
	Changed map[string]any `json:"detailedDiff"`
}

// Resource is the step's resource, as it is if it is there, or else as it will be.
func (s Step) Resource() *Resource { return cmp.Or(s.Old, s.New) }

// Changing returns the steps that do something to a resource. Components have no
// change of their own.
func Changing(steps []Step) []Step {
	return slices.DeleteFunc(slices.Clone(steps), func(s Step) bool {
		return !s.Changes() || s.Resource() == nil || !s.Resource().Custom
	})
}

// Changes says whether the step does anything.
func (s Step) Changes() bool {
	switch s.Op {
	case "same", "refresh", "read":
		return false
	}
	return true
}

// Command returns a command of the CLI that runs the stack or looks at it.
func (s Stack) Command(ctx context.Context, command string, args ...string) *exec.Cmd {
	all := []string{command, "--stack", s.Name}
	if s.ConfigFile != "" {
		all = append(all, "--config-file", s.ConfigFile)
	}
	cmd := exec.CommandContext(ctx, "pulumi", append(all, args...)...)
	// Interrupted, Pulumi ends what it has begun; killed, it would leave it pending.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	return cmd
}

// Config returns the stack's configuration, by key with its namespace, like
// minio:minioServer, with its secrets in plain text. It is for memory alone.
func (s Stack) Config(ctx context.Context) (map[string]string, error) {
	cmd := s.Command(ctx, "config", "--json", "--show-secrets")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("pulumi config: %w: %s", err, strings.TrimSpace(stderr.String()))
	}
	var answer map[string]struct {
		Value string `json:"value"`
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		return nil, fmt.Errorf("pulumi config: %w", err)
	}
	config := map[string]string{}
	for key, setting := range answer {
		config[key] = setting.Value
	}
	return config, nil
}

// Set sets a key of the stack's configuration.
func (s Stack) Set(ctx context.Context, key, value string) error {
	if out, err := s.Command(ctx, "config", "set", key, value).CombinedOutput(); err != nil {
		return fmt.Errorf("pulumi config set %s: %w: %s", key, err, bytes.TrimSpace(out))
	}
	return nil
}

// Run runs a command on this terminal. Its error ends with the way out, if the
// engine's own words do not say it.
func (s Stack) Run(ctx context.Context, command string, args ...string) error {
	dir, err := os.MkdirTemp("", "picluster-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	events := filepath.Join(dir, "events")
	cmd := s.Command(ctx, command, append(args, "--event-log", events)...)
	cmd.Env = append(os.Environ(), "PULUMI_DEBUG_COMMANDS=true") // which has --event-log
	var stderr bytes.Buffer                                      // what the engine cannot log
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, io.MultiWriter(os.Stderr, &stderr)
	if err := cmd.Run(); err != nil {
		if out := wayOut(append(loggedErrors(events), stderr.String())); out != "" {
			return fmt.Errorf("pulumi %s: %w\n%s", command, err, out)
		}
		return fmt.Errorf("pulumi %s: %w", command, err)
	}
	return nil
}

// Import runs `pulumi import` of what file says. What it takes in is not protected
// by that; the program says what is.
func (s Stack) Import(ctx context.Context, file any) error {
	text, err := json.Marshal(file)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "picluster-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "import.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return err
	}
	return s.Run(ctx, "import", "--file", path, "--yes", "--skip-preview", "--generate-code=false", "--protect=false")
}

// Preview returns the steps that `pulumi up` would take.
func (s Stack) Preview(ctx context.Context) ([]Step, error) {
	return steps(s.Command(ctx, "preview", "--json", "--expect-no-changes"))
}

// Refresh returns the steps that `pulumi refresh` would take: what is not as the
// state has it. Neither the state nor anything else is changed. With an error it
// returns what it saw before.
func (s Stack) Refresh(ctx context.Context) ([]Step, error) {
	return steps(s.Command(ctx, "refresh", "--json", "--expect-no-changes", "--preview-only"))
}

func steps(cmd *exec.Cmd) ([]Step, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	runErr := cmd.Run()
	var answer struct {
		Steps       []Step `json:"steps"`
		Diagnostics []struct {
			Message  string `json:"message"`
			Severity string `json:"severity"`
		} `json:"diagnostics"`
	}
	if err := json.Unmarshal(stdout.Bytes(), &answer); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args[:2], " "), errors.Join(runErr, err), strings.TrimSpace(stderr.String()+stdout.String()))
	}
	var problems []string
	for _, d := range answer.Diagnostics {
		if d.Severity == "error" {
			problems = append(problems, strings.TrimSpace(d.Message))
		}
	}
	// A run that sees changes ends with an error too, but has no diagnostics.
	if runErr != nil && (len(problems) > 0 || answer.Steps == nil) {
		if len(problems) == 0 {
			problems = append(problems, strings.TrimSpace(stderr.String()))
		}
		return answer.Steps, fmt.Errorf("%s: %s", strings.Join(cmd.Args[:2], " "), strings.Join(problems, "\n"))
	}
	return answer.Steps, nil
}
