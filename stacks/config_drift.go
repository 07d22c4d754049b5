package stacks

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// restore reads how many times each release was restored. Every entry must be of a
// release of the stack: an entry with a typing error would restore nothing.
func (r *reader) restore(c *Config) {
	r.object("restore", `'restore["tempo/tempo"]' 1`, &c.Restore)
	releases := c.releases()
	for _, name := range slices.Sorted(maps.Keys(c.Restore)) {
		path := `restore["` + name + `"]`
		switch {
		case !slices.Contains(releases, name):
			r.problem("%s: got %q; want one of the stack's releases: %s. Fix: pulumi config rm --path '%s'",
				r.key("restore"), name, strings.Join(releases, ", "), path)
		case c.Restore[name] < 1:
			r.problem("%s: got %d; want 1 or more. Fix: pulumi config rm --path '%s'", r.key(path), c.Restore[name], path)
		}
	}
	for _, tenant := range c.Tenants {
		tenant.Restore = c.Restore
	}
}

// releases returns the stack's releases, as NAMESPACE/RELEASE.
func (c *Config) releases() []string {
	var names []string
	if c.Grafana.Release != nil {
		names = append(names, c.Grafana.Release.Namespace+"/"+c.Grafana.Release.Name)
	}
	if len(c.Tenants) == 0 {
		return append(names, c.Namespace+"/"+c.Release)
	}
	for _, tenant := range c.Tenants {
		if !tenant.ValuesOnly {
			names = append(names, tenant.Namespace+"/"+tenant.Release)
		}
	}
	return names
}

// driftIgnore declares and checks the key; picluster's commands read it.
func (r *reader) driftIgnore() {
	value, ok := r.get("driftIgnore", "array", []string{})
	if !ok {
		return
	}
	var ignores []struct {
		Object string   `json:"object"`
		Paths  []string `json:"paths"`
	}
	decoder := json.NewDecoder(strings.NewReader(value))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&ignores); err != nil {
		r.problem("%s: %w; want a list of objects and paths. Fix: pulumi config set --path 'driftIgnore[0].object' 'Deployment tempo/*'", r.key("driftIgnore"), err)
		return
	}
	for i, ignore := range ignores {
		if strings.TrimSpace(ignore.Object) == "" {
			r.problem("%s[%d].object: is missing. Fix: pulumi config set --path 'driftIgnore[%d].object' 'Deployment tempo/*'", r.key("driftIgnore"), i, i)
		}
		for j, path := range ignore.Paths {
			if strings.TrimSpace(path) == "" {
				r.problem("%s[%d].paths[%d]: is empty. Fix: pulumi config rm --path 'driftIgnore[%[2]d].paths[%[3]d]'", r.key("driftIgnore"), i, j)
			}
		}
	}
}
