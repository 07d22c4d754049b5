package object

import (
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"sigs.k8s.io/yaml"
)

// Diff returns the change from old to new as unified diff of their YAML, redacted
// as by Redact; empty if there is none. Either may be nil. Of a Secret it shows
// only which keys change.
func Diff(old, new *Object, secrets []string) (string, error) {
	r := newRedactor(secrets)
	before, err := text(r.object(old))
	if err != nil {
		return "", err
	}
	after, err := text(r.object(new))
	if err != nil {
		return "", err
	}
	diff, err := udiff.ToUnified("deployed", "new", before, udiff.Lines(before, after), 3)
	if err != nil {
		return "", err
	}
	removed := placeholders{}
	lines := strings.Split(diff, "\n")
	for i, line := range lines {
		switch {
		case strings.HasPrefix(line, "-"):
			lines[i] = "-" + removed.add("", line[1:])
		case strings.HasPrefix(line, "+"):
			lines[i] = "+" + removed.compare("", line[1:])
		default:
			lines[i] = plain(line)
			clear(removed)
		}
	}
	return strings.Join(lines, "\n"), nil
}

func text(fields map[string]any) (string, error) {
	if fields == nil {
		return "", nil
	}
	out, err := yaml.Marshal(fields)
	return string(out), err
}
