package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/picluster/picluster/lab"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// The size of the load. Each sender has a connection of its own, as a Collector on a node has. A
// request has traces of one service.
const (
	senders          = 8
	services         = 100
	spansPerTrace    = 10
	tracesPerRequest = 50
	spansPerRequest  = spansPerTrace * tracesPerRequest
)

// sendTimeout limits a request. A Collector's default is 5 s.
const sendTimeout = 5 * time.Second

// load sends traces by OTLP over gRPC, from a process in the lab's network.
type load struct {
	senders     []*sender
	connections []*grpc.ClientConn
}

// sender sends one request at a time.
type sender struct {
	client  collector.TraceServiceClient
	request *collector.ExportTraceServiceRequest // whose ids and times change
	service string
}

// newLoad connects senders to an address of the lab. They dial in the lab's network, so
// that nothing is forwarded.
func newLoad(l *lab.Lab, address string) (*load, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if net.ParseIP(host) == nil {
		return nil, fmt.Errorf("address: got %q; want an IP address of the lab", address)
	}
	var all load
	for range senders {
		connection, err := grpc.NewClient("passthrough:///"+address,
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithNoProxy(),
			grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) { return l.Dial(ctx, "tcp", address) }))
		if err != nil {
			return nil, errors.Join(err, all.close())
		}
		all.connections = append(all.connections, connection)
		all.senders = append(all.senders, newSender(collector.NewTraceServiceClient(connection)))
	}
	return &all, nil
}

func (l *load) close() (err error) {
	for _, connection := range l.connections {
		err = errors.Join(err, connection.Close())
	}
	return err
}

func newSender(client collector.TraceServiceClient) *sender {
	spans := make([]*trace.Span, spansPerRequest)
	for i := range spans {
		kind, name := trace.Span_SPAN_KIND_CLIENT, "SELECT orders"
		if i%spansPerTrace == 0 {
			kind, name = trace.Span_SPAN_KIND_SERVER, "GET /orders/{id}"
		}
		spans[i] = &trace.Span{
			TraceId: make([]byte, 16), SpanId: make([]byte, 8), Name: name, Kind: kind,
			Attributes: []*common.KeyValue{
				attribute("order.id", ""),
				attribute("http.request.method", "GET"),
				attribute("url.path", "/orders/0123456789"),
				attribute("server.address", "orders.shop.svc.cluster.local"),
				attribute("network.peer.address", "10.42.0.17"),
				{Key: "http.response.status_code", Value: &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: 200}}},
			},
		}
		if i%spansPerTrace > 0 {
			spans[i].ParentSpanId = make([]byte, 8)
		}
	}
	return &sender{client: client, request: &collector.ExportTraceServiceRequest{ResourceSpans: []*trace.ResourceSpans{{
		Resource: &resource.Resource{Attributes: []*common.KeyValue{
			attribute("service.name", ""),
			attribute("service.version", "1.2.3"),
			attribute("k8s.namespace.name", "shop"),
			attribute("k8s.pod.name", "orders-6d4cf56db6-x7k2p"),
		}},
		ScopeSpans: []*trace.ScopeSpans{{Scope: &common.InstrumentationScope{Name: "bench"}, Spans: spans}},
	}}}}
}

func attribute(key, value string) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: value}}}
}

func setAttribute(a *common.KeyValue, value string) {
	a.Value.Value.(*common.AnyValue_StringValue).StringValue = value
}

// sentTrace is a trace that was acknowledged.
type sentTrace struct{ id, service, order string }

// renew makes new traces of the request, which end now, and returns one of them.
func (s *sender) renew() sentTrace {
	s.service = fmt.Sprintf("service-%02d", mathrand.IntN(services)) // #nosec G404 -- a name
	of := s.request.ResourceSpans[0]
	setAttribute(of.Resource.Attributes[0], s.service)
	random := make([]byte, 16+8*spansPerTrace)
	now := time.Now()
	var order string
	spans := of.ScopeSpans[0].Spans
	for i, span := range spans {
		if i%spansPerTrace == 0 {
			_, _ = rand.Read(random) // never fails
			order = hex.EncodeToString(random[:8])
		}
		copy(span.TraceId, random)
		copy(span.SpanId, random[16+8*(i%spansPerTrace):])
		copy(span.ParentSpanId, random[16:])
		setAttribute(span.Attributes[0], order)
		span.StartTimeUnixNano = uint64(now.Add(-100 * time.Millisecond).UnixNano()) // #nosec G115 -- after 1970
		span.EndTimeUnixNano = uint64(now.UnixNano())                                // #nosec G115 -- after 1970
	}
	return sentTrace{hex.EncodeToString(spans[0].TraceId), s.service, spans[0].Attributes[0].Value.GetStringValue()}
}

// requestSize returns the bytes of a request.
func (l *load) requestSize() int {
	l.senders[0].renew()
	return proto.Size(l.senders[0].request)
}

// outcome is what became of requests.
type outcome struct {
	mu           sync.Mutex
	acknowledged int               // spans
	refused      map[string]int    // spans, by the reason
	first        map[string]string // the first error in full, by the reason
	times        []time.Duration   // of requests
	traces       []sentTrace       // one of each request that was acknowledged
	took         time.Duration
}

func (o *outcome) add(sent sentTrace, took time.Duration, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.times = append(o.times, took)
	if err == nil {
		o.acknowledged += spansPerRequest
		o.traces = append(o.traces, sent)
		return
	}
	reason := status.Code(err).String()
	if o.refused == nil {
		o.refused, o.first = map[string]int{}, map[string]string{}
	}
	if o.refused[reason] == 0 {
		o.first[reason] = status.Convert(err).Message()
	}
	o.refused[reason] += spansPerRequest
}

// slow returns the 99th percentile of the requests' times.
func (o *outcome) slow() time.Duration {
	if len(o.times) == 0 {
		return 0
	}
	slices.Sort(o.times)
	return o.times[len(o.times)*99/100]
}

// at sends rate spans a second for the time during. A request that is late is sent at once. A
// rejected request is not sent again.
func (l *load) at(ctx context.Context, rate int, during time.Duration) *outcome {
	requests := int(during.Seconds() * float64(rate) / spansPerRequest)
	return l.send(ctx, rate, requests, during, false)
}

// fill sends a number of spans at a rate. It sends each request again until it is acknowledged.
func (l *load) fill(ctx context.Context, rate, spans int) (*outcome, error) {
	o := l.send(ctx, rate, spans/spansPerRequest, 30*time.Minute, true)
	if o.acknowledged != spans {
		return o, fmt.Errorf("%d spans: %d were acknowledged: %v", spans, o.acknowledged, o.first)
	}
	return o, nil
}

// send sends a number of requests at a rate, until limit has passed. With again, it sends each
// request until it is acknowledged.
func (l *load) send(ctx context.Context, rate, requests int, limit time.Duration, again bool) *outcome {
	o := &outcome{}
	if rate == 0 {
		o.took = limit
		select {
		case <-ctx.Done():
		case <-time.After(limit):
		}
		return o
	}
	interval := time.Duration(float64(time.Second) * spansPerRequest / float64(rate))
	begin := time.Now()
	ctx, cancel := context.WithDeadline(ctx, begin.Add(limit))
	defer cancel()
	var group sync.WaitGroup
	for i, s := range l.senders {
		group.Go(func() {
			for n := i; n < requests; n += len(l.senders) {
				select {
				case <-ctx.Done():
					return
				case <-time.After(time.Until(begin.Add(time.Duration(n) * interval))):
				}
				sent := s.renew()
				err := s.export(ctx, o, sent)
				for err != nil && again && ctx.Err() == nil {
					time.Sleep(500 * time.Millisecond)
					err = s.export(ctx, o, sent)
				}
			}
		})
	}
	group.Wait()
	o.took = time.Since(begin)
	if ctx.Err() == nil {
		o.took = max(o.took, time.Duration(requests)*interval) // the last has an interval too
	}
	return o
}

// export sends the request once.
func (s *sender) export(ctx context.Context, o *outcome, sent sentTrace) error {
	// Not ctx itself, whose end would fail a request that is underway.
	request, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTimeout)
	defer cancel()
	begin := time.Now()
	response, err := s.client.Export(request, s.request)
	if rejected := response.GetPartialSuccess(); err == nil && rejected.GetRejectedSpans() > 0 {
		err = fmt.Errorf("%d spans are rejected: %s", rejected.GetRejectedSpans(), rejected.GetErrorMessage())
	}
	o.add(sent, time.Since(begin), err)
	return err
}
