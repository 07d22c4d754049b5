package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// newNamespaces has a command run in a machine of its own.
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
	// Unlike its state in /proc, which is its first thread's, this tells of all threads.
	return poll(ctx, time.Millisecond, func() error {
		ready, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 100) // #nosec G115 -- a file descriptor
		if err == nil && ready == 0 {
			err = errors.New("it does not end")
		}
		return err
	})
}

// enter calls do on a thread in these namespaces of the machine, which what do
// starts is in too.
func (m machine) enter(do func() error, namespaces ...string) error {
	pid := m.pid()
	if pid == 0 {
		return fmt.Errorf("the lab in %s does not run", m.lab.Dir)
	}
	var files []*os.File // opened before the tree of mounts is another one
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
