package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// program is a Go program whose compilation is measured.
type program struct {
	name string
	// module is the directory of the package's module, relative to the checkout.
	module, path string
	// edited is the file to which changeALine adds a line.
	edited string
}

var (
	ordinary  = program{"ordinary", "bench", "./ordinary", "stacks/tracing.go"}
	picluster = program{"picluster", ".", ".", "stacks/tracing.go"}
	typed     = program{"typed", "bench", "./typed", "stacks/tracing.go"}
	empty     = program{"empty", "bench", "./empty", "bench/empty/main.go"}
)

// build returns the command that compiles p to binary, an absolute path.
func (p program) build(ctx context.Context, binary string, flags ...string) *exec.Cmd {
	args := append([]string{"build", "-C", p.module, "-tags=bench", "-o", binary}, flags...)
	return exec.CommandContext(ctx, "go", append(args, p.path)...)
}

// compile measures how long programs take to compile.
func compile(ctx context.Context, r *report) error {
	r.printf(`# To compile

From an empty build cache; again after a line of its own code changed, which links
it too; and with nothing changed. "Ordinary" is the same program with the imports
that a Pulumi program ordinarily has for what it makes. "Empty" is one that makes
nothing. "Typed" is picluster with the SDK's types of the objects that it creates
(core/v1 and networking/v1), and its own release. CPU is of all processes, memory of the
largest.

`)
	r.header("program", "CPU, cold", "of ordinary", "memory", "of ordinary", "time, cold", "a line changed", "nothing changed", "binary")
	var first compiled
	for _, p := range []program{ordinary, typed, picluster, empty} {
		c, err := p.compile(ctx)
		if err != nil {
			return err
		}
		if p == ordinary {
			first = c
		}
		r.row(p.name, fmt.Sprintf("%.0f s", c.cold.cpu.Seconds()), ratio(c.cold.cpu, first.cold.cpu),
			gigabytes(c.cold.memory), fmt.Sprintf("%.2f", float64(c.cold.memory)/float64(first.cold.memory)),
			seconds(c.cold.elapsed), seconds(c.changed.elapsed), seconds(c.same.elapsed), fmt.Sprintf("%d MB", c.size/1e6))
	}
	return nil
}

// compiled is the cost of compiling a program: from an empty cache, after a changed line, and
// with nothing changed.
type compiled struct {
	cold, changed, same cost
	size                int64 // bytes
}

func (p program) compile(ctx context.Context) (c compiled, err error) {
	dir, err := os.MkdirTemp("", "picluster-bench-")
	if err != nil {
		return c, err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "program")
	overlay, err := changeALine(dir, p.edited)
	if err != nil {
		return c, err
	}
	changed := []string{"-overlay", overlay}
	for _, step := range []struct {
		cost  *cost
		flags []string
	}{{&c.cold, nil}, {&c.changed, changed}, {&c.same, changed}} {
		cmd := p.build(ctx, binary, step.flags...)
		cmd.Env = append(os.Environ(), "GOCACHE="+filepath.Join(dir, "cache"))
		if *step.cost, err = measure(cmd); err != nil {
			return c, err
		}
	}
	info, err := os.Stat(binary)
	if err != nil {
		return c, err
	}
	c.size = info.Size()
	return c, nil
}

// changeALine writes, for `go build -overlay`, a file with one line more. The
// checkout stays as it is.
func changeALine(dir, file string) (overlay string, err error) {
	from, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return "", err
	}
	to := filepath.Join(dir, "changed.go")
	// The linker cannot leave out an init function.
	text = append(text, "\nfunc init() { println() }\n"...)
	if err := os.WriteFile(to, text, 0o600); err != nil {
		return "", err
	}
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{from: to}})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, replace, 0o600)
}
