package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// A guard is a process that ends what a killed process has left of a lab. The lab's programs have
// sessions of their own, and Pulumi's plugins groups of their own, so that a signal to the group
// of the process that started them does not reach them.

const (
	guardInterval = 100 * time.Millisecond
	guardTimeout  = time.Minute
)

// StartGuard runs cmd, which must call Guard with this process's number, as the guard of
// this process. Call started once the lab is to run on without this process.
func StartGuard(cmd *exec.Cmd) (started func(), err error) {
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("the lab's guard: %w", err)
	}
	go func() { _ = cmd.Wait() }() // it ends after this process
	return func() {
		_, _ = stdin.Write([]byte{'\n'}) // a guard that has ended has nothing to learn
	}, nil
}

// Guard waits until its parent, the process with the given number, has ended. If the lab's start
// had not ended by then, Guard stops the lab. Otherwise the lab runs on, and Guard kills the
// plugins whose Pulumi is gone.
func Guard(ctx context.Context, parent int, stdin io.Reader, find func() (*Lab, error)) error {
	var started atomic.Bool
	go func() {
		if n, _ := stdin.Read(make([]byte, 1)); n == 1 {
			started.Store(true)
		}
	}()
	err := poll(ctx, guardInterval, func() error {
		if os.Getppid() == parent {
			return errors.New("the parent runs")
		}
		return nil
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, guardTimeout)
	defer cancel()
	l, err := find() // what it is now
	if err != nil || !l.Exists() {
		return err
	}
	if started.Load() {
		return l.killPlugins()
	}
	// Those that were started just before the end have no PID file yet.
	return errors.Join(l.Stop(ctx), l.killServers())
}

// OwnerVariable names the environment variable by which the guard knows the servers of a lab,
// wherever their programs are. It has the lab's directory, and is not in Env.
const OwnerVariable = "PICLUSTER_LAB"

// owned returns an environment with the mark of this lab.
func (l *Lab) owned(env []string) []string { return append(env, OwnerVariable+"="+l.Dir) }

// killServers kills the processes that have the mark of this lab.
func (l *Lab) killServers() (err error) {
	for _, p := range processes() {
		if p.has(OwnerVariable + "=" + l.Dir) {
			err = errors.Join(err, kill(p.pid))
		}
	}
	return err
}

// killPlugins kills Pulumi's plugins, the language host and the program if the Pulumi
// that has started them is gone. They would end by themselves only after minutes.
func (l *Lab) killPlugins() (err error) {
	all := processes()
	ours := map[int]bool{}
	for _, p := range all {
		ours[p.pid] = p.has("TMPDIR=" + l.entry(tempEntry))
	}
	for _, p := range all {
		name := filepath.Base(p.exe)
		plugin := strings.HasPrefix(name, "pulumi-") || p.exe == l.program() || p.exe == filepath.Join(l.root, "bin", programEntry)
		if plugin && ours[p.pid] && !ours[p.parent] {
			err = errors.Join(err, kill(p.pid))
		}
	}
	return err
}

// runningProcess is a process of the machine that this user may look at.
type runningProcess struct {
	pid, parent int
	exe         string
}

// has reports whether the process started with a variable in its environment.
func (p runningProcess) has(variable string) bool {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", p.pid))
	return bytes.Contains(append([]byte{0}, text...), []byte("\x00"+variable+"\x00"))
}

// processes returns all processes; none on a system without /proc.
func processes() (all []runningProcess) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		exe, linkErr := os.Readlink(filepath.Join(dir, "exe"))
		stat, statErr := os.ReadFile(filepath.Join(dir, "stat"))
		if err != nil || linkErr != nil || statErr != nil {
			continue // it has ended, or is another user's
		}
		// The name, in parentheses, may have blanks; then come the state and the parent.
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		parent, _ := strconv.Atoi(fields[1])
		all = append(all, runningProcess{pid, parent, strings.TrimSuffix(exe, " (deleted)")})
	}
	return all
}

// kill kills a process. One that has ended is no error.
func kill(pid int) error {
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("process %d: %w", pid, err)
	}
	return nil
}
