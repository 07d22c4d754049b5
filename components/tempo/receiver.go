package tempo

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/picluster/picluster/components/tempo/chart"
)

// receiverPaths is where the values of chart tempo-distributed have each receiver, below
// "traces", by the receiver's name in Args.
var receiverPaths = map[string]string{
	ReceiverOTLPGRPC:      "otlp.grpc",
	ReceiverOTLPHTTP:      "otlp.http",
	"zipkin":              "zipkin",
	"jaegerThriftCompact": "jaeger.thriftCompact",
	"jaegerThriftHttp":    "jaeger.thriftHttp",
	receiverJaegerGRPC:    "jaeger.grpc",
	receiverOpenCensus:    "opencensus",
}

// The receivers whose endpoints are outputs.
const (
	ReceiverOTLPGRPC = "otlpGrpc"
	ReceiverOTLPHTTP = "otlpHttp"
)

const (
	receiverJaegerGRPC = "jaegerGrpc"
	receiverOpenCensus = "opencensus"
)

// Receivers returns the names of all receivers.
func Receivers() []string { return slices.Sorted(maps.Keys(receiverPaths)) }

// ReceiversOf returns the names of the receivers that the Tempo of a chart has.
func ReceiversOf(c chart.Chart) []string {
	return slices.DeleteFunc(Receivers(), func(name string) bool { return validateReceiver(name, c) != nil })
}

// DefaultReceivers returns the names of the receivers that are on by default: OTLP.
func DefaultReceivers() []string { return []string{ReceiverOTLPGRPC, ReceiverOTLPHTTP} }

// guideReceivers returns the receivers of the guide that the Tempo of a chart has.
func guideReceivers(c chart.Chart) []string {
	return slices.DeleteFunc(ReceiversOf(c), func(name string) bool { return name == receiverJaegerGRPC })
}

// validateReceiver returns an error unless the Tempo of a chart has a receiver.
func validateReceiver(name string, c chart.Chart) error {
	if _, known := receiverPaths[name]; !known {
		return errors.New("one of " + strings.Join(ReceiversOf(c), ", "))
	}
	if has, dropped := c.OpenCensus(); name == receiverOpenCensus && !has {
		return errors.New("a receiver that the chart's Tempo has: " + dropped + " dropped it")
	}
	return nil
}

// receiverValues returns the section "traces" of chart tempo-distributed: every receiver of
// the guide, on if it is among names, and the others that are on. The chart's own default is
// off for all of them.
func receiverValues(names []string) map[string]any {
	traces := map[string]any{}
	for name, path := range receiverPaths {
		on := slices.Contains(names, name)
		if name == receiverJaegerGRPC && !on {
			continue
		}
		section := traces
		for _, key := range strings.Split(path, ".") {
			below, ok := section[key].(map[string]any)
			if !ok {
				below = map[string]any{}
				section[key] = below
			}
			section = below
		}
		section["enabled"] = on
	}
	return traces
}
