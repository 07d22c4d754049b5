package stacks

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// withAliases has the resources of a stack found under the names that they had before the
// component Tracing, whose parts were the stack's own, and whose Secret and ConfigMap were
// the namespace's. Without it an update would recreate everything and delete what exists.
//
// The Secret and the ConfigMap have two aliases: an update that is cut off in between leaves
// the Secret under the namespace as it is called now.
func withAliases(ctx *pulumi.Context, name string) pulumi.ResourceOption {
	own := []pulumi.Alias{{NoParent: pulumi.Bool(true)}}
	ofNamespace := func(name pulumi.StringInput, component string) (aliases []pulumi.Alias) {
		for _, types := range []string{"picluster:kube:Namespace", "picluster:tracing:Tracing$picluster:kubernetes:Namespace"} {
			parent := pulumi.URN(fmt.Sprintf("urn:pulumi:%s::%s::%s::%s", ctx.Stack(), ctx.Project(), types, component))
			aliases = append(aliases, pulumi.Alias{Name: name, ParentURN: parent})
		}
		return aliases
	}
	aliases := map[string][]pulumi.Alias{
		"picluster:objectstore:ObjectStore " + name:              own,
		"picluster:kubernetes:Namespace " + name:                 {{Type: pulumi.String("picluster:kube:Namespace"), NoParent: pulumi.Bool(true)}},
		"kubernetes:core/v1:Secret " + name + "-secret":          ofNamespace(nil, name),
		"kubernetes:core/v1:ConfigMap " + name + "-ca-configmap": ofNamespace(pulumi.String(name+"-config"), name),
		"picluster:tempo:Tempo " + name:                          own,
		"picluster:grafana:Grafana " + name:                      own,
	}
	return pulumi.Transformations([]pulumi.ResourceTransformation{
		func(args *pulumi.ResourceTransformationArgs) *pulumi.ResourceTransformationResult {
			before, ok := aliases[args.Type+" "+args.Name]
			if !ok {
				return nil
			}
			return &pulumi.ResourceTransformationResult{
				Props: args.Props,
				Opts:  append(args.Opts, pulumi.Aliases(before)),
			}
		},
	})
}
