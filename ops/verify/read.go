package verify

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// longestResponse is how much of a response is read, in bytes.
const longestResponse = 8 << 20

// statusError is a response that is not 200.
type statusError struct {
	code int
	text string
}

func (e *statusError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("%d %s: %s", e.code, http.StatusText(e.code), shortened(e.text)))
}

// get returns the body of an HTTP API.
func get(ctx context.Context, client *http.Client, address string, headers map[string]string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, reason(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, longestResponse))
	if err != nil {
		return nil, reason(err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, &statusError{response.StatusCode, string(body)}
	}
	return body, nil
}

// query polls an API of Tempo until check takes a response.
func (r *run) query(ctx context.Context, name, part string, path func() string, check func(body []byte) error) error {
	client, end := r.serviceClient(*r.Query)
	defer end()
	return r.poll(ctx, name, r.timeout(), func(ctx context.Context) error {
		path := path()
		body, err := get(ctx, client, fmt.Sprintf("http://%s.%s:%d%s", r.Query.Service, r.Query.Namespace, r.Query.Port, path), r.headers())
		if err == nil {
			err = check(body)
		} else {
			err = fmt.Errorf("GET %s: %w", path, err)
		}
		return at(part, r.logs(), err)
	})
}

// read reads a trace back by its id.
func (r *run) read(ctx context.Context, s *sent) (string, error) {
	if !s.accepted {
		return "", skip("%s has not accepted the trace", s.receiver)
	}
	path := "/api/v2/traces/" + s.id()
	err := r.query(ctx, "read "+s.receiver, "queriers and ingesters behind "+r.Query.String(), func() string { return path },
		func(body []byte) error { return checkTrace(body, s.span) })
	return fmt.Sprintf("%q of trace %s", s.span.Name(), s.id()), err
}

// checkTrace returns an error unless a trace, as Tempo's JSON has it, has a span.
func checkTrace(body []byte, want sdktrace.ReadOnlySpan) error {
	type resources []struct {
		ScopeSpans []struct {
			Spans []struct {
				SpanID string `json:"spanId"`
				Name   string `json:"name"`
			} `json:"spans"`
		} `json:"scopeSpans"`
	}
	type tracesData struct {
		ResourceSpans resources `json:"resourceSpans"`
		Batches       resources `json:"batches"` // the older name
	}
	var response struct {
		Trace tracesData `json:"trace"`
		tracesData
	}
	if err := json.Unmarshal(body, &response); err != nil {
		return fmt.Errorf("the trace is no JSON: %s", shortened(string(body)))
	}
	id := want.SpanContext().SpanID()
	spans := 0
	for _, list := range []resources{response.Trace.ResourceSpans, response.Trace.Batches, response.ResourceSpans, response.Batches} {
		for _, resource := range list {
			for _, scope := range resource.ScopeSpans {
				for _, span := range scope.Spans {
					spans++
					// OTLP's JSON has ids in hex, Tempo's in base64.
					if span.Name == want.Name() && (span.SpanID == id.String() || span.SpanID == base64.StdEncoding.EncodeToString(id[:])) {
						return nil
					}
				}
			}
		}
	}
	return fmt.Errorf("trace %s: got %d other spans; want span %s, %q", want.SpanContext().TraceID(), spans, id, want.Name())
}

// selectTraces is the TraceQL that finds the traces.
const selectTraces = `{resource.service.name="` + serviceName + `"}`

// search finds the traces by TraceQL.
func (r *run) search(ctx context.Context) (string, error) {
	traces := r.received()
	if len(traces) == 0 {
		return "", skip("no receiver has accepted a trace")
	}
	path := func() string {
		return "/api/search?" + url.Values{
			"q": {selectTraces}, "limit": {"100"},
			"start": {seconds(traces[0].at().Add(-time.Minute))}, "end": {seconds(time.Now().Add(time.Minute))},
		}.Encode()
	}
	err := r.query(ctx, "search", "queriers and ingesters behind "+r.Query.String(), path, func(body []byte) error {
		var response struct {
			Traces []struct {
				TraceID string `json:"traceID"`
			} `json:"traces"`
		}
		if err := json.Unmarshal(body, &response); err != nil {
			return fmt.Errorf("the result of the search is no JSON: %s", shortened(string(body)))
		}
		found := map[string]bool{}
		for _, t := range response.Traces {
			found[fullID(t.TraceID)] = true
		}
		for _, t := range traces {
			if !found[t.id()] {
				return fmt.Errorf("%s: got %d other traces; want trace %s too", selectTraces, len(response.Traces), t.id())
			}
		}
		return nil
	})
	return fmt.Sprintf("%s finds %d of %[2]d", selectTraces, len(traces)), err
}

// fullID returns a trace id with the zeros at its start, which Tempo leaves out in the
// result of a search.
func fullID(id string) string { return strings.Repeat("0", max(0, 32-len(id))) + id }

// rateStep is the time between two samples of a rate. It is short, so that the traces of
// an earlier verification are in other samples.
const rateStep = time.Second

// sendAgain is the number of tries without a series after which rate sends one more trace.
// A distributor that has just started does not know the metrics-generator yet, and never
// sends it what it received before.
const sendAgain = 20

// rate finds a series of the traces' rate, which the metrics-generator computes.
func (r *run) rate(ctx context.Context) (string, error) {
	traces := r.received()
	switch {
	case !r.Generator:
		return "", skip("the metrics-generator is off")
	case len(traces) == 0:
		return "", skip("no receiver has accepted a trace")
	}
	ratio := selectTraces + "|rate()"
	since := traces[0].at().Truncate(rateStep)
	path := func() string {
		return "/api/metrics/query_range?" + url.Values{
			"q": {ratio}, "step": {rateStep.String()},
			// So early a start is before the end, whatever Tempo cuts off there.
			"start": {seconds(since.Add(-time.Minute))}, "end": {seconds(time.Now())},
		}.Encode()
	}
	tries := 0
	err := r.query(ctx, "rate", fmt.Sprintf("metrics-generator of release %s/%s", r.Namespace, r.Release), path, func(body []byte) error {
		var response struct {
			Series []struct {
				Samples []struct {
					TimestampMS json.RawMessage `json:"timestampMs"`
					Value       float64         `json:"value"`
				} `json:"samples"`
			} `json:"series"`
		}
		if err := json.Unmarshal(body, &response); err != nil {
			return fmt.Errorf("the rate is no JSON: %s", shortened(string(body)))
		}
		for _, series := range response.Series {
			for _, sample := range series.Samples {
				ms, _ := strconv.ParseInt(string(bytes.Trim(sample.TimestampMS, `"`)), 10, 64)
				if sample.Value > 0 && ms >= since.UnixMilli() {
					return nil
				}
			}
		}
		if tries++; tries%sendAgain == 0 {
			r.sendOneMore(ctx, traces[0].receiver)
		}
		return fmt.Errorf("%s: got %d series without a span since %s; want one with the traces", ratio, len(response.Series), since.Format(time.TimeOnly))
	})
	return ratio + " has a series", err
}

// sendOneMore sends a trace that nothing but the rate looks for. If the receiver rejects it,
// the next one follows.
func (r *run) sendOneMore(ctx context.Context, name string) {
	ctx, cancel := context.WithTimeout(ctx, tryTime)
	defer cancel()
	for _, to := range r.receivers() {
		if to.name != name {
			continue
		}
		if b, err := r.backend(ctx, to.address); err == nil {
			_ = r.export(ctx, to, b, newSpan(r.Commands.Stack, name))
		}
	}
}

func seconds(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }
