// Package verify checks that a stack's tracing works: it sends traces through the cluster's own
// receivers, reads them back, and reports each step.
package verify

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/picluster/picluster/internal/command"
	"github.com/picluster/picluster/ops/engine"
	"github.com/picluster/picluster/ops/objectstore"
	corev1 "k8s.io/api/core/v1"
)

// Cluster is the part of *cluster.Cluster that a Verifier uses.
type Cluster interface {
	Pods(ctx context.Context, namespace, selector string) ([]corev1.Pod, error)
	LastLine(ctx context.Context, namespace, pod, container string, previous bool) (string, error)
	Service(ctx context.Context, namespace, name string) (*corev1.Service, error)
	Services(ctx context.Context, namespace, selector string) ([]corev1.Service, error)
	Secret(ctx context.Context, namespace, name string) (map[string][]byte, error)
	Dial(ctx context.Context, namespace, pod string, port int) (net.Conn, error)
}

// Store is the part of *objectstore.Store that a Verifier uses.
type Store interface {
	Kind() string
	Endpoint() string
	Opens(ctx context.Context, accessKey, secretKey, bucket string) (objectstore.Denial, error)
	Each(ctx context.Context, keys objectstore.Keys, bucket string, do func(name string, size int64, written time.Time)) error
	Prefixes(ctx context.Context, keys objectstore.Keys, bucket, prefix string) ([]string, error)
	Read(ctx context.Context, keys objectstore.Keys, bucket, name string) ([]byte, error)
}

// DefaultTimeout is how long a step waits for its result. A pod takes up to a minute to
// be Ready. A rate has its series 11 s after the traces were sent (seen with Tempo 2.9.0
// and 2.10.8).
const DefaultTimeout = 2 * time.Minute

// Options are how stacks are verified.
type Options struct {
	// Commands are those of the stack, which messages suggest.
	Commands command.Names
	// SecretFields are the fields of each tenant's Secret. Default: those of a Secret that
	// the stack creates.
	SecretFields engine.SecretFields
	// Timeout is how long each step waits. Default: DefaultTimeout.
	Timeout time.Duration
	// Wait is how long to wait for a block in the bucket. Default: 0, which does not
	// look for one.
	Wait time.Duration
	// Grafana is the URL of a Grafana. Default: empty, which is the one that the stack
	// installs, if it does.
	Grafana string
	// GrafanaToken is a token of a service account of Grafana. Default: empty, which
	// takes the administrator's password for the Grafana that the stack installs, and
	// no credentials for another one.
	GrafanaToken string
	// Progress receives a line for each step that waits. Nil: none.
	Progress io.Writer
}

// Verifier verifies the tracing of a stack.
type Verifier struct {
	Cluster Cluster
	Store   Store
	Options

	// every is the time between two tries of a step, and between that between two lines of
	// progress. Defaults: tryEvery, progressEvery.
	every, between time.Duration

	progress sync.Mutex
}

const (
	tryEvery      = time.Second
	progressEvery = 10 * time.Second
	// tryTime limits one try of a step.
	tryTime = 15 * time.Second
)

// Run verifies targets, and returns the result of every step. The error is the cause of
// a context that has ended.
func (v *Verifier) Run(ctx context.Context, targets []Target) (*Report, error) {
	report := &Report{Stack: v.Commands.Stack}
	for _, t := range targets {
		report.Steps = append(report.Steps, v.target(ctx, t)...)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	report.OK = len(report.Failed()) == 0
	return report, nil
}

// step is one step of a target. It returns what it has seen.
type step struct {
	name string
	run  func(ctx context.Context) (detail string, err error)
}

// target verifies one tenant: first its pods and its key, then that traces go in, then all that
// shows that they come out, at once.
func (v *Verifier) target(ctx context.Context, t Target) []Result {
	if t.Unmanaged {
		return []Result{{Tenant: t.Tenant, Step: "pods", Outcome: NotChecked, Detail: "the release is managed elsewhere (install: false)"}}
	}
	v.printf("%s", t.announcement(v.Options))
	r := &run{Verifier: v, Target: t}
	results := v.together(ctx, t.Tenant, []step{{"pods", r.pods}, {"key", r.key}})
	if v.Wait > 0 {
		r.before = r.blocks(ctx)
	}
	var sends, reads []step
	for _, receiver := range t.receivers() {
		trace := &sent{receiver: receiver.name}
		r.traces = append(r.traces, trace)
		sends = append(sends, step{"send " + receiver.name, func(ctx context.Context) (string, error) { return r.send(ctx, receiver, trace) }})
		reads = append(reads, step{"read " + receiver.name, func(ctx context.Context) (string, error) { return r.read(ctx, trace) }})
	}
	results = append(results, v.together(ctx, t.Tenant, sends)...)
	reads = append(reads, step{"search", r.search}, step{"rate", r.rate}, step{"block", r.block}, step{"size", r.size},
		step{"grafana read", r.grafanaRead}, step{"grafana links", r.grafanaLinks})
	if t.Prometheus != "" {
		reads = append(reads, step{"scrape", r.scrape})
	}
	return append(results, v.together(ctx, t.Tenant, reads)...)
}

// together runs steps side by side, and returns their results in their order.
func (v *Verifier) together(ctx context.Context, tenant string, steps []step) []Result {
	results := make([]Result, len(steps))
	var all sync.WaitGroup
	for i, s := range steps {
		all.Go(func() {
			start := time.Now()
			detail, err := s.run(ctx)
			results[i] = resultOf(tenant, s.name, time.Since(start), detail, err)
		})
	}
	all.Wait()
	return results
}

// poll calls try until it returns nil or an error that no further try changes, or until
// the timeout has passed. It returns the last error.
func (v *Verifier) poll(ctx context.Context, name string, timeout time.Duration, try func(context.Context) error) error {
	start := time.Now()
	deadline, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	next, between := time.NewTicker(orDefault(v.every, tryEvery)), time.NewTicker(orDefault(v.between, progressEvery))
	defer next.Stop()
	defer between.Stop()
	var last error
	for {
		once, done := context.WithTimeout(deadline, tryTime)
		err := try(once)
		done()
		if err == nil || isFinal(err) {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if last == nil || deadline.Err() == nil && !timedOut(err) {
			last = err // one that a deadline has cut off says less than the one before
		}
	wait:
		for {
			select {
			case <-deadline.Done():
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				return last
			case <-between.C:
				v.printf("%s: waits, %d s of %s: %v", name, int(time.Since(start).Seconds()), timeout, oneLine(last.Error()))
			case <-next.C:
				break wait
			}
		}
	}
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

func (v *Verifier) timeout() time.Duration { return orDefault(v.Timeout, DefaultTimeout) }

// printf writes a line of progress.
func (v *Verifier) printf(format string, args ...any) {
	if v.Progress == nil {
		return
	}
	v.progress.Lock()
	defer v.progress.Unlock()
	fmt.Fprintf(v.Progress, format+"\n", args...)
}

// run is the verification of one target.
type run struct {
	*Verifier
	Target
	traces []*sent
	keys   objectstore.Keys // in the Secret; set by the step key
	before map[string]bool  // the blocks before a trace was sent
}

// logs is the command that shows the logs of the release.
func (r *run) logs() string {
	return r.Commands.Kubectl("logs", "--namespace", r.Namespace, "--selector", r.selector(), "--prefix", "--tail", "20")
}

// listPods is the command that lists the pods of the release's namespace.
func (r *run) listPods() string {
	return r.Commands.Kubectl("get", "pods", "--namespace", r.Namespace)
}

func (r *run) selector() string { return "app.kubernetes.io/instance=" + r.Release }

// drift is the command that shows what differs from what the stack has created.
func (v *Verifier) drift() string { return v.Commands.Picluster("drift") }

// received returns the traces that a receiver has accepted.
func (r *run) received() []*sent {
	var traces []*sent
	for _, t := range r.traces {
		if t.accepted {
			traces = append(traces, t)
		}
	}
	return traces
}
