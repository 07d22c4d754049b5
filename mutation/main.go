// Command mutation applies the changes of wiring.yaml to the components and to stacks, one
// change at a time. For each it runs the unit tests, of which one must fail. It changes no file: the
// compiler is given the changed text in place of the file's.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"sigs.k8s.io/yaml"
)

// mutant is a change of one place that a test must notice.
type mutant struct {
	// Name says what is wrong after the change.
	Name string `json:"name"`
	// File is the file that is changed.
	File string `json:"file"`
	// Old is a text that is in the file once, and New what replaces it.
	Old string `json:"old"`
	New string `json:"new"`
	// Tests are the packages whose tests are run. Default: File's.
	Tests []string `json:"tests"`
}

func main() {
	list := flag.String("list", "mutation/wiring.yaml", "`file` with the mutants")
	only := flag.String("only", "", "run the mutants whose name contains this `text`")
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	if err := run(ctx, *list, *only); err != nil {
		fmt.Fprintln(os.Stderr, "mutation:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, list, only string) error {
	mutants, err := read(list)
	if err != nil {
		return err
	}
	mutants = slices.DeleteFunc(mutants, func(m mutant) bool { return !strings.Contains(m.Name, only) })
	if err := passes(ctx, mutants); err != nil {
		return err
	}
	var (
		working  sync.WaitGroup
		mu       sync.Mutex
		failures []error
		killed   int
	)
	// As many at a time as there are processors: half of a test's time is spent in the linker.
	atATime := make(chan struct{}, runtime.GOMAXPROCS(0))
	for _, m := range mutants {
		atATime <- struct{}{}
		working.Go(func() {
			defer func() { <-atATime }()
			start := time.Now()
			err := m.kill(ctx)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failures = append(failures, fmt.Errorf("%s (%s): %w", m.Name, m.File, err))
				fmt.Printf("FAILED  %s: %v\n", m.Name, err)
				return
			}
			killed++
			fmt.Printf("killed  %s (%.1f s)\n", m.Name, time.Since(start).Seconds())
		})
	}
	working.Wait()
	fmt.Printf("%d of %d mutants killed\n", killed, killed+len(failures))
	return errors.Join(failures...)
}

// read returns the mutants of a list.
func read(list string) (mutants []mutant, err error) {
	text, err := os.ReadFile(list)
	if err != nil {
		return nil, err
	}
	return mutants, yaml.UnmarshalStrict(text, &mutants)
}

// changed returns the text of the file with the change. It fails unless the change applies.
func (m mutant) changed() (string, error) {
	text, err := os.ReadFile(m.File)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(text), m.Old); n != 1 {
		return "", fmt.Errorf("its text is in the file %d times; want once. Fix: write the mutant for the new text", n)
	}
	return strings.Replace(string(text), m.Old, m.New, 1), nil
}

// packages returns the packages whose tests are run.
func (m mutant) packages() []string {
	if len(m.Tests) > 0 {
		return m.Tests
	}
	return []string{"./" + filepath.Dir(m.File)}
}

// test runs the tests of packages.
func test(ctx context.Context, packages []string, flags ...string) (out []byte, err error) {
	args := append([]string{"test", "-vet=off", "-failfast", "-timeout=90s"}, flags...)
	return exec.CommandContext(ctx, "go", append(args, packages...)...).CombinedOutput()
}

// passes returns an error unless the tests pass without a change: then a failure shows
// what the change has broken.
func passes(ctx context.Context, mutants []mutant) error {
	var packages []string
	for _, m := range mutants {
		packages = append(packages, m.packages()...)
	}
	slices.Sort(packages)
	if out, err := test(ctx, slices.Compact(packages)); err != nil {
		return fmt.Errorf("the tests fail without a change: %w\n%s", err, out)
	}
	return nil
}

// kill returns an error unless the tests fail because of the change. Tests that do not end
// show nothing.
func (m mutant) kill(ctx context.Context) error {
	text, err := m.changed()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "mutation-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	changed, overlay := filepath.Join(dir, "changed.go"), filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(changed, []byte(text), 0o600); err != nil {
		return err
	}
	file, err := filepath.Abs(m.File)
	if err != nil {
		return err
	}
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{file: changed}})
	if err != nil {
		return err
	}
	if err := os.WriteFile(overlay, replace, 0o600); err != nil {
		return err
	}
	out, err := test(ctx, m.packages(), "-overlay", overlay)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil:
		return errors.New("survived: no test fails")
	case strings.Contains(string(out), "panic: test timed out"):
		return fmt.Errorf("its tests do not end:\n%s", out)
	case strings.Contains(string(out), "[build failed]") || strings.Contains(string(out), "[setup failed]"):
		return fmt.Errorf("it does not compile:\n%s", out)
	}
	return nil
}
