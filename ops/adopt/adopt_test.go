package adopt

import (
	"testing"

	"github.com/picluster/picluster/ops/engine"
	"github.com/stretchr/testify/assert"
)

// Components of one name, one of them in the state, must not be taken for one.
func TestParents(t *testing.T) {
	const known, new = engine.URN("urn:pulumi:s::p::picluster:a:A::tempo"), engine.URN("urn:pulumi:s::p::picluster:b:B::tempo")
	steps := []engine.Step{{Op: "same", URN: known}, {Op: "create", URN: new}}
	imports := Imports{NameTable: map[string]engine.URN{}}
	imports.parent(known, steps)
	imports.parent(new, steps)
	imports.parent(new, steps)
	assert.Equal(t, Imports{
		NameTable: map[string]engine.URN{string(known): known},
		Resources: []Import{{Type: "picluster:b:B", Name: string(new), LogicalName: "tempo", Component: true}},
	}, imports)
}
