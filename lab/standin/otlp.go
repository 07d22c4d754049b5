package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// idFields are the fields that are hex in OTLP's JSON and base64 in protobuf's.
var idFields = []string{"traceId", "spanId", "parentSpanId"}

// unmarshalJSON reads OTLP's JSON.
func unmarshalJSON(text []byte, into proto.Message) error {
	text, err := convertIDs(text, hex.DecodeString, base64.StdEncoding.EncodeToString)
	if err != nil {
		return err
	}
	return protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(text, into)
}

// marshalJSON writes OTLP's JSON.
func marshalJSON(m proto.Message) ([]byte, error) {
	text, err := protojson.Marshal(m)
	if err != nil {
		return nil, err
	}
	return convertIDs(text, base64.StdEncoding.DecodeString, hex.EncodeToString)
}

// convertIDs encodes the ids of a JSON text otherwise.
func convertIDs(text []byte, decode func(string) ([]byte, error), encode func([]byte) string) ([]byte, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber() // times in nanoseconds do not fit a float64
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		return nil, err
	}
	var walk func(any) error
	walk = func(tree any) error {
		switch tree := tree.(type) {
		case map[string]any:
			for key, value := range tree {
				id, isText := value.(string)
				if !isText || !slices.Contains(idFields, key) {
					if err := walk(value); err != nil {
						return err
					}
					continue
				}
				decoded, err := decode(id)
				if err != nil {
					return fmt.Errorf("%s: got %q: %w", key, id, err)
				}
				tree[key] = encode(decoded)
			}
		case []any:
			for _, value := range tree {
				if err := walk(value); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := walk(tree); err != nil {
		return nil, err
	}
	return json.Marshal(tree)
}

// flatSpan is a span with the resource and the scope that it belongs to.
type flatSpan struct {
	resource *trace.ResourceSpans
	scope    *trace.ScopeSpans
	*trace.Span
}

// service returns the service.name of the span's resource.
func (s flatSpan) service() string {
	for _, attribute := range s.resource.GetResource().GetAttributes() {
		if attribute.Key == "service.name" {
			return attribute.Value.GetStringValue()
		}
	}
	return ""
}

// flatten returns the spans of some data, each once.
func flatten(data ...*trace.TracesData) []flatSpan {
	var found []flatSpan
	seen := map[string]bool{}
	for _, d := range data {
		for _, resource := range d.GetResourceSpans() {
			for _, scope := range resource.ScopeSpans {
				for _, span := range scope.Spans {
					if id := string(span.TraceId) + string(span.SpanId); !seen[id] {
						seen[id] = true
						found = append(found, flatSpan{resource, scope, span})
					}
				}
			}
		}
	}
	return found
}

// toOTLP returns spans as OTLP data, with resources and scopes that are shared once.
func toOTLP(spans []flatSpan) *trace.TracesData {
	data := &trace.TracesData{}
	resources := map[*trace.ResourceSpans]*trace.ResourceSpans{}
	scopes := map[*trace.ScopeSpans]*trace.ScopeSpans{}
	for _, s := range spans {
		resource := resources[s.resource]
		if resource == nil {
			resource = &trace.ResourceSpans{Resource: s.resource.Resource, SchemaUrl: s.resource.SchemaUrl}
			resources[s.resource] = resource
			data.ResourceSpans = append(data.ResourceSpans, resource)
		}
		scope := scopes[s.scope]
		if scope == nil {
			scope = &trace.ScopeSpans{Scope: s.scope.Scope, SchemaUrl: s.scope.SchemaUrl}
			scopes[s.scope] = scope
			resource.ScopeSpans = append(resource.ScopeSpans, scope)
		}
		scope.Spans = append(scope.Spans, s.Span)
	}
	return data
}

// byTrace returns spans by the id of their trace, in hex.
func byTrace(spans []flatSpan) map[string][]flatSpan {
	traces := map[string][]flatSpan{}
	for _, s := range spans {
		id := hex.EncodeToString(s.TraceId)
		traces[id] = append(traces[id], s)
	}
	return traces
}
