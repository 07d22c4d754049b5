package helm

import (
	"maps"
	"slices"

	"github.com/picluster/picluster/internal/credential"
	"github.com/picluster/picluster/internal/field"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Merge returns base with over merged into it: maps are merged key by key,
// anything else of over replaces what base has. Neither argument is changed.
func Merge(base, over map[string]any) map[string]any {
	merged := maps.Clone(base)
	if merged == nil {
		merged = map[string]any{}
	}
	for key, value := range over {
		below, isMap := merged[key].(map[string]any)
		above, overIsMap := value.(map[string]any)
		if isMap && overIsMap {
			merged[key] = Merge(below, above)
		} else {
			merged[key] = value
		}
	}
	return merged
}

// Values returns values, made of maps, slices, plain values and outputs, as a
// release takes them. Each output stays an output of its own: one that a preview
// does not know yet, or that is secret, hides itself and nothing beside it. A null of a map
// does not reach the chart: see RejectNull.
func Values(values map[string]any) pulumi.Map {
	out := pulumi.Map{}
	for key, value := range values {
		out[key] = input(value)
	}
	return out
}

func input(value any) pulumi.Input {
	switch value := value.(type) {
	case pulumi.Input:
		return value
	case map[string]any:
		return Values(value)
	case []any:
		out := make(pulumi.Array, len(value))
		for i, item := range value {
			out[i] = input(item)
		}
		return out
	default:
		return pulumi.Any(value)
	}
}

// RejectNull appends a problem for each null in a map at path. A null does not reach the
// chart, so that the chart's own value stays: the SDK drops it, and so does the Kubernetes
// provider when it checks its inputs, whatever allowNullValues is (4.24.0).
func RejectNull(errs *field.Errors, path string, values map[string]any) {
	for _, key := range slices.Sorted(maps.Keys(values)) {
		switch value := values[key].(type) {
		case nil:
			errs.Add(credential.Join(path, key), nil, "a value, because the Kubernetes provider drops null; set what the chart takes for none, such as {}, [] or false")
		case map[string]any:
			RejectNull(errs, credential.Join(path, key), value)
		}
	}
}
