package stacks

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/picluster/picluster/internal/credential"
)

// misfit is why a key cannot have a value, or a part of it.
type misfit struct {
	at  string // the part, as [0].name; empty for the whole value
	why string // a sentence
	fix string // the command; empty for the key's own
}

// entries returns why the entries of an object or array cannot be the entries of the key: one
// misfit for each, so that nothing else has to be removed. It returns none for a text that is
// no object or array at all.
func (k Key) entries(value string) (all []misfit) {
	into := reflect.TypeOf(k.into).Elem()
	parts := map[string]json.RawMessage{}
	var order []string
	switch into.Kind() {
	case reflect.Slice:
		var list []json.RawMessage
		if json.Unmarshal([]byte(value), &list) != nil {
			return nil
		}
		for i, entry := range list {
			at := fmt.Sprintf("[%d]", i)
			parts[at], order = entry, append(order, at)
		}
		slices.Reverse(order) // one that is removed moves those after it
	case reflect.Map:
		named := map[string]json.RawMessage{}
		if json.Unmarshal([]byte(value), &named) != nil {
			return nil
		}
		for _, name := range slices.Sorted(maps.Keys(named)) {
			at := strings.TrimPrefix(credential.Join("x", name), "x")
			parts[at], order = named[name], append(order, at)
		}
	default:
		return nil
	}
	for _, at := range order {
		all = append(all, k.entry(at, into.Elem(), parts[at])...)
	}
	return all
}

// entry returns why a text cannot be an entry of a type.
func (k Key) entry(at string, of reflect.Type, text json.RawMessage) (all []misfit) {
	remove := func(at string) string { return "pulumi config rm --path " + quoted(k.Name+at) }
	if of.Kind() != reflect.Struct {
		if err := json.Unmarshal(text, reflect.New(of).Interface()); err != nil {
			return []misfit{{at, mistyped(err, of), remove(at)}}
		}
		return nil
	}
	fields := map[string]json.RawMessage{}
	if json.Unmarshal(text, &fields) != nil {
		return []misfit{{at, "got what is no map; want one.", remove(at)}}
	}
	known := jsonFields(of)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		field, found := known[strings.ToLower(name)] // encoding/json ignores case too
		path := credential.Join(at, name)
		if !found {
			all = append(all, misfit{path, fmt.Sprintf("unknown key; did you mean %s?", nearest(name, jsonNames(of))), remove(path)})
			continue
		}
		if err := json.Unmarshal(fields[name], reflect.New(field).Interface()); err != nil {
			all = append(all, misfit{path, mistyped(err, field), remove(path)})
		}
	}
	return all
}

// jsonNames returns the names of a struct's fields in JSON.
func jsonNames(structure reflect.Type) (names []string) {
	for i := range structure.NumField() {
		name, _, _ := strings.Cut(structure.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

// jsonFields returns the types of a struct's fields by their names in JSON, in lower case.
func jsonFields(structure reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for i, name := range jsonNames(structure) {
		fields[strings.ToLower(name)] = structure.Field(i).Type
	}
	return fields
}

// mistyped returns a decoder's error in the words of a user. The value is not in it.
func mistyped(err error, want reflect.Type) string {
	got := "another value"
	var typed *json.UnmarshalTypeError
	if errors.As(err, &typed) {
		got = map[string]string{"string": "a text", "bool": "true or false", "object": "a map", "array": "a list"}[typed.Value]
		if strings.HasPrefix(typed.Value, "number") {
			got = "a number"
		}
	}
	return fmt.Sprintf("got %s; want %s.", got, kind(want))
}

// kind returns what a user calls a type.
func kind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return kind(t.Elem())
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number"
	default:
		return "a " + shape(t)
	}
}
