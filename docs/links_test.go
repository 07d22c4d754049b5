package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	// notInAnchor is what GitHub drops from a heading for its anchor.
	notInAnchor = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchors returns the anchors that GitHub gives a document's headings.
func anchors(p page) map[string]bool {
	all := map[string]bool{}
	for _, match := range heading.FindAllStringSubmatch(p.prose, -1) {
		text := link.ReplaceAllString(match[1], "]")
		all[strings.ReplaceAll(notInAnchor.ReplaceAllString(strings.ToLower(text), ""), " ", "-")] = true
	}
	return all
}

// TestLinks follows each relative link, and each anchor.
func TestLinks(t *testing.T) {
	all := map[string]page{}
	linked := map[string]bool{"README.md": true}
	for _, p := range pages(t) {
		all[p.path] = p
	}
	for _, p := range all {
		for _, match := range link.FindAllStringSubmatch(span.ReplaceAllString(p.prose, ""), -1) {
			target := match[1]
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			path, anchor, _ := strings.Cut(target, "#")
			file := p.path
			if path != "" {
				file = filepath.Join(filepath.Dir(p.path), path)
			}
			linked[file] = true
			if _, err := os.Stat(filepath.Join(root, file)); err != nil {
				t.Errorf("%s: link %s: there is no %s", p.path, target, file)
				continue
			}
			if anchor != "" {
				assert.True(t, anchors(all[file])[anchor], "%s: link %s: %s has no heading of this anchor", p.path, target, file)
			}
		}
	}
	// A page that no other links to is not found.
	for path := range all {
		if strings.HasPrefix(path, "docs/") {
			assert.True(t, linked[path], "%s: no document links to it", path)
		}
	}
}

func TestAnchors(t *testing.T) {
	assert.Equal(t, map[string]bool{"tenants-of-install-false": true, "a-private-ca": true},
		anchors(read("", "# Tenants of `install: false`\n## A private [CA](x.md)\n```\n# none\n```\n")))
}
