package object

import (
	"reflect"
	"slices"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/value"
)

// unmanaged are fields that any client may add to. Kubernetes adds a finalizer to
// a namespace. A controller writes a certificate from the cluster to the caBundle
// of a webhook.
var unmanaged = []string{"metadata", "status", "finalizers", "caBundle"}

// prune returns section, a map or a list, without those of fields that neither
// manifest nor owned has, and without the fields that this leaves empty.
func prune(fields, owned *fieldpath.Set, section, manifest any) any {
	owns := elements(owned)
	for e := range elements(fields).All() {
		child, found := lookup(section, e)
		if !found || e.FieldName != nil && slices.Contains(unmanaged, *e.FieldName) {
			continue
		}
		asked, stays := lookup(manifest, e)
		stays = stays || owns.Has(e)
		below := fields.WithPrefix(e)
		switch {
		case !stays && (below.Empty() || e.FieldName == nil && fields.Members.Has(e)):
			section = without(section, e)
		case e.FieldName == nil:
			prune(below, owned.WithPrefix(e), child, asked)
		default:
			child = prune(below, owned.WithPrefix(e), child, asked)
			section.(map[string]any)[*e.FieldName] = child
			if !stays && isEmpty(child) {
				section = without(section, e)
			}
		}
	}
	return section
}

// fill adds to each port from manifest the other fields of the live port of that
// name, such as a Service's node port. The merge does not, because Kubernetes
// identifies a port by its number: a port with a new number is another port.
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

// keep sets fields of want to their values in live.
func keep(fields *fieldpath.Set, want, live any) {
	for e := range elements(fields).All() {
		value, found := lookup(live, e)
		if !found {
			continue
		}
		wanted, _ := lookup(want, e)
		below := fields.WithPrefix(e)
		if e.FieldName == nil || !below.Empty() && isSection(value) && reflect.TypeOf(value) == reflect.TypeOf(wanted) {
			keep(below, wanted, value)
		} else if want, ok := want.(map[string]any); ok {
			want[*e.FieldName] = value
		}
	}
}

// elements returns the fields and items at the top of fields.
func elements(fields *fieldpath.Set) *fieldpath.PathElementSet {
	all := fields.Members.Copy()
	fields.Children.Iterate(all.Insert)
	return &all
}

// lookup returns the field of a map or the item of a list that e identifies.
func lookup(section any, e fieldpath.PathElement) (any, bool) {
	switch section := section.(type) {
	case map[string]any:
		if e.FieldName != nil {
			child, found := section[*e.FieldName]
			return child, found
		}
	case []any:
		if i := slices.IndexFunc(section, func(item any) bool { return identifies(e, item) }); i >= 0 {
			return section[i], true
		}
	}
	return nil, false
}

// without returns section without the field or item that e identifies.
func without(section any, e fieldpath.PathElement) any {
	switch section := section.(type) {
	case map[string]any:
		delete(section, *e.FieldName)
	case []any:
		i := slices.IndexFunc(section, func(item any) bool { return identifies(e, item) })
		return slices.Delete(section, i, i+1)
	}
	return section
}

// identifies returns true if e is the key or the value of a list's item. A field
// of the key that the item does not have is a default, such as a port's protocol.
func identifies(e fieldpath.PathElement, item any) bool {
	if e.Value != nil {
		return value.Equals(*e.Value, value.NewValueInterface(item))
	}
	fields, ok := item.(map[string]any)
	if !ok || e.Key == nil {
		return false
	}
	matched := false
	for _, field := range *e.Key {
		if have, found := fields[field.Name]; found {
			matched = true
			if !value.Equals(field.Value, value.NewValueInterface(have)) {
				return false
			}
		}
	}
	return matched
}

func isSection(value any) bool {
	switch value.(type) {
	case map[string]any, []any:
		return true
	}
	return false
}

func isEmpty(value any) bool { return isSection(value) && reflect.ValueOf(value).Len() == 0 }
