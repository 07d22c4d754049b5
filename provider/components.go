package main

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/picluster/picluster/components/await"
	"github.com/picluster/picluster/components/grafana"
	"github.com/picluster/picluster/components/kubernetes"
	"github.com/picluster/picluster/components/objectstore"
	"github.com/picluster/picluster/components/prometheus"
	"github.com/picluster/picluster/components/tempo"
	"github.com/picluster/picluster/components/tracing"
	"github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// name is the package's name: the first part of every token.
const name = "picluster"

// version is the package's version. A build sets another one by -ldflags "-X main.version=…".
var version = "0.0.1"

// newProvider returns the components as a provider.
func newProvider() (provider.Provider, error) {
	p, err := infer.NewProviderBuilder().
		WithComponents(
			component(newTracing),
			component(objectstore.New),
			component(kubernetes.NewNamespace),
			component(kubernetes.NewSecret),
			component(kubernetes.NewConfigMap),
			component(newTempo),
			component(grafana.New),
			component(grafana.NewDashboards),
			component(prometheus.NewAlerts),
		).Build()
	if err != nil {
		return p, err
	}
	// The schema that infer generates has no descriptions, takes every list and map for an
	// input, and requires of a part of Tracing what Tracing sets itself.
	served, err := versioned(schema)
	p.GetSchema = func(context.Context, provider.GetSchemaRequest) (provider.GetSchemaResponse, error) {
		return provider.GetSchemaResponse{Schema: served}, nil
	}
	// The package has no configuration. infer would look up the type of each setting, such as
	// the version that a generated SDK sends, in the schema that infer generates. It cannot
	// generate a schema of these components.
	p.CheckConfig = func(_ context.Context, request provider.CheckRequest) (provider.CheckResponse, error) {
		return provider.CheckResponse{Inputs: request.Inputs}, nil
	}
	return p, err
}

// component returns what infer serves for a constructor. The errors of the component name
// properties in place of fields of Go.
func component[A any, R pulumi.ComponentResource](create func(*pulumi.Context, string, *A, ...pulumi.ResourceOption) (R, error)) infer.InferredComponent {
	return infer.ComponentF(func(ctx *pulumi.Context, name string, args *A, opts ...pulumi.ResourceOption) (R, error) {
		resource, err := create(ctx, name, args, opts...)
		return resource, inProperties(err, reflect.TypeFor[A]())
	})
}

// versioned returns the schema with the version of this build.
func versioned(schema string) (string, error) {
	var document map[string]json.RawMessage
	if err := json.Unmarshal([]byte(schema), &document); err != nil {
		return "", fmt.Errorf("schema.json: %w", err)
	}
	document["version"], _ = json.Marshal(version)
	text, err := json.Marshal(document)
	return string(text), err
}

// newTracing creates the component Tracing, and waits for its pods.
func newTracing(ctx *pulumi.Context, name string, args *tracing.Args, opts ...pulumi.ResourceOption) (*tracing.Tracing, error) {
	args.Tempo.Await = pods(ctx, args.Tempo.Timeout, opts)
	return tracing.New(ctx, name, args, opts...)
}

// newTempo creates the component Tempo, and waits for its pods.
func newTempo(ctx *pulumi.Context, name string, args *tempo.Args, opts ...pulumi.ResourceOption) (*tempo.Tempo, error) {
	args.Await = pods(ctx, args.Timeout, opts)
	return tempo.New(ctx, name, args, opts...)
}

// pods returns what waits for the pods of a release in the cluster of the program's
// configuration; nil if opts have a Kubernetes provider, whose cluster is not known here.
func pods(ctx *pulumi.Context, seconds int, opts []pulumi.ResourceOption) func(context.Context, tempo.Rollout) error {
	options, err := pulumi.NewResourceOptions(opts...)
	if err != nil {
		return nil
	}
	for _, explicit := range options.Providers {
		types := make(chan string, 1)
		explicit.URN().ApplyT(func(text pulumi.URN) string {
			types <- string(urn.URN(text).Type())
			return ""
		})
		if <-types == "pulumi:providers:kubernetes" {
			return nil
		}
	}
	return await.Pods(ctx, time.Duration(seconds)*time.Second)
}
