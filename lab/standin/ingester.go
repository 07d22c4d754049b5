package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	trace "go.opentelemetry.io/proto/otlp/trace/v1"
)

// flushing says when a buffer writes a trace to the bucket.
type flushing struct {
	age   time.Duration // since the trace's first span that is not written
	idle  time.Duration // since its last span
	check time.Duration // between two checks
	never bool
}

// buffer has the spans that an ingester or a metrics-generator has in memory.
type buffer struct {
	name     string // in the counters' names
	prefix   string // of the objects, below the tenant's
	flushing flushing
	wal      wal
	writing  sync.Mutex // held while the buffer is written

	mu     sync.Mutex
	traces map[string]*heldTrace // by their id in hex
	closed bool
}

// heldTrace is a trace in memory.
type heldTrace struct {
	spans       []flatSpan
	first, last time.Time // when they came
	logged      int       // of them, in the write-ahead log
}

func newBuffer(name, prefix string, f flushing) *buffer {
	return &buffer{name: name, prefix: prefix, flushing: f, traces: map[string]*heldTrace{}}
}

var errLeaving = errors.New("the process is leaving")

// push keeps spans in memory. It returns errLeaving after close.
func (b *buffer) push(data *trace.TracesData) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return errLeaving
	}
	now := time.Now()
	for id, spans := range byTrace(flatten(data)) {
		if b.traces[id] == nil {
			b.traces[id] = &heldTrace{first: now}
		}
		b.traces[id].spans = append(b.traces[id].spans, spans...)
		b.traces[id].last = now
	}
	return nil
}

// find returns the spans in memory of a trace, or of all traces if id is empty.
func (b *buffer) find(id string) *trace.TracesData {
	b.mu.Lock()
	defer b.mu.Unlock()
	var found []flatSpan
	for key, t := range b.traces {
		if id == "" || key == id {
			found = append(found, t.spans...)
		}
	}
	return toOTLP(found)
}

// close ends push, and returns the number of traces in memory.
func (b *buffer) close() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	return len(b.traces)
}

// due returns the spans to write now, by trace. After close that is all of them.
func (b *buffer) due(now time.Time) map[string][]flatSpan {
	b.mu.Lock()
	defer b.mu.Unlock()
	due := map[string][]flatSpan{}
	f := b.flushing
	for id, t := range b.traces {
		if b.closed || !f.never && now.Sub(t.first) >= f.age && now.Sub(t.last) >= f.idle {
			due[id] = slices.Clone(t.spans)
		}
	}
	return due
}

// remove removes the first n spans of a trace from memory.
func (b *buffer) remove(id string, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.traces[id]
	if t.spans = t.spans[n:]; len(t.spans) == 0 {
		delete(b.traces, id)
		b.wal.remove(id)
	}
	t.first, t.logged = t.last, 0
}

// flushDue writes the spans that are due, a block for each tenant. A block that fails
// stays in memory until the next call, which writes all of it again.
func (p *process) flushDue(ctx context.Context, component string, b *buffer) {
	b.writing.Lock()
	defer b.writing.Unlock()
	if b.wal != "" {
		p.report(component+": write-ahead log", b.writeAhead(time.Now()))
	}
	due := map[string]map[string][]flatSpan{} // by tenant
	for id, spans := range b.due(time.Now()) {
		tenant := spans[0].tenant()
		if due[tenant] == nil {
			due[tenant] = map[string][]flatSpan{}
		}
		due[tenant][id] = spans
	}
	if len(due) == 0 {
		return
	}
	var failed error
	for tenant, traces := range due {
		block, err := p.writeBlock(ctx, b, tenant, traces)
		if err != nil {
			p.counters.add("tempo_"+b.name+"_failed_flushes_total", 1)
			failed = err
			continue
		}
		p.counters.add("tempo_"+b.name+"_blocks_flushed_total", 1)
		for id, spans := range traces {
			b.remove(id, len(spans))
			p.log.Info("flushed", "traceid", id, "spans", len(spans), "service_name", spans[0].service(), "block", block)
		}
	}
	if ctx.Err() == nil {
		p.report(component+": flush", failed)
	}
}

// leave ends an ingester. If flush_all_on_shutdown is set, it writes what is in memory,
// and tries again until all is written or the pod's grace period ends. Otherwise what is
// in memory goes into the write-ahead log, and is lost with it unless that is on a volume.
func (p *process) leave(ctx context.Context, b *buffer) {
	held := b.close()
	if !p.config.Ingester.FlushOnShutdown {
		b.writing.Lock()
		defer b.writing.Unlock()
		err := b.writeAhead(time.Now())
		p.log.Warn("flush_all_on_shutdown is off: traces are in the write-ahead log alone", "traces", held, "err", err)
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p.log.Info("flush_all_on_shutdown is on", "traces", held)
	every(ctx, p.interval, func(ctx context.Context) {
		if p.flushDue(ctx, ingester, b); len(b.due(time.Now())) == 0 {
			cancel()
		}
	})
}

// traceID returns a trace's id as 32 lower-case hex digits. It pads a shorter one with
// zeros, as Tempo does.
func traceID(text string) (string, error) {
	if len(text) > 32 || text == "" {
		return "", fmt.Errorf("trace id: got %q; want 1 to 32 hex digits", text)
	}
	id, err := hex.DecodeString(fmt.Sprintf("%032s", text))
	if err != nil {
		return "", fmt.Errorf("trace id: got %q; want 1 to 32 hex digits", text)
	}
	return hex.EncodeToString(id), nil
}
