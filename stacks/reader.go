package stacks

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
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
	def  any    // nil: none
}

// reader reads typed values and gathers every problem on the way, so that one
// run tells them all.
type reader struct {
	source   source
	project  string
	declared map[string]declaration
	problems []error
}

// key returns a key of the project's own with its namespace.
func (r *reader) key(name string) string { return r.project + ":" + name }

// text reads a string. check may be nil; an unset key takes def unchecked.
func (r *reader) text(name, def string, check func(string) error) string {
	r.declared[name] = declaration{kind: "string", def: def}
	value, ok := r.source.GetConfig(r.key(name))
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
	return r.text(name, "", func(value string) error {
		if value == "" {
			return nil
		}
		return check(value)
	})
}

// flag reads a boolean.
func (r *reader) flag(name string, def bool) bool {
	r.declared[name] = declaration{kind: "boolean", def: def}
	value, ok := r.source.GetConfig(r.key(name))
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
	r.declared[name] = declaration{kind: "integer", def: def}
	value, ok := r.source.GetConfig(r.key(name))
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

// bad notes a value of the project's own key that will not do.
func (r *reader) bad(name, value, problem, example string) {
	r.problem("%s: %q %s. Set it: pulumi config set %s %s", r.key(name), value, problem, name, example)
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

// example is what to show as a value that would do.
func example(def string) string {
	if def == "" {
		return "VALUE"
	}
	if strings.ContainsAny(def, " $") {
		return strconv.Quote(def)
	}
	return def
}
