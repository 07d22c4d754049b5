package stacks

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/picluster/picluster/internal/field"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// source is where configuration comes from: a *pulumi.Context.
type source interface {
	// GetConfig returns the value of a key with its namespace, and whether there is one.
	GetConfig(key string) (string, bool)
	// IsConfigSecret returns whether the key's value is encrypted.
	IsConfigSecret(key string) bool
}

// Type returns the key's type by the name that Pulumi.yaml has for it.
func (k Key) Type() string {
	switch reflect.TypeOf(k.Default).Kind() {
	case reflect.Bool:
		return "boolean"
	case reflect.Int:
		return "integer"
	case reflect.Slice:
		return "array"
	case reflect.Map:
		return "object"
	default:
		return "string"
	}
}

// read sets all keys of the settings from the stack's configuration, and returns what is
// wrong with it.
func (s *settings) read(from source, project string) *problems {
	p := &problems{project: project, sections: s.sections()}
	for _, section := range p.sections {
		for _, key := range section.Keys {
			name := project + ":" + key.Name
			if from.IsConfigSecret(name) {
				// The value would be in plain text in previews and in the state.
				p.add("%s: got an encrypted value; want plain text, because previews and the state show it: put credentials into a Secret of your own. Fix: %s", name, key.plain())
				_ = key.set(key.text()) // so that nothing else is wrong because of it
				continue
			}
			value, found := from.GetConfig(name)
			if !found {
				value = key.text()
			}
			misfits := key.set(value)
			for _, m := range misfits {
				p.add("%s%s: %s Fix: %s", name, m.at, m.why, cmp.Or(m.fix, key.reset()))
			}
			if len(misfits) > 0 {
				_ = key.set(key.text())
			}
		}
	}
	return p
}

// text returns the key's default as Pulumi has it in a stack's configuration.
func (k Key) text() string {
	if text, ok := k.Default.(string); ok {
		return text
	}
	text, err := json.Marshal(k.Default)
	if err != nil {
		panic(err) // a plain value of the table
	}
	return string(text)
}

// set stores a value where the key's go, and returns why it cannot.
func (k Key) set(value string) []misfit {
	why := ""
	switch into := k.into.(type) {
	case *string:
		if value == "" && k.Default != "" {
			why = "got nothing; want a value" // the component would apply its own default
			break
		}
		*into = value
	case *pulumi.StringInput:
		if *into = nil; value != "" || k.Default != "" {
			*into = pulumi.String(value)
		}
	case *[]pulumi.StringInput:
		var words []string
		inWords := k
		inWords.into = &words
		if misfits := inWords.decode(value); misfits != nil {
			return misfits
		}
		*into = nil
		for _, word := range words {
			*into = append(*into, pulumi.String(word))
		}
	case *bool:
		*into, why = parseBool(value)
	case **bool:
		b, misfit := parseBool(value)
		*into, why = &b, misfit
	case *int:
		*into, why = k.parseInt(value)
	default:
		return k.decode(value)
	}
	if why == "" {
		return nil
	}
	return []misfit{{why: why + "."}}
}

func (k Key) parseInt(value string) (n int, why string) {
	n, err := strconv.Atoi(value)
	if err != nil {
		return 0, fmt.Sprintf("got %q; want a whole number", field.Shorten(value))
	}
	if n == 0 && k.Default != 0 {
		return 0, "got 0; want 1 or more"
	}
	return n, ""
}

func parseBool(value string) (b bool, why string) {
	b, err := strconv.ParseBool(value)
	if err != nil {
		return false, fmt.Sprintf("got %q; want true or false", field.Shorten(value))
	}
	return b, ""
}

// reset returns the command that gives the key a value of its type.
func (k Key) reset() string {
	switch k.Type() {
	case "object", "array":
		return k.remove() // what is no map cannot be set by a path
	default:
		return k.fix()
	}
}

// remove returns the command that removes the key. A stack without its tenants has other
// resources, so the command for tenants sets them again before an update.
func (k Key) remove() string {
	if k.Name == "tenants" {
		return "pulumi config rm tenants; and for each tenant: pulumi config set --path 'tenants[0].name' NAME"
	}
	return "pulumi config rm " + k.Name
}

// plain returns the command that replaces the encrypted value by plain text, or removes it.
func (k Key) plain() string {
	switch k.Type() {
	case "object", "array":
		return k.remove()
	default:
		return "pulumi config set --plaintext " + k.Name + " VALUE"
	}
}

// decode stores an object or an array.
func (k Key) decode(value string) []misfit {
	if levels := depth(value); len(value) > maxObject || levels > maxDepth {
		return []misfit{{why: fmt.Sprintf("got %d KiB and %d levels; want at most %d and %d.", len(value)>>10, levels, maxObject>>10, maxDepth)}}
	}
	if misfits := k.entries(value); misfits != nil {
		return misfits
	}
	reflect.ValueOf(k.into).Elem().SetZero()
	if err := json.Unmarshal([]byte(value), k.into); err != nil {
		return []misfit{{why: "got what is no " + shape(reflect.TypeOf(k.into).Elem()) + "; want one."}}
	}
	return nil
}

// shape returns what a value of a type looks like to a user.
func shape(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Map:
		return "map of " + plural(t.Elem())
	case reflect.Slice:
		return "list of " + plural(t.Elem())
	default:
		return "map"
	}
}

func plural(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "words"
	case reflect.Int:
		return "whole numbers"
	case reflect.Interface:
		return "values"
	default:
		return "maps"
	}
}

// The most that an object or array may have. Helm stores a release in a Secret of at most
// 1 MiB, with the chart in it. An alias of an alias in YAML, which Pulumi expands, soon
// exceeds this size.
const (
	maxObject = 256 << 10 // bytes, as JSON
	maxDepth  = 64
)

// depth returns how deep the objects and lists of a JSON text are, or more: it
// counts brackets in strings too.
func depth(text string) (deepest int) {
	level := 0
	for _, char := range []byte(text) {
		switch char {
		case '{', '[':
			level++
		case '}', ']':
			level--
		}
		deepest = max(deepest, level)
	}
	return deepest
}

// replaced are the keys of earlier versions, and what the error says of each.
var replaced = map[string]string{
	"keyGeneration": "nothing: keyVersion is in its place, and the key stays as it is",
}

// unknown reports each of keys, with their namespaces, that is of the project and is none
// of the table.
func (p *problems) unknown(keys []string) {
	var known []string
	for _, section := range p.sections {
		for _, key := range section.Keys {
			known = append(known, key.Name)
		}
	}
	for _, key := range slices.Sorted(slices.Values(keys)) {
		name, ours := strings.CutPrefix(key, p.project+":")
		if !ours || slices.Contains(known, name) {
			continue
		}
		if want, was := replaced[name]; was {
			p.add("%s: got a key of an earlier version; want %s. Fix: pulumi config rm %s", key, want, name)
			continue
		}
		p.add("%s: unknown key; did you mean %s:%s? Fix: pulumi config rm %s", key, p.project, nearest(name, known), name)
	}
}

// nearest returns the word that is spelt most like the given one.
func nearest(word string, words []string) string {
	return slices.MinFunc(words, func(a, b string) int {
		return levenshtein.Distance(word, a, nil) - levenshtein.Distance(word, b, nil)
	})
}
