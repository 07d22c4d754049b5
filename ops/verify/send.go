package verify

import (
	"context"
	"fmt"
	"net"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// serviceName is the service that the traces are of.
const serviceName = "picluster-verify"

// The receivers of OTLP, as the configuration has them.
const (
	otlpGRPC = "otlpGrpc"
	otlpHTTP = "otlpHttp"
)

// sendTime limits the time in which a receiver has to accept a trace.
const sendTime = 30 * time.Second

// sent is a trace of one span that was sent.
type sent struct {
	receiver string
	span     sdktrace.ReadOnlySpan
	accepted bool
}

func (s *sent) id() string    { return s.span.SpanContext().TraceID().String() }
func (s *sent) at() time.Time { return s.span.StartTime() }

// newSpan returns a span that has ended, the root of a trace of its own: its ids are
// the SDK's random ones.
func newSpan(stack, receiver string) sdktrace.ReadOnlySpan {
	var ended last
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithSampler(sdktrace.AlwaysSample()), // whatever OTEL_TRACES_SAMPLER says
		sdktrace.WithSpanProcessor(&ended),
		sdktrace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", serviceName),
			attribute.String("picluster.stack", stack),
		)))
	_, span := provider.Tracer(serviceName).Start(context.Background(), "verify "+receiver, trace.WithSpanKind(trace.SpanKindServer))
	span.End()
	return ended.span
}

// last keeps the span that has ended last.
type last struct{ span sdktrace.ReadOnlySpan }

func (l *last) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (l *last) OnEnd(s sdktrace.ReadOnlySpan)                   { l.span = s }
func (l *last) Shutdown(context.Context) error                  { return nil }
func (l *last) ForceFlush(context.Context) error                { return nil }

// send sends a trace to a receiver.
func (r *run) send(ctx context.Context, to receiver, s *sent) (string, error) {
	s.span = newSpan(r.Commands.Stack, to.name)
	err := r.poll(ctx, "send "+to.name, min(r.timeout(), sendTime), func(ctx context.Context) error {
		b, err := r.backend(ctx, to.address)
		if err != nil {
			return err
		}
		if err := r.export(ctx, to, b, s.span); err != nil {
			fix := r.Commands.Kubectl("logs", "--namespace", b.pod.Namespace, b.pod.Name, "--tail", "20")
			return at(fmt.Sprintf("receiver %s of %s", to.name, b), fix, fmt.Errorf(`receiver %s: got "%w"; want the trace accepted`, to.name, brief{reason(err)}))
		}
		return nil
	})
	s.accepted = err == nil
	return "trace " + s.id(), err
}

// orgIDHeader is the header that names the tenant to a multi-tenant Tempo.
const orgIDHeader = "X-Scope-OrgID"

// headers are what a request to Tempo requires.
func (t Target) headers() map[string]string {
	if t.OrgID == "" {
		return map[string]string{}
	}
	return map[string]string{orgIDHeader: t.OrgID}
}

// export sends a span to a backend, as an application does. Variables like
// OTEL_EXPORTER_OTLP_HEADERS do not change what is sent.
func (r *run) export(ctx context.Context, to receiver, b *backend, span sdktrace.ReadOnlySpan) error {
	dial := func(ctx context.Context, _ string) (net.Conn, error) {
		return r.Cluster.Dial(ctx, b.pod.Namespace, b.pod.Name, b.port)
	}
	exporter, err := r.exporter(ctx, to, b, dial)
	if err != nil {
		return err
	}
	defer func() { _ = exporter.Shutdown(context.WithoutCancel(ctx)) }()
	return exporter.ExportSpans(ctx, []sdktrace.ReadOnlySpan{span})
}

func (r *run) exporter(ctx context.Context, to receiver, b *backend, dial func(context.Context, string) (net.Conn, error)) (exporter, error) {
	if to.name == otlpGRPC {
		connection, err := grpc.NewClient("passthrough:///"+to.address.Service, grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithContextDialer(dial), grpc.WithNoProxy())
		if err != nil {
			return nil, err
		}
		exporter, err := otlptracegrpc.New(ctx, otlptracegrpc.WithGRPCConn(connection), otlptracegrpc.WithHeaders(r.headers()),
			otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{}))
		return closes{exporter, func() { _ = connection.Close() }}, err
	}
	client, end := r.client(func(context.Context) (*backend, error) { return b, nil })
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithHTTPClient(client), otlptracehttp.WithEndpoint(to.address.Service), otlptracehttp.WithURLPath("/v1/traces"),
		otlptracehttp.WithInsecure(), otlptracehttp.WithHeaders(r.headers()), otlptracehttp.WithRetry(otlptracehttp.RetryConfig{}))
	return closes{exporter, end}, err
}

// exporter is an exporter of the SDK's, which closes its connection at shutdown.
type exporter = sdktrace.SpanExporter

type closes struct {
	exporter
	close func()
}

func (c closes) Shutdown(ctx context.Context) error {
	defer c.close()
	return c.exporter.Shutdown(ctx)
}
