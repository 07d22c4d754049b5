package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/picluster/picluster/lab"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
)

// tenantCounts are the sizes that a stack grows to.
var tenantCounts = []int{1, 10, 100, 300}

// savedAtTheEnd has Pulumi save the state once in an up, and not after each resource.
const savedAtTheEnd = "PULUMI_SKIP_CHECKPOINTS=true"

// slowest is the largest number of tenants at which Pulumi saves the state after each resource,
// because the time for that grows with its square.
const slowest = 100

// growing are the commands that are measured as a stack grows: Pulumi's own, in the
// order of unchanging, and this project's drift.
var growing = []string{"preview", "up", "refresh", "drift"}

// growth measures stacks of several tenants without releases.
func growth(ctx context.Context, r *report) error {
	r.printf(`# To grow

Tenants in one stack, each a bucket, a user, a policy, its attachment, a key, a
namespace and a Secret, and the values of a release that is managed elsewhere.
With nothing to change, the middle one of %d runs; memory is of the largest process,
or of the bench itself where that is larger.
The first up is of the tenants that the line before has not. Pulumi saves the state
after each resource in a directory or a bucket. With `+"`%s`"+` it
saves the state at the end.

`, rounds, savedAtTheEnd)
	r.header("tenants", "first `up`", "saved at its end", "`preview`", "`up`", "`refresh`", "`drift`", "memory of each")

	slow := map[int]string{}
	err := r.grow(ctx, func(l *lab.Lab, size int) error {
		if size > slowest {
			slow[size] = "not tried"
			return nil
		}
		c, err := measure(up(ctx, l))
		slow[size] = seconds(c.elapsed)
		return err
	})
	if err != nil {
		return err
	}

	path, err := commandPath()
	if err != nil {
		return err
	}
	times := make([][]time.Duration, len(growing)) // of each command, at each size
	err = r.grow(ctx, func(l *lab.Lab, size int) error {
		first := up(ctx, l)
		first.Env = append(first.Env, savedAtTheEnd)
		c, err := measure(first)
		if err != nil {
			return err
		}
		row := []string{fmt.Sprint(size), slow[size], seconds(c.elapsed)}
		var memory []string
		for i := range growing {
			c, err := median(ctx, func(ctx context.Context) *exec.Cmd {
				if i == len(unchanging) {
					return l.Command(ctx, path, "drift", "--stack", lab.Stack)
				}
				return l.StackCommand(ctx, unchanging[i][0], unchanging[i][1:]...)
			})
			if err != nil {
				return err
			}
			times[i] = append(times[i], c.elapsed)
			row = append(row, seconds(c.elapsed))
			memory = append(memory, gigabytes(c.memory))
		}
		r.row(append(row, strings.Join(memory, ", "))...)
		return nil
	})
	if err != nil {
		return err
	}
	last := len(tenantCounts) - 1
	drift, refresh := times[len(growing)-1][last], times[len(growing)-2][last]
	r.printf("\nAt %d tenants `drift` takes %.1f times as long as `refresh`.\n", tenantCounts[last], drift.Seconds()/refresh.Seconds())
	r.perTenant(times)
	return drawGrowth(filepath.Join(r.dir, "growth.svg"), times, r)
}

// grow configures one stack for each of tenantCounts in turn, and calls f before the stack is
// brought up to that size.
func (r *report) grow(ctx context.Context, f func(l *lab.Lab, size int) error) error {
	return r.onLab(ctx, func(l *lab.Lab) error {
		for _, size := range tenantCounts {
			if err := configure(l, map[string]any{"picluster:tenants": tenants(size)}); err != nil {
				return err
			}
			if err := f(l, size); err != nil {
				return err
			}
		}
		return nil
	})
}

// perTenant writes what one tenant more costs, from one size to the next.
func (r *report) perTenant(times [][]time.Duration) {
	r.printf("\nOne tenant more costs, from one size to the next:\n\n")
	r.header("tenants", "`preview`", "`up`", "`refresh`", "`drift`")
	for at := 1; at < len(tenantCounts); at++ {
		row := []string{fmt.Sprintf("%d to %d", tenantCounts[at-1], tenantCounts[at])}
		for _, of := range times {
			each := (of[at] - of[at-1]) / time.Duration(tenantCounts[at]-tenantCounts[at-1])
			row = append(row, fmt.Sprintf("%d ms", each.Milliseconds()))
		}
		r.row(row...)
	}
}

func drawGrowth(path string, times [][]time.Duration, r *report) error {
	p := plot.New()
	p.Title.Text = "A stack of several tenants, with nothing to change"
	p.X.Label.Text, p.Y.Label.Text = "tenants", "seconds"
	p.X.Min, p.Y.Min = 0, 0
	p.Legend.Top, p.Legend.Left = true, true
	var lines []any
	for i, name := range growing {
		var points plotter.XYs
		for at, count := range tenantCounts {
			points = append(points, plotter.XY{X: float64(count), Y: times[i][at].Seconds()})
		}
		lines = append(lines, name, points)
	}
	if err := plotutil.AddLinePoints(p, lines...); err != nil {
		return err
	}
	r.printf("\n![Seconds by tenants](%s)\n", filepath.Base(path))
	return p.Save(6*vg.Inch, 4*vg.Inch, path)
}

// tenants returns the configuration of so many.
func tenants(number int) (tenants []any) {
	for i := range number {
		tenants = append(tenants, map[string]any{"name": fmt.Sprintf("team-%03d", i), "install": false})
	}
	return tenants
}
