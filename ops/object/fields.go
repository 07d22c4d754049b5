package object

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
)

// The trees of managedFields have a key for each field ("f:name") and for each
// item of a list that is known by some of its own fields (`k:{"name":"x"}`); a
// leaf is an empty map, and "." in a map stands for the thing itself. See
// https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management.

// unmanaged are fields that others may add to at will. A namespace has finalizers
// of Kubernetes's own; caBundle is how webhooks are told of a certificate that is
// made in the cluster.
var unmanaged = []string{"metadata", "status", "finalizers", "caBundle"}

// prune takes the fields of a tree out of want that neither the manifest has nor
// owned.
func prune(tree, owned, want, manifest map[string]any) {
	for key, child := range tree {
		name, isField := strings.CutPrefix(key, "f:")
		value, found := want[name]
		if !isField || !found || slices.Contains(unmanaged, name) {
			continue
		}
		children, _ := child.(map[string]any)
		ownedChildren, isOwned := owned[key].(map[string]any)
		asked, inManifest := manifest[name]
		if len(children) == 0 {
			if !inManifest && !isOwned {
				delete(want, name)
			}
			continue
		}
		switch value := value.(type) {
		case map[string]any:
			section, _ := asked.(map[string]any)
			prune(children, ownedChildren, value, section)
			if len(value) == 0 && !inManifest && !isOwned {
				delete(want, name)
			}
		case []any:
			items, _ := asked.([]any)
			if value = pruneItems(children, ownedChildren, value, items); len(value) == 0 && !inManifest && !isOwned {
				delete(want, name)
			} else {
				want[name] = value
			}
		}
	}
}

// pruneItems is prune for the items of a list; it returns those that stay.
func pruneItems(tree, owned map[string]any, want, manifest []any) []any {
	for key, child := range tree {
		children, _ := child.(map[string]any)
		at, item := find(want, key)
		if item == nil {
			continue
		}
		_, asked := find(manifest, key)
		ownedChildren, isOwned := owned[key].(map[string]any)
		if _, whole := children["."]; whole && asked == nil && !isOwned {
			want = slices.Delete(want, at, at+1)
			continue
		}
		prune(children, ownedChildren, item, asked)
	}
	return want
}

// fill gives ports that come from the manifest what the live port of the same name
// has beside it, like the node port that a Service was given. Kubernetes knows a
// port by its number, so that one whose number was changed is another to it.
func fill(want, manifest, live map[string]any) {
	for name, value := range want {
		switch value := value.(type) {
		case map[string]any:
			asked, _ := manifest[name].(map[string]any)
			have, _ := live[name].(map[string]any)
			fill(value, asked, have)
		case []any:
			asked, _ := manifest[name].([]any)
			have, _ := live[name].([]any)
			items, askedItems, liveItems := byKey(value, "name"), byKey(asked, "name"), byKey(have, "name")
			for key := range items {
				item, _ := items[key].(map[string]any)
				askedItem, _ := askedItems[key].(map[string]any)
				liveItem, _ := liveItems[key].(map[string]any)
				if name != "ports" || !reflect.DeepEqual(item, askedItem) {
					fill(item, askedItem, liveItem)
					continue
				}
				for field, filled := range liveItem {
					if _, found := item[field]; !found {
						item[field] = filled
					}
				}
			}
		}
	}
}

// keep gives want live's values for the fields of a tree.
func keep(tree, want, live map[string]any) {
	for key, child := range tree {
		name, isField := strings.CutPrefix(key, "f:")
		value, found := live[name]
		if !isField || !found {
			continue
		}
		children, _ := child.(map[string]any)
		switch value := value.(type) {
		case map[string]any:
			if section, ok := want[name].(map[string]any); ok && len(children) > 0 {
				keep(children, section, value)
				continue
			}
		case []any:
			if items, ok := want[name].([]any); ok && len(children) > 0 {
				for key, child := range children {
					_, item := find(items, key)
					_, liveItem := find(value, key)
					if fields, ok := child.(map[string]any); ok && item != nil && liveItem != nil {
						keep(fields, item, liveItem)
					}
				}
				continue
			}
		}
		want[name] = value
	}
}

// find returns the item of a list that a key of a tree means, and its place. An
// item that does not say one of the key's fields has it filled in, as a port has
// its protocol.
func find(items []any, key string) (int, map[string]any) {
	text, isKey := strings.CutPrefix(key, "k:")
	var fields map[string]any
	if !isKey || json.Unmarshal([]byte(text), &fields) != nil {
		return -1, nil
	}
	for i, item := range items {
		if item, ok := item.(map[string]any); ok && matches(item, fields) {
			return i, item
		}
	}
	return -1, nil
}

func matches(item, fields map[string]any) bool {
	said := 0
	for name, value := range fields {
		have, found := item[name]
		if !found {
			continue
		}
		said++
		if number, ok := have.(int64); ok {
			have = float64(number) // as encoding/json has numbers
		}
		if !reflect.DeepEqual(have, value) {
			return false
		}
	}
	return said > 0
}
