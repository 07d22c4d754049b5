package object_test

import (
	"testing"

	"github.com/picluster/picluster/ops/object"
	"github.com/stretchr/testify/assert"
)

func TestPending(t *testing.T) {
	difference := func(path string) []object.Difference { return []object.Difference{{Path: path, Live: 1, Want: 2}} }
	for name, test := range map[string]struct {
		next    []object.Difference
		pending bool
	}{
		"none":               {nil, false},
		"the path":           {difference("spec.env[A]"), true},
		"a field below":      {difference("spec.env[A].value"), true},
		"an item below":      {difference("spec.env[A][B]"), true},
		"a field above":      {difference("spec"), true},
		"a list above":       {difference("spec.env"), true},
		"a sibling":          {difference("spec.env[B]"), false},
		"a longer name":      {difference("spec.env[A]x"), false},
		"a shorter name":     {difference("spec.en"), false},
		"one of several":     {append(difference("metadata"), difference("spec.env[A]")...), true},
		"another path alone": {difference("metadata"), false},
	} {
		t.Run(name, func(t *testing.T) {
			pending := object.Pending(append(difference("spec.env[A]"), difference("status")...), test.next)
			if test.pending {
				assert.Equal(t, difference("spec.env[A]"), pending)
			} else {
				assert.Empty(t, pending)
			}
		})
	}
}
