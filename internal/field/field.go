// Package field reports what is wrong with the fields of a component's arguments, all
// problems at once.
package field

import (
	"errors"
	"fmt"
	"strings"

	"github.com/picluster/picluster/internal/rule"
)

// Error is a problem of one field.
type Error struct {
	// Path is where the field is in the arguments, like Receivers[0] or Replicas.querier.
	Path string
	// Got is the value; nil if it is missing or must not be shown.
	Got any
	// Want is the rule that the value does not meet, as a noun phrase.
	Want string
	// Suggestion is a value that meets the rule; empty if there is no obvious one.
	Suggestion string
}

func (e Error) Error() string { return e.Path + ": " + e.Reason() }

// Reason returns the error without the path: got VALUE; want RULE.
func (e Error) Reason() string {
	switch got := e.Got.(type) {
	case nil:
		return "want " + e.Want
	case string:
		return fmt.Sprintf("got %q; want %s", Shorten(redact(got)), e.Want)
	default:
		return fmt.Sprintf("got %v; want %s", got, e.Want)
	}
}

// redact returns an address without its user, password and query. Another value stays.
func redact(value string) string {
	if strings.Contains(value, ":") {
		return rule.Redact(value)
	}
	return value
}

// Shorten returns as much of a value as an error shows: 100 bytes.
func Shorten(value string) string {
	if len(value) > 100 {
		return strings.ToValidUTF8(value[:100], "") + "…"
	}
	return value
}

// Errors are all problems of a component's arguments, in the order in which they were
// found. A nil list is no error: return it by Err.
type Errors []Error

func (l Errors) Error() string {
	lines := make([]string, len(l))
	for i, e := range l {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Add appends a problem. Want is a format of fmt.
func (l *Errors) Add(path string, got any, want string, args ...any) {
	*l = append(*l, Error{Path: path, Got: got, Want: fmt.Sprintf(want, args...)})
}

// Check appends a problem if err is not nil. The text of err is the rule.
func (l *Errors) Check(path, got string, err error) {
	if err == nil {
		return
	}
	var value any = got
	if got == "" {
		value = Nothing
	}
	*l = append(*l, Error{Path: path, Got: value, Want: err.Error()})
}

// Require appends a problem if the field is missing.
func (l *Errors) Require(path string, missing bool, want string) {
	if missing {
		l.Add(path, Nothing, "%s", want)
	}
}

// Under appends what the validation of the arguments in the field path returned.
func (l *Errors) Under(path string, err error) {
	var errs Errors
	if errors.As(err, &errs) {
		for _, e := range errs {
			e.Path = path + "." + e.Path
			*l = append(*l, e)
		}
	}
}

// Err returns the list as an error, or nil if it is empty.
func (l Errors) Err() error {
	if len(l) == 0 {
		return nil
	}
	return l
}

type nothing struct{}

func (nothing) String() string { return "nothing" }

// Nothing is the value of Got for a field that is missing.
var Nothing nothing
