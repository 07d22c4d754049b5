package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// compile measures how long programs take to compile from an empty build cache.
func compile(ctx context.Context, text *strings.Builder) error {
	fmt.Fprintf(text, `
## To compile

From an empty build cache. "Ordinary" is the same program with the imports that a
Pulumi program ordinarily has for what it makes; "empty" is one that makes nothing.
CPU is of all processes, memory of the largest.

| program | CPU | of ordinary | memory | of ordinary | binary |
|---|---|---|---|---|---|
`)
	programs := []struct{ name, path string }{{"ordinary", "./bench/ordinary"}, {"picluster", "."}, {"empty", "./bench/empty"}}
	var ordinary cost
	for _, p := range programs {
		c, size, err := cold(ctx, p.path)
		if err != nil {
			return err
		}
		if p.name == "ordinary" {
			ordinary = c
		}
		fmt.Fprintf(text, "| %s | %.0f s | %.2f | %s | %.2f | %d MB |\n", p.name, c.cpu.Seconds(), c.cpu.Seconds()/ordinary.cpu.Seconds(),
			gigabytes(c.memory), float64(c.memory)/float64(ordinary.memory), size/1e6)
	}
	return nil
}

func cold(ctx context.Context, path string) (c cost, size int64, err error) {
	dir, err := os.MkdirTemp("", "picluster-bench-")
	if err != nil {
		return c, 0, err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "program")
	cmd := exec.CommandContext(ctx, "go", "build", "-tags=bench", "-o", binary, path)
	cmd.Env = append(os.Environ(), "GOCACHE="+filepath.Join(dir, "cache"))
	if c, err = measure(cmd); err != nil {
		return c, 0, err
	}
	info, err := os.Stat(binary)
	if err != nil {
		return c, 0, err
	}
	return c, info.Size(), nil
}
