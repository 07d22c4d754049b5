package main

import (
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/encoding/gzip" // what exporters compress with
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// endpoint is where a receiver listens.
type endpoint struct {
	receiver, protocol string // protocol is "" for a receiver that has only one
	address            string
}

func (e endpoint) String() string { return strings.TrimSuffix(e.receiver+"/"+e.protocol, "/") }

// udp reports whether the endpoint is UDP's.
func (e endpoint) udp() bool {
	return e.receiver == "jaeger" && (e.protocol == "thrift_compact" || e.protocol == "thrift_binary")
}

// defaultEndpoints are the endpoints by receiver and protocol. They are on localhost,
// as since Tempo 2.7, and pods do not reach them.
var defaultEndpoints = map[string]map[string]string{
	"jaeger": {
		"grpc": "localhost:14250", "thrift_binary": "localhost:6832",
		"thrift_compact": "localhost:6831", "thrift_http": "localhost:14268",
	},
	"kafka":      {"": ""}, // connects, and listens nowhere
	"opencensus": {"": "localhost:55678"},
	"otlp":       {"grpc": "localhost:4317", "http": "localhost:4318"},
	"zipkin":     {"": "localhost:9411"},
}

// checkReceivers returns an error if this Tempo does not have a receiver or a protocol.
func checkReceivers(receivers map[string]receiver, version string) error {
	valid := slices.Sorted(maps.Keys(defaultEndpoints))
	if !hasOpenCensus(version) {
		valid = slices.DeleteFunc(valid, func(name string) bool { return name == "opencensus" })
	}
	var problems []string
	for _, id := range slices.Sorted(maps.Keys(receivers)) {
		name, _, _ := strings.Cut(id, "/") // otlp/2 is another otlp
		if !slices.Contains(valid, name) {
			problems = append(problems, fmt.Sprintf("'receivers' unknown type: %q for id: %q (valid values: %v)", name, id, valid))
			continue
		}
		for _, protocol := range slices.Sorted(maps.Keys(receivers[id].Protocols)) {
			if _, found := defaultEndpoints[name][protocol]; !found {
				problems = append(problems, fmt.Sprintf("'receivers' error reading configuration for %q: 'protocols' has invalid keys: %s", id, protocol))
			}
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("decoding failed due to the following error(s): %s", strings.Join(problems, "; "))
}

// endpoints returns where receivers listen, in a fixed order.
func endpoints(receivers map[string]receiver) []endpoint {
	var found []endpoint
	for _, id := range slices.Sorted(maps.Keys(receivers)) {
		name, _, _ := strings.Cut(id, "/")
		r := receivers[id]
		if address := cmp.Or(r.Endpoint, defaultEndpoints[name][""]); address != "" {
			found = append(found, endpoint{name, "", address})
		}
		for _, protocol := range slices.Sorted(maps.Keys(r.Protocols)) {
			address := defaultEndpoints[name][protocol]
			if r.Protocols[protocol] != nil && r.Protocols[protocol].Endpoint != "" {
				address = r.Protocols[protocol].Endpoint
			}
			found = append(found, endpoint{name, protocol, address})
		}
	}
	return found
}

// closers are functions that run once, at the end.
type closers []func()

func (c *closers) close() {
	for _, do := range *c {
		do()
	}
	*c = nil
}

// receive opens the receivers' ports. It accepts OTLP. On the ports of other receivers
// it closes every connection.
func (p *process) receive() (closers, error) {
	var opened closers
	for _, e := range endpoints(p.config.Distributor.Receivers) {
		if e.udp() {
			conn, err := net.ListenPacket("udp", e.address)
			if err != nil {
				opened.close()
				return nil, fmt.Errorf("receiver %s: %w", e, err)
			}
			p.log.Info("receiver listens", "receiver", e.String(), "endpoint", e.address)
			opened = append(opened, func() { _ = conn.Close() })
			go p.discard(conn, e)
			continue
		}
		listener, err := net.Listen("tcp", e.address)
		if err != nil {
			opened.close()
			return nil, fmt.Errorf("receiver %s: %w", e, err)
		}
		p.log.Info("receiver listens", "receiver", e.String(), "endpoint", e.address)
		switch e.String() {
		case "otlp/grpc":
			server := grpc.NewServer(grpc.MaxRecvMsgSize(maxBody))
			collector.RegisterTraceServiceServer(server, otlpServer{process: p})
			go func() { _ = server.Serve(listener) }()
			opened = append(opened, func() {
				late := time.AfterFunc(2*time.Second, server.Stop)
				defer late.Stop()
				server.GracefulStop()
			})
		case "otlp/http":
			mux := http.NewServeMux()
			mux.HandleFunc("POST /v1/traces", p.otlpHTTP)
			opened = append(opened, serveHTTP(listener, mux))
		default:
			opened = append(opened, func() { _ = listener.Close() })
			go p.closeConnections(listener, e)
		}
	}
	return opened, nil
}

// closeConnections closes every connection to a receiver that is not OTLP's.
func (p *process) closeConnections(listener net.Listener, e endpoint) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		p.log.Warn("connection closed: the stand-in accepts only OTLP", "receiver", e.String(), "from", conn.RemoteAddr().String())
		_ = conn.Close()
	}
}

func (p *process) discard(conn net.PacketConn, e endpoint) {
	for {
		n, from, err := conn.ReadFrom(make([]byte, 1))
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			p.log.Warn("packet discarded: the stand-in accepts only OTLP", "receiver", e.String(), "from", from.String(), "bytes", n)
		}
	}
}

// maxBody limits a request with spans, in bytes, as it is sent and when decompressed.
const maxBody = 16 << 20

// otlpServer is OTLP's gRPC service.
type otlpServer struct {
	collector.UnimplementedTraceServiceServer
	process *process
}

func (s otlpServer) Export(ctx context.Context, r *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	var orgID string
	if md, _ := metadata.FromIncomingContext(ctx); len(md.Get(orgIDHeader)) > 0 {
		orgID = md.Get(orgIDHeader)[0]
	}
	tenant, err := s.process.config.tenant(orgID)
	if err == nil {
		err = s.process.export(ctx, tenant, &trace.TracesData{ResourceSpans: r.ResourceSpans})
	}
	if err != nil {
		code := codes.Unavailable // the client tries again
		if errors.Is(err, errBadSpan) {
			code = codes.InvalidArgument
		}
		return nil, status.Error(code, err.Error())
	}
	return &collector.ExportTraceServiceResponse{}, nil
}

// otlpHTTP receives OTLP over HTTP, in protobuf or JSON.
func (p *process) otlpHTTP(w http.ResponseWriter, r *http.Request) {
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	asJSON := mediaType == "application/json"
	respond := func(code int, m proto.Message) {
		body, err := proto.Marshal(m)
		if asJSON {
			body, err = protojson.Marshal(m)
		}
		if err != nil {
			code = http.StatusInternalServerError
		}
		w.Header().Set("Content-Type", mediaType)
		w.WriteHeader(code)
		_, _ = w.Write(body) // #nosec G705 -- no browser reads it
	}
	fail := func(code int, grpcCode codes.Code, err error) {
		respond(code, status.New(grpcCode, err.Error()).Proto())
	}
	if !asJSON && mediaType != "application/x-protobuf" {
		http.Error(w, "Content-Type: want application/x-protobuf or application/json", http.StatusUnsupportedMediaType)
		return
	}
	request := &collector.ExportTraceServiceRequest{}
	body, err := readBody(r)
	if err == nil && asJSON {
		err = unmarshalJSON(body, request)
	} else if err == nil {
		err = proto.Unmarshal(body, request)
	}
	if err != nil {
		fail(http.StatusBadRequest, codes.InvalidArgument, err)
		return
	}
	tenant, err := p.config.tenant(r.Header.Get(orgIDHeader))
	if err == nil {
		err = p.export(r.Context(), tenant, &trace.TracesData{ResourceSpans: request.ResourceSpans})
	}
	switch {
	case errors.Is(err, errBadSpan):
		fail(http.StatusBadRequest, codes.InvalidArgument, err)
	case err != nil:
		fail(http.StatusServiceUnavailable, codes.Unavailable, err)
	default:
		respond(http.StatusOK, &collector.ExportTraceServiceResponse{})
	}
}

// readBody returns a request's body, decompressed.
func readBody(r *http.Request) ([]byte, error) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(body)
		if err != nil {
			return nil, err
		}
		body = unzipped
	}
	content, err := io.ReadAll(io.LimitReader(body, maxBody+1))
	if err == nil && len(content) > maxBody {
		err = fmt.Errorf("the request has more than %d bytes", maxBody)
	}
	return content, err
}
