package main

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// cost is what a command took.
type cost struct {
	elapsed, cpu time.Duration
	memory       int64 // bytes, of its largest process
}

func (c cost) String() string {
	return fmt.Sprintf("%s, %.1f CPU-s, %s", seconds(c.elapsed), c.cpu.Seconds(), gigabytes(c.memory))
}

// measure runs a command, and returns and prints its cost.
func measure(cmd *exec.Cmd) (cost, error) {
	fmt.Println("$", strings.Join(cmd.Args, " "))
	start := time.Now()
	if err := quietly(cmd); err != nil {
		return cost{}, err
	}
	c := cost{elapsed: time.Since(start), cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		c.memory = usage.Maxrss
		if runtime.GOOS != "darwin" { // Linux returns KiB, macOS bytes
			c.memory <<= 10
		}
	}
	fmt.Println(" ", c)
	return c, nil
}

// quietly runs a command whose output is of interest only if it fails.
func quietly(cmd *exec.Cmd) error {
	out, err := cmd.CombinedOutput()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, strings.Join(lines[max(0, len(lines)-20):], "\n"))
	}
	return nil
}

// rounds is the number of runs of each command that can be repeated.
const rounds = 3

// median measures a command several times, and returns the run in the middle.
func median(ctx context.Context, command func(context.Context) *exec.Cmd) (cost, error) {
	var costs []cost
	for range rounds {
		c, err := measure(command(ctx))
		if err != nil {
			return cost{}, err
		}
		costs = append(costs, c)
	}
	return middle(costs), nil
}

// middle sorts costs by their time, and returns the one in the middle.
func middle(costs []cost) cost {
	slices.SortFunc(costs, func(a, b cost) int { return int(a.elapsed - b.elapsed) })
	return costs[len(costs)/2]
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

func ratio(of, to time.Duration) string { return fmt.Sprintf("%.2f", of.Seconds()/to.Seconds()) }

func gigabytes(bytes int64) string { return fmt.Sprintf("%.2f GB", float64(bytes)/1e9) }
