package lab

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// machine is where a lab with real nodes runs: a network, a tree of mounts and a
// tree of processes of its own, held by one process. When that ends, the kernel
// ends every other process in it, and removes its mounts, interfaces and rules.
// Nothing but the machine's cgroups and its network's name are left to remove.
type machine struct {
	lab *Lab
}

// name returns the name of the machine, of its network and of its cgroups.
func (m machine) name() string {
	hash := sha256.Sum256([]byte(m.lab.Dir))
	return "picluster-" + hex.EncodeToString(hash[:])[:12]
}

// network is the file by which `ip netns exec` and nsenter enter the network.
func (m machine) network() string { return filepath.Join("/run/netns", m.name()) }
func (m machine) pidFile() string { return m.lab.nodes().path("pid") }

// pid returns the number of the process that holds the machine, or 0 if none runs.
func (m machine) pid() int {
	text, err := os.ReadFile(m.pidFile())
	if err != nil {
		return 0
	}
	number, started, _ := strings.Cut(string(text), " ")
	pid, err := strconv.Atoi(number)
	if err != nil || !alive(pid) || startTime(pid) != started {
		return 0 // the number may be another process's by now
	}
	return pid
}

// startTime returns when a process started, in ticks after the machine's start.
func startTime(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	// The name, in parentheses, may have blanks; 20 fields after it is the time.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	return fields[19]
}

// boot starts the machine, in which nothing runs yet.
func (m machine) boot(ctx context.Context) error {
	if err := m.shutDown(ctx); err != nil {
		return err
	}
	if err := os.MkdirAll(m.lab.nodes().dir(), 0o700); err != nil {
		return err
	}
	if err := m.hold(); err != nil {
		return err
	}
	if err := m.mount(ctx); err != nil {
		return err
	}
	if err := m.connect(ctx); err != nil {
		return err
	}
	return m.createCgroups()
}

// hold starts the process that holds the machine.
func (m machine) hold() error {
	cmd := exec.Command(filepath.Join(m.lab.bin(), "pause"), "-wait")
	cmd.Env = m.lab.owned(os.Environ())
	cmd.SysProcAttr = newNamespaces()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	defer stdin.Close()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("creating the lab's namespaces: %w", err)
	}
	go func() { _ = cmd.Wait() }() // it is killed in the end
	pid := cmd.Process.Pid
	if err := os.WriteFile(m.pidFile(), fmt.Appendf(nil, "%d %s", pid, startTime(pid)), 0o600); err != nil {
		return err
	}
	// Until here the process ends with this one. From now on pid finds it.
	_, err = stdin.Write([]byte{'\n'})
	return err
}

// kernelSettings are the kernel's settings, of the whole machine, that a kubelet sets. In a lab,
// files with these values are mounted over them, and the kubelet writes to the files.
var kernelSettings = map[string]string{
	"kernel/keys/root_maxbytes": "25000000",
	"kernel/keys/root_maxkeys":  "1000000",
	"kernel/panic":              "10",
	"kernel/panic_on_oops":      "1",
	"vm/overcommit_memory":      "1",
	"vm/panic_on_oom":           "0",
}

// maskedDirs are the directories in which programs write, whatever their configuration is, such
// as /run/containerd, /run/netns, /var/lib/cni and /var/log/containers.
var maskedDirs = []string{"/run", "/var/lib", "/var/log"}

// mount mounts what only the machine sees: /proc, kernelSettings and maskedDirs.
func (m machine) mount(ctx context.Context) error {
	run := func(args ...string) error {
		// Without a table of mounts in /run, which is one of the masked directories.
		_, err := m.output(ctx, command("mount"), append([]string{"--no-mtab"}, args...)...)
		return err
	}
	if err := run("--make-rprivate", "/"); err != nil {
		return err
	}
	if err := run("-t", "proc", "proc", "/proc"); err != nil {
		return err
	}
	for setting, value := range kernelSettings {
		file := m.lab.nodes().path(filepath.Join("kernel", setting))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(value+"\n"), 0o600); err != nil {
			return err
		}
		if err := run("--bind", file, filepath.Join("/proc/sys", setting)); err != nil {
			return err
		}
	}
	for i, dir := range maskedDirs {
		// What the lab needs below such a directory is bound into the mask first.
		mask := m.lab.nodes().path(fmt.Sprintf("mask-%d", i))
		if err := os.MkdirAll(mask, 0o700); err != nil {
			return err
		}
		if err := run("-t", "tmpfs", "-o", "mode=755", "tmpfs", mask); err != nil {
			return err
		}
		for _, needed := range []string{m.lab.root, m.lab.Dir, m.lab.cache} {
			rest, below := strings.CutPrefix(needed, dir+"/")
			if !below {
				continue
			}
			target := filepath.Join(mask, rest)
			if _, err := m.output(ctx, command("mkdir"), "--parents", target); err != nil {
				return err
			}
			if err := run("--rbind", needed, target); err != nil {
				return err
			}
		}
		if err := run("--move", mask, dir); err != nil {
			return err
		}
	}
	return nil
}

// connect gives the machine its addresses, and its network a name.
func (m machine) connect(ctx context.Context) error {
	commands := [][]string{
		{"link", "set", "lo", "up"},
		{"link", "add", nodeInterface, "type", "bridge"},
		{"link", "set", nodeInterface, "up"},
	}
	for _, node := range m.lab.nodes().all() {
		commands = append(commands, []string{"address", "add", node.address() + "/32", "dev", nodeInterface})
	}
	// A packet to a Service needs a route before kube-proxy's rules see it.
	commands = append(commands, []string{"route", "add", serviceCIDR, "dev", nodeInterface, "src", hostAddress})
	for _, args := range commands {
		if _, err := m.output(ctx, command("ip"), args...); err != nil {
			return err
		}
	}
	if _, err := m.output(ctx, command("sh"), "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"); err != nil {
		return err
	}

	// #nosec G301 -- as `ip netns` does
	if err := os.MkdirAll(filepath.Dir(m.network()), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(m.network(), nil, 0o600); err != nil {
		return err
	}
	return combined(exec.CommandContext(ctx, command("mount"), "--bind", fmt.Sprintf("/proc/%d/ns/net", m.pid()), m.network()))
}

// shutDown ends every process of the machine, and removes what is left of it.
func (m machine) shutDown(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 30*time.Second, errors.New("the lab's processes do not end"))
	defer cancel()
	if pid := m.pid(); pid != 0 {
		// The kernel has ended all others before this one is gone.
		if err := m.kill(ctx, pid); err != nil {
			return fmt.Errorf("process %d: %w", pid, err)
		}
	}
	if err := m.removeCgroups(ctx); err != nil {
		return err
	}
	for mounted(m.network()) {
		if err := combined(exec.CommandContext(ctx, command("umount"), m.network())); err != nil {
			return err
		}
	}
	if err := os.Remove(m.network()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	_ = os.Remove(filepath.Dir(m.network())) // unless another network has a name there
	if err := os.Remove(m.pidFile()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// start starts cmd in the machine.
func (m machine) start(cmd *exec.Cmd) error {
	if cmd.Dir == "" {
		dir, err := os.Getwd() // another tree of mounts starts at its root
		if err != nil {
			return err
		}
		cmd.Dir = dir
	}
	return m.enter(cmd.Start, "net", "pid", "mnt")
}

// output runs a command in the machine, and returns what it printed.
func (m machine) output(ctx context.Context, path string, args ...string) ([]byte, error) {
	return m.run(exec.CommandContext(ctx, path, args...))
}

// run runs cmd in the machine, and returns what it printed.
func (m machine) run(cmd *exec.Cmd) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if cmd.Env == nil {
		cmd.Env = m.env()
	}
	err := m.start(cmd)
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		return nil, commandError(cmd, err, stderr.Bytes())
	}
	return stdout.Bytes(), nil
}

// env is this process's environment for what runs in the machine: PATH has the
// lab's programs and those that only root has on it, and nothing goes to a proxy.
func (m machine) env() []string {
	env := append(withoutProxies(os.Environ()), "PATH="+m.lab.path()+":"+strings.Join(systemPath, ":"))
	return (&exec.Cmd{Env: env}).Environ()
}

// process returns the state, as in /proc/PID/stat, of a process by its number in
// the machine; empty if there is none.
func (m machine) process(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/root/proc/%d/stat", m.pid(), pid))
	if err != nil {
		return ""
	}
	return string(stat[bytes.LastIndexByte(stat, ')')+1:])
}

// inNetwork returns cmd changed to run in the machine's network, with the mounts and the
// processes of the host.
func (m machine) inNetwork(cmd *exec.Cmd) *exec.Cmd {
	cmd.Args = append([]string{"nsenter", "--net=" + m.network(), "--", cmd.Path}, cmd.Args[1:]...)
	cmd.Path, cmd.Err = command("nsenter"), nil // nsenter looks for the program, on cmd's PATH
	return cmd
}

// dial connects to an address in the machine's network.
func (m machine) dial(ctx context.Context, network, address string) (connection net.Conn, err error) {
	// With the default of FallbackDelay, Dialer may dial on another thread, outside the network.
	dialer := net.Dialer{FallbackDelay: -1}
	enterErr := m.enter(func() error {
		connection, err = dialer.DialContext(ctx, network, address)
		return nil
	}, "net")
	return connection, errors.Join(enterErr, err)
}

// withoutProxies returns an environment without proxies, which cannot be reached
// from a machine.
func withoutProxies(env []string) []string {
	return slices.DeleteFunc(env, func(variable string) bool {
		name, _, _ := strings.Cut(strings.ToUpper(variable), "=")
		return slices.Contains([]string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"}, name)
	})
}

// mounted reports whether something is mounted at path.
func mounted(path string) bool {
	mounts, _ := os.ReadFile("/proc/thread-self/mounts")
	return bytes.Contains(mounts, []byte(" "+path+" "))
}

// combined runs cmd, and returns an error with what it printed.
func combined(cmd *exec.Cmd) error {
	output, err := cmd.CombinedOutput()
	if err != nil {
		return commandError(cmd, err, output)
	}
	return nil
}

func commandError(cmd *exec.Cmd, err error, output []byte) error {
	return fmt.Errorf("%s %s: %w\n%s", filepath.Base(cmd.Path), strings.Join(cmd.Args[1:], " "), err, tail(string(output), 15))
}
