package main

import (
	"context"
	"fmt"
	"time"

	"github.com/picluster/picluster/lab"
)

// waitRounds is the number of runs of each row. A run takes a minute or more.
const waitRounds = 2

// Values that picluster sets otherwise, as the chart and Tempo have them.
var (
	chartProbes   = map[string]any{"tempo": map[string]any{"readinessProbe": map[string]any{"initialDelaySeconds": 30, "periodSeconds": 10}}}
	compactorWait = map[string]any{"tempo": map[string]any{"structuredConfig": map[string]any{"compactor": map[string]any{
		"ring": map[string]any{"wait_stability_min_duration": "1m"},
	}}}}
)

// waits measures how much sooner the first trace comes back because of each value that picluster
// changes so that an up does not wait.
func waits(ctx context.Context, r *report) error {
	if err := realTempo(); err != nil {
		return err
	}
	r.printf(`# What an up waits for

A new stack, profile pi, on two real nodes with Tempo's own images. Each row has one value of the
chart or of Tempo in place of picluster's. Then a trace is sent until it is accepted, and requested
until it is returned. Of %d runs the fastest.

`, waitRounds)
	r.header("values", "deployed after", "first trace after")
	for _, row := range []struct {
		title  string
		values map[string]any
	}{
		{"picluster's", nil},
		{"the chart's readiness probe: after 30 s, then each 10 s", chartProbes},
		{"Tempo's wait of a compactor for others: a minute", compactorWait},
	} {
		var deployed, found []cost
		for range waitRounds {
			err := r.onRealNodes(ctx, func(l *lab.Lab) error {
				if row.values != nil {
					if err := configure(l, map[string]any{"picluster:values": row.values}); err != nil {
						return err
					}
				}
				fmt.Println("$", row.title)
				start := time.Now()
				if err := quietly(up(ctx, l)); err != nil {
					return err
				}
				deployed = append(deployed, cost{elapsed: time.Since(start)})
				if err := sendAndFind(ctx, l); err != nil {
					return err
				}
				found = append(found, cost{elapsed: time.Since(start)})
				fmt.Println(" ", seconds(deployed[len(deployed)-1].elapsed), seconds(time.Since(start)))
				name, err := chart(l)
				r.chart = name
				return err
			})
			if err != nil {
				return fmt.Errorf("%s: %w", row.title, err)
			}
		}
		middle(deployed) // sorts
		middle(found)
		r.row(row.title, seconds(deployed[0].elapsed), seconds(found[0].elapsed))
	}
	return nil
}
