package main

import (
	"context"
	"encoding/hex"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/picluster/picluster/lab"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// receiver keeps the ids of traces, and rejects some requests.
type receiver struct {
	collector.UnimplementedTraceServiceServer
	mu       sync.Mutex
	requests int
	refuses  func(request int) bool
	spans    map[string]int // by the trace's id
}

func (r *receiver) Export(_ context.Context, request *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests++
	if r.refuses(r.requests) {
		return nil, status.Error(codes.ResourceExhausted, "RATE_LIMITED: too much")
	}
	for _, span := range request.ResourceSpans[0].ScopeSpans[0].Spans {
		r.spans[hex.EncodeToString(span.TraceId)]++
	}
	return &collector.ExportTraceServiceResponse{}, nil
}

// receive starts a receiver, and returns a load that is sent to it.
func receive(t *testing.T, refuses func(request int) bool) (*receiver, *load) {
	t.Helper()
	r := &receiver{refuses: refuses, spans: map[string]int{}}
	server := grpc.NewServer()
	collector.RegisterTraceServiceServer(server, r)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	load, err := newLoad(&lab.Lab{}, listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, load.close()) })
	return r, load
}

func TestALoadHasItsRate(t *testing.T) {
	r, load := receive(t, func(request int) bool { return request > 16 })
	o := load.at(t.Context(), 20*spansPerRequest, time.Second)
	assert.InDelta(t, 1, o.took.Seconds(), 0.2)
	assert.Equal(t, 16*spansPerRequest, o.acknowledged)
	assert.Equal(t, map[string]int{"ResourceExhausted": 4 * spansPerRequest}, o.refused)
	assert.Equal(t, "RATE_LIMITED: too much", o.first["ResourceExhausted"])
	assert.Len(t, o.times, 20)
	assert.Len(t, r.spans, 16*tracesPerRequest)

	s := rampStep{rate: 20 * spansPerRequest, outcome: o, discarded: map[string]float64{"live_traces_exceeded": 4 * spansPerRequest}}
	assert.InDelta(t, 12*spansPerRequest, s.kept(), 0.2*12*spansPerRequest)
	assert.Equal(t, "refused, ResourceExhausted: RATE_LIMITED: too much; 25 % acknowledged and discarded: live_traces_exceeded", s.why())
}

func TestFillSendsAgainWhatIsRefused(t *testing.T) {
	r, load := receive(t, func(request int) bool { return request%5 == 0 })
	o, err := load.fill(t.Context(), 100_000, 20*spansPerRequest)
	require.NoError(t, err)
	assert.Greater(t, r.requests, 20)
	assert.Len(t, r.spans, 20*tracesPerRequest, "a trace was sent under two ids, or two under one")
	for id, spans := range r.spans {
		assert.Equal(t, spansPerTrace, spans, id)
	}
	require.Len(t, o.traces, 20)
	for _, sent := range o.traces {
		assert.Contains(t, r.spans, sent.id)
	}
}

// A host outside the lab is never asked for by its name.
func TestALoadGoesToAnAddress(t *testing.T) {
	_, err := newLoad(&lab.Lab{}, "tempo.example.com:4317")
	assert.ErrorContains(t, err, `address: got "tempo.example.com:4317"; want an IP address of the lab`)
}

func TestIncrease(t *testing.T) {
	before := map[series]float64{{"a", "x"}: 5, {"b", "x"}: 7, {"a", "y"}: 3}
	after := map[series]float64{{"a", "x"}: 6, {"b", "x"}: 2, {"a", "y"}: 3} // b was restarted
	assert.Equal(t, map[string]float64{"x": 3}, increase(before, after))
}

func TestRestarted(t *testing.T) {
	before := []pod{{component: "ingester", uid: "1"}, {component: "querier", uid: "2"}, {component: "compactor", uid: "3"}}
	after := []pod{{component: "ingester", uid: "1", restarts: 1, ended: "OOMKilled"}, {component: "querier", uid: "4"}, {component: "compactor", uid: "3"}}
	assert.Equal(t, []string{"ingester: OOMKilled", "querier: replaced"}, restarted(before, after))
}

func TestOverrides(t *testing.T) {
	for i, want := range []map[string]any{
		{"overrides": map[string]any{"x": "y"}},
		{"tempo": map[string]any{"overrides": map[string]any{"x": "y"}}},
	} {
		values := map[string]any{}
		loadModes[i].overrides(values)["x"] = "y"
		assert.Equal(t, want, values, loadModes[i].title)
	}
}
