package lab

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"sigs.k8s.io/yaml"
)

// clusterName is kwok's name for the one cluster of a lab.
const clusterName = "lab"

//go:embed nodes.yaml
var simulatedNodes []byte

// cluster is a Kubernetes API with its controllers and scheduler. Unless the lab has
// real nodes, kwok simulates nodes and every pod: it becomes Running and Ready, but no
// container runs.
type cluster struct {
	lab *Lab
}

func (c cluster) dir() string        { return filepath.Join(c.workDir(), "clusters", clusterName) }
func (c cluster) workDir() string    { return c.lab.entry(kwokEntry) }
func (c cluster) kubeconfig() string { return c.lab.entry(kubeconfigEntry) }
func (c cluster) pki() string        { return filepath.Join(c.dir(), "pki") }
func (c cluster) exists() bool       { return exists(filepath.Join(c.dir(), "kwok.yaml")) }

// start makes the cluster, or starts it again, and waits until it is healthy and
// its nodes are ready.
func (c cluster) start(ctx context.Context) error {
	if c.healthy(ctx) == nil {
		return nil
	}
	if ctx.Err() != nil { // it may be healthy
		return context.Cause(ctx)
	}
	if c.exists() && !c.lab.HasStack() {
		// Its creation was cut off. Nothing is in it that anyone knows of.
		if err := errors.Join(c.stop(ctx), os.RemoveAll(c.workDir()), os.RemoveAll(c.kubeconfig())); err != nil {
			return err
		}
	}
	if c.exists() {
		if err := c.kwokctl(ctx, "start", "cluster"); err != nil {
			return c.explain(err)
		}
	} else {
		config, err := c.config()
		if err != nil {
			return err
		}
		if err := c.kwokctl(ctx, "--config", config, "create", "cluster", "--kubeconfig", c.kubeconfig()); err != nil {
			return c.explain(err)
		}
	}

	ctx, cancel := context.WithTimeoutCause(ctx, time.Minute, fmt.Errorf("the cluster did not become healthy"))
	defer cancel()
	if err := poll(ctx, 200*time.Millisecond, func() error { return c.healthy(ctx) }); err != nil {
		return c.explain(err)
	}
	if c.lab.RealNodes {
		return nil
	}
	// The nodes' status is made with them alone, so they are not applied twice.
	if have, _ := c.kubectl(ctx, nil, "get", "nodes", "--output=name"); len(have) == 0 {
		// Unvalidated: kwok fills in what a node's status needs beside its size.
		if _, err := c.kubectl(ctx, simulatedNodes, "create", "--validate=ignore", "--filename=-"); err != nil {
			return err
		}
	}
	_, err := c.kubectl(ctx, nil, "wait", "nodes", "--all", "--for=condition=Ready", "--timeout=60s")
	return err
}

// config writes what kwokctl is to run, and where it is to listen.
func (c cluster) config() (path string, err error) {
	bin := func(name string) string { return filepath.Join(c.lab.bin(), name) }
	// There is one of each, and one that loses its lease ends itself: etcd that is
	// full, or a slow machine, would be enough.
	alone := func(name string) any { return component(name, map[string]string{"leader-elect": "false"}) }
	options := map[string]any{
		"runtime":                     "binary",
		"bindAddress":                 "127.0.0.1",
		"etcdBinary":                  bin("etcd"),
		"kubeApiserverBinary":         bin("kube-apiserver"),
		"kubeControllerManagerBinary": bin("kube-controller-manager"),
		"kubeSchedulerBinary":         bin("kube-scheduler"),
		"kwokControllerBinary":        bin("kwok"),
		// A kwok that is started again plays the pods once the leases of the one
		// before have run out, by default after 200 s.
		"nodeLeaseDurationSeconds": 10,
	}
	patches := []any{alone("kube-controller-manager"), alone("kube-scheduler")}
	if !c.lab.RealNodes {
		if err := c.choosePorts(options); err != nil {
			return "", err
		}
	} else {
		// Pods reach the API server, and it reaches the kubelets.
		options["bindAddress"] = "0.0.0.0"
		options["disable"] = []any{"kwok-controller"}
		options["kubeApiserverCertSANs"] = []any{hostAddress, apiService}
		patches = append(patches, component("kube-apiserver", map[string]string{
			"advertise-address":               hostAddress,
			"kubelet-client-certificate":      filepath.Join(c.pki(), "admin.crt"),
			"kubelet-client-key":              filepath.Join(c.pki(), "admin.key"),
			"kubelet-preferred-address-types": "InternalIP",
			"service-cluster-ip-range":        serviceCIDR,
		}))
	}
	text, err := yaml.Marshal(map[string]any{
		"apiVersion":        "config.kwok.x-k8s.io/v1alpha1",
		"kind":              "KwokctlConfiguration",
		"options":           options,
		"componentsPatches": patches,
	})
	if err != nil {
		return "", err
	}
	path = c.lab.entry(kwokctlEntry)
	return path, os.WriteFile(path, text, 0o600)
}

// component returns kwokctl's patch that gives a component more arguments.
func component(name string, args map[string]string) any {
	var extra []any
	for _, key := range slices.Sorted(maps.Keys(args)) {
		extra = append(extra, map[string]any{"key": key, "value": args[key]})
	}
	return map[string]any{"name": name, "extraArgs": extra}
}

func (c cluster) healthy(ctx context.Context) error {
	if !c.exists() {
		return fmt.Errorf("there is no cluster")
	}
	_, err := c.kubectl(ctx, nil, "get", "--raw=/readyz", "--request-timeout=2s")
	return err
}

// stop ends the cluster's processes, whatever state they are in, and keeps its data.
func (c cluster) stop(ctx context.Context) error {
	if !c.exists() || c.lab.RealNodes && c.lab.machine().pid() == 0 {
		return nil
	}
	if err := c.kwokctl(ctx, "stop", "cluster"); err != nil {
		fmt.Fprintf(c.lab.log, "lab: %v; ending the cluster's processes one by one\n", err)
	}
	if c.lab.RealNodes {
		return nil // the numbers are the machine's, which ends them all
	}
	pidFiles, err := filepath.Glob(filepath.Join(c.dir(), "pids", "*.pid"))
	if err != nil {
		return err
	}
	for _, file := range pidFiles {
		if err := endProcess(ctx, readPID(file), c.workDir()); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(file), err)
		}
	}
	return nil
}

// forget removes what a cluster in an earlier machine has left: the numbers of its
// processes, and a cluster whose creation was cut off.
func (c cluster) forget() error {
	if c.exists() && !exists(c.kubeconfig()) {
		return os.RemoveAll(c.workDir())
	}
	files, err := filepath.Glob(filepath.Join(c.dir(), "pids", "*"))
	for _, file := range files {
		err = errors.Join(err, os.Remove(file))
	}
	return err
}

// explain adds to err the end of the log of each process that died, or where all
// logs are if none did.
func (c cluster) explain(err error) error {
	logs, _ := filepath.Glob(filepath.Join(c.dir(), "logs", "*.log"))
	var dead strings.Builder
	for _, path := range logs {
		name := strings.TrimSuffix(filepath.Base(path), ".log")
		if c.runs(readPID(filepath.Join(c.dir(), "pids", name+".pid"))) {
			continue
		}
		text, _ := os.ReadFile(path)
		fmt.Fprintf(&dead, "\n--- the end of %s\n%s", path, tail(string(text), 15))
	}
	if dead.Len() == 0 {
		return fmt.Errorf("%w\nAll its processes run; their logs are in %s", err, filepath.Join(c.dir(), "logs"))
	}
	return fmt.Errorf("%w%s", err, dead.String())
}

// runs reports whether a process of the cluster runs, by the number that kwokctl
// gives it.
func (c cluster) runs(pid int) bool {
	if !c.lab.RealNodes {
		return alive(pid)
	}
	state := c.lab.machine().process(pid)
	return state != "" && !strings.HasPrefix(state, " Z")
}

func (c cluster) kwokctl(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(c.lab.bin(), "kwokctl"), append([]string{"--name", clusterName}, args...)...)
	cmd.Env = append(c.lab.owned(os.Environ()), // and those of what it starts
		"KWOK_WORKDIR="+c.workDir(),
		"KUBECONFIG="+c.kubeconfig(),
		"PATH="+c.lab.path())
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := c.lab.runInside(cmd); err != nil {
		return fmt.Errorf("kwokctl %s: %w\n%s", strings.Join(args, " "), err, tail(output.String(), 15))
	}
	return nil
}

func (c cluster) kubectl(ctx context.Context, stdin []byte, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(c.lab.bin(), "kubectl"), append([]string{"--kubeconfig", c.kubeconfig()}, args...)...)
	if stdin != nil {
		cmd.Stdin = bytes.NewReader(stdin)
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := c.lab.runInside(cmd); err != nil {
		return nil, fmt.Errorf("kubectl %s: %w\n%s", strings.Join(args, " "), err, tail(stderr.String(), 15))
	}
	return stdout.Bytes(), nil
}

// readPID returns the process number in a file, or 0.
func readPID(path string) int {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return pid
}

// alive says if a process runs; one that has ended and was not waited for does not.
func alive(pid int) bool {
	if pid <= 0 || syscall.Kill(pid, 0) != nil {
		return false
	}
	p, err := inspect(context.Background(), pid)
	return err != nil || !strings.HasPrefix(p.state, "Z")
}

// endProcess asks a process to end, makes it end after ten seconds, and returns
// when it is gone. It leaves alone a process without mark in its command line:
// that has only inherited the number.
func endProcess(ctx context.Context, pid int, mark string) error {
	if !alive(pid) {
		return nil
	}
	p, err := inspect(ctx, pid)
	if err != nil && alive(pid) {
		return fmt.Errorf("process %d was left alone, because it is unknown whether it is of this lab: %w", pid, err)
	}
	if !strings.Contains(p.commandLine, mark) {
		return nil
	}
	gone := func() error {
		if alive(pid) {
			return fmt.Errorf("process %d runs", pid)
		}
		return nil
	}
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		_ = syscall.Kill(pid, signal) // it may have ended by itself
		wait, cancel := context.WithTimeout(ctx, 10*time.Second)
		err := poll(wait, 50*time.Millisecond, gone)
		cancel()
		if err == nil {
			return nil
		}
	}
	return fmt.Errorf("process %d does not end", pid)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
