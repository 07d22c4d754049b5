package docs_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

var (
	testName = regexp.MustCompile("`(Test[A-Z]\\w+)`")
	// gap is what differs from message to message: a placeholder, or what is left out.
	gap = regexp.MustCompile(`…|\b[A-Z]{2,}(?::[A-Z]+)?\b|"[^"]*"|\d+|\bFix: |tempo-\w+`)
	// foreignMessages are of Pulumi.
	foreignMessages = []string{"the stack is currently locked", "exited prematurely", "pulumi state unprotect"}
)

// TestFaults looks for tests that do not exist, and for messages that no source has.
func TestFaults(t *testing.T) {
	source := sources(t)
	plain := strings.ReplaceAll(source, `\"`, `"`)
	for _, p := range pages(t) {
		for _, match := range testName.FindAllStringSubmatch(p.prose, -1) {
			assert.True(t, strings.Contains(source, "func "+match[1]+"("), "%s: there is no test %s", p.path, match[1])
		}
		if p.path != "docs/faults.md" {
			continue
		}
		messages := 0
		for line := range strings.Lines(p.prose) {
			cells := strings.Split(line, " | ")
			if len(cells) < 4 {
				continue
			}
			for _, match := range span.FindAllStringSubmatch(cells[0], -1) {
				if strings.Count(match[1], " ") < 2 || contains(foreignMessages, match[1]) {
					continue
				}
				messages++
				longest := ""
				for _, part := range gap.Split(match[1], -1) {
					if part = strings.Trim(part, " .:,;"); len(part) > len(longest) {
						longest = part
					}
				}
				assert.True(t, strings.Contains(plain, longest), "docs/faults.md: no source has the message %q", match[1])
			}
		}
		assert.Greater(t, messages, 15)
	}
}

func contains(all []string, text string) bool {
	for _, one := range all {
		if strings.Contains(text, one) {
			return true
		}
	}
	return false
}
