package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
)

// send sends a trace of one span by OTLP, once, and returns nil if it is acknowledged.
func send(ctx context.Context, protocol, to, id string) error {
	request, err := traceOf(id)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	switch protocol {
	case "grpc":
		connection, err := grpc.NewClient(to, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return err
		}
		defer connection.Close()
		response, err := collector.NewTraceServiceClient(connection).Export(ctx, request)
		if err != nil {
			return err
		}
		return rejected(response)
	case "http":
		return sendHTTP(ctx, to+"/v1/traces", request)
	}
	return fmt.Errorf("protocol: got %q; want grpc or http", protocol)
}

func sendHTTP(ctx context.Context, url string, request *collector.ExportTraceServiceRequest) error {
	body, err := proto.Marshal(request)
	if err != nil {
		return err
	}
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body)) // #nosec G704 -- it connects to what the test names, in the lab's network
	if err != nil {
		return err
	}
	post.Header.Set("Content-Type", "application/x-protobuf")
	answer, err := http.DefaultClient.Do(post) // #nosec G704 -- it connects to what the test names, in the lab's network
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if body, err = io.ReadAll(answer.Body); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s: %s", url, answer.Status, body)
	}
	response := &collector.ExportTraceServiceResponse{}
	if err := proto.Unmarshal(body, response); err != nil {
		return err
	}
	return rejected(response)
}

// rejected returns an error if the receiver has accepted only a part.
func rejected(response *collector.ExportTraceServiceResponse) error {
	if n := response.GetPartialSuccess().GetRejectedSpans(); n > 0 {
		return fmt.Errorf("%d spans were rejected: %s", n, response.GetPartialSuccess().GetErrorMessage())
	}
	return nil
}

// traceOf returns a trace with this id, in hex, of one span that ends now.
func traceOf(id string) (*collector.ExportTraceServiceRequest, error) {
	bytes, err := hex.DecodeString(id)
	if err != nil || len(bytes) != 16 {
		return nil, fmt.Errorf("trace: got %q; want 32 hex digits", id)
	}
	now := time.Now()
	return &collector.ExportTraceServiceRequest{ResourceSpans: []*trace.ResourceSpans{{
		Resource: &resource.Resource{Attributes: []*common.KeyValue{{
			Key: "service.name", Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: "probe"}},
		}}},
		ScopeSpans: []*trace.ScopeSpans{{Spans: []*trace.Span{{
			TraceId: bytes, SpanId: bytes[:8], Name: "probe", Kind: trace.Span_SPAN_KIND_SERVER,
			StartTimeUnixNano: uint64(now.Add(-time.Millisecond).UnixNano()), // #nosec G115 -- after 1970
			EndTimeUnixNano:   uint64(now.UnixNano()),                        // #nosec G115 -- after 1970
		}}}},
	}}}, nil
}
