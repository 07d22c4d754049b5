package main

import (
	"testing"

	"github.com/picluster/picluster/ops/engine"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/stretchr/testify/assert"
)

// A user without the release whose pods have its key belongs to another release.
func TestMissingRelease(t *testing.T) {
	resource := func(kind, name string) *engine.Resource {
		return &engine.Resource{Type: kind, Inputs: map[string]any{"name": name, "namespace": "tempo"}}
	}
	user, bucket := resource(engine.UserType, "tempo"), resource(engine.BucketType, "traces")
	tempo, kps := resource(engine.ReleaseType, "tempo"), resource(engine.ReleaseType, "kps")
	steps := []engine.Step{{Op: apitype.OpCreate, New: user}, {Op: apitype.OpCreate, New: tempo}, {Op: apitype.OpSame, New: kps}}
	for name, test := range map[string]struct {
		found []*engine.Resource
		want  string
	}{
		"both":         {[]*engine.Resource{user, tempo}, ""},
		"no user":      {[]*engine.Resource{bucket}, ""},
		"no release":   {[]*engine.Resource{user, bucket}, "tempo/tempo"},
		"another one":  {[]*engine.Resource{user, kps}, "tempo/tempo"},
		"nothing":      {nil, ""},
		"release only": {[]*engine.Resource{tempo}, ""},
	} {
		assert.Equal(t, test.want, missingRelease(test.found, steps), name)
	}
}
