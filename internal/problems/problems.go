// Package problems gathers all that is wrong with a component's arguments, so
// that one error tells it.
package problems

import (
	"errors"
	"fmt"
)

// List is the problems found so far.
type List []error

// Add notes a problem, in the words of fmt.Errorf.
func (l *List) Add(format string, args ...any) { *l = append(*l, fmt.Errorf(format, args...)) }

// Check notes err, if there is one, as the problem of a field with a value.
func (l *List) Check(field, value string, err error) {
	if err != nil {
		l.Add("%s %q: %w", field, value, err)
	}
}

// Required notes that a field is missing, if it is.
func (l *List) Required(field string, missing bool) {
	if missing {
		l.Add("%s is missing", field)
	}
}

// Err returns the problems as one error, or nil.
func (l List) Err() error { return errors.Join(l...) }
