package helm_test

import (
	"testing"

	"github.com/picluster/picluster/internal/helm"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
)

func TestPlain(t *testing.T) {
	type text string
	word, none := "b", (*string)(nil)
	output := pulumi.String("b").ToStringOutput()
	object := &struct{ A string }{"b"}
	for name, test := range map[string]struct{ value, want any }{
		"null":                  {nil, nil},
		"a map of any":          {m{"a": 1}, m{"a": 1}},
		"a map of texts":        {map[string]string{"a": "b"}, m{"a": "b"}},
		"a map of YAML":         {map[any]any{"a": map[any]any{1: true}}, m{"a": m{"1": true}}},
		"a map of Pulumi":       {pulumi.Map{"a": pulumi.StringMap{"b": pulumi.String("c")}}, m{"a": m{"b": "c"}}},
		"an empty map":          {map[string]string(nil), m{}},
		"a list of maps":        {[]m{{"a": []string{"b"}}}, []any{m{"a": []any{"b"}}}},
		"a list of Pulumi":      {pulumi.Array{pulumi.Int(1), pulumi.StringArray{pulumi.String("b")}}, []any{1, []any{"b"}}},
		"an array":              {[2]bool{true, false}, []any{true, false}},
		"a text of Pulumi":      {pulumi.String("b"), "b"},
		"a text of a type":      {text("b"), "b"},
		"a pointer":             {&word, "b"},
		"a pointer to nothing":  {none, nil},
		"a pointer of Pulumi":   {pulumi.StringPtr("b"), "b"},
		"a boolean of Pulumi":   {pulumi.Bool(true), true},
		"a number of Pulumi":    {pulumi.Int(3), 3},
		"a long number":         {int64(3), 3},
		"a number without sign": {uint32(3), uint64(3)},
		"a fraction of Pulumi":  {pulumi.Float64(1.5), 1.5},
		"an output":             {output, output},
		"an output in a map":    {pulumi.Map{"a": output}, m{"a": output}},
		"a struct":              {object, object},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, m{"key": test.want}, helm.Plain(m{"key": test.value}))
		})
	}
	assert.Nil(t, helm.Plain(nil))
}
