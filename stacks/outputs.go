package stacks

import (
	"reflect"

	"github.com/picluster/picluster/components/tempo"
	"github.com/picluster/picluster/components/tracing"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Output is an output of a stack, or of each of its tenants.
type Output struct {
	// Name is the output's name.
	Name string
	// Field is the output of tracing.Tracing that it has the value of.
	Field string
	// When says for docs/outputs.md which stacks have it; empty is all.
	When string

	// exported says whether the stack has it; nil is always.
	exported func(*tracing.Args) bool
}

// Outputs returns the outputs that come from the component, in the order of the
// documentation. The stack's own are clusterUid and tenants.
func Outputs() []Output {
	installed := func(a *tracing.Args) bool { return !a.ValuesOnly }
	receives := func(receiver string) func(*tracing.Args) bool {
		return func(a *tracing.Args) bool { return installed(a) && a.Tempo.Receives(receiver) }
	}
	const byTool = "not for a tenant with `install: false`"
	const ifGRPC, ifHTTP = "if `receivers` has `otlpGrpc`", "if `receivers` has `otlpHttp`"
	return []Output{
		{"bucket", "Bucket", "", nil},
		{"namespace", "Namespace", "", nil},
		{"secretName", "SecretName", "not with `credentials: inline`", func(a *tracing.Args) bool { return a.Credentials != tracing.CredentialsInline }},
		{"accessKey", "AccessKey", byTool, installed},
		{"queryUrl", "QueryURL", byTool, installed},
		{"otlpGrpc", "OTLPGRPCEndpoint", ifGRPC, receives(tempo.ReceiverOTLPGRPC)},
		{"otlpHttp", "OTLPHTTPEndpoint", ifHTTP, receives(tempo.ReceiverOTLPHTTP)},
		{"otelCollectorValues", "OtelCollectorValues", ifGRPC, receives(tempo.ReceiverOTLPGRPC)},
		{"grafanaValues", "GrafanaValues", byTool, installed},
		{"tempoValues", "TempoValues", "for a tenant with `install: false`", func(a *tracing.Args) bool { return a.ValuesOnly }},
	}
}

// outputs returns the outputs of a component that was created with args.
func outputs(t *tracing.Tracing, args *tracing.Args) pulumi.Map {
	all := pulumi.Map{}
	for _, o := range Outputs() {
		if o.exported == nil || o.exported(args) {
			all[o.Name] = reflect.ValueOf(t).Elem().FieldByName(o.Field).Interface().(pulumi.StringOutput)
		}
	}
	return all
}
