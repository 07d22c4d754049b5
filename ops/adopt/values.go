package adopt

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/picluster/picluster/ops/engine"
	"helm.sh/helm/v3/pkg/release"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// defaultRetention is how long the charts keep traces, as picluster deploys them.
const defaultRetention = 48 * time.Hour

// retentionPaths are where the charts have how long traces are kept: tempo-distributed's, and
// tempo's.
var retentionPaths = [][]string{{"compactor", "config", "compaction", "block_retention"}, {"tempo", "retention"}}

// retained returns an error if the next up would have Tempo delete traces that an imported
// release keeps.
func retained(r *engine.Resource, record *release.Release) error {
	values, _ := r.Inputs["values"].(map[string]any)
	if _, tempo := values["fullnameOverride"]; !tempo {
		return nil // Grafana's
	}
	keeps := retentionOf(record.Config)
	if next := max(retentionOf(values), defaultRetention); keeps > next {
		return fmt.Errorf("retention: got %s; want %s, which release %s/%s has, because Tempo would delete older traces after the next up. Fix: pulumi config set retention %[2]s",
			hours(next), hours(keeps), r.Text("namespace"), r.Text("name"))
	}
	return nil
}

// retentionOf returns how long values keep traces; 0 if they do not say.
func retentionOf(values map[string]any) (longest time.Duration) {
	for _, path := range retentionPaths {
		text, _, _ := unstructured.NestedString(values, path...)
		if retention, err := time.ParseDuration(text); err == nil {
			longest = max(longest, retention)
		}
	}
	return longest
}

// hours returns a duration as the key retention has it, like 336h.
func hours(d time.Duration) string {
	if d%time.Hour == 0 {
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return d.String()
}

// Dropped returns the paths of the values that a release was given and the next up does not set:
// the charts' defaults take their place.
func Dropped(r *engine.Resource, record *release.Release) []string {
	values, _ := r.Inputs["values"].(map[string]any)
	return dropped("", record.Config, values)
}

func dropped(path string, given, set map[string]any) (paths []string) {
	for _, key := range slices.Sorted(maps.Keys(given)) {
		at := path + key
		value, found := set[key]
		below, isMap := given[key].(map[string]any)
		into, intoMap := value.(map[string]any)
		switch {
		case isMap && (intoMap || !found) && len(below) > 0:
			paths = append(paths, dropped(at+".", below, into)...)
		case !found:
			paths = append(paths, at)
		}
	}
	return paths
}
