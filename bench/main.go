// Command bench measures what picluster costs, on this machine and on the lab, and
// writes it down. Nothing fails for being slow.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	out := flag.String("out", "docs/bench.md", "`path` to write to")
	tenants := flag.String("tenants", "1,10,100,300", "numbers of tenants to grow to")
	only := flag.String("only", "compile,runs,growth", "what to measure")
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx, *out, *tenants, strings.Split(*only, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out, tenants string, only []string) error {
	var text strings.Builder
	fmt.Fprintf(&text, "# What it costs\n\nBy `make bench`, on %s with %d cores, %s, on %s.\n",
		cpu(), runtime.NumCPU(), runtime.Version(), time.Now().Format(time.DateOnly))
	for _, part := range []struct {
		name    string
		measure func(context.Context, *strings.Builder) error
	}{
		{"compile", compile},
		{"runs", runs},
		{"growth", func(ctx context.Context, text *strings.Builder) error { return growth(ctx, text, tenants) }},
	} {
		if !slices.Contains(only, part.name) {
			continue
		}
		if err := part.measure(ctx, &text); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		// Written after each part, so that a run that is cut off leaves what it has.
		if err := os.WriteFile(out, []byte(text.String()), 0o600); err != nil {
			return err
		}
	}
	fmt.Println("written:", out)
	return nil
}

// cost is what a command took.
type cost struct {
	elapsed, cpu time.Duration
	memory       int64 // bytes, of its largest process
}

// measure runs a command, and says what it took.
func measure(cmd *exec.Cmd) (cost, error) {
	fmt.Println("$", strings.Join(cmd.Args, " "))
	start := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return cost{}, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, strings.Join(lines[max(0, len(lines)-20):], "\n"))
	}
	c := cost{elapsed: time.Since(start), cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		c.memory = usage.Maxrss << 10 // in KiB on Linux
	}
	fmt.Printf("  %.1f s, %.1f CPU-s, %s\n", c.elapsed.Seconds(), c.cpu.Seconds(), gigabytes(c.memory))
	return c, nil
}

// median returns the run in the middle of three.
func median(ctx context.Context, command func(context.Context) *exec.Cmd) (cost, error) {
	var costs []cost
	for range 3 {
		c, err := measure(command(ctx))
		if err != nil {
			return cost{}, err
		}
		costs = append(costs, c)
	}
	slices.SortFunc(costs, func(a, b cost) int { return int(a.elapsed - b.elapsed) })
	return costs[1], nil
}

func gigabytes(bytes int64) string { return fmt.Sprintf("%.2f GB", float64(bytes)/1e9) }

// cpu is the processor's name.
func cpu() string {
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if name, ok := strings.CutPrefix(lines.Text(), "model name\t: "); ok {
			return name
		}
	}
	return runtime.GOARCH
}
