package lab

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
)

// process is what the system says of a process.
type process struct {
	// state starts with Z if the process has ended and was not waited for.
	state string
	// commandLine has the arguments, with one character between them.
	commandLine string
}

// inspect returns what the system says of a process, by its number.
func inspect(ctx context.Context, pid int) (process, error) {
	if runtime.GOOS == "linux" {
		return fromProc(pid)
	}
	return fromPS(ctx, pid)
}

// fromProc reads the files of a process. Source: man 5 proc_pid_stat, proc_pid_cmdline.
func fromProc(pid int) (process, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, err
	}
	commandLine, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return process{}, err
	}
	// The name, in parentheses, may have parentheses too; the state follows it.
	after := string(stat)[strings.LastIndexByte(string(stat), ')')+1:]
	state, _, _ := strings.Cut(strings.TrimSpace(after), " ")
	return process{state, string(commandLine)}, nil
}

// fromPS asks the command ps, where a system has no /proc. The flags are those of ps on
// macOS, the BSDs and Linux: -ww does not cut the arguments, = prints no header.
func fromPS(ctx context.Context, pid int) (process, error) {
	out, err := exec.CommandContext(ctx, command("ps"), "-ww", "-p", strconv.Itoa(pid), "-o", "stat=", "-o", "command=").Output()
	if err != nil {
		return process{}, fmt.Errorf("process %d: ps: %w", pid, err)
	}
	state, commandLine, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	if state == "" {
		return process{}, fmt.Errorf("process %d: ps does not list it", pid)
	}
	return process{state, strings.TrimSpace(commandLine)}, nil
}
