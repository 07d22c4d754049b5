package object

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Difference is a field of an object that is not as its manifest would have it.
type Difference struct {
	// Path is the field's path, such as spec.template.spec.containers[tempo].image.
	Path string
	// Live is the value in the cluster; nil if it has none.
	Live any
	// Want is the value that the manifest asks for; nil if it asks for none.
	Want any
}

// Added returns true if the manifest does not have the field: another client has
// added it.
func (d Difference) Added() bool { return d.Want == nil }

// String returns the path, the value and the wanted value in one line.
func (d Difference) String() string {
	switch {
	case d.Added():
		if _, ok := d.Live.(hidden); ok {
			return d.Path + " should not be there"
		}
		return fmt.Sprintf("%s is %s, and should not be there", d.Path, brief(d.Live))
	case d.Live == nil:
		return fmt.Sprintf("%s is gone, and should be %s", d.Path, brief(d.Want))
	}
	live, want := d.Live, d.Want
	if a, ok := live.(string); ok {
		if b, ok := want.(string); ok && strings.Contains(a+b, "\n") {
			a, b, line := firstLines(a, b)
			return fmt.Sprintf("%s has %s in line %d, and should have %s", d.Path, brief(a), line, brief(b))
		}
	}
	return fmt.Sprintf("%s is %s, and should be %s", d.Path, brief(live), brief(want))
}

// Differences returns the fields in which live is not as want, in their order.
// They are redacted as by Redact, and have no value of a Secret.
func Differences(live, want *Object, secrets []string) []Difference {
	r := newRedactor(secrets)
	var found []Difference
	compare("", r.object(live), r.object(want), &found)
	for i, d := range found {
		found[i] = d.withoutPlaceholders()
	}
	return found
}

// withoutPlaceholders returns d with what is shown of secret values.
func (d Difference) withoutPlaceholders() Difference {
	path := plain(d.Path)
	if isHidden(d.Live) && isHidden(d.Want) {
		return Difference{Path: path, Live: hide(d.Live, "another"), Want: hide(d.Want, "the stack's")}
	}
	wanted := placeholders{}
	want, live := eachLine(d.Want, "", wanted.add), eachLine(d.Live, "", wanted.compare)
	if reflect.DeepEqual(live, want) { // secret values have been exchanged
		live = eachLine(d.Live, "", func(_, line string) string { return placeholder.ReplaceAllString(line, changed) })
	}
	return Difference{Path: path, Live: live, Want: want}
}

// isHidden returns true if value is none, or nothing but a placeholder.
func isHidden(value any) bool {
	text, ok := value.(string)
	return value == nil || ok && placeholder.FindString(text) == text && text != ""
}

// hidden is shown for a secret value.
type hidden string

func hide(value any, as hidden) any {
	if value == nil {
		return nil
	}
	return as
}

func compare(path string, live, want any, found *[]Difference) {
	// Kubernetes lets no client change the volumes of a StatefulSet, so that they differ by
	// the API server's defaults alone. Those are taken for the change of a client that has
	// updated another field, as kubectl rollout restart does.
	if path == "spec.volumeClaimTemplates" || reflect.DeepEqual(live, want) {
		return
	}
	switch a := live.(type) {
	case map[string]any:
		if b, ok := want.(map[string]any); ok {
			for _, key := range union(a, b) {
				compare(dotted(path, key), a[key], b[key], found)
			}
			return
		}
	case []any:
		if b, ok := want.([]any); ok {
			if name := keyOf(a, b); name != "" {
				items, wanted := byKey(a, name), byKey(b, name)
				for _, key := range union(items, wanted) {
					compare(fmt.Sprintf("%s[%s]", path, key), items[key], wanted[key], found)
				}
				return
			}
		}
	}
	*found = append(*found, Difference{Path: path, Live: live, Want: want})
}

func union(a, b map[string]any) []string {
	keys := slices.Concat(slices.Collect(maps.Keys(a)), slices.Collect(maps.Keys(b)))
	slices.Sort(keys)
	return slices.Compact(keys)
}

func dotted(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// keyOf returns the field that identifies the items of all lists; empty if there
// is none.
func keyOf(lists ...[]any) string {
	for _, name := range []string{"name", "mountPath", "containerPort", "port", "type"} {
		if !slices.ContainsFunc(lists, func(items []any) bool { return len(byKey(items, name)) != len(items) }) {
			return name
		}
	}
	return ""
}

func byKey(items []any, name string) map[string]any {
	by := map[string]any{}
	for _, item := range items {
		if item, ok := item.(map[string]any); ok && item[name] != nil {
			by[fmt.Sprint(item[name])] = item
		}
	}
	return by
}

// brief returns a value as JSON of at most 80 characters.
func brief(value any) string {
	if text, ok := value.(hidden); ok {
		return string(text)
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	const most = 80
	if runes := []rune(string(text)); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return string(text)
}

// firstLines returns the first lines in which two texts differ, and their number.
func firstLines(a, b string) (string, string, int) {
	left, right := strings.Split(a, "\n"), strings.Split(b, "\n")
	at := 0
	for at < len(left)-1 && at < len(right)-1 && left[at] == right[at] {
		at++
	}
	return left[at], right[at], at + 1
}
