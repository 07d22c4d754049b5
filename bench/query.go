package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/picluster/picluster/lab"
)

// spanCounts are among how many spans queries look.
var spanCounts = []int{10_000, 100_000, 1_000_000}

// queryRounds is how often each query is made, each time for another trace.
const queryRounds = 20

// fillRate is at how many spans a second a stack is filled, which each mode takes for long.
const fillRate = 4000

// queries measures how long Tempo takes to find traces among ever more spans.
func (s session) queries(ctx context.Context, r *report) error {
	m, l, load := s.mode, s.lab, s.load
	frontend, err := serviceAddress(ctx, l, m.frontend, "3200")
	if err != nil {
		return err
	}
	q := &querier{
		url:    "http://" + frontend,
		client: &http.Client{Transport: &http.Transport{DialContext: l.Dial}, Timeout: time.Minute},
		begin:  time.Now(),
	}
	sent := 0
	for _, count := range spanCounts {
		fmt.Println("$ up to", count, "spans")
		before, err := tempoPods(ctx, l)
		if err != nil {
			return err
		}
		o, err := load.fill(ctx, fillRate, count-sent)
		if err != nil {
			return err
		}
		after, err := tempoPods(ctx, l)
		if err != nil {
			return err
		}
		if ended := restarted(before, after); len(ended) > 0 {
			// What it had in memory is lost.
			r.row(m.title, fmt.Sprint(count), "ended while they were sent: "+strings.Join(ended, ", "), "", "", "", "")
			return nil
		}
		sent = count
		q.traces = append(q.traces, o.traces...)
		where := "ingester"
		if len(o.traces) < len(q.traces) {
			where = fmt.Sprintf("bucket, the last %d in the ingester", len(o.traces)*spansPerRequest)
		}
		if err := m.queriesOf(ctx, r, l, q, fmt.Sprint(count), where); err != nil {
			return err
		}
		if err := m.intoBucket(ctx, l, count/spansPerTrace); err != nil {
			return err
		}
		if err := m.queriesOf(ctx, r, l, q, fmt.Sprint(count), "bucket"); err != nil {
			return err
		}
	}
	return nil
}

// queriesOf measures each kind of query, and writes a row.
func (m loadMode) queriesOf(ctx context.Context, r *report, l *lab.Lab, q *querier, count, where string) error {
	pods, err := tempoPods(ctx, l)
	if err != nil {
		return err
	}
	row := []string{m.title, count, where}
	var queryErr error
	u, err := whileWatched(ctx, l, pods, func() {
		for _, query := range []func(context.Context, sentTrace) error{q.byID, q.byService, q.byOrder} {
			var times []time.Duration
			for range queryRounds {
				sought := q.traces[mathrand.IntN(len(q.traces))] // #nosec G404 -- any
				took, err := q.until(ctx, sought, query)
				if err != nil {
					queryErr = err
					return
				}
				times = append(times, took)
			}
			slices.Sort(times)
			row = append(row, fmt.Sprintf("%d ms, %d ms", times[len(times)/2].Milliseconds(), times[len(times)-1].Milliseconds()))
		}
	})
	if err := errors.Join(err, queryErr); err != nil {
		return err
	}
	row = append(row, mebibytes(u.peaks[m.querier]))
	fmt.Println(" ", row)
	r.row(row...)
	return nil
}

// intoBucket restarts the ingester, which writes all that it has to the bucket first, and
// waits until as many traces are there.
func (m loadMode) intoBucket(ctx context.Context, l *lab.Lab, traces int) error {
	if _, err := l.Kubectl(ctx, "rollout", "restart", "--namespace="+namespace, "statefulset/"+m.ingester); err != nil {
		return err
	}
	if err := rolledOut(ctx, l); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, 2*time.Minute, errors.New("the traces do not come into the bucket"))
	defer cancel()
	for {
		have, err := tracesInBucket(ctx, l)
		if err == nil && have >= traces {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err, fmt.Errorf("%d traces of %d are there", have, traces))
		case <-time.After(time.Second):
		}
	}
}

// tracesInBucket returns how many traces the blocks in the bucket have.
func tracesInBucket(ctx context.Context, l *lab.Lab) (traces int, err error) {
	endpoint, access, secret := l.MinIO()
	transport, err := l.Transport()
	if err != nil {
		return 0, err
	}
	s3, err := minio.New(endpoint, &minio.Options{Creds: credentials.NewStaticV4(access, secret, ""), Transport: transport})
	if err != nil {
		return 0, err
	}
	for object := range s3.ListObjects(ctx, bucket, minio.ListObjectsOptions{Recursive: true}) {
		if object.Err != nil {
			return 0, object.Err
		}
		if !strings.HasSuffix(object.Key, "/meta.json") {
			continue
		}
		file, err := s3.GetObject(ctx, bucket, object.Key, minio.GetObjectOptions{})
		if err != nil {
			return 0, err
		}
		text, err := io.ReadAll(file)
		if err = errors.Join(err, file.Close()); err != nil {
			return 0, err
		}
		var meta struct {
			TotalObjects int `json:"totalObjects"`
		}
		if err := json.Unmarshal(text, &meta); err != nil {
			return 0, err
		}
		traces += meta.TotalObjects
	}
	return traces, nil
}

// querier asks Tempo for traces.
type querier struct {
	url    string
	client *http.Client
	begin  time.Time   // before the first trace
	traces []sentTrace // one of each request
}

// visibleTimeout is for Tempo to find a trace: queriers read the list of blocks every 15 s.
const visibleTimeout = 90 * time.Second

// until makes a query until it finds the trace, and returns how long the last one took.
func (q *querier) until(ctx context.Context, sought sentTrace, query func(context.Context, sentTrace) error) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, visibleTimeout)
	defer cancel()
	for {
		begin := time.Now()
		err := query(ctx, sought)
		if err == nil {
			return time.Since(begin), nil
		}
		select {
		case <-ctx.Done():
			return 0, err
		case <-time.After(time.Second):
		}
	}
}

// byID asks for the whole trace.
func (q *querier) byID(ctx context.Context, sought sentTrace) error {
	text, err := get(ctx, q.client, q.url+"/api/v2/traces/"+sought.id)
	if err != nil {
		return err
	}
	if spans := strings.Count(string(text), `"spanId"`); spans != spansPerTrace {
		return fmt.Errorf("trace %s: got %d spans; want %d", sought.id, spans, spansPerTrace)
	}
	return nil
}

// byService asks for any traces of a service, of which there are many.
func (q *querier) byService(ctx context.Context, sought sentTrace) error {
	found, err := q.search(ctx, fmt.Sprintf(`{resource.service.name=%q}`, sought.service))
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("service %s: no trace was found", sought.service)
	}
	return err
}

// byOrder asks for the one trace with an attribute.
func (q *querier) byOrder(ctx context.Context, sought sentTrace) error {
	found, err := q.search(ctx, fmt.Sprintf(`{span.order.id=%q}`, sought.order))
	// Tempo drops leading zeros of an id.
	if err == nil && (len(found) != 1 || strings.TrimLeft(sought.id, "0") != found[0]) {
		err = fmt.Errorf("order %s: got traces %v; want %s", sought.order, found, sought.id)
	}
	return err
}

// search returns the ids of traces that TraceQL finds, at most 20 of them.
func (q *querier) search(ctx context.Context, traceQL string) (ids []string, err error) {
	values := url.Values{
		"q":     {traceQL},
		"start": {fmt.Sprint(q.begin.Add(-time.Minute).Unix())},
		"end":   {fmt.Sprint(time.Now().Add(time.Minute).Unix())},
	}
	text, err := get(ctx, q.client, q.url+"/api/search?"+values.Encode())
	if err != nil {
		return nil, err
	}
	var found struct {
		Traces []struct{ TraceID string }
	}
	if err := json.Unmarshal(text, &found); err != nil {
		return nil, err
	}
	for _, trace := range found.Traces {
		ids = append(ids, trace.TraceID)
	}
	return ids, nil
}
