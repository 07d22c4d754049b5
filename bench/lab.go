package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/picluster/picluster/lab"
	"sigs.k8s.io/yaml"
)

// onLab calls f with a new lab, and removes the lab afterwards. The lab's stack has profile pi.
func (r *report) onLab(ctx context.Context, f func(*lab.Lab) error) error {
	return r.on(ctx, func(*lab.Lab) {}, f)
}

// onRealNodes is onLab with real nodes.
func (r *report) onRealNodes(ctx context.Context, f func(*lab.Lab) error) error {
	return r.on(ctx, func(l *lab.Lab) { l.RealNodes = true }, f)
}

func (r *report) on(ctx context.Context, option func(*lab.Lab), f func(*lab.Lab) error) (err error) {
	dir, err := os.MkdirTemp("", "picluster-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	l, err := lab.Open(ctx, dir, os.Stdout)
	if err != nil {
		return err
	}
	option(l)
	defer func() {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		err = errors.Join(err, l.Remove(stop))
	}()
	if err := l.Start(ctx); err != nil {
		return err
	}
	if err := configure(l, map[string]any{"picluster:profile": "pi"}); err != nil {
		return err
	}
	if r.chart, err = chart(l); err != nil {
		return err
	}
	return f(l)
}

// chart returns the name and the version of the chart that a lab installs.
func chart(l *lab.Lab) (string, error) {
	_, config, err := readConfig(l)
	if err != nil {
		return "", err
	}
	name, version := text(config["picluster:chart"]), text(config["picluster:chartVersion"])
	if standIn, err := filepath.Abs(filepath.Join("lab", "chart")); err != nil || name == standIn {
		return "the lab's stand-in for tempo-distributed " + version, err
	}
	return filepath.Base(name) + " " + version, nil
}

// readConfig returns the configuration of the lab's stack.
func readConfig(l *lab.Lab) (file, config map[string]any, err error) {
	text, err := os.ReadFile(l.ConfigFile())
	if err != nil {
		return nil, nil, err
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, nil, err
	}
	config, ok := file["config"].(map[string]any)
	if !ok {
		return nil, nil, errors.New("the stack's file has no config")
	}
	return file, config, nil
}

// configure sets keys of the configuration of the lab's stack.
func configure(l *lab.Lab, values map[string]any) error {
	file, config, err := readConfig(l)
	if err != nil {
		return err
	}
	for key, value := range values {
		config[key] = value
	}
	text, err := yaml.Marshal(file)
	if err != nil {
		return err
	}
	return os.WriteFile(l.ConfigFile(), text, 0o600)
}

// upArgs are the arguments of an up without a prompt.
var upArgs = []string{"up", "--yes", "--skip-preview"}

// unchanging are the commands that are measured on a stack without changes.
var unchanging = [][]string{{"preview"}, upArgs, {"refresh", "--yes", "--skip-preview"}}

// up is the stack's `pulumi up`.
func up(ctx context.Context, l *lab.Lab) *exec.Cmd {
	return l.StackCommand(ctx, upArgs[0], upArgs[1:]...)
}

// compileInto compiles p for a project of its own, in the lab's directory, and
// returns that directory. Pulumi finds the program there prebuilt, as it does the
// lab's own.
func (p program) compileInto(ctx context.Context, l *lab.Lab, projectName string) (dir string, err error) {
	dir = filepath.Join(l.Dir, p.name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "program")
	if err := quietly(p.build(ctx, binary)); err != nil {
		return "", err
	}
	project := fmt.Sprintf("name: %s\nruntime:\n  name: go\n  options:\n    binary: %s\n", projectName, binary)
	return dir, os.WriteFile(filepath.Join(dir, "Pulumi.yaml"), []byte(project), 0o600)
}
