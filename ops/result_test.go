package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/picluster/picluster/internal/command"
	"github.com/picluster/picluster/ops/engine"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/stretchr/testify/assert"
)

// deployed is a state with these tenants; one without a name is a stack without tenants.
func deployed(outputs map[string]any, names ...string) *engine.State {
	state := &engine.State{Resources: []*engine.Resource{{URN: "urn:stack", Type: "pulumi:pulumi:Stack", Outputs: outputs}}}
	for _, name := range names {
		state.Resources = append(state.Resources,
			&engine.Resource{Type: engine.BucketType, Inputs: map[string]any{"bucket": "traces" + name}},
			&engine.Resource{Type: engine.UserType, Inputs: map[string]any{"name": "tempo" + name}},
			&engine.Resource{Type: engine.ReleaseType, Inputs: map[string]any{"namespace": "tempo" + name, "name": "tempo"}})
	}
	return state
}

func (r result) String() string {
	var out bytes.Buffer
	r.write(&out)
	return out.String()
}

func TestResult(t *testing.T) {
	one := deployed(map[string]any{
		"queryUrl": "http://query.tempo.svc.cluster.local:3200", "grafanaValues": "a document",
		"otlpGrpc": "in.tempo.svc.cluster.local:4317", "otlpHttp": "http://in.tempo.svc.cluster.local:4318",
	}, "")
	r := result{
		Names: command.Names{Stack: "lab", Make: true}, state: one, minio: "http://127.0.0.1:9000", kubernetes: "https://127.0.0.1:6443",
		outcome: engine.Outcome{Changes: map[apitype.OpType]int{apitype.OpSame: 3, apitype.OpCreate: 12, "read": 1}, Outputs: []string{"grafanaValues", "queryUrl"}},
	}
	assert.Equal(t, `
Stack lab: resources: 12 created, 3 unchanged
MinIO       http://127.0.0.1:9000, bucket traces, user tempo
Kubernetes  https://127.0.0.1:6443, namespace tempo, release tempo
Traces to   in.tempo.svc.cluster.local:4317 (OTLP over gRPC), :4318 (over HTTP)
Queries     http://query.tempo.svc.cluster.local:3200
Outputs     bin/lab run pulumi stack output NAME --stack lab; new: grafanaValues, queryUrl
Next
  make verify  check that a trace goes in and comes out
  make drift   find what was changed outside Pulumi
  make down    destroy the stack and remove the lab
`, r.String())

	r.simulated = true
	assert.Contains(t, r.String(), "  make verify  requires pods that are not simulated: make down, then as root LAB_NODES=real make up\n")

	r.Names = command.Names{Stack: "dev", Make: true}
	for _, want := range []string{"  make verify STACK=dev  ", "  make drift STACK=dev ", "  bin/picluster destroy --stack dev  destroy the stack\n", "  pulumi stack output NAME --stack dev; "} {
		assert.Contains(t, r.String(), want)
	}
	r.Names = command.Names{Stack: "lab"} // the user's own stack of that name
	for _, want := range []string{"  picluster verify --stack lab  ", "  picluster drift --stack lab  ", "  picluster destroy --stack lab  destroy the stack\n"} {
		assert.Contains(t, r.String(), want)
	}
}

func TestResultIsTenLines(t *testing.T) {
	tenants, names, outputs := map[string]any{}, []string{}, []string{}
	for i := range 300 {
		name := fmt.Sprintf("-%03d", i)
		tenants[name[1:]] = map[string]any{"grafanaValues": strings.Repeat("line\n", 50)}
		names, outputs = append(names, name), append(outputs, name)
	}
	text := result{
		Names: command.Names{Stack: "prod"}, minio: "https://s3", kubernetes: "https://k8s",
		state:   deployed(map[string]any{"tenants": tenants, "grafanaValues": strings.Repeat("line\n", 500)}, names...),
		outcome: engine.Outcome{Changes: map[apitype.OpType]int{apitype.OpCreate: 4000}, Outputs: outputs},
	}.String()
	assert.LessOrEqual(t, strings.Count(strings.TrimSpace(text), "\n"), 9, text)
	for _, want := range []string{"300 buckets, 300 users", "300 namespaces, release tempo", "each of 300 tenants: pulumi stack output tenants --stack prod", "300 have a new value"} {
		assert.Contains(t, text, want)
	}
}

func TestSeveral(t *testing.T) {
	for want, names := range map[string][]string{
		"":                {"", ""},
		"bucket a":        {"a"},
		"buckets a, b, c": {"c", "a", "b", "a"},
		"4 buckets":       {"a", "b", "c", "d"},
	} {
		assert.Equal(t, want, several("bucket", names))
	}
}

// TestResultWithoutAState is what is said if the stack cannot be read after an up.
func TestResultWithoutAState(t *testing.T) {
	text := result{Names: command.Names{Stack: "prod"}, state: &engine.State{}}.String()
	assert.Contains(t, text, "Stack prod: up\n")
	assert.NotContains(t, text, "MinIO")
	assert.Contains(t, text, "picluster drift --stack prod")
}

func TestResultOfOneReceiver(t *testing.T) {
	for want, outputs := range map[string]map[string]any{
		"a.n.svc:4317 (OTLP over gRPC)":                                 {"otlpGrpc": "a.n.svc:4317"},
		"http://a.n.svc:4318 (OTLP over HTTP)":                          {"otlpHttp": "http://a.n.svc:4318"},
		"a.n.svc:4317 (OTLP over gRPC), http://b:4318 (OTLP over HTTP)": {"otlpGrpc": "a.n.svc:4317", "otlpHttp": "http://b:4318"},
	} {
		assert.Equal(t, want, result{state: deployed(outputs)}.receivers())
	}
}
