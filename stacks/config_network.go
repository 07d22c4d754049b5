package stacks

import (
	"github.com/picluster/picluster/components/kube"
	"github.com/picluster/picluster/components/tempo"
)

// network reads who may reach Tempo; nil leaves that to the cluster. Grafana asks
// from its own namespace.
func (r *reader) network(grafanaNamespace string) *tempo.Network {
	on := r.flag("networkPolicies", false)
	n := &tempo.Network{
		TracesFrom: r.list("tracesFrom", []string{}, "default", kube.ValidateLabel, func(string) string { return "default" }),
		QueryFrom:  grafanaNamespace,
	}
	switch {
	case on && len(n.TracesFrom) == 0:
		r.problem("%s: is missing: with %s nobody else may send traces. Set it: pulumi config set --path 'tracesFrom[0]' default",
			r.key("tracesFrom"), r.key("networkPolicies"))
	case !on && len(n.TracesFrom) > 0:
		r.problem("%s: has no effect without %s. Set that: pulumi config set networkPolicies true", r.key("tracesFrom"), r.key("networkPolicies"))
	}
	if !on {
		return nil
	}
	return n
}
