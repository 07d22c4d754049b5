package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	trace "go.opentelemetry.io/proto/otlp/trace/v1"
)

// wal is the directory of an ingester's write-ahead log: a file for each trace that it
// has in memory, written once the trace is idle. As Tempo's, it survives the process,
// and the pod if it is on a volume. The zero value keeps nothing.
type wal string

// open creates the directory. Tempo does not start without it either.
func (w wal) open() error {
	if w == "" {
		return nil
	}
	return os.MkdirAll(string(w), 0o700)
}

func (w wal) file(id string) string { return filepath.Join(string(w), id+".json") }

// write writes all spans of a trace that are in memory.
func (w wal) write(id string, spans []flatSpan) error {
	text, err := marshalJSON(toOTLP(spans))
	if err != nil {
		return err
	}
	part := w.file(id) + ".part" // a file that is cut off is not read
	if err := os.WriteFile(part, text, 0o600); err != nil {
		return err
	}
	return os.Rename(part, w.file(id))
}

// remove removes a trace that is in the bucket.
func (w wal) remove(id string) {
	if w != "" {
		_ = os.Remove(w.file(id)) // it may never have been idle
	}
}

// read returns what an earlier process has written.
func (w wal) read() (*trace.TracesData, error) {
	all := &trace.TracesData{}
	if w == "" {
		return all, nil
	}
	files, err := filepath.Glob(filepath.Join(string(w), "*.json"))
	for _, file := range files {
		data := &trace.TracesData{}
		text, readErr := os.ReadFile(file)
		if readErr == nil {
			readErr = unmarshalJSON(text, data)
		}
		if readErr != nil {
			err = errors.Join(err, readErr)
			continue
		}
		all.ResourceSpans = append(all.ResourceSpans, data.ResourceSpans...)
	}
	return all, err
}

// replay reads into memory what an earlier process has written, and returns the number
// of traces.
func (b *buffer) replay() (int, error) {
	if err := b.wal.open(); err != nil {
		return 0, err
	}
	data, err := b.wal.read()
	if err != nil {
		return 0, err
	}
	if err := b.push(data); err != nil {
		return 0, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.traces), nil
}

// writeAhead writes to the log the traces that are idle; after close, all of them. The
// caller holds b.writing.
func (b *buffer) writeAhead(now time.Time) error {
	if b.wal == "" {
		return nil
	}
	b.mu.Lock()
	idle := map[string][]flatSpan{}
	for id, t := range b.traces {
		if len(t.spans) > t.logged && (b.closed || now.Sub(t.last) >= b.flushing.idle) {
			idle[id] = slices.Clone(t.spans)
		}
	}
	b.mu.Unlock()
	var errs []error
	for id, spans := range idle {
		if err := b.wal.write(id, spans); err != nil {
			errs = append(errs, err)
			continue
		}
		b.mu.Lock()
		b.traces[id].logged = len(spans)
		b.mu.Unlock()
	}
	return errors.Join(errs...)
}

// walPath returns where an ingester's log is below the configured path.
func (c config) walPath() wal {
	return wal(filepath.Join(c.Storage.Trace.WAL.Path, "standin"))
}
