package main

import (
	"context"
	"fmt"
	"time"

	"github.com/picluster/picluster/lab"
)

// firstRounds is the number of runs of each way.
const firstRounds = 5

// way is a way to deploy the same things.
type way struct {
	name string
	// prepare returns the function whose time is measured.
	prepare func(context.Context, *lab.Lab) (func() error, error)
}

// waysToDeploy returns picluster and two alternatives, whose release gets the result of values.
func waysToDeploy(values func() ([]byte, error)) []way {
	return []way{
		{"picluster: `pulumi up`", func(ctx context.Context, l *lab.Lab) (func() error, error) {
			return func() error { return quietly(up(ctx, l)) }, nil
		}},
		{"the guide as a script", func(ctx context.Context, l *lab.Lab) (func() error, error) {
			values, err := values()
			if err != nil {
				return nil, err
			}
			return byHand(ctx, l, values)
		}},
		{"OpenTofu: `tofu apply`", func(ctx context.Context, l *lab.Lab) (func() error, error) {
			values, err := values()
			if err != nil {
				return nil, err
			}
			t, err := newTofu(ctx, l, values)
			if err != nil {
				return nil, err
			}
			return func() error { return quietly(t.command(ctx, "apply", "-auto-approve")) }, nil
		}},
	}
}

// firstUp measures the time from nothing to every pod Running, for each of waysToDeploy.
func firstUp(ctx context.Context, r *report) error {
	var values []byte // the same for all three
	ways := waysToDeploy(func() ([]byte, error) { return values, nil })

	r.printf(`# From nothing to everything Running

The bucket, user, policy, its attachment, namespace, Secret and release, on a new lab each time. The
values and the chart are the same. Of %d runs the fastest, and the one in the middle.
Helm looks every two seconds whether the pods are Ready. On kwok they are Ready at once.
A run that has just missed it is so much longer.

`, firstRounds)
	r.header("way", "fastest", "middle", "fastest, to picluster's")
	var first time.Duration
	for i, way := range ways {
		var costs []cost
		for range firstRounds {
			err := r.onLab(ctx, func(l *lab.Lab) error {
				run, err := way.prepare(ctx, l)
				if err != nil {
					return err
				}
				fmt.Println("$", way.name)
				start := time.Now()
				if err := run(); err != nil {
					return err
				}
				costs = append(costs, cost{elapsed: time.Since(start)})
				fmt.Println(" ", seconds(time.Since(start)))
				if values == nil {
					if values, err = releaseValues(ctx, l); err != nil {
						return err
					}
				}
				return everythingRuns(ctx, l)
			})
			if err != nil {
				return fmt.Errorf("%s: %w", way.name, err)
			}
		}
		inTheMiddle := middle(costs).elapsed
		fastest := costs[0].elapsed // middle has sorted costs
		if i == 0 {
			first = fastest
		}
		r.row(way.name, seconds(fastest), seconds(inTheMiddle), ratio(fastest, first))
	}
	return nil
}

// everythingRuns returns an error if a pod of Tempo is not Running and Ready now.
func everythingRuns(ctx context.Context, l *lab.Lab) error {
	_, err := l.Kubectl(ctx, "wait", "--namespace="+namespace, "pods", "--all", "--for=condition=Ready", "--timeout=1s")
	return err
}
