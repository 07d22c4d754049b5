package tempo

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/picluster/picluster/components/tempo/chart"
)

// receiverPaths is where the chart's values have each receiver of traces, below
// "traces", by the receiver's name in the configuration.
var receiverPaths = map[string]string{
	"otlpGrpc":            "otlp.grpc",
	"otlpHttp":            "otlp.http",
	"zipkin":              "zipkin",
	"jaegerThriftCompact": "jaeger.thriftCompact",
	"jaegerThriftHttp":    "jaeger.thriftHttp",
	receiverOpenCensus:    "opencensus",
}

// The receivers that this project's own outputs name.
const (
	ReceiverOTLPGRPC = "otlpGrpc"
	ReceiverOTLPHTTP = "otlpHttp"
)

const receiverOpenCensus = "opencensus"

// Receivers returns the names of all receivers: those of the how-to.
func Receivers() []string { return slices.Sorted(maps.Keys(receiverPaths)) }

// ReceiversOf returns the names of the receivers that the Tempo of a chart has.
func ReceiversOf(c chart.Chart) []string {
	return slices.DeleteFunc(Receivers(), func(name string) bool { return validateReceiver(name, c) != nil })
}

// validateReceiver returns an error unless the Tempo of a chart has a receiver.
func validateReceiver(name string, c chart.Chart) error {
	if _, known := receiverPaths[name]; !known {
		return fmt.Errorf("is none of %v", Receivers())
	}
	if has, dropped := c.OpenCensus(); name == receiverOpenCensus && !has {
		return fmt.Errorf("was dropped by %s", dropped)
	}
	return nil
}

// receiverValues returns the chart's section "traces": every receiver, on if it
// is among names. The chart's own default is off for all of them.
func receiverValues(names []string) map[string]any {
	traces := map[string]any{}
	for name, path := range receiverPaths {
		section := traces
		for _, key := range strings.Split(path, ".") {
			below, ok := section[key].(map[string]any)
			if !ok {
				below = map[string]any{}
				section[key] = below
			}
			section = below
		}
		section["enabled"] = slices.Contains(names, name)
	}
	return traces
}
