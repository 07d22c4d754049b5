package object

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Difference is one field of an object that is not as it should be.
type Difference struct {
	// Path is the field's, like spec.template.spec.containers[tempo].image.
	Path string
	// Live is what it is, and Want what it should be; nil if there is none.
	Live, Want any
}

// String says what the field is and what it should be, in one line.
func (d Difference) String() string {
	switch {
	case d.Want == nil:
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
// Neither what a Secret holds is in them, nor any of secrets.
func Differences(live, want *Object, secrets []string) []Difference {
	var found []Difference
	compare("", live.Object, want.Object, &found)
	for i, d := range found {
		// Before they are shown in brief, which could cut a secret in two.
		found[i].Live, found[i].Want = redacted(d.Live, secrets), redacted(d.Want, secrets)
	}
	if IsSecret(live) || IsSecret(want) {
		for i, d := range found {
			if strings.HasPrefix(d.Path, "data") {
				found[i] = Difference{Path: d.Path, Live: hide(d.Live, "another"), Want: hide(d.Want, "the stack's")}
			}
		}
	}
	return found
}

// hidden stands for a value that is not to be seen.
type hidden string

func hide(value any, as hidden) any {
	if value == nil {
		return nil
	}
	return as
}

func compare(path string, live, want any, found *[]Difference) {
	if reflect.DeepEqual(live, want) {
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

// keyOf returns the field by which the items of both lists can be told apart, if
// there is one.
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

// brief shows a value in a few words.
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
