package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"time"

	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// errBadSpan is an error of the client, which must not send the spans again.
var errBadSpan = errors.New("bad span")

// pushFailures are Tempo's counters of failed pushes, by what was pushed to.
var pushFailures = map[string]string{
	ingester:  "tempo_distributor_ingester_append_failures_total{ingester=%q}",
	generator: "tempo_distributor_metrics_generator_pushes_failures_total{metrics_generator=%q}",
}

// internal is the HTTP client for the internal API.
var internal = client(5 * time.Second)

// export sends spans of a tenant to the ingesters. It returns an error if no ingester accepts a trace.
func (p *process) export(ctx context.Context, tenant string, data *trace.TracesData) error {
	if p.config.MultiTenancy {
		setTenant(data, tenant)
	}
	received := flatten(data)
	for _, s := range received {
		if len(s.TraceId) != 16 || len(s.SpanId) != 8 {
			return fmt.Errorf("%w: got the trace id %x and the span id %x; want 16 and 8 bytes", errBadSpan, s.TraceId, s.SpanId)
		}
	}
	p.counters.add(fmt.Sprintf("tempo_distributor_spans_received_total{tenant=%q}", tenant), len(received))
	if log := p.config.Distributor.LogSpans; log.Enabled {
		for _, s := range received {
			if !log.ErrorsOnly || s.GetStatus().GetCode() == trace.Status_STATUS_CODE_ERROR {
				p.log.Info("received", "traceid", hex.EncodeToString(s.TraceId), "spanid", hex.EncodeToString(s.SpanId),
					"service_name", s.service(), "name", s.Name)
			}
		}
	}

	traces := byTrace(received)
	err := p.push(ctx, ingester, traces, p.config.Ingester.Lifecycler.Ring.ReplicationFactor)
	if len(traces) > 0 { // their ingesters are gone: try all that are there now
		p.ring.refresh(ctx)
		err = p.push(ctx, ingester, traces, math.MaxInt)
	}
	if len(traces) > 0 {
		err = fmt.Errorf("no ingester accepts %d traces: %w", len(traces), err)
		p.log.Error("push failed", "err", err)
		return err
	}

	if p.config.generates() { // a failure is not the client's, as in Tempo
		traces := byTrace(received)
		if err := p.push(ctx, generator, traces, 1); len(traces) > 0 {
			p.log.Error("failed to forward request to metrics generator", "err", err)
		}
	}
	return nil
}

// push sends each trace to n members of a component. It removes from traces those that
// at least one member accepts.
func (p *process) push(ctx context.Context, component string, traces map[string][]flatSpan, n int) error {
	members := p.ring.members(component)
	batches := map[member]map[string][]flatSpan{}
	for id, spans := range traces {
		for _, m := range owners(members, id, n) {
			if batches[m] == nil {
				batches[m] = map[string][]flatSpan{}
			}
			batches[m][id] = spans
		}
	}
	if len(batches) == 0 {
		return fmt.Errorf("no %s is known", component)
	}
	var errs []error
	for m, batch := range batches {
		var spans []flatSpan
		for _, s := range batch {
			spans = append(spans, s...)
		}
		body, err := proto.Marshal(toOTLP(spans))
		if err == nil {
			_, err = call(ctx, http.MethodPost, m, "/standin/"+component+"/push", body)
		}
		if err != nil {
			p.counters.add(fmt.Sprintf(pushFailures[component], m.Name), 1)
			errs = append(errs, fmt.Errorf("%s: %w", m.Name, err))
			continue
		}
		for id := range batch {
			delete(traces, id)
		}
	}
	return errors.Join(errs...)
}

// call sends a request to a member's internal API, and returns the body of the response.
func call(ctx context.Context, method string, m member, path string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://"+m.address+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	response, err := internal.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode/100 != 2 {
		err = fmt.Errorf("%s: %s", response.Status, bytes.TrimSpace(content))
	}
	return content, err
}
