package stacks

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/agext/levenshtein"
)

// source is where configuration comes from: a *pulumi.Context.
type source interface {
	// GetConfig returns the value of a key with its namespace, and if there is one.
	GetConfig(key string) (string, bool)
	// IsConfigSecret says if the key's value is kept encrypted.
	IsConfigSecret(key string) bool
}

// declaration is what the program knows of a key of its own.
type declaration struct {
	kind string // as Pulumi.yaml calls it
	def  any
}

// reader reads typed values and gathers every problem on the way, so that one
// run tells them all.
type reader struct {
	source   source
	project  string
	declared map[string]declaration
	obsolete []string // keys that earlier versions had
	problems []error
}

func newReader(source source, project string) *reader {
	return &reader{source: source, project: project, declared: map[string]declaration{}}
}

// key returns a key of the project's own with its namespace.
func (r *reader) key(name string) string { return r.project + ":" + name }

// get declares a key and returns its value, if it is set. A value that somebody
// encrypted is not returned: it would stand in plain text in previews and in the
// state, where the value of every key that get reads does.
func (r *reader) get(name, kind string, def any) (string, bool) {
	r.declared[name] = declaration{kind: kind, def: def}
	if r.source.IsConfigSecret(r.key(name)) {
		r.problem("%s: is encrypted, but it is no secret to this program, which would show it. Put what is secret into a Secret of your own, and set this in plain text: pulumi config rm %s",
			r.key(name), name)
		return "", false
	}
	return r.source.GetConfig(r.key(name))
}

// removed notes a key that earlier versions had, if it is set.
func (r *reader) removed(name, why string) {
	r.obsolete = append(r.obsolete, name)
	if _, found := r.source.GetConfig(r.key(name)); found {
		r.problem("%s: %s. Fix: pulumi config rm %s", r.key(name), why, name)
	}
}

// text reads a string. check may be nil; an unset key takes def unchecked.
func (r *reader) text(name, def string, check func(string) error) string {
	value, ok := r.get(name, "string", def)
	if !ok {
		return def
	}
	if check != nil {
		if err := check(value); err != nil {
			r.bad(name, value, err.Error(), example(def))
		}
	}
	return value
}

// optional is text for a key that may be empty, which check is not asked about.
func (r *reader) optional(name string, check func(string) error) string {
	return r.optionalLike(name, example(""), check)
}

// optionalLike is optional with an example of a value. An empty value stays empty.
func (r *reader) optionalLike(name, like string, check func(string) error) string {
	value, ok := r.get(name, "string", "")
	if !ok || value == "" || check == nil {
		return value
	}
	if err := check(value); err != nil {
		r.bad(name, value, err.Error(), like)
	}
	return value
}

// choice reads one of several words.
func (r *reader) choice(name, def string, choices ...string) string {
	return r.text(name, def, oneOf(choices))
}

// flag reads a boolean.
func (r *reader) flag(name string, def bool) bool {
	value, ok := r.get(name, "boolean", def)
	if !ok {
		return def
	}
	b, err := strconv.ParseBool(value)
	if err != nil {
		r.bad(name, value, "is neither true nor false", strconv.FormatBool(def))
	}
	return b
}

// number reads an integer of at least least.
func (r *reader) number(name string, def, least int) int {
	value, ok := r.get(name, "integer", def)
	if !ok {
		return def
	}
	n, err := strconv.Atoi(value)
	switch {
	case err != nil:
		r.bad(name, value, "is not a whole number", strconv.Itoa(def))
	case n < least:
		r.bad(name, value, fmt.Sprintf("is less than %d", least), strconv.Itoa(def))
	}
	return n
}

// list reads a list of different words that check takes. nearest may say what was
// meant by one that it does not take.
func (r *reader) list(name string, def []string, example string, check func(string) error, nearest func(string) string) []string {
	value, ok := r.get(name, "array", def)
	if !ok {
		return def
	}
	var words []string
	if err := json.Unmarshal([]byte(value), &words); err != nil {
		r.problem("%s: is not a list of words. Set it: pulumi config set --path '%s[0]' %s", r.key(name), name, example)
		return nil
	}
	for i, word := range words {
		if err := check(word); err != nil {
			r.problem("%s[%d]: %q %w. Set it: pulumi config set --path '%s[%d]' %s", r.key(name), i, word, err, name, i, nearest(word))
		} else if slices.Contains(words[:i], word) {
			r.problem("%s[%d]: %q is there twice. Take it out: pulumi config rm --path '%s[%d]'", r.key(name), i, word, name, i)
		}
	}
	return words
}

// object reads a map into v, a pointer to a map, which stays as it is if there
// is none.
func (r *reader) object(name, example string, v any) {
	value, ok := r.get(name, "object", map[string]any{})
	if !ok {
		return
	}
	if len(value) > maxObject || depth(value) > maxDepth {
		r.problem("%s: has %d KiB and %d levels, and may have %d and %d. Put less into it: pulumi config rm --path %s.PART",
			r.key(name), len(value)>>10, depth(value), maxObject>>10, maxDepth, name)
		return
	}
	decoder := json.NewDecoder(strings.NewReader(value))
	if err := decoder.Decode(v); err != nil || decoder.More() {
		r.problem("%s: is not a map of the kind that it should be. Set it, for example: pulumi config set --path %s", r.key(name), example)
	}
}

// The most that a map may have. Helm keeps a release in a Secret of at most 1 MiB,
// with the chart in it; an alias of an alias in YAML, which Pulumi writes out in
// full, is over it soon.
const (
	maxObject = 256 << 10 // bytes, as JSON
	maxDepth  = 64
)

// depth returns how deep the objects and lists of a JSON text are, or more: it
// counts what stands in strings too.
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

// unknown notes each of keys, with their namespaces, that is of the project and
// was not read.
func (r *reader) unknown(keys []string) {
	for _, key := range slices.Sorted(slices.Values(keys)) {
		name, ours := strings.CutPrefix(key, r.project+":")
		if _, known := r.declared[name]; !ours || known || slices.Contains(r.obsolete, name) {
			continue
		}
		close := nearest(name, slices.Sorted(maps.Keys(r.declared)))
		r.problem("%s: is no key of this program; the nearest is %s. Take it out: pulumi config rm %s", key, r.key(close), name)
	}
}

// bad notes a value of the project's own key that will not do.
func (r *reader) bad(name, value, problem, example string) {
	if u, err := url.Parse(value); err == nil && u.User != nil {
		value = u.Redacted()
	}
	r.problem("%s: %q %s. Set it: pulumi config set %s %s", r.key(name), shortened(value), problem, name, example)
}

// shortened is as much of a value as a line can show.
func shortened(value string) string {
	if len(value) > 100 {
		return strings.ToValidUTF8(value[:100], "") + "…"
	}
	return value
}

func (r *reader) problem(format string, args ...any) {
	r.problems = append(r.problems, fmt.Errorf(format, args...))
}

// err returns all problems as one error, or nil.
func (r *reader) err(stack string) error {
	if len(r.problems) == 0 {
		return nil
	}
	plural := "s"
	if len(r.problems) == 1 {
		plural = ""
	}
	return fmt.Errorf("the configuration in Pulumi.%s.yaml has %d problem%s, and nothing was touched:\n%w",
		stack, len(r.problems), plural, errors.Join(r.problems...))
}

// oneOf takes one of several words.
func oneOf(choices []string) func(string) error {
	return func(value string) error {
		if !slices.Contains(choices, value) {
			return fmt.Errorf("is none of %s", strings.Join(choices, ", "))
		}
		return nil
	}
}

// nearest returns the word that is spelt most like the given one.
func nearest(word string, words []string) string {
	return slices.MinFunc(words, func(a, b string) int {
		return levenshtein.Distance(word, a, nil) - levenshtein.Distance(word, b, nil)
	})
}

// example is what to show as a value that would do.
func example(def string) string {
	if def == "" {
		return "VALUE"
	}
	return def
}
