package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/picluster/picluster/lab"
)

// loadMode is a way to run Tempo that is loaded.
type loadMode struct {
	title string
	// configure sets the mode.
	configure func(*lab.Lab) error
	// service is where traces go, frontend is where they are asked for.
	service, frontend string
	// querier is the component of the pod that reads the bucket.
	querier string
	// ingester is the object whose pod has what is not in the bucket yet.
	ingester string
	// overrides returns where the values of the chart have Tempo's overrides.
	overrides func(values map[string]any) map[string]any
}

var loadModes = []loadMode{
	{
		title:     "mode `microservices`",
		configure: func(*lab.Lab) error { return nil },
		service:   release + "-distributor", frontend: release + "-query-frontend", ingester: release + "-ingester", querier: "querier",
		overrides: func(values map[string]any) map[string]any { return child(values, "overrides") },
	},
	{
		title: "mode `monolithic`",
		configure: func(l *lab.Lab) error {
			folder, version, err := l.MonolithicChart()
			if err != nil {
				return err
			}
			return configure(l, map[string]any{
				"picluster:mode": "monolithic", "picluster:chart": folder, "picluster:chartVersion": version, "picluster:chartRepository": "",
			})
		},
		service: release, frontend: release, ingester: release, querier: release,
		overrides: func(values map[string]any) map[string]any { return child(child(values, "tempo"), "overrides") },
	},
}

// child returns the map under a key of another, which it creates if there is none.
func child(values map[string]any, key string) map[string]any {
	if _, found := values[key]; !found {
		values[key] = map[string]any{}
	}
	return values[key].(map[string]any)
}

// Rates of a ramp, in spans a second. Each is twice the one before.
const (
	firstRate = 1000
	lastRate  = 512_000
)

// rampTime is for how long each rate is sent. An ingester has a trace as live for up to
// 15 s after its last span: 5 s until it is idle, and 10 s until that is looked for.
const rampTime = 30 * time.Second

// idleTime is for how long nothing is sent, and soakTime for how long the rate that was
// taken is.
const (
	idleTime = 10 * time.Second
	soakTime = 5 * time.Minute
)

// behind is the part of a rate below which it was not sent.
const behind = 0.95

// underLoad measures what Tempo takes, and how long queries take, on real nodes with
// Tempo's own images.
func underLoad(ctx context.Context, r *report) error {
	if err := realTempo(); err != nil {
		return err
	}
	r.printf(`# Load

Profile pi on two real nodes with Tempo's own images, and volumes that end with the pods.
Traces have %d spans, a request has %d spans of one of %d services, and %d senders send by
OTLP over gRPC inside the lab's network. The senders, MinIO, Kubernetes and Tempo share
this machine's %d cores, and what is in use before the first rate is other work.

Kept is what Tempo acknowledges and does not discard by a limit. What a pod has in memory
when it is ended is lost as well. The rate doubles until Tempo does not keep all of it;
then the highest that it kept is sent for %.0f minutes to a new stack. If it does not keep
that, the half is sent to another one. In the end the rate rises again without Tempo's
limits of 15 MB a second and of 10,000 live traces.

`, spansPerTrace, spansPerRequest, services, senders, runtime.NumCPU(), soakTime.Minutes())
	var charts []string
	for _, mode := range loadModes {
		name, err := mode.spans(ctx, r)
		if err != nil {
			return fmt.Errorf("%s: %w", mode.title, err)
		}
		charts = append(charts, name)
	}

	r.printf(`
## Queries

One query after the other, each for another trace of those that were sent: the middle one
of %d, and the slowest. The search by service returns 20 traces of 1 in %d; the search by
attribute returns the only trace that has it. What is in the ingester was just sent.

`, queryRounds, services)
	r.header("mode", "spans", "which are in the", "trace by id", "search by service", "search by attribute", "memory of the querier")
	for _, mode := range loadModes {
		if err := mode.on(ctx, r, asIs, func(s session) error { return s.queries(ctx, r) }); err != nil {
			return fmt.Errorf("%s: %w", mode.title, err)
		}
	}
	r.chart = strings.Join(charts, ", ")
	return nil
}

// realTempo returns an error unless Tempo itself can run here.
func realTempo() error {
	if err := lab.SupportsRealNodes(); err != nil {
		return fmt.Errorf("%w: %w", errNotMeasured, err)
	}
	if os.Getenv(lab.ImagesVariable) == "" {
		return fmt.Errorf("%w: %s: got nothing; want a directory with Tempo's own images, because a stand-in says nothing of its time. Fix: make e2e-download, then %[2]s=.e2e/images", errNotMeasured, lab.ImagesVariable)
	}
	return nil
}

// How Tempo is deployed.
const (
	asIs      = "as it is"
	unlimited = "without limits"
)

// noLimits are Tempo's overrides without those limits that a load meets first.
var noLimits = map[string]any{"defaults": map[string]any{"ingestion": map[string]any{
	"rate_limit_bytes": 1_000_000_000, "burst_size_bytes": 1_000_000_000, "max_traces_per_user": 0,
}}}

// deploy deploys the stack with values, and waits until each pod is the newest of its kind.
func (m loadMode) deploy(ctx context.Context, l *lab.Lab, values map[string]any) error {
	if err := m.configure(l); err != nil {
		return err
	}
	if values != nil {
		if err := configure(l, map[string]any{"picluster:values": values}); err != nil {
			return err
		}
	}
	fmt.Println("$ pulumi up:", m.title)
	if err := quietly(up(ctx, l)); err != nil {
		return err
	}
	return rolledOut(ctx, l)
}

func rolledOut(ctx context.Context, l *lab.Lab) error {
	_, err := l.Kubectl(ctx, "rollout", "status", "deployments,statefulsets", "--namespace="+namespace,
		"--selector=app.kubernetes.io/instance="+release, "--timeout=3m")
	return err
}

// serviceAddress returns where a Service is reached in the lab's network.
func serviceAddress(ctx context.Context, l *lab.Lab, service, port string) (string, error) {
	ip, err := l.Kubectl(ctx, "get", "service", "--namespace="+namespace, service, "--output=jsonpath={.spec.clusterIP}")
	return net.JoinHostPort(string(ip), port), err
}

// rampStep is what came of one rate.
type rampStep struct {
	setup     string
	rate      int
	pods      []pod // before
	outcome   *outcome
	discarded map[string]float64 // spans that were acknowledged and not kept, by the reason
	usage     usage
	restarted []string
}

// why returns why a rate was not taken; empty if it was.
func (s rampStep) why() string {
	var reasons []string
	for _, reason := range slices.Sorted(maps.Keys(s.outcome.refused)) {
		reasons = append(reasons, fmt.Sprintf("refused, %s: %s", reason, s.outcome.first[reason]))
	}
	for _, reason := range slices.Sorted(maps.Keys(s.discarded)) {
		reasons = append(reasons, fmt.Sprintf("%.0f %% acknowledged and discarded: %s", 100*s.discarded[reason]/float64(max(1, s.outcome.acknowledged)), reason))
	}
	for _, what := range s.restarted {
		reasons = append(reasons, "ended: "+what)
	}
	if s.sent() < behind*float64(s.rate) {
		limit := "requests take too long"
		if s.usage.machine > 0.9*float64(runtime.NumCPU()) {
			limit = "all cores are in use"
		}
		reasons = append(reasons, "not sent faster: "+limit)
	}
	return strings.Join(reasons, "; ")
}

// sent returns the spans a second that were sent.
func (s rampStep) sent() float64 {
	return float64(len(s.outcome.times)*spansPerRequest) / s.outcome.took.Seconds()
}

// kept returns the spans a second that Tempo took.
func (s rampStep) kept() float64 {
	kept := float64(s.outcome.acknowledged)
	for _, spans := range s.discarded {
		kept -= spans
	}
	return kept / s.outcome.took.Seconds()
}

// session is a lab with Tempo that is loaded.
type session struct {
	mode  loadMode
	setup string
	lab   *lab.Lab
	load  *load
}

// on has f load Tempo on a new lab.
func (m loadMode) on(ctx context.Context, r *report, setup string, f func(session) error) error {
	return r.onRealNodes(ctx, func(l *lab.Lab) error {
		var values map[string]any
		if setup == unlimited {
			values = map[string]any{}
			maps.Copy(m.overrides(values), noLimits)
		}
		if err := m.deploy(ctx, l, values); err != nil {
			return err
		}
		address, err := serviceAddress(ctx, l, m.service, "4317")
		if err != nil {
			return err
		}
		load, err := newLoad(l, address)
		if err != nil {
			return err
		}
		defer load.close()
		return f(session{m, setup, l, load})
	})
}

// spans measures at how many spans a second Tempo keeps all, and what each pod uses. It
// returns the chart.
func (m loadMode) spans(ctx context.Context, r *report) (chartName string, err error) {
	var steps []rampStep
	spanSize := 0.0
	// try sends at a rate, and returns whether all was kept.
	try := func(s session, rate int, during time.Duration) (bool, error) {
		step, err := s.step(ctx, rate, during)
		if err != nil {
			return false, err
		}
		steps = append(steps, step)
		return step.why() == "", nil
	}
	// ramp returns the highest rate that was kept, and the lowest that was not.
	ramp := func(s session, rate int) (kept, refused int, err error) {
		spanSize = float64(s.load.requestSize()) / spansPerRequest
		if _, err := try(s, 0, idleTime); err != nil {
			return 0, 0, err
		}
		for refused = rate; refused <= lastRate; refused *= 2 {
			all, err := try(s, refused, rampTime)
			if err != nil {
				return 0, 0, err
			}
			if !all {
				break
			}
			kept = refused
		}
		if between := kept * 3 / 2; kept > 0 && between < refused && len(steps[len(steps)-1].restarted) == 0 {
			all, err := try(s, between, rampTime)
			if err != nil {
				return 0, 0, err
			}
			if all {
				kept = between
			}
		}
		return kept, refused, nil
	}
	soak := func(rate int) error {
		for kept := false; !kept && rate >= firstRate; rate /= 2 {
			err := m.on(ctx, r, asIs, func(s session) (err error) {
				kept, err = try(s, rate, soakTime)
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	}

	var kept, refused int
	err = m.on(ctx, r, asIs, func(s session) (err error) {
		if chartName, err = chart(s.lab); err != nil {
			return err
		}
		kept, refused, err = ramp(s, firstRate)
		return err
	})
	if err != nil {
		return "", err
	}
	if err := soak(kept); err != nil {
		return "", err
	}
	err = m.on(ctx, r, unlimited, func(s session) error {
		_, _, err := ramp(s, refused)
		return err
	})
	if err != nil {
		return "", err
	}
	r.printf("\n## Spans a second, %s\n\n", m.title)
	writeSteps(r, steps, spanSize)
	return chartName, nil
}

// writeSteps writes what came of each rate, and the memory of each pod.
func writeSteps(r *report, steps []rampStep, spanSize float64) {
	r.header("Tempo", "spans/s sent", "for", "kept", "MB/s", "slowest of 100 requests", "cores in use: Tempo", "senders", "all", "result")
	for _, s := range steps {
		why := s.why()
		if why == "" {
			why = "all are kept"
		}
		row := []string{s.setup, fmt.Sprintf("%.0f", s.sent()), fmt.Sprintf("%.0f s", s.outcome.took.Seconds())}
		if s.rate > 0 {
			row = append(row, fmt.Sprintf("%.0f", s.kept()), fmt.Sprintf("%.1f", s.sent()*spanSize/1e6), fmt.Sprintf("%d ms", s.outcome.slow().Milliseconds()))
		} else {
			row, why = append(row, "", "", ""), ""
		}
		r.row(append(row, fmt.Sprintf("%.2f", s.usage.tempo), fmt.Sprintf("%.2f", s.usage.sender), fmt.Sprintf("%.2f", s.usage.machine), why)...)
	}
	r.printf("\nThe most memory that each pod had, as its working set, in MiB:\n\n")
	columns := []string{"Tempo", "spans/s", "for"}
	for _, p := range steps[0].pods {
		columns = append(columns, fmt.Sprintf("%s, of %s", p.component, p.limit))
	}
	r.header(columns...)
	for _, s := range steps {
		row := []string{s.setup, fmt.Sprintf("%.0f", s.sent()), fmt.Sprintf("%.0f s", s.outcome.took.Seconds())}
		for _, p := range steps[0].pods {
			row = append(row, fmt.Sprint(s.usage.peaks[p.component]>>20))
		}
		r.row(row...)
	}
}

// step sends at one rate.
func (s session) step(ctx context.Context, rate int, during time.Duration) (step rampStep, err error) {
	step.rate, step.setup = rate, s.setup
	if err := rolledOut(ctx, s.lab); err != nil {
		return step, err
	}
	if step.pods, err = tempoPods(ctx, s.lab); err != nil {
		return step, err
	}
	if err := noLiveTraces(ctx, s.lab, step.pods); err != nil {
		return step, err
	}
	const counter, reason = "tempo_discarded_spans_total", "reason"
	before, err := metric(ctx, s.lab, step.pods, counter, reason)
	if err != nil {
		return step, err
	}
	fmt.Printf("$ %s, %s: %d spans/s for %s\n", s.mode.title, s.setup, rate, during)
	step.usage, err = whileWatched(ctx, s.lab, step.pods, func() {
		ctx, cancel := s.untilRestarted(ctx, step.pods)
		defer cancel()
		step.outcome = s.load.at(ctx, rate, during)
	})
	if err := errors.Join(err, ctx.Err()); err != nil {
		return step, err
	}
	pods, err := tempoPods(ctx, s.lab)
	if err != nil {
		return step, err
	}
	step.restarted = restarted(step.pods, pods)
	after, err := metric(ctx, s.lab, pods, counter, reason)
	if err != nil && len(step.restarted) == 0 {
		return step, err
	}
	step.discarded = increase(before, after)
	fmt.Printf("  %.0f sent, %.0f kept. %s\n", step.sent(), step.kept(), step.why())
	return step, nil
}

// untilRestarted returns a context that ends once a pod was ended or replaced.
func (s session) untilRestarted(ctx context.Context, before []pod) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(5 * time.Second):
			}
			if now, err := tempoPods(ctx, s.lab); err == nil && len(restarted(before, now)) > 0 {
				cancel()
			}
		}
	}()
	return ctx, cancel
}

// noLiveTraces waits until ingesters have no live trace of an earlier load.
func noLiveTraces(ctx context.Context, l *lab.Lab, pods []pod) error {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Minute, errors.New("ingesters have live traces, after a minute without any sent"))
	defer cancel()
	for {
		live, err := metric(ctx, l, pods, "tempo_ingester_live_traces", "tenant")
		if err == nil && len(increase(nil, live)) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-time.After(time.Second):
		}
	}
}
