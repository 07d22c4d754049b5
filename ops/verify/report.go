package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Outcome is how a step has ended.
type Outcome string

// The outcomes.
const (
	OK         Outcome = "ok"
	Failed     Outcome = "failed"
	NotChecked Outcome = "not checked"
)

// Result is how a step of one tenant has ended. Its names in JSON are stable.
type Result struct {
	// Tenant is the name of the tenant; absent for a stack without tenants.
	Tenant string `json:"tenant,omitempty"`
	// Step is the name of the step: pods, key, send RECEIVER, read RECEIVER, search,
	// rate, block, size, grafana read, grafana links or scrape.
	Step string `json:"step"`
	// Outcome is ok, failed or not checked.
	Outcome Outcome `json:"result"`
	// Seconds is how long the step took; absent if it was not checked.
	Seconds float64 `json:"seconds,omitempty"`
	// Detail is what the step has seen, what is wrong, or why it was not checked.
	Detail string `json:"detail"`
	// Part is the part at fault, and Fix the next command; absent unless it failed.
	Part string `json:"part,omitempty"`
	Fix  string `json:"fix,omitempty"`
}

// Report is the result of a verification. Its names in JSON are stable.
type Report struct {
	// Stack is the name of the stack.
	Stack string `json:"stack"`
	// OK says that no step has failed.
	OK bool `json:"ok"`
	// Steps are the results, in the order of the steps, tenant by tenant.
	Steps []Result `json:"steps"`
}

// Failed returns the results of the steps that have failed.
func (r *Report) Failed() []Result {
	var failed []Result
	for _, s := range r.Steps {
		if s.Outcome == Failed {
			failed = append(failed, s)
		}
	}
	return failed
}

// JSON writes the report as JSON.
func (r *Report) JSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// Table writes the report for a terminal: a table, then each failure with its part and
// the next command.
func (r *Report) Table(w io.Writer) error {
	tenants := false
	for _, s := range r.Steps {
		tenants = tenants || s.Tenant != ""
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(tenant string, cells ...string) {
		if tenants {
			cells = append([]string{tenant}, cells...)
		}
		fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	line("TENANT", "STEP", "RESULT", "TIME", "DETAIL")
	for _, s := range r.Steps {
		took := "-"
		if s.Outcome != NotChecked {
			took = fmt.Sprintf("%.1f s", s.Seconds)
		}
		line(s.Tenant, s.Step, string(s.Outcome), took, oneLine(s.Detail))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, s := range r.Failed() {
		name := s.Step
		if s.Tenant != "" {
			name = s.Tenant + ": " + name
		}
		if _, err := fmt.Fprintf(w, "\n%s: failed at %s. Fix:\n  %s\n", name, s.Part, s.Fix); err != nil {
			return err
		}
	}
	return nil
}

// failure is why a step has failed: the part at fault, what is wrong, and the next
// command.
type failure struct {
	part, fix string
	err       error
	final     bool // no further try changes it
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// at returns an error as the failure of a part, or the failure that it is already.
func at(part, fix string, err error) error {
	var f *failure
	if err == nil || errors.As(err, &f) {
		return err
	}
	return &failure{part: part, fix: fix, err: err}
}

// finally returns an error as one that no further try changes.
func finally(part, fix, format string, args ...any) error {
	return &failure{part: part, fix: fix, err: fmt.Errorf(format, args...), final: true}
}

func isFinal(err error) bool {
	var f *failure
	var s *skipped
	return errors.As(err, &s) || errors.As(err, &f) && f.final
}

// skipped is why a step is not checked.
type skipped struct{ reason string }

func (s *skipped) Error() string { return s.reason }

func skip(format string, args ...any) error { return &skipped{fmt.Sprintf(format, args...)} }

func resultOf(tenant, step string, took time.Duration, detail string, err error) Result {
	r := Result{Tenant: tenant, Step: step, Outcome: OK, Seconds: took.Seconds(), Detail: detail}
	var s *skipped
	var f *failure
	switch {
	case err == nil:
	case errors.As(err, &s):
		r.Outcome, r.Seconds, r.Detail = NotChecked, 0, s.reason
	case errors.As(err, &f):
		r.Outcome, r.Detail, r.Part, r.Fix = Failed, f.Error(), f.part, f.fix
	default:
		r.Outcome, r.Detail = Failed, err.Error()
	}
	return r
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// errNoResponse is a server that has not responded within the time of a try.
var errNoResponse = errors.New("no response in time")

// reason returns an error, or errNoResponse for one of a deadline that has passed.
func reason(err error) error {
	if timedOut(err) {
		return errNoResponse
	}
	return err
}

func timedOut(err error) bool {
	// A rate limiter does not begin to wait for longer than a deadline, and has no type
	// for it. Source: golang.org/x/time/rate, Limiter.wait.
	if err != nil && strings.Contains(err.Error(), "would exceed context deadline") {
		return true
	}
	return errors.Is(err, errNoResponse) || errors.Is(err, context.DeadlineExceeded) || status.Code(err) == codes.DeadlineExceeded
}

// brief is an error whose text is one short line.
type brief struct{ error }

func (b brief) Error() string { return shortened(b.error.Error()) }
func (b brief) Unwrap() error { return b.error }
