package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// lock waits for the file lock at path, and acquires it. unlock releases it. If the process dies,
// the kernel releases it. It fails at once if the file system has no locks.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	var broken error
	err = poll(ctx, 100*time.Millisecond, func() error {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err != nil && !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			broken = fmt.Errorf("%s cannot be locked: %w. Fix: set %s to a directory of a file system with locks", path, err, CacheVariable)
			return nil
		}
		return err
	})
	if err := errors.Join(broken, err); err != nil {
		_ = file.Close()
		return nil, err
	}
	return func() { _ = file.Close() }, nil
}
