package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// cgroupRoot is where Linux has its cgroups: version 2's, or a directory for each
// controller of version 1.
const cgroupRoot = "/sys/fs/cgroup"

// controllers are those of version 2 that a kubelet uses.
const controllers = "+cpu +cpuset +memory +pids"

// hierarchies returns the roots of the machine's cgroups, and whether the controllers
// are version 2's.
func hierarchies() (roots []string, unified bool) {
	if exists(filepath.Join(cgroupRoot, "cgroup.controllers")) {
		return []string{cgroupRoot}, true
	}
	mounts, _ := os.ReadFile("/proc/thread-self/mounts")
	for line := range strings.Lines(string(mounts)) {
		if fields := strings.Fields(line); len(fields) > 2 && strings.HasPrefix(fields[2], "cgroup") {
			roots = append(roots, fields[1])
		}
	}
	return roots, false
}

// createCgroups creates a cgroup for each node, below the machine's.
func (m machine) createCgroups() error {
	roots, unified := hierarchies()
	for _, root := range roots {
		for _, node := range m.lab.nodes().all() {
			at := root
			for name := range strings.SplitSeq(node.cgroup(), "/") {
				if unified {
					if err := os.WriteFile(filepath.Join(at, "cgroup.subtree_control"), []byte(controllers), 0); err != nil {
						return err
					}
				}
				parent := at
				at = filepath.Join(at, name)
				if err := os.MkdirAll(at, 0o750); err != nil {
					return err
				}
				if err := inheritCPUs(parent, at); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// inheritCPUs copies what a cgroup of version 1's cpuset needs before a process can
// be in it.
func inheritCPUs(parent, child string) error {
	for _, name := range []string{"cpuset.cpus", "cpuset.mems"} {
		if !exists(filepath.Join(child, name)) || exists(filepath.Join(child, "cgroup.controllers")) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(parent, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(child, name), text, 0); err != nil {
			return err
		}
	}
	return nil
}

// removeCgroups removes the machine's cgroups, whose processes have ended.
func (m machine) removeCgroups(ctx context.Context) error {
	roots, _ := hierarchies()
	for _, root := range roots {
		top := filepath.Join(root, m.name())
		// The kernel gives a cgroup free some time after its last process.
		if err := poll(ctx, 20*time.Millisecond, func() error { return removeTree(top) }); err != nil {
			return fmt.Errorf("removing the cgroup %s: %w", top, err)
		}
	}
	return nil
}

// removeTree removes a tree of directories whose files cannot be removed.
func removeTree(top string) error {
	var dirs []string
	err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err == nil && entry.IsDir() {
			dirs = append(dirs, path)
		}
		return err
	})
	for _, dir := range slices.Backward(dirs) {
		err = errors.Join(err, os.Remove(dir))
	}
	return err
}
