package tests

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReleaseRequiresCI(t *testing.T) {
	step := readWorkflow(t, "workflows", "release.yml").Jobs["release"].step(t, "Require that CI has passed on main")
	for answer, passes := range map[string]bool{"1\n": true, "2\n": true, "0\n": false} {
		r := newRunner(t)
		r.answer(answer)
		out, code, _ := r.run(step.Run, "COMMIT=abc")
		assert.Equal(t, passes, code == 0, out)
		assert.Equal(t, passes, !strings.Contains(out, "Fix: "), out)
		calls, _ := r.calls()
		require.Len(t, calls, 1)
		assert.Contains(t, calls[0], "--workflow ci.yml --branch main --event push --commit abc --status success")
	}
	r := newRunner(t)
	require.NoError(t, os.WriteFile(filepath.Join(r.fake, "fail"), nil, 0o600))
	_, code, _ := r.run(step.Run, "COMMIT=abc")
	assert.NotZero(t, code, "it could not look")
}

func TestReleaseNotes(t *testing.T) {
	const changelog = `# Changelog

## [Unreleased]

### Added

- Later.

## [1.2.3] - 2026-01-02

### Added

- [A link](docs/x.md).

## [1.2.3-rc.1] - 2026-01-01

- The candidate.

## [1.0.0] - 2025-01-01

[1.2.3]: https://example.com
`
	step := readWorkflow(t, "workflows", "release.yml").Jobs["release"].step(t, "Write the notes")
	for version, want := range map[string]string{
		"v1.2.3":      "### Added\n\n- [A link](docs/x.md).\n",
		"v1.2.3-rc.1": "- The candidate.\n",
		"v1.0.0":      "", // no text
		"v1.2":        "",
		"v2.0.0":      "",
	} {
		r := newRunner(t)
		r.file("CHANGELOG.md", changelog)
		out, code, _ := r.run(step.Run, "VERSION="+version)
		assert.Equal(t, want != "", code == 0, version+": "+out)
		if want == "" {
			assert.Contains(t, out, "CHANGELOG.md: got no section "+strings.TrimPrefix(version, "v")+"; want ", version)
			continue
		}
		notes, err := os.ReadFile(filepath.Join(r.dir, "notes.md"))
		require.NoError(t, err)
		assert.Equal(t, want, string(notes), version)
	}
}

// TestChangelog has the repository's own changelog begin with what is not released.
func TestChangelog(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "CHANGELOG.md"))
	require.NoError(t, err)
	_, sections, _ := strings.Cut(string(text), "\n## ")
	assert.True(t, strings.HasPrefix(sections, "[Unreleased]\n"))
}

func TestReleasePublishes(t *testing.T) {
	job := readWorkflow(t, "workflows", "release.yml").Jobs["release"]
	step := job.step(t, "Publish")
	for name, test := range map[string]struct {
		version, draft string
		want           []string
	}{
		"a version": {"v1.2.3", "", []string{
			"release view v1.2.3 --json isDraft --jq .isDraft",
			"release create v1.2.3 --title v1.2.3 --notes-file notes.md --verify-tag --draft dist/release/SHA256SUMS dist/release/a.tar.gz",
			"release edit v1.2.3 --draft=false",
		}},
		"a candidate": {"v1.2.3-rc.1", "", []string{
			"release view v1.2.3-rc.1 --json isDraft --jq .isDraft",
			"release create v1.2.3-rc.1 --title v1.2.3-rc.1 --notes-file notes.md --verify-tag --draft --prerelease dist/release/SHA256SUMS dist/release/a.tar.gz",
			"release edit v1.2.3-rc.1 --draft=false",
		}},
		"a draft of a run that was cut off": {"v1.2.3", "true\n", []string{
			"release view v1.2.3 --json isDraft --jq .isDraft",
			"release delete v1.2.3 --yes",
			"release create v1.2.3 --title v1.2.3 --notes-file notes.md --verify-tag --draft dist/release/SHA256SUMS dist/release/a.tar.gz",
			"release edit v1.2.3 --draft=false",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRunner(t)
			r.answer(test.draft)
			require.NoError(t, os.MkdirAll(filepath.Join(r.dir, "dist", "release"), 0o755))
			for _, file := range []string{"dist/release/SHA256SUMS", "dist/release/a.tar.gz", "notes.md"} {
				r.file(file, "x\n")
			}
			out, code, _ := r.run(step.Run, "VERSION="+test.version)
			require.Zero(t, code, out)
			calls, _ := r.calls()
			assert.Equal(t, test.want, calls)
		})
	}

	t.Run("a failed upload", func(t *testing.T) {
		r := newRunner(t)
		require.NoError(t, os.WriteFile(filepath.Join(r.fake, "fail"), nil, 0o600))
		_, code, _ := r.run(step.Run, "VERSION=v1.2.3")
		assert.NotZero(t, code)
		calls, _ := r.calls()
		assert.NotContains(t, strings.Join(calls, "\n"), "--draft=false")
	})

	t.Run("what is built and attested", func(t *testing.T) {
		build, attest, publish := -1, -1, -1
		for i, s := range job.Steps {
			switch {
			case s.Run == "make release":
				build = i
			case strings.HasPrefix(s.Uses, "actions/attest@"):
				attest = i
				assert.Equal(t, "dist/release/SHA256SUMS", s.With["subject-checksums"])
			case s.Name == "Publish":
				publish = i
			case strings.HasPrefix(s.Uses, "actions/setup-go@"):
				assert.Equal(t, false, s.With["cache"], "a cache of another run")
			}
			assert.NotContains(t, s.Uses, "actions/cache", "a cache of another run")
		}
		assert.True(t, 0 <= build && build < attest && attest < publish, "%d %d %d", build, attest, publish)
		assert.Equal(t, "${{ github.ref_name }}", job.Env["VERSION"])
	})
}
