package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
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
		// The kernel frees a cgroup some time after its last process has ended.
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

// podNumber is a number in a file of a pod's cgroup, after a key or alone.
type podNumber struct {
	file, key string
	unit      int64
}

// What PodUsage reads, in cgroups of version 1 and 2.
var (
	podMemory = map[bool]podNumber{false: {"memory.usage_in_bytes", "", 1}, true: {"memory.current", "", 1}}
	podFiles  = map[bool]podNumber{false: {"memory.stat", "total_inactive_file ", 1}, true: {"memory.stat", "inactive_file ", 1}}
	podCPU    = map[bool]podNumber{false: {"cpuacct.usage", "", 1}, true: {"cpu.stat", "usage_usec ", 1000}}
)

// PodUsage returns the memory that a pod on a real node uses, in bytes, and the CPU time that it
// has used. The memory is the working set, by which a kubelet evicts: the usage without inactive
// file pages.
func (l *Lab) PodUsage(uid string) (memory int64, cpu time.Duration, err error) {
	roots, unified := hierarchies()
	numbers := make([]int64, 3)
	for i, number := range []podNumber{podMemory[unified], podFiles[unified], podCPU[unified]} {
		if numbers[i], err = number.read(roots, filepath.Join(l.machine().name(), "node-*", "kubepods"), "pod"+uid); err != nil {
			return 0, 0, err
		}
	}
	return numbers[0] - numbers[1], time.Duration(numbers[2]), nil
}

// read returns the number of a pod's cgroup, which is in above, or in the cgroup of a quality of
// service class there.
func (n podNumber) read(roots []string, above, name string) (int64, error) {
	for _, root := range roots {
		for _, class := range []string{"", "burstable", "besteffort"} {
			paths, err := filepath.Glob(filepath.Join(root, above, class, name, n.file))
			if err != nil || len(paths) == 0 {
				continue
			}
			text, err := os.ReadFile(paths[0])
			if err != nil {
				return 0, err
			}
			for line := range strings.Lines(string(text)) {
				if value, found := strings.CutPrefix(line, n.key); found {
					number, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
					return number * n.unit, err
				}
			}
		}
	}
	return 0, fmt.Errorf("no cgroup %s has %s %s", name, n.file, n.key)
}
