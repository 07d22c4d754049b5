package helm_test

import (
	"testing"

	"github.com/picluster/picluster/internal/helm"
	"github.com/stretchr/testify/assert"
)

type m = map[string]any

func TestMerge(t *testing.T) {
	for name, test := range map[string]struct{ base, over, want m }{
		"nothing":               {nil, nil, m{}},
		"nothing over":          {m{"a": 1}, nil, m{"a": 1}},
		"a new key":             {m{"a": 1}, m{"b": 2}, m{"a": 1, "b": 2}},
		"a value":               {m{"a": 1}, m{"a": 2}, m{"a": 2}},
		"deep":                  {m{"a": m{"b": 1, "c": 2}}, m{"a": m{"c": 3}}, m{"a": m{"b": 1, "c": 3}}},
		"a list is replaced":    {m{"a": []any{1, 2}}, m{"a": []any{3}}, m{"a": []any{3}}},
		"a value over a map":    {m{"a": m{"b": 1}}, m{"a": 2}, m{"a": 2}},
		"a map over a value":    {m{"a": 2}, m{"a": m{"b": 1}}, m{"a": m{"b": 1}}},
		"null takes a key away": {m{"a": m{"b": 1}}, m{"a": nil}, m{"a": nil}},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, test.want, helm.Merge(test.base, test.over)) })
	}
}

func TestMergeChangesNeither(t *testing.T) {
	base, over := m{"a": m{"b": 1}}, m{"a": m{"c": 2}}
	helm.Merge(base, over)
	assert.Equal(t, m{"a": m{"b": 1}}, base)
	assert.Equal(t, m{"a": m{"c": 2}}, over)
}
