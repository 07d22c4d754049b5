package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// flushSpans are how many spans an ingester has received when it is ended.
var flushSpans = []int{10_000, 100_000, 1_000_000}

// flush measures how long an ingester takes to write all that it has when its pod is deleted,
// which the pod's grace period limits.
func flush(ctx context.Context, r *report) error {
	if err := realTempo(); err != nil {
		return err
	}
	r.printf(`# Until an ingester has written what it has

Profile pi on two real nodes with Tempo's own images, a new lab for each row. Spans are sent at
%d a second. Then the ingester's pod is deleted, as a restart or an upgrade does. Kubernetes
kills what runs longer than the grace period. Afterwards the traces in the bucket are counted.

`, fillRate)
	r.header("mode", "spans, all in the ingester", "traces", "the pod ended after", "its grace period", "traces in the bucket")
	var charts []string
	for _, mode := range loadModes {
		for _, spans := range flushSpans {
			err := mode.on(ctx, r, asIs, func(s session) error {
				name, err := chart(s.lab)
				if err != nil {
					return err
				}
				if !slices.Contains(charts, name) {
					charts = append(charts, name)
				}
				return s.flush(ctx, r, spans)
			})
			if err != nil {
				return fmt.Errorf("%s, %d spans: %w", mode.title, spans, err)
			}
		}
	}
	r.chart = strings.Join(charts, ", ")
	return nil
}

// flush ends the ingester that has spans, and writes a row.
func (s session) flush(ctx context.Context, r *report, spans int) error {
	fmt.Printf("$ %s: %d spans\n", s.mode.title, spans)
	before, err := tempoPods(ctx, s.lab)
	if err != nil {
		return err
	}
	if _, err := s.load.fill(ctx, fillRate, spans); err != nil {
		return err
	}
	after, err := tempoPods(ctx, s.lab)
	if err != nil {
		return err
	}
	if ended := restarted(before, after); len(ended) > 0 {
		r.row(s.mode.title, fmt.Sprint(spans), fmt.Sprint(spans/spansPerTrace), "ended while they were sent: "+strings.Join(ended, ", "), "", "")
		return nil
	}
	pod := s.mode.ingester + "-0"
	grace, err := s.lab.Kubectl(ctx, "get", "pod", "--namespace="+namespace, pod, "--output=jsonpath={.spec.terminationGracePeriodSeconds}")
	if err != nil {
		return err
	}
	begin := time.Now()
	if _, err := s.lab.Kubectl(ctx, "delete", "pod", "--namespace="+namespace, pod, "--timeout=6m"); err != nil {
		return err
	}
	took := time.Since(begin)
	if err := rolledOut(ctx, s.lab); err != nil {
		return err
	}
	traces, err := settled(ctx, func() (int, error) { return tracesInBucket(ctx, s.lab) }, spans/spansPerTrace)
	if err != nil {
		return err
	}
	fmt.Println(" ", seconds(took), traces)
	r.row(s.mode.title, fmt.Sprint(spans), fmt.Sprint(spans/spansPerTrace), seconds(took), string(grace)+" s", fmt.Sprint(traces))
	return nil
}

// settled returns a count once it is want, or what it is after a minute.
func settled(ctx context.Context, count func() (int, error), want int) (have int, err error) {
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	for {
		have, err = count()
		if err == nil && have >= want {
			return have, nil
		}
		select {
		case <-ctx.Done():
			return have, errors.Join(err, ctx.Err())
		case <-deadline.C:
			return have, err
		case <-time.After(time.Second):
		}
	}
}
