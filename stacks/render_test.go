package stacks_test

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/picluster/picluster/components/componenttest"
	"github.com/picluster/picluster/internal/helm"
	"github.com/picluster/picluster/stacks"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/require"
)

// howTo is the configuration of the guide's cluster.
func howTo(pairs ...string) map[string]string {
	config := map[string]string{
		"minio:minioServer":   "s3.picluster.example.com:9091",
		"minio:minioSsl":      "true",
		"minio:minioRegion":   "eu-west-1",
		"minio:minioUser":     "admin",
		"minio:minioPassword": "hunter2",
		"picluster:lokiUrl":   "http://loki-read-headless.loki.svc.cluster.local",
	}
	for i := 0; i < len(pairs); i += 2 {
		config["picluster:"+pairs[i]] = pairs[i+1]
	}
	return config
}

// render runs the whole program on mocks.
func render(t *testing.T, config map[string]string) []componenttest.Resource {
	t.Helper()
	resources, err := componenttest.Run(t, false, config, stacks.Tracing)
	require.NoError(t, err)
	return resources
}

// values returns a release's values, each secret as "[secret]".
func values(t *testing.T, resources []componenttest.Resource, release string) map[string]any {
	t.Helper()
	inputs := componenttest.Find(t, resources, helm.ReleaseToken, release).Inputs
	text, err := json.Marshal(redacted(inputs["values"]))
	require.NoError(t, err)
	var plain map[string]any
	require.NoError(t, json.Unmarshal(text, &plain))
	return plain
}

func redacted(v resource.PropertyValue) any {
	switch {
	case v.IsSecret():
		return "[secret]"
	case v.IsObject():
		out := map[string]any{}
		for key, value := range v.ObjectValue() {
			out[string(key)] = redacted(value)
		}
		return out
	case v.IsArray():
		out := []any{}
		for _, value := range v.ArrayValue() {
			out = append(out, redacted(value))
		}
		return out
	default:
		return v.Mappable()
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
