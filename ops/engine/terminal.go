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

	"github.com/picluster/picluster/internal/goflags"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optimport"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
)

// ErrInterrupted is the cause of a context that Ctrl-C on the terminal has ended.
var ErrInterrupted = errors.New("interrupted")

var (
	// graceTime is how long Pulumi has to end what it has begun after an interrupt. Then it is
	// killed.
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

// WhileLocked runs do. While do returns ErrLocked, it runs do again, until wait is over.
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
	_, err := s.runUnlocked(ctx, wait, command, args)
	return err
}

// Up is Run of `pulumi up` without the stack's outputs, some of which are documents of
// hundreds of lines. It returns what the up did.
func (s *Stack) Up(ctx context.Context, wait time.Duration, args ...string) (Outcome, error) {
	return s.runUnlocked(ctx, wait, "up", append([]string{"--suppress-outputs"}, args...))
}

func (s *Stack) runUnlocked(ctx context.Context, wait time.Duration, command string, args []string) (outcome Outcome, err error) {
	err = WhileLocked(ctx, wait, func() error {
		var said report
		said, err = s.run(ctx, command, args)
		outcome = said.outcome
		if err == nil {
			return nil
		}
		if isLocked(said.errors) {
			err = fmt.Errorf("%w: %w", ErrLocked, err)
		}
		if out := s.wayOut(said.errors, said.releases); out != "" {
			err = fmt.Errorf("%w\n%s", err, out)
		}
		return err
	})
	return outcome, err
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

// report is what a run of Pulumi has reported.
type report struct {
	errors   []string
	releases releases
	outcome  Outcome
}

// run runs a command once.
func (s *Stack) run(ctx context.Context, command string, args []string) (said report, err error) {
	dir, err := os.MkdirTemp("", "picluster-")
	if err != nil {
		return report{}, err
	}
	defer os.RemoveAll(dir)
	events := filepath.Join(dir, "events")
	all := []string{command, "--stack", s.Name, "--event-log", events}
	if s.ConfigFile != "" {
		all = append(all, "--config-file", s.ConfigFile)
	}
	cmd := exec.Command("pulumi", append(all, args...)...)
	cmd.Env = append(os.Environ(), "PULUMI_DEBUG_COMMANDS=true") // --event-log requires it
	for name, value := range goflags.Environment() {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var stderr strings.Builder // what the engine cannot log
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, io.MultiWriter(os.Stderr, &stderr)
	if err := cmd.Start(); err != nil {
		return report{}, err
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
	said = logged(events)
	said.errors = append(said.errors, stderr.String())
	return said, err
}

// stop interrupts Pulumi, so that it ends what it has begun. After Ctrl-C it only waits: the
// terminal has interrupted Pulumi already, and a second interrupt would end Pulumi at once.
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

// logged returns what is in an event log of the engine.
func logged(path string) (said report) {
	said.releases = releases{}
	file, err := os.Open(path)
	if err != nil {
		return said
	}
	defer file.Close()
	for decoder := json.NewDecoder(file); ; {
		var event apitype.EngineEvent
		if decoder.Decode(&event) != nil {
			return said
		}
		if event.DiagnosticEvent != nil && event.DiagnosticEvent.Severity == "error" {
			said.errors = append(said.errors, located(event.DiagnosticEvent))
		}
		if event.ResourcePreEvent != nil {
			said.releases.add(event.ResourcePreEvent.Metadata)
		}
		said.outcome.add(event)
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

// Import runs `pulumi import` itself, because the Automation API cannot pass a configuration file
// to it. The import protects nothing, because the program sets what is protected.
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
