package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/picluster/picluster/internal/command"
	"github.com/picluster/picluster/ops/drift"
	"github.com/picluster/picluster/ops/engine"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
)

// result is what an up has left: what it created, where it is, and what to run next. It
// fits a screen whatever the stack has.
type result struct {
	command.Names
	simulated         bool // the pods are
	outcome           engine.Outcome
	state             *engine.State
	minio, kubernetes string // addresses
}

// showResult prints the result of an up. The up itself has succeeded, so that a stack
// that cannot be read then is no error: its part is left out.
func (o *options) showResult(ctx context.Context) {
	r := result{Names: o.commands(), simulated: simulated(), outcome: o.outcome, state: &engine.State{}}
	if state, config, err := o.read(ctx); err == nil {
		r.state = state
		r.minio, r.kubernetes = drift.Addresses(ctx, config)
	}
	r.write(os.Stdout)
}

// write writes ten lines at most. No secret is in them.
func (r result) write(w io.Writer) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(table, "%s\t%s\n", name, text)
		}
	}
	fmt.Fprintf(table, "\nStack %s: %s\n", r.Stack, r.changes())
	store, bucket := "MinIO", r.names(engine.BucketType, "bucket", "bucket")
	if bucket == "" {
		store = "S3 server" // with objectStore: existing
	}
	line(store, sentence(r.minio, bucket, r.names(engine.UserType, "user", "name")))
	line("Kubernetes", sentence(r.kubernetes, r.namespaces(), r.names(engine.ReleaseType, "release", "name")))
	line("Traces to", r.receivers())
	line("Queries", r.output("queryUrl"))
	line("Outputs", r.outputs())
	fmt.Fprintln(table, "Next")
	line("  "+r.Picluster("verify"), r.toVerify())
	line("  "+r.Picluster("drift"), "find what was changed outside Pulumi")
	line("  "+r.Down(), map[bool]string{true: "destroy the stack and remove the lab", false: "destroy the stack"}[r.OnLab()])
	_ = table.Flush() // to a terminal
}

// toVerify returns what verify does, or what it requires.
func (r result) toVerify() string {
	if r.simulated {
		return "requires pods that are not simulated: " + realPods
	}
	return "check that a trace goes in and comes out"
}

// done are what an up does with a resource, the most interesting first, and how many
// resources it did it with.
var done = []struct {
	op   apitype.OpType
	text string
}{
	{apitype.OpCreate, "created"}, {apitype.OpImport, "imported"}, {apitype.OpUpdate, "updated"}, {apitype.OpReplace, "replaced"},
	{apitype.OpDelete, "deleted"}, {apitype.OpSame, "unchanged"},
}

func (r result) changes() string {
	var counts []string
	for _, what := range done {
		if n := r.outcome.Changes[what.op]; n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", n, what.text))
		}
	}
	if len(counts) == 0 {
		return "up"
	}
	return "resources: " + strings.Join(counts, ", ")
}

// mostNames is how many names of a kind are written out. More are counted.
const mostNames = 3

// several returns names after what they are of, or their number if they are many.
func several(what string, names []string) string {
	names = slices.Compact(slices.Sorted(slices.Values(slices.DeleteFunc(names, func(name string) bool { return name == "" }))))
	switch {
	case len(names) == 0:
		return ""
	case len(names) > mostNames:
		return fmt.Sprintf("%d %ss", len(names), what)
	case len(names) > 1:
		what += "s"
	}
	return what + " " + strings.Join(names, ", ")
}

// names returns the names of the stack's resources of a type, which they have as key.
func (r result) names(kind, what, key string) string {
	var names []string
	for _, resource := range r.state.Of(kind) {
		names = append(names, resource.Text(key))
	}
	return several(what, names)
}

// namespaces returns the namespaces of the releases, some of which may be managed
// elsewhere.
func (r result) namespaces() string {
	var names []string
	for _, release := range r.state.Of(engine.ReleaseType) {
		names = append(names, release.Text("namespace"))
	}
	return several("namespace", names)
}

// receivers returns where applications in the cluster send traces to.
func (r result) receivers() string {
	grpc, http := r.output("otlpGrpc"), r.output("otlpHttp")
	if tenants, ok := r.state.Output("tenants").(map[string]any); ok {
		return fmt.Sprintf("each of %s: %s", several("tenant", slices.Collect(maps.Keys(tenants))), r.Pulumi("stack output tenants"))
	}
	if u, err := url.Parse(http); err == nil && grpc != "" && strings.HasPrefix(grpc, u.Hostname()+":") {
		return fmt.Sprintf("%s (OTLP over gRPC), :%s (over HTTP)", grpc, u.Port())
	}
	var texts []string
	if grpc != "" {
		texts = append(texts, grpc+" (OTLP over gRPC)")
	}
	if http != "" {
		texts = append(texts, http+" (OTLP over HTTP)")
	}
	return strings.Join(texts, ", ")
}

// output returns an output of the stack that is a text; empty if there is none.
func (r result) output(name string) string {
	text, _ := r.state.Output(name).(string)
	return text
}

// outputs returns how to read the stack's outputs, and which ones to read again.
func (r result) outputs() string {
	text := r.Pulumi("stack output NAME")
	if changed := r.outcome.Outputs; len(changed) > 0 {
		text += "; " + newValues(changed)
	}
	return text
}

// newValues names outputs that have changed.
func newValues(outputs []string) string {
	if len(outputs) > mostNames {
		return fmt.Sprintf("%d have a new value", len(outputs))
	}
	return "new: " + strings.Join(outputs, ", ")
}

// sentence joins what is known of a place.
func sentence(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), ", ")
}
