package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	command = regexp.MustCompile(`(?:^|bin/|\./|=\S+ |Fix: )picluster ([a-z][a-z-]*)((?: [^;|&<>]*)?)`)
	flag    = regexp.MustCompile(`(?:^| )(--?[a-z][a-z-]*)`)
	section = regexp.MustCompile(`(?m)^## picluster (\S+)$`)
	// row is a flag's row in docs/commands.md.
	row        = regexp.MustCompile("(?m)^\\| `(--?[a-z-]+)(?:`, `(--[a-z-]+))?[^|]*\\|")
	makeTarget = regexp.MustCompile(`(?m)^([a-z][a-z0-9-]*):.* # `)
	makeCall   = regexp.MustCompile(`(?:^|=\S+ )make((?: [a-z][a-z0-9/-]*)+)`)
)

// commands returns the flags of each command of picluster, from the generated page.
func commands(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("commands.md")
	require.NoError(t, err)
	all := map[string][]string{}
	parts := section.FindAllStringSubmatchIndex(string(text), -1)
	for i, part := range parts {
		end := len(text)
		if i+1 < len(parts) {
			end = parts[i+1][0]
		}
		name := string(text[part[2]:part[3]])
		all[name] = []string{}
		for _, match := range row.FindAllStringSubmatch(string(text[part[1]:end]), -1) {
			all[name] = append(all[name], match[1:]...)
		}
	}
	require.Contains(t, all["up"], "--verify")
	require.Contains(t, all["up"], "-y")
	return all
}

// TestCommands looks for commands and flags that do not exist, and for those that no page
// but the generated one names.
func TestCommands(t *testing.T) {
	commands := commands(t)
	seen := map[string]bool{}
	for _, p := range pages(t) {
		if p.path == "docs/commands.md" {
			continue
		}
		for _, code := range p.code() {
			for _, match := range command.FindAllStringSubmatch(code, -1) {
				name := match[1]
				flags, found := commands[name]
				if !assert.True(t, found, "%s: %s: there is no such command", p.path, strings.TrimSpace(match[0])) {
					continue
				}
				seen[name] = true
				for _, f := range flag.FindAllStringSubmatch(match[2], -1) {
					assert.Contains(t, flags, f[1], "%s: %s: there is no such flag", p.path, code)
					seen[f[1]] = true
				}
			}
			if f := flag.FindString(code); f != "" && strings.HasPrefix(code, f) {
				seen[f] = true
			}
		}
	}
	for name, flags := range commands {
		assert.True(t, seen[name], "no page explains picluster %s", name)
		for _, f := range flags {
			assert.True(t, len(f) < 3 || seen[f], "no page explains %s of picluster %s", f, name)
		}
	}
}

// TestMakeTargets looks for targets that do not exist, and for those that no page names.
func TestMakeTargets(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "Makefile"))
	require.NoError(t, err)
	targets := []string{"bin/picluster", "bin/lab"}
	for _, match := range makeTarget.FindAllStringSubmatch(string(text), -1) {
		targets = append(targets, match[1])
	}
	require.Contains(t, targets, "verify")
	seen := map[string]bool{}
	for _, p := range pages(t) {
		for _, code := range p.code() {
			for _, match := range makeCall.FindAllStringSubmatch(code, -1) {
				for _, target := range strings.Fields(match[1]) {
					assert.True(t, slices.Contains(targets, target), "%s: make %s: there is no such target", p.path, target)
					seen[target] = true
				}
			}
		}
	}
	for _, target := range targets[2:] {
		assert.True(t, seen[target], "no document names make %s", target)
	}
}
