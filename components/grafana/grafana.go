// Package grafana makes the datasources by which the Grafana of
// kube-prometheus-stack shows traces, and goes from a trace to its logs and back.
package grafana

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Args describes the datasources.
type Args struct {
	// TempoURL is Tempo's query URL, as Grafana reaches it. Required.
	TempoURL pulumi.StringInput
	// Loki is the Loki to link with, if there is one.
	Loki Loki
}

// Grafana is the datasources, ready for kube-prometheus-stack.
type Grafana struct {
	pulumi.ResourceState

	// Values is the values of kube-prometheus-stack, as YAML.
	Values pulumi.StringOutput `pulumi:"values"`
}

// New makes the datasources. It has no resources of its own yet: somebody else
// installed Grafana, and takes Values.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Grafana, error) {
	if args == nil {
		return nil, errors.New("grafana: args are missing")
	}
	if args.TempoURL == nil {
		return nil, fmt.Errorf("grafana %q: TempoURL: is missing", name)
	}
	loki := args.Loki

	g := &Grafana{}
	if err := ctx.RegisterComponentResource("picluster:grafana:Grafana", name, g, opts...); err != nil {
		return nil, err
	}
	g.Values = args.TempoURL.ToStringOutput().ApplyT(func(url string) (string, error) {
		return HelmValues(Datasources(url, loki))
	}).(pulumi.StringOutput)
	return g, ctx.RegisterResourceOutputs(g, pulumi.Map{"values": g.Values})
}
