package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is the repository's root.
const root = ".."

// page is a document.
type page struct {
	path string // from the repository's root
	text string
	// prose is the text without its fenced blocks, whose lines are empty there.
	prose  string
	blocks []block
}

// block is a fenced block.
type block struct {
	language, text string
	// sample is the path of the file that the text is of, from the comment above the block.
	sample string
	line   int
}

// sampleComment names the file that the block below it is of.
var sampleComment = regexp.MustCompile(`^<!-- sample: (\S+) -->$`)

// pages returns every document of the repository.
func pages(t *testing.T) []page {
	t.Helper()
	var all []page
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && path != root && (strings.HasPrefix(name, ".") && name != ".github" || name == "dist" || name == "node_modules" || name == "bin") {
			return filepath.SkipDir
		}
		if entry.IsDir() || filepath.Ext(name) != ".md" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, path)
		all = append(all, read(relative, string(text)))
		return err
	})
	require.NoError(t, err)
	require.Greater(t, len(all), 20)
	return all
}

func read(path, text string) page {
	p := page{path: path, text: text}
	var prose []string
	var open *block
	var lines []string
	sample := ""
	for i, line := range strings.Split(text, "\n") {
		trimmed := strings.TrimSpace(line)
		fence, isFence := strings.CutPrefix(trimmed, "```")
		switch {
		case open == nil && isFence:
			open, lines = &block{language: fence, sample: sample, line: i + 1}, nil
		case open != nil && trimmed == "```":
			open.text = strings.Join(lines, "\n")
			p.blocks = append(p.blocks, *open)
			open = nil
		case open != nil:
			lines = append(lines, line)
		default:
			prose = append(prose, line)
			sample = ""
			if match := sampleComment.FindStringSubmatch(trimmed); match != nil {
				sample = match[1]
			}
			continue
		}
		prose = append(prose, "")
	}
	p.prose = strings.Join(prose, "\n")
	return p
}

// span is inline code.
var span = regexp.MustCompile("`([^`\n]+)`")

// code returns what a reader may copy: the lines of shell blocks, continued lines joined, and
// inline code.
func (p page) code() []string {
	var all []string
	for _, b := range p.blocks {
		if b.language == "sh" {
			all = append(all, strings.Split(strings.ReplaceAll(b.text, "\\\n", " "), "\n")...)
		}
	}
	for _, match := range span.FindAllStringSubmatch(p.prose, -1) {
		all = append(all, strings.ReplaceAll(match[1], `\|`, "|"))
	}
	return all
}
