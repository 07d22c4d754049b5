package object

import (
	"slices"
	"strings"
)

// Pending returns those of differences that remain against next too, the object as
// the configuration would deploy it: what live and next agree on is no drift.
// next's differences are compared by path.
func Pending(differences, next []Difference) []Difference {
	var pending []Difference
	for _, d := range differences {
		if slices.ContainsFunc(next, func(n Difference) bool { return within(d.Path, n.Path) || within(n.Path, d.Path) }) {
			pending = append(pending, d)
		}
	}
	return pending
}

// within returns true if path is section, or the path of a field or item in it.
func within(path, section string) bool {
	rest, found := strings.CutPrefix(path, section)
	return found && (rest == "" || section == "" || rest[0] == '.' || rest[0] == '[')
}
