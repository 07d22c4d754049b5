package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/picluster/picluster/lab"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
)

// tenantCounts are the sizes that a stack grows to.
var tenantCounts = []int{1, 10, 100, 300}

// growth measures stacks of several tenants without releases.
func growth(ctx context.Context, r *report) error {
	r.printf(`# To grow

Tenants in one stack, each a bucket, a user, a policy, its attachment, a key, a
namespace and a Secret, and the values of a release that somebody else installs. With
nothing to change, the middle one of %d runs; memory is of the largest process.

`, rounds)
	r.header("tenants", "first `up`", "`preview`", "`up`", "`refresh`", "memory of `up`")
	return onLab(ctx, func(l *lab.Lab) error {
		have := 0
		sizes := make([][]time.Duration, len(unchanging)) // of each command, the time at each size
		for _, want := range tenantCounts {
			if err := configure(l, map[string]any{"picluster:tenants": tenants(want)}); err != nil {
				return err
			}
			first, err := measure(up(ctx, l))
			if err != nil {
				return err
			}
			row := []string{fmt.Sprint(want), fmt.Sprintf("%s (%d more)", seconds(first.elapsed), want-have)}
			var memory int64
			for i, args := range unchanging {
				c, err := median(ctx, func(ctx context.Context) *exec.Cmd { return l.StackCommand(ctx, args[0], args[1:]...) })
				if err != nil {
					return err
				}
				sizes[i] = append(sizes[i], c.elapsed)
				row = append(row, seconds(c.elapsed))
				if args[0] == "up" {
					memory = c.memory
				}
			}
			r.row(append(row, gigabytes(memory))...)
			have = want
		}
		r.perTenant(sizes)
		return drawGrowth(filepath.Join(r.dir, "growth.svg"), sizes, r)
	})
}

// perTenant writes what one tenant more costs, from one size to the next.
func (r *report) perTenant(sizes [][]time.Duration) {
	r.printf("\nOne tenant more costs, from one size to the next:\n\n")
	r.header("tenants", "`preview`", "`up`", "`refresh`")
	for at := 1; at < len(tenantCounts); at++ {
		row := []string{fmt.Sprintf("%d to %d", tenantCounts[at-1], tenantCounts[at])}
		for _, times := range sizes {
			each := (times[at] - times[at-1]) / time.Duration(tenantCounts[at]-tenantCounts[at-1])
			row = append(row, fmt.Sprintf("%d ms", each.Milliseconds()))
		}
		r.row(row...)
	}
}

func drawGrowth(path string, sizes [][]time.Duration, r *report) error {
	p := plot.New()
	p.Title.Text = "A stack of several tenants, with nothing to change"
	p.X.Label.Text, p.Y.Label.Text = "tenants", "seconds"
	p.X.Min, p.Y.Min = 0, 0
	p.Legend.Top, p.Legend.Left = true, true
	var lines []any
	for i, args := range unchanging {
		var points plotter.XYs
		for at, count := range tenantCounts {
			points = append(points, plotter.XY{X: float64(count), Y: sizes[i][at].Seconds()})
		}
		lines = append(lines, args[0], points)
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
