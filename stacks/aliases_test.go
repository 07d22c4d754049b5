package stacks_test

import (
	"testing"

	"github.com/picluster/picluster/components/componenttest"
	"github.com/picluster/picluster/stacks"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The Secret is found where a version before the component Tracing has it, and where an
// update that was killed has left it: under the namespace by the namespace's new name. Without
// the second alias, the next update deletes the Secret that it has just written.
func TestAliasesOfTheSecret(t *testing.T) {
	resources, err := componenttest.Run(t, false, config(), stacks.Tracing)
	require.NoError(t, err)
	const stack = "urn:pulumi:test::picluster::"
	var parents []string
	for _, r := range resources {
		if r.Type+" "+r.Name != "kubernetes:core/v1:Secret tempo-secret" {
			continue
		}
		for _, alias := range r.Aliases {
			parents = append(parents, alias.Parent)
		}
	}
	assert.Equal(t, []string{
		stack + "picluster:kube:Namespace::tempo",
		stack + "picluster:tracing:Tracing$picluster:kubernetes:Namespace::tempo",
	}, parents)
}
