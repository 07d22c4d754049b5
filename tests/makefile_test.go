package tests

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fakeGo is a go command that writes its arguments to the file LOG. What it builds
// does the same.
const fakeGo = `#!/bin/sh
printf 'go %s\n' "$*" >> "$LOG"
if [ "$1" = env ]; then echo "$FAKE_CC"; exit; fi
while [ $# -gt 0 ]; do
	if [ "$1" = -o ]; then
		printf '#!/bin/sh\nprintf "%%s" "${0##*/}" >> "$LOG"\nprintf " [%%s]" "$@" >> "$LOG"\necho >> "$LOG"\n' > "$2"
		chmod +x "$2"
	fi
	shift
done
`

// makeRun runs make with the project's Makefile in a directory of its own, where go
// is fakeGo.
type makeRun struct {
	*testing.T
	dir string
}

func newMakeRun(t *testing.T) makeRun {
	t.Helper()
	m := makeRun{t, t.TempDir()}
	text, err := os.ReadFile(filepath.Join("..", "Makefile"))
	require.NoError(t, err)
	m.write("Makefile", string(text), 0o644)
	m.write("path/go", fakeGo, 0o755)
	for _, dir := range []string{"bin", "lab", "ops"} {
		require.NoError(t, os.MkdirAll(filepath.Join(m.dir, dir), 0o755))
	}
	return m
}

func (m makeRun) write(name, text string, mode os.FileMode) {
	m.Helper()
	path := filepath.Join(m.dir, name)
	require.NoError(m, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(m, os.WriteFile(path, []byte(text), mode))
}

// run returns what make printed, the commands that ran, and whether it succeeded.
func (m makeRun) run(environment []string, args ...string) (out, log string, succeeded bool) {
	m.Helper()
	logFile := filepath.Join(m.dir, "log")
	_ = os.Remove(logFile)
	cmd := exec.Command("make", append([]string{"--no-print-directory"}, args...)...)
	cmd.Dir = m.dir
	cmd.Env = append([]string{
		"PATH=" + filepath.Join(m.dir, "path") + string(os.PathListSeparator) + os.Getenv("PATH"),
		"HOME=" + m.dir,
		"LOG=" + logFile,
	}, environment...)
	out, err := output(cmd)
	text, _ := os.ReadFile(logFile)
	return out, string(text), err == nil
}

// stackTargets are the targets that run picluster on a stack.
var stackTargets = []string{"up", "preview", "refresh", "repair", "adopt", "rotate", "drift", "verify"}

// labTargets are the targets for the lab alone.
var labTargets = []string{"status", "down", "stop"}

func TestMakefileTakesNamesAsData(t *testing.T) {
	m := newMakeRun(t)
	for _, variable := range []string{"STACK", "YES"} {
		for _, value := range []string{
			"$(shell touch ran)", "$$(touch ran)", "$(touch ran)", "`touch ran`", "; touch ran", "'; touch ran; '", `"; touch ran; "`,
			"lab; touch ran", "lab touch", "lab\ntouch ran", "&& touch ran", "a|b", "é",
		} {
			for _, target := range append(append([]string{"test", "bin/lab"}, stackTargets...), labTargets...) {
				setting := variable + "=" + value
				for where, run := range map[string]func() (string, string, bool){
					"command line": func() (string, string, bool) { return m.run(nil, target, setting) },
					"environment":  func() (string, string, bool) { return m.run([]string{setting}, target) },
				} {
					what := where + ": make " + target + " " + setting
					out, log, succeeded := run()
					assert.False(t, succeeded, what)
					assert.Empty(t, log, what)
					assert.Contains(t, out, variable+`: got "`+value+`"; want `, what)
					assert.NoFileExists(t, filepath.Join(m.dir, "ran"), what)
					assert.NoFileExists(t, filepath.Join(m.dir, "ops", "ran"), what)
				}
			}
		}
	}
}

func TestMakefileChecksTheNameOfAStack(t *testing.T) {
	m := newMakeRun(t)
	for _, name := range []string{"prod", "Prod-2_a.b", "org/prod", "org/project/prod", "-x"} {
		out, log, succeeded := m.run(nil, "preview", "STACK="+name)
		require.True(t, succeeded, out)
		assert.Contains(t, log, "picluster [preview] [--stack] ["+name+"]\n")
	}
	for _, name := range []string{"", "/prod", "prod/", "org//prod", "a/b/c/d"} {
		out, log, succeeded := m.run(nil, "preview", "STACK="+name)
		assert.False(t, succeeded, name)
		assert.Empty(t, log, name)
		assert.Contains(t, out, `STACK: got "`+name+`"; want letters, digits`)
	}
}

func TestMakefilePassesFlags(t *testing.T) {
	m := newMakeRun(t)
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"up"}, "lab [run] [bin/picluster] [up] [--stack] [lab] [--yes]"},
		{[]string{"up", "YES="}, "lab [run] [bin/picluster] [up] [--stack] [lab]"},
		{[]string{"up", "STACK=prod"}, "picluster [up] [--stack] [prod]"},
		{[]string{"up", "STACK=prod", "YES=yes"}, "picluster [up] [--stack] [prod] [--yes]"},
		{[]string{"refresh", "STACK=prod", "YES=yes"}, "picluster [refresh] [--stack] [prod] [--yes]"},
		{[]string{"adopt", "STACK=prod", "YES=yes"}, "picluster [adopt] [--stack] [prod] [--yes]"},
		{[]string{"rotate", "STACK=prod", "YES=yes"}, "picluster [rotate] [--stack] [prod] [--yes]"},
		{[]string{"repair", "STACK=prod", "YES=yes"}, "picluster [repair] [--stack] [prod] [--yes]"},
		{[]string{"repair", "STACK=prod", "ONLY=2,5"}, "picluster [repair] [--stack] [prod] [--only] [2,5]"},
		{[]string{"drift", "STACK=prod"}, "picluster [drift] [--stack] [prod]"},
		{[]string{"drift", "STACK=prod", "SUMMARY=a b.md"}, "picluster [drift] [--stack] [prod] [--summary] [a b.md]"},
		{[]string{"verify"}, "lab [run] [bin/picluster] [verify] [--stack] [lab]"},
		{[]string{"verify", "STACK=prod", "YES=yes"}, "picluster [verify] [--stack] [prod]"},
		{[]string{"verify", "STACK=prod", "WAIT=$(shell touch ran)45m; touch ran"}, "picluster [verify] [--stack] [prod] [--wait] [$(shell touch ran)45m; touch ran]"},
		{[]string{"preview", "STACK=prod", "SUMMARY=$(shell touch ran); touch ran"}, "picluster [preview] [--stack] [prod] [--summary] [$(shell touch ran); touch ran]"},
	} {
		out, log, succeeded := m.run(nil, test.args...)
		require.True(t, succeeded, out)
		lines := strings.Split(strings.TrimSpace(log), "\n")
		assert.Equal(t, test.want, lines[len(lines)-1], "make %q", test.args)
		assert.NoFileExists(t, filepath.Join(m.dir, "ran"))
	}
}

func TestMakefileStopsOnlyTheLab(t *testing.T) {
	m := newMakeRun(t)
	for target, fix := range map[string]string{
		"down":   "bin/picluster destroy --stack org/prod\n",
		"stop":   "pulumi stack --stack org/prod\n",
		"status": "pulumi stack --stack org/prod\n",
	} {
		for _, parallel := range []string{"-j1", "-j4"} {
			out, log, succeeded := m.run(nil, parallel, target, "STACK=org/prod")
			assert.False(t, succeeded, target)
			assert.Empty(t, log, "make %s STACK=org/prod ran something", target)
			assert.Contains(t, out, "Fix: "+fix)
		}
	}
}

// TestMakefileStopsWithoutCompiling has the targets that end a lab run what started it.
func TestMakefileStopsWithoutCompiling(t *testing.T) {
	m := newMakeRun(t)
	for _, target := range labTargets {
		out, log, succeeded := m.run(nil, target)
		assert.False(t, succeeded, target)
		assert.Empty(t, log, target)
		assert.Contains(t, out, "Fix: make bin/lab\n")
	}
	out, _, succeeded := m.run(nil, "bin/lab")
	require.True(t, succeeded, out)
	for _, target := range labTargets {
		out, log, succeeded := m.run(nil, target)
		require.True(t, succeeded, out)
		assert.Equal(t, "lab ["+target+"]\n", log)
	}
}

// TestMakefileHelp has make without arguments start nothing, and name every target.
func TestMakefileHelp(t *testing.T) {
	m := newMakeRun(t)
	out, log, succeeded := m.run([]string{"STACK=; touch ran", "YES=no"})
	require.True(t, succeeded, out)
	assert.Empty(t, log)
	for _, target := range makeTargets(t) {
		if target != "FORCE" && target != "arguments" && target != "version" {
			assert.Regexp(t, `(?m)^make `+target+` +\S`, out)
		}
	}
	for _, variable := range []string{"STACK=NAME", "YES=yes", "SUMMARY=FILE", "WAIT=45m"} {
		assert.Contains(t, out, variable)
	}
}

// TestMakefileBuildsAVersion has the four platforms built, and the version given to the linker.
func TestMakefileBuildsAVersion(t *testing.T) {
	m := newMakeRun(t)
	m.write("Pulumi.yaml", "name: x\nruntime:\n  options:\n    # Kept between runs\n    buildTarget: bin/program\n", 0o644)
	m.write("Pulumi.picluster.yaml", "", 0o644)
	for _, version := range []string{"", "v1.2.3", "v0.10.0-rc.1"} {
		out, log, succeeded := m.run(nil, "build", "VERSION="+version)
		require.True(t, succeeded, out)
		for _, platform := range []string{"linux-amd64", "linux-arm64", "darwin-amd64", "darwin-arm64"} {
			assert.Contains(t, log, "go build -ldflags -X main.released="+version+" -o ../dist/"+platform+"/picluster .\n")
			assert.Contains(t, log, "go build -o dist/"+platform+"/program .\n")
			assert.FileExists(t, filepath.Join(m.dir, "dist", platform, "Pulumi.yaml"))
		}
	}

	for _, version := range []string{"1.2.3", "v1.2", "v1.2.3.4", "v1.2.3-", "v1.2.3\nx", "v1.2.3 -w", "$(shell touch ran)", "v1.2.3; touch ran", "v1.2.3'"} {
		for _, target := range []string{"build", "release", "dist/linux-arm64"} {
			out, log, succeeded := m.run(nil, target, "VERSION="+version)
			assert.False(t, succeeded, version)
			assert.Empty(t, log, version)
			assert.Contains(t, out, `VERSION: got "`+version+`"; want a version such as v1.2.3`)
			assert.NoFileExists(t, filepath.Join(m.dir, "ran"))
		}
	}
	out, log, succeeded := m.run(nil, "release")
	assert.False(t, succeeded)
	assert.Empty(t, log)
	assert.Contains(t, out, "Fix: make release VERSION=v1.2.3\n")
}

// TestMakefileReleases has an archive for each platform with what a project needs, an SBOM of
// each binary, and the checksums of all of them.
func TestMakefileReleases(t *testing.T) {
	m := newMakeRun(t)
	m.write("Pulumi.yaml", "name: x\nruntime:\n  options:\n    # Kept between runs\n    buildTarget: bin/program\n", 0o644)
	m.write("Pulumi.picluster.yaml", "", 0o644)
	m.write("Pulumi.lab.yaml", "", 0o644)
	m.write("Pulumi.production.yaml", "", 0o644) // a user's
	m.write("path/go", writingGo, 0o755)
	out, _, succeeded := m.run(nil, "release", "VERSION=v1.2.3")
	require.True(t, succeeded, out)
	dir := filepath.Join(m.dir, "dist", "release")
	var want []string
	for _, platform := range []string{"linux-amd64", "linux-arm64", "darwin-amd64", "darwin-arm64"} {
		name := "picluster-v1.2.3-" + platform
		want = append(want, name+".tar.gz", name+".program.cdx.json", name+".picluster.cdx.json")
		files, err := exec.Command("tar", "-t", "-z", "-f", filepath.Join(dir, name+".tar.gz")).Output()
		require.NoError(t, err)
		assert.ElementsMatch(t, []string{
			name + "/", name + "/program", name + "/picluster", name + "/Pulumi.yaml", name + "/Pulumi.picluster.yaml",
		}, strings.Fields(string(files)))
		project, err := exec.Command("tar", "-x", "-z", "-O", "-f", filepath.Join(dir, name+".tar.gz"), name+"/Pulumi.yaml").Output()
		require.NoError(t, err)
		assert.Equal(t, "name: x\nruntime:\n  options:\n    binary: program\n", string(project))
	}
	sums, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS"))
	require.NoError(t, err)
	var listed []string
	for line := range strings.Lines(string(sums)) {
		sum, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		listed = append(listed, name)
		text, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprintf("%x", sha256.Sum256(text)), sum, name)
	}
	assert.ElementsMatch(t, want, listed)
}

// writingGo writes the file that follows -o or -output.
const writingGo = `#!/bin/sh
while [ $# -gt 0 ]; do
	case "$1" in -o|-output) echo built > "$2";; esac
	shift
done
`

func TestMakefileRaceRequiresACompiler(t *testing.T) {
	m := newMakeRun(t)
	out, log, succeeded := m.run([]string{"FAKE_CC=no-such-cc -m64"}, "race")
	assert.False(t, succeeded)
	assert.Equal(t, "go env CC\n", log)
	assert.Contains(t, out, "Fix: apt-get install gcc libc6-dev\n")

	out, log, succeeded = m.run([]string{"FAKE_CC=sh -m64"}, "race")
	require.True(t, succeeded, out)
	assert.Equal(t, 2, strings.Count(log, "go test -race -count=1 ./...\n"), "in lab and in ops: %s", log)
}

// makeTargets are the Makefile's phony targets.
func makeTargets(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "Makefile"))
	require.NoError(t, err)
	phony := regexp.MustCompile(`(?m)^\.PHONY:((?:\\\n|.)*)$`).FindSubmatch(text)
	require.NotNil(t, phony, "the Makefile has no .PHONY")
	targets := strings.Fields(strings.ReplaceAll(string(phony[1]), "\\", ""))
	require.Contains(t, targets, "up")
	return targets
}

// TestCIRun has .ci/run name targets of the Makefile.
func TestCIRun(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", ".ci", "run"))
	require.NoError(t, err)
	loop := regexp.MustCompile(`(?m)^for target in (.*); do$`).FindSubmatch(text)
	require.NotNil(t, loop)
	assert.Equal(t, []string{"lint", "fuzz", "race", "test"}, strings.Fields(string(loop[1])))
	assert.Subset(t, makeTargets(t), strings.Fields(string(loop[1])))
}
