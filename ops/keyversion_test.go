package main

import (
	"cmp"
	"testing"

	"github.com/picluster/picluster/ops/engine"
	"github.com/stretchr/testify/assert"
)

func TestCheckKeyVersion(t *testing.T) {
	const unseen = `[{"name":"a","install":false}]`
	second := []*engine.Resource{{URN: named(engine.UserType, "tempo-user-2"), Type: engine.UserType, Custom: true, Inputs: map[string]any{"secret": "x"}}}
	imported := []*engine.Resource{{URN: named(engine.UserType, "tempo-user"), Type: engine.UserType, Custom: true}}
	for name, test := range map[string]struct {
		state  []*engine.Resource
		config map[string]string
		want   string
	}{
		"the same":          {second, map[string]string{"keyVersion": "2"}, ""},
		"the next":          {second, map[string]string{"keyVersion": "3"}, ""},
		"one after":         {second, map[string]string{"keyVersion": "4"}, ""},
		"an earlier one":    {second, nil, "keyVersion: got 1; want 2 or more, which the stack has. Fix: pulumi config set keyVersion 2"},
		"managed elsewhere": {second, map[string]string{"credentials": "existing", "manageUser": "false"}, ""},
		"no number":         {second, map[string]string{"keyVersion": "?"}, ""},
		"no user":           {nil, nil, ""},
		"imported":          {imported, nil, "keyVersion: got 1, which the user has that was imported; want 2"},
		"imported, kept":    {imported, map[string]string{"credentials": "existing"}, ""},
		"unseen":            {second, map[string]string{"keyVersion": "3", "tenants": unseen}, ""},
		"unseen, one after": {second, map[string]string{"keyVersion": "4", "tenants": unseen}, "keyVersion: got 4; want 2 or 3: a tenant of install: false keeps one earlier key. Fix: pulumi config set keyVersion 3"},
	} {
		err := checkKeyVersion(&engine.State{Resources: test.state}, func(name, def string) string { return cmp.Or(test.config[name], def) })
		if test.want == "" {
			assert.NoError(t, err, name)
		} else {
			assert.ErrorContains(t, err, test.want, name)
		}
	}
}
