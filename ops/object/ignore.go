package object

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Ignore names drift that is not to be reported: fields of objects that something
// else changes on purpose.
type Ignore struct {
	// Object is a pattern for the object's name as Name gives it, such as
	// "Deployment tempo/*". "*" stands for any text.
	Object string `json:"object"`
	// Paths are patterns for the fields' paths as Difference has them, such as
	// "spec.replicas" or "spec.template.metadata.annotations.*". None: the whole
	// object.
	Paths []string `json:"paths"`
}

// MatchesObject returns true if i ignores the whole object of that name, which
// includes that it is gone.
func (i Ignore) MatchesObject(name string) bool {
	return len(i.Paths) == 0 && matches(i.Object, name)
}

// Ignored splits differences of the object named name into those to report and
// those that one of ignores matches. It splits an added or removed section if
// ignores match only some of its fields.
func Ignored(ignores []Ignore, name string, differences []Difference) (report, ignored []Difference) {
	for _, d := range differences {
		if isIgnored(ignores, name, d.Path) {
			ignored = append(ignored, d)
			continue
		}
		reportParts, ignoredParts := Ignored(ignores, name, d.parts())
		if len(ignoredParts) == 0 {
			reportParts = []Difference{d}
		}
		report, ignored = append(report, reportParts...), append(ignored, ignoredParts...)
	}
	return report, ignored
}

// parts returns the differences of the fields or items of d, if d is a section
// that was added or removed.
func (d Difference) parts() []Difference {
	none := func(value any) any {
		switch value.(type) {
		case map[string]any:
			return map[string]any{}
		case []any:
			return []any{}
		}
		return nil
	}
	live, want := d.Live, d.Want
	if live == nil {
		live = none(want)
	} else if want == nil {
		want = none(live)
	}
	var parts []Difference
	compare(d.Path, live, want, &parts)
	if len(parts) == 1 && parts[0].Path == d.Path {
		return nil
	}
	return parts
}

func isIgnored(ignores []Ignore, name, path string) bool {
	for _, i := range ignores {
		if i.MatchesObject(name) {
			return true
		}
		for _, pattern := range i.Paths {
			if matches(i.Object, name) && matches(pattern, path) {
				return true
			}
		}
	}
	return false
}

// matches returns true if text matches pattern, in which "*" stands for any text.
func matches(pattern, text string) bool {
	pattern = strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*")
	return regexp.MustCompile("(?s)^" + pattern + "$").MatchString(text)
}

// ParseIgnores returns the entries of the configuration key driftIgnore, a JSON
// list of {"object": …, "paths": […]}; none if text is empty. The error names each
// entry that is wrong.
func ParseIgnores(text string) ([]Ignore, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	const (
		example = `{"object": "Deployment tempo/*", "paths": ["spec.replicas"]}`
		remove  = "Fix: pulumi config rm --path 'driftIgnore"
	)
	var entries []json.RawMessage
	if err := json.Unmarshal([]byte(text), &entries); err != nil {
		return nil, fmt.Errorf("driftIgnore: got %s; want a JSON list such as [%s]. Fix: pulumi config rm driftIgnore; pulumi config set --path 'driftIgnore[0].object' 'Deployment tempo/*'", text, example)
	}
	ignores := make([]Ignore, len(entries))
	var problems []error
	for n, entry := range entries {
		problem := func(format string, args ...any) {
			problems = append(problems, fmt.Errorf("driftIgnore[%d]"+format, append([]any{n}, args...)...))
		}
		decoder := json.NewDecoder(bytes.NewReader(entry))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&ignores[n]); err != nil {
			if unknown, found := strings.CutPrefix(err.Error(), "json: unknown field "); found {
				problem(".%s: unknown key; want object or paths. %s[%d].%[2]s'", strings.Trim(unknown, `"`), remove, n)
			} else {
				problem(": got %s; want an entry such as %s. %s[%d]'", entry, example, remove, n)
			}
			continue
		}
		if strings.TrimSpace(ignores[n].Object) == "" {
			problem(".object: got nothing; want an object. Fix: pulumi config set --path 'driftIgnore[%d].object' 'Deployment tempo/*'", n)
		}
		for i, path := range ignores[n].Paths {
			if strings.TrimSpace(path) == "" {
				problem(".paths[%d]: got nothing; want a path. %s[%d].paths[%[2]d]'", i, remove, n)
			}
		}
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return ignores, nil
}
