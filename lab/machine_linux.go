package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// newNamespaces returns the attributes of a command that runs in a machine of its own.
func newNamespaces() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Setsid:     true,
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID,
	}
}

// kill ends the process that holds the machine, and returns when it is gone.
func (m machine) kill(ctx context.Context, pid int) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) || err == nil && m.pid() != pid {
		return nil // it has ended by itself
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return err
	}
	// A pidfd is ready once all threads have ended. The state in /proc is the first thread's.
	return poll(ctx, time.Millisecond, func() error {
		ready, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 100) // #nosec G115 -- a file descriptor
		if err == nil && ready == 0 {
			err = errors.New("it does not end")
		}
		return err
	})
}

// enter calls do on a thread in these namespaces of the machine. Processes that do starts are in
// them too.
func (m machine) enter(do func() error, namespaces ...string) error {
	pid := m.pid()
	if pid == 0 {
		return fmt.Errorf("the lab in %s does not run", m.lab.Dir)
	}
	var files []*os.File // opened before the thread has other mounts
	defer func() {
		for _, file := range files {
			_ = file.Close()
		}
	}()
	for _, namespace := range namespaces {
		file, err := os.Open(fmt.Sprintf("/proc/%d/ns/%s", pid, namespace))
		if err != nil {
			return err
		}
		files = append(files, file)
	}

	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with this function
		// A thread that shares its directory with others may not change the mounts.
		err := unix.Unshare(unix.CLONE_FS)
		for _, file := range files {
			if err == nil {
				err = unix.Setns(int(file.Fd()), 0) // #nosec G115 -- a file descriptor
			}
		}
		if err == nil {
			err = do()
		}
		result <- err
	}()
	return <-result
}

// memory returns the memory that processes here may have, in bytes: this machine's, or the
// limit of a container. 0 if it is not known.
func memory() float64 {
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return 0
	}
	memory := float64(info.Totalram) * float64(info.Unit)
	for _, limit := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		text, _ := os.ReadFile(limit) // of the other version of cgroups, or "max"
		if bytes, err := strconv.ParseFloat(strings.TrimSpace(string(text)), 64); err == nil {
			memory = min(memory, bytes)
		}
	}
	return memory
}
