package otel_test

import (
	"fmt"

	"github.com/picluster/picluster/components/otel"
)

// The values of a Collector that sends to one tenant of a multi-tenant Tempo, which rejects
// traces without the tenant's header.
func ExampleCollectorValues() {
	values, err := otel.CollectorValues("tempo-distributor.tempo.svc.cluster.local:4317", "payments")
	if err != nil {
		panic(err)
	}
	fmt.Print(values)
	// Output:
	// config:
	//   exporters:
	//     otlp/tempo:
	//       endpoint: tempo-distributor.tempo.svc.cluster.local:4317
	//       headers:
	//         X-Scope-OrgID: payments
	//       tls:
	//         insecure: true
	//   service:
	//     pipelines:
	//       traces:
	//         exporters:
	//         - otlp/tempo
}
