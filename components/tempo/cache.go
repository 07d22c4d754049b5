package tempo

import (
	"maps"

	"github.com/picluster/picluster/internal/helm"
)

// The section of chart tempo-distributed that the cache is deployed by, from line 2.11
// on, and the component that it is called by.
const (
	cacheSection   = "memcachedBloom"
	cacheComponent = "memcached-bloom"
)

// separateCache moves the one cache, which has all roles, from the section memcached to
// one that has object names of its own.
//
// Since 2.17.10 the Service of the section memcached is headless, and its StatefulSet has
// another serviceName. Kubernetes lets neither change, so that Helm cannot upgrade a
// release of an earlier version, nor go back to one: grafana-community/helm-charts#472.
// With other names there is nothing to change: Helm creates the one and deletes the
// other, and a cache is all that is lost.
func separateCache(values map[string]any, release chartText) map[string]any {
	given, _ := values[memcached].(map[string]any)
	cache := maps.Clone(given)
	if cache == nil {
		cache = map[string]any{}
	}
	shared := map[string]any{"enabled": false}
	if image, ok := cache["image"]; ok { // the chart has one for all sections
		shared["image"] = image
		delete(cache, "image")
	}
	enabled := cache["enabled"] != false
	cache["enabled"] = enabled
	values = maps.Clone(values)
	values[memcached] = shared
	own, _ := values[cacheSection].(map[string]any)
	values[cacheSection] = helm.Merge(cache, own)
	if _, given := values["cache"]; enabled && !given {
		values["cache"] = map[string]any{"caches": []any{map[string]any{
			"memcached": map[string]any{
				"host":            suffixed(release, "-"+cacheComponent),
				"service":         "memcached-client",
				"consistent_hash": true,
				"timeout":         "500ms",
			},
			"roles": []any{"parquet-footer", "bloom", "frontend-search"},
		}}}
	}
	return values
}
