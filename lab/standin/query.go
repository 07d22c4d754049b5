package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// response is the result of a query.
type response struct {
	Status int    `json:"status"`
	Type   string `json:"type"`
	Body   []byte `json:"body"`
}

func (a response) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", a.Type)
	w.WriteHeader(a.Status)
	_, _ = w.Write(a.Body)
}

// textResponse returns a response in plain text, such as an error.
func textResponse(status int, text string) response {
	return response{status, "text/plain; charset=utf-8", []byte(text + "\n")}
}

// errBadQuery is the client's own mistake.
var errBadQuery = errors.New("invalid query")

// query runs a tenant's query of Tempo's HTTP API.
func (p *process) query(ctx context.Context, tenant string, u *url.URL) response {
	values := u.Query()
	var body any
	var err error
	switch {
	case strings.HasPrefix(u.Path, "/api/traces/"):
		body, err = p.trace(ctx, tenant, strings.TrimPrefix(u.Path, "/api/traces/"))
	case strings.HasPrefix(u.Path, "/api/v2/traces/"):
		if body, err = p.trace(ctx, tenant, strings.TrimPrefix(u.Path, "/api/v2/traces/")); body != nil {
			body = map[string]any{"trace": body}
		}
	case u.Path == "/api/search":
		body, err = p.search(ctx, tenant, values)
	case u.Path == "/api/metrics/query_range":
		body, err = p.rate(ctx, tenant, values)
	default:
		return textResponse(http.StatusNotFound, u.Path+": the stand-in has no such API")
	}
	switch {
	case errors.Is(err, errBadQuery):
		return textResponse(http.StatusBadRequest, err.Error())
	case err != nil:
		p.log.Error("query failed", "path", u.Path, "code", errorCode(err), "err", err)
		return textResponse(http.StatusInternalServerError, err.Error())
	case body == nil:
		return textResponse(http.StatusNotFound, "trace not found")
	}
	text, err := json.Marshal(body)
	if err != nil {
		return textResponse(http.StatusInternalServerError, err.Error())
	}
	return response{http.StatusOK, "application/json", text}
}

// trace returns a trace as OTLP's JSON, or nil if there is none.
func (p *process) trace(ctx context.Context, tenant, id string) (any, error) {
	id, err := traceID(id)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBadQuery, err)
	}
	found, err := p.find(ctx, tenant, ingester, tracesPrefix, id)
	if len(found) == 0 {
		return nil, err // an error is not "not found"
	}
	if err != nil {
		p.log.Warn("trace may be incomplete", "traceid", id, "code", errorCode(err), "err", err)
	}
	whole := toOTLP(found)
	for _, r := range whole.ResourceSpans {
		if r.Resource != nil {
			r.Resource = &resource.Resource{Attributes: withoutTenant(r.Resource.Attributes)}
		}
	}
	text, err := marshalJSON(whole)
	return json.RawMessage(text), err
}

// find returns the spans of a tenant's trace that the members of a component and the bucket
// have. If the id is empty, it returns the spans of all traces. If a part fails, it
// returns the error and the spans of the other parts.
func (p *process) find(ctx context.Context, tenant, component, prefix, id string) ([]flatSpan, error) {
	var found []*trace.TracesData
	var errs []error
	members := p.ring.members(component)
	if len(members) == 0 {
		errs = append(errs, fmt.Errorf("no %s is known", component))
	}
	for _, m := range members {
		data := &trace.TracesData{}
		body, err := call(ctx, http.MethodGet, m, "/standin/"+component+"/spans?trace="+id, nil)
		if err == nil {
			err = proto.Unmarshal(body, data)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s %s: %w", component, m.Name, err))
			continue
		}
		found = append(found, data)
	}
	stored, err := p.bucket.read(ctx, tenant+"/"+prefix, id)
	if err != nil {
		errs = append(errs, err)
	}
	return ofTenant(tenant, flatten(append(found, stored...)...)), errors.Join(errs...)
}

// selector matches {} and { resource.service.name = "x" }, the only TraceQL that the
// stand-in accepts.
const selector = `\{\s*(?:(?:resource)?\.service\.name\s*=\s*"([^"]*)"\s*)?\}`

var (
	searchQuery = regexp.MustCompile(`^\s*` + selector + `\s*$`)
	rateQuery   = regexp.MustCompile(`^\s*` + selector + `\s*\|\s*rate\(\)\s*$`)
	searchTags  = regexp.MustCompile(`^(?:service\.name="?([^" ]*)"?)?$`)
)

// search finds the traces of a service, the latest first.
func (p *process) search(ctx context.Context, tenant string, values url.Values) (any, error) {
	known, text := searchTags, values.Get("tags")
	if values.Has("q") {
		known, text = searchQuery, values.Get("q")
	}
	parsed := known.FindStringSubmatch(text)
	if parsed == nil {
		return nil, fmt.Errorf("%w: got %q; want {} or {resource.service.name=\"NAME\"}", errBadQuery, text)
	}
	start, end, err := timeRange(values, time.Time{}, time.Now().Add(time.Hour))
	if err != nil {
		return nil, err
	}
	limit := 20
	if text := values.Get("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 {
			return nil, fmt.Errorf("%w: limit: got %q; want a number from 1", errBadQuery, text)
		}
	}
	found, err := p.find(ctx, tenant, ingester, tracesPrefix, "")
	if err != nil {
		return nil, err
	}
	type result struct {
		TraceID     string `json:"traceID"`
		RootService string `json:"rootServiceName"`
		RootName    string `json:"rootTraceName"`
		Start       string `json:"startTimeUnixNano"`
		DurationMS  uint64 `json:"durationMs,omitempty"`
		start       uint64
	}
	results := []result{}
	for id, spans := range byTrace(found) {
		root := spans[0]
		first, last, matches := uint64(math.MaxUint64), uint64(0), false
		for _, s := range spans {
			matches = matches || parsed[1] == "" || s.service() == parsed[1]
			first, last = min(first, s.StartTimeUnixNano), max(last, s.EndTimeUnixNano)
			if len(s.ParentSpanId) == 0 {
				root = s
			}
		}
		if at := atNanosecond(first); !matches || at.Before(start) || at.After(end) {
			continue
		}
		r := result{id, root.service(), root.Name, strconv.FormatUint(first, 10), 0, first}
		if last > first {
			r.DurationMS = (last - first) / uint64(time.Millisecond)
		}
		results = append(results, r)
	}
	slices.SortFunc(results, func(a, b result) int {
		return cmp.Or(cmp.Compare(b.start, a.start), cmp.Compare(a.TraceID, b.TraceID))
	})
	return map[string]any{
		"traces":  results[:min(limit, len(results))],
		"metrics": map[string]any{"inspectedTraces": len(results)},
	}, nil
}

// rate runs {…}|rate(). The result has one series if spans started in the range and
// the configuration has what Tempo counts them with. Otherwise it has none.
func (p *process) rate(ctx context.Context, tenant string, values url.Values) (any, error) {
	text := cmp.Or(values.Get("q"), values.Get("query"))
	parsed := rateQuery.FindStringSubmatch(text)
	if parsed == nil {
		return nil, fmt.Errorf("%w: got %q; want {}|rate() or {resource.service.name=\"NAME\"}|rate()", errBadQuery, text)
	}
	end := time.Now()
	since := time.Hour
	if text := values.Get("since"); text != "" {
		var err error
		if since, err = time.ParseDuration(text); err != nil {
			return nil, fmt.Errorf("%w: since: got %q; want a duration such as 1h", errBadQuery, text)
		}
	}
	start, end, err := timeRange(values, end.Add(-since), end)
	if err != nil {
		return nil, err
	}
	step, err := stepOf(values.Get("step"), end.Sub(start))
	if err != nil {
		return nil, err
	}

	series := []any{}
	if !p.config.rates(p.version) {
		return map[string]any{"series": series}, nil
	}
	component, prefix := generator, blocksPrefix
	if !hasLocalBlocks(p.version) { // Tempo 3 counts without a generator
		component, prefix = ingester, tracesPrefix
	}
	found, err := p.find(ctx, tenant, component, prefix, "")
	if err != nil {
		return nil, err
	}
	counts := make([]int, end.Sub(start)/step+1)
	total := 0
	for _, s := range found {
		at := atNanosecond(s.StartTimeUnixNano)
		if at.Before(start) || at.After(end) || parsed[1] != "" && s.service() != parsed[1] {
			continue
		}
		counts[at.Sub(start)/step]++
		total++
	}
	if total > 0 {
		samples := make([]any, len(counts))
		for i, count := range counts {
			samples[i] = map[string]any{
				"timestampMs": strconv.FormatInt(start.Add(time.Duration(i)*step).UnixMilli(), 10),
				"value":       float64(count) / step.Seconds(),
			}
		}
		series = append(series, map[string]any{
			"labels":     []any{map[string]any{"key": "__name__", "value": map[string]any{"stringValue": "rate"}}},
			"promLabels": `{__name__="rate"}`,
			"samples":    samples,
		})
	}
	return map[string]any{"series": series}, nil
}

// timeRange returns the query's start and end, in seconds or nanoseconds since 1970,
// or these defaults.
func timeRange(values url.Values, start, end time.Time) (time.Time, time.Time, error) {
	for name, t := range map[string]*time.Time{"start": &start, "end": &end} {
		text := values.Get(name)
		if text == "" {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return start, end, fmt.Errorf("%w: %s: got %q; want seconds since 1970", errBadQuery, name, text)
		}
		if *t = time.Unix(n, 0); n > 1e12 {
			*t = time.Unix(0, n)
		}
	}
	if !start.Before(end) {
		return start, end, fmt.Errorf("%w: start is not before end", errBadQuery)
	}
	return start, end, nil
}

// stepOf returns the time between two samples, from a text such as "15s" or "15".
// Default: a 60th of the range. Minimum: 1 s, and a 1000th of the range.
func stepOf(text string, of time.Duration) (time.Duration, error) {
	step := of / 60
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		step = time.Duration(seconds * float64(time.Second))
	} else if text != "" {
		if step, err = time.ParseDuration(text); err != nil {
			return 0, fmt.Errorf("%w: step: got %q; want a duration such as 15s", errBadQuery, text)
		}
	}
	return max(step, of/1000, time.Second), nil
}

// atNanosecond returns the time of a span, in nanoseconds since 1970.
func atNanosecond(n uint64) time.Time {
	return time.Unix(0, int64(n)) // #nosec G115 -- it fits until the year 2262
}
