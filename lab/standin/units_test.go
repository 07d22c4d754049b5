package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
)

func TestJSONOfOTLP(t *testing.T) {
	const text = `{"resourceSpans":[{"scopeSpans":[{"spans":[{
		"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"eee19b7ec3c1b174","parentSpanId":"","startTimeUnixNano":1544712660000000001,
		"attributes":[{"key":"traceId","value":{"stringValue":"not hex"}}],
		"links":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174"}],"later":1}]}]}]}`
	data := &trace.TracesData{}
	require.NoError(t, unmarshalJSON([]byte(text), data))
	s := flatten(data)[0]
	assert.Len(t, s.TraceId, 16)
	assert.EqualValues(t, 1544712660000000001, s.StartTimeUnixNano)
	assert.Equal(t, "not hex", s.Attributes[0].Value.GetStringValue())
	assert.Len(t, s.Links[0].SpanId, 8)
	written, err := marshalJSON(data)
	require.NoError(t, err)
	assert.Contains(t, string(written), `"traceId":"5b8efff798038103d269b633813fc60c"`)
	assert.Contains(t, string(written), `"startTimeUnixNano":"1544712660000000001"`)
	assert.ErrorContains(t, unmarshalJSON([]byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"xyz"}]}]}]}`), data), `traceId: got "xyz"`)
}

func TestSpansAreEachOnce(t *testing.T) {
	span := func(id byte) *trace.Span { return &trace.Span{TraceId: []byte{1}, SpanId: []byte{id}} }
	a := &trace.TracesData{ResourceSpans: []*trace.ResourceSpans{{ScopeSpans: []*trace.ScopeSpans{{Spans: []*trace.Span{span(1), span(2)}}}}}}
	b := &trace.TracesData{ResourceSpans: []*trace.ResourceSpans{{ScopeSpans: []*trace.ScopeSpans{{Spans: []*trace.Span{span(2), span(3)}}}}}}
	found := flatten(a, b)
	assert.Len(t, found, 3)
	joined := toOTLP(found)
	require.Len(t, joined.ResourceSpans, 2)
	assert.Len(t, joined.ResourceSpans[0].ScopeSpans[0].Spans, 2)
}

func TestOwners(t *testing.T) {
	members := []member{{Name: "a"}, {Name: "b"}, {Name: "c"}}
	count := map[string]int{}
	for n := range 300 {
		one := owners(members, id(n), 1)
		require.Len(t, one, 1)
		count[one[0].Name]++
		assert.Equal(t, one[0], owners(members, id(n), 2)[0])
	}
	for _, m := range members {
		assert.Greater(t, count[m.Name], 50, fmt.Sprint(count))
	}
	assert.Len(t, owners(members, id(1), 5), 3)
	members[1].Leaving = true
	assert.Equal(t, []member{{Name: "a"}}, owners(members[:2], id(1), 3))
	assert.Empty(t, owners(nil, id(1), 3))
}

func TestBuffer(t *testing.T) {
	data := func(n int) *trace.TracesData {
		var d trace.TracesData
		require.NoError(t, unmarshalJSON([]byte(traceJSON(id(n), "shop", "pay")), &d))
		return &d
	}
	b := newBuffer("x", "", flushing{age: time.Minute, idle: time.Second})
	now := time.Now()
	require.NoError(t, b.push(data(1)))
	assert.Empty(t, b.due(now.Add(30*time.Second)), "too young")
	due := b.due(now.Add(2 * time.Minute))
	require.Len(t, due[id(1)], 1)
	require.NoError(t, b.push(data(1))) // while it is written
	b.remove(id(1), len(due[id(1)]))
	assert.Len(t, flatten(b.find(id(1))), 1)
	b.flushing.idle = time.Hour
	assert.Empty(t, b.due(now.Add(2*time.Minute)), "not idle")
	b.flushing.never = true
	assert.Empty(t, b.due(now.Add(24*time.Hour)), "never")
	assert.Equal(t, 1, b.close())
	assert.Len(t, b.due(now), 1, "at the end")
	assert.ErrorIs(t, b.push(data(2)), errLeaving)
	b.remove(id(1), 1)
	assert.Empty(t, b.due(now))
}

func TestTraceID(t *testing.T) {
	for text, want := range map[string]string{
		"ABC": id(-0xabc000 + 0xabc), id(1): id(1), "": "", "xyz": "", id(1) + "0": "",
	} {
		got, err := traceID(text)
		assert.Equal(t, want, got, text)
		assert.Equal(t, want == "", err != nil, text)
	}
}

func TestTimes(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"": time.Minute, "15s": 15 * time.Second, "15": 15 * time.Second, "0.1": 3600 * time.Millisecond, "x": 0,
	} {
		got, err := stepOf(text, time.Hour)
		assert.Equal(t, want, got, text)
		assert.Equal(t, want == 0, err != nil, text)
	}
	start, end, err := timeRange(map[string][]string{"start": {"1700000000"}, "end": {"1700000000000000001"}}, time.Time{}, time.Time{})
	require.NoError(t, err)
	assert.Equal(t, time.Duration(1), end.Sub(start))
	for _, bad := range []map[string][]string{{"start": {"x"}}, {"start": {"2"}, "end": {"1"}}} {
		_, _, err := timeRange(bad, time.Time{}, time.Time{})
		assert.ErrorIs(t, err, errBadQuery)
	}
}
