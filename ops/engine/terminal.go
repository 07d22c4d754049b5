package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/optimport"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
)

// ErrInterrupted is the cause of a context that Ctrl-C on the terminal has ended.
var ErrInterrupted = errors.New("interrupted")

var (
	// graceTime is how long Pulumi has to end what it has begun once it is told to
	// stop; then it is killed.
	graceTime = 6 * time.Second
	// lockInterval is how long Run waits before it tries a locked stack again.
	lockInterval = 5 * time.Second
)

// locked is how Pulumi says that another update runs: with a state in a directory or
// a bucket, and at Pulumi Cloud. Source: pulumi's sdk/go/auto/errors.go.
var locked = []string{"the stack is currently locked by", "[409] Conflict: Another update is currently in progress."}

// ErrLocked is returned while another update has the stack locked. A look at what a
// refresh would do takes the lock too.
var ErrLocked = errors.New("another update has locked the stack")

// WhileLocked runs do, and while that returns ErrLocked, again until wait is over.
func WhileLocked(ctx context.Context, wait time.Duration, do func() error) error {
	for deadline := time.Now().Add(wait); ; {
		err := do()
		if !errors.Is(err, ErrLocked) || time.Now().After(deadline) {
			return err
		}
		fmt.Fprintf(os.Stderr, "picluster: another update has locked the stack; trying again until %s\n", deadline.Format(time.TimeOnly))
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(min(lockInterval, time.Until(deadline))):
		}
	}
}

// Run runs a command of Pulumi on this terminal, which its prompts and Ctrl-C reach.
// While another update has the stack locked, it tries again until wait is over. The
// error ends with the way out, if Pulumi's own words do not say it.
func (s *Stack) Run(ctx context.Context, wait time.Duration, command string, args ...string) error {
	return WhileLocked(ctx, wait, func() error {
		said, err := s.run(ctx, command, args)
		if err == nil {
			return nil
		}
		if isLocked(said) {
			err = fmt.Errorf("%w: %w", ErrLocked, err)
		}
		if out := wayOut(said); out != "" {
			err = fmt.Errorf("%w\n%s", err, out)
		}
		return err
	})
}

func isLocked(said []string) bool {
	for _, text := range said {
		for _, words := range locked {
			if strings.Contains(text, words) {
				return true
			}
		}
	}
	return false
}

// run runs a command once, and returns the errors that it reports.
func (s *Stack) run(ctx context.Context, command string, args []string) (said []string, err error) {
	dir, err := os.MkdirTemp("", "picluster-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	events := filepath.Join(dir, "events")
	all := []string{command, "--stack", s.Name, "--event-log", events}
	if s.ConfigFile != "" {
		all = append(all, "--config-file", s.ConfigFile)
	}
	cmd := exec.Command("pulumi", append(all, args...)...)
	cmd.Env = append(os.Environ(), "PULUMI_DEBUG_COMMANDS=true") // which has --event-log
	var stderr strings.Builder                                   // what the engine cannot log
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, io.MultiWriter(os.Stderr, &stderr)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err = <-ended:
	case <-ctx.Done():
		err = stop(ctx, cmd.Process, ended)
	}
	if err != nil {
		err = fmt.Errorf("pulumi %s: %w", command, err)
	}
	return append(loggedErrors(events), stderr.String()), err
}

// stop has Pulumi end what it has begun. Ctrl-C has reached it from the terminal
// already, and a second interrupt would end it at once.
func stop(ctx context.Context, pulumi *os.Process, ended <-chan error) error {
	if errors.Is(context.Cause(ctx), ErrInterrupted) {
		return <-ended
	}
	_ = pulumi.Signal(os.Interrupt)
	select {
	case err := <-ended:
		return errors.Join(context.Cause(ctx), err)
	case <-time.After(graceTime):
		_ = pulumi.Kill()
		return errors.Join(context.Cause(ctx), <-ended)
	}
}

// loggedErrors returns the errors in an event log of the engine.
func loggedErrors(path string) []string {
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	var found []string
	for decoder := json.NewDecoder(file); ; {
		var event apitype.EngineEvent
		if decoder.Decode(&event) != nil {
			return found
		}
		if event.DiagnosticEvent != nil && event.DiagnosticEvent.Severity == "error" {
			found = append(found, located(event.DiagnosticEvent))
		}
	}
}

// located returns a diagnostic after the URN of the resource that it is of, as hints
// take it.
func located(d *apitype.DiagnosticEvent) string {
	if d.URN == "" {
		return plain(d.Message)
	}
	return d.URN + ": " + plain(d.Message)
}

// Imports is what `pulumi import --file` reads. See
// https://www.pulumi.com/docs/iac/cli/commands/pulumi_import/.
type Imports struct {
	// NameTable has the URNs of what is in the state, by the names that Resources
	// have for it.
	NameTable map[string]string           `json:"nameTable,omitempty"`
	Resources []*optimport.ImportResource `json:"resources"`
}

// Import runs `pulumi import`, which the Automation API cannot give a configuration
// file. What it imports is not protected by that; the program says what is.
func (s *Stack) Import(ctx context.Context, imports Imports) error {
	text, err := json.Marshal(imports)
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
	return s.Run(ctx, 0, "import", "--file", path, "--yes", "--skip-preview", "--generate-code=false", "--protect=false")
}
