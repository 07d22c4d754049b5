package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// machine describes this machine, and the day.
func machine() string {
	name := field("/proc/cpuinfo", "model name")
	if name == "" {
		name = runtime.GOARCH
	}
	var kilobytes int64
	_, _ = fmt.Sscan(field("/proc/meminfo", "MemTotal"), &kilobytes) // 0 where there is no such file
	return fmt.Sprintf("on %s by `make bench`: %d cores of an %s, %.0f GB, %s/%s, %s",
		time.Now().Format(time.DateOnly), runtime.NumCPU(), name, float64(kilobytes)/1e6, runtime.GOOS, runtime.GOARCH, runtime.Version())
}

// field returns the first value of a name in a file of /proc.
func field(path, name string) string {
	file, err := os.Open(path) // #nosec G304 -- one of the two above
	if err != nil {
		return ""
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if key, value, _ := strings.Cut(lines.Text(), ":"); strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
