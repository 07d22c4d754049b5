package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"

	"github.com/picluster/picluster/lab"
)

// objectCounts are how many objects are added to the release's own.
var objectCounts = []int{0, 100, 300}

// commandPath is the path of the command picluster, which make compiles before the bench runs.
func commandPath() (string, error) { return filepath.Abs(filepath.Join("bin", "picluster")) }

// commands measures this project's own commands, as the release grows.
func commands(ctx context.Context, r *report) error {
	path, err := commandPath()
	if err != nil {
		return err
	}
	r.printf(`# This project's own commands

On a stack that is up and has not drifted, with ConfigMaps added to its release; the
middle one of %d runs. For the summary each of them changes.

`, rounds)
	r.header("objects added", "`picluster drift`", "`picluster preview --summary`")
	return r.onLab(ctx, func(l *lab.Lab) error {
		command := func(args ...string) (cost, error) {
			return median(ctx, func(ctx context.Context) *exec.Cmd {
				return l.Command(ctx, path, append(args, "--stack", lab.Stack)...)
			})
		}
		for _, count := range objectCounts {
			if err := configure(l, map[string]any{"picluster:values": extraObjects(count, "before")}); err != nil {
				return err
			}
			if _, err := measure(up(ctx, l)); err != nil {
				return err
			}
			drift, err := command("drift")
			if err != nil {
				return err
			}
			if err := configure(l, map[string]any{"picluster:values": extraObjects(count, "after")}); err != nil {
				return err
			}
			preview, err := command("preview", "--summary", filepath.Join(l.Dir, "summary.md"))
			if err != nil {
				return err
			}
			r.row(fmt.Sprint(count), seconds(drift.elapsed), seconds(preview.elapsed))
		}
		return nil
	})
}

// extraObjects returns values by which the chart makes so many ConfigMaps.
func extraObjects(count int, data string) map[string]any {
	objects := []any{}
	for i := range count {
		objects = append(objects, map[string]any{
			"apiVersion": "v1",
			"kind":       "ConfigMap",
			"metadata":   map[string]any{"name": fmt.Sprintf("extra-%03d", i)},
			"data":       map[string]any{"key": data},
		})
	}
	return map[string]any{"extraObjects": objects}
}
