package tests

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/modfile"
	"sigs.k8s.io/yaml"
)

// workflow is the part of a workflow of GitHub Actions that is tested.
type workflow struct {
	// On has the triggers; a YAML parser reads the key on as true.
	On          map[string]any                 `json:"true"`
	Env         map[string]string              `json:"env"`
	Concurrency any                            `json:"concurrency"`
	Jobs        map[string]*workflowJob        `json:"jobs"`
	Runs        struct{ Steps []workflowStep } `json:"runs"` // of an action
}

type workflowJob struct {
	If          string            `json:"if"`
	Needs       any               `json:"needs"`
	Environment string            `json:"environment"`
	Permissions map[string]string `json:"permissions"`
	Concurrency any               `json:"concurrency"`
	Strategy    struct {
		FailFast *bool          `json:"fail-fast"`
		Matrix   map[string]any `json:"matrix"`
	} `json:"strategy"`
	Env   map[string]string `json:"env"`
	Steps []workflowStep    `json:"steps"`
}

type workflowStep struct {
	ID              string            `json:"id"`
	If              string            `json:"if"`
	Name            string            `json:"name"`
	Run             string            `json:"run"`
	Uses            string            `json:"uses"`
	ContinueOnError any               `json:"continue-on-error"`
	Env             map[string]string `json:"env"`
	With            map[string]any    `json:"with"`
}

// readWorkflow reads a file of .github.
func readWorkflow(t *testing.T, path ...string) workflow {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{"..", ".github"}, path...)...))
	require.NoError(t, err)
	var w workflow
	require.NoError(t, yaml.Unmarshal(text, &w))
	return w
}

// onStacks has the name of the job of each workflow that runs on stacks, by its file.
var onStacks = map[string]string{"preview.yml": "preview", "up.yml": "up", "drift.yml": "drift"}

// step returns the step of a job with this id or name.
func (j *workflowJob) step(t *testing.T, name string) workflowStep {
	t.Helper()
	for _, s := range j.Steps {
		if s.ID == name || s.Name == name {
			return s
		}
	}
	require.Fail(t, "no step is called "+name)
	return workflowStep{}
}

// fakeGH is a gh that writes its arguments to the file calls, a line each, and the text
// that it was to send to the file sent. It prints the file answer, and fails if there
// is a file fail.
const fakeGH = `#!/usr/bin/env bash
set -euo pipefail
printf '%s\n' "$*" >> "$FAKE/calls"
while [ $# -gt 0 ]; do
	case $1 in
	--body-file) cp "$2" "$FAKE/sent" ;;
	body=@*) cp "${1#body=@}" "$FAKE/sent" ;;
	list | view | --paginate | repos/*/environments/*) [ ! -e "$FAKE/answer" ] || cat "$FAKE/answer" ;;
	esac
	shift
done
[ ! -e "$FAKE/fail" ]
`

// runner runs the steps of a workflow in a directory of its own, with fakeGH.
type runner struct {
	*testing.T
	dir, fake string
}

func newRunner(t *testing.T) runner {
	t.Helper()
	r := runner{t, t.TempDir(), t.TempDir()}
	github, err := filepath.Abs(filepath.Join("..", ".github"))
	require.NoError(t, err)
	require.NoError(t, os.Symlink(github, filepath.Join(r.dir, ".github")))
	require.NoError(t, os.Mkdir(filepath.Join(r.dir, "bin"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(r.fake, "gh"), []byte(fakeGH), 0o755))
	return r
}

// answer is what gh prints of its lists.
func (r runner) answer(text string) {
	r.Helper()
	require.NoError(r, os.WriteFile(filepath.Join(r.fake, "answer"), []byte(text), 0o600))
}

// file writes a file of the checkout.
func (r runner) file(name, text string) {
	r.Helper()
	require.NoError(r, os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o755))
}

// run runs the text of a step as GitHub does, and returns what it printed, its exit
// code, and what it wrote to GITHUB_OUTPUT.
func (r runner) run(text string, env ...string) (out string, code int, outputs string) {
	r.Helper()
	outputsFile := filepath.Join(r.fake, "outputs")
	_ = os.Remove(outputsFile)
	cmd := exec.Command("bash", "-e", "-c", text)
	cmd.Dir = r.dir
	cmd.Env = append([]string{
		"PATH=" + r.fake + string(os.PathListSeparator) + os.Getenv("PATH"),
		"HOME=" + r.fake,
		"FAKE=" + r.fake,
		"STACK=picluster",
		"GH_REPO=owner/name",
		"GITHUB_OUTPUT=" + outputsFile,
		"GITHUB_SERVER_URL=https://github.example.com", "GITHUB_REPOSITORY=owner/name", "GITHUB_RUN_ID=42",
	}, env...)
	out, _ = output(cmd)
	written, _ := os.ReadFile(outputsFile)
	return out, cmd.ProcessState.ExitCode(), string(written)
}

// calls returns the calls of gh, and the text that the last one sent.
func (r runner) calls() (calls []string, sent string) {
	r.Helper()
	text, _ := os.ReadFile(filepath.Join(r.fake, "calls"))
	for line := range strings.Lines(string(text)) {
		calls = append(calls, strings.TrimSpace(line))
	}
	body, _ := os.ReadFile(filepath.Join(r.fake, "sent"))
	return calls, string(body)
}

// TestDriftWorkflow runs the steps of drift.yml from the command on.
func TestDriftWorkflow(t *testing.T) {
	const (
		others = "17 <!-- picluster drift picluster-2 -->\n3 \n4 Text about <!-- picluster drift picluster -->\n"
		ours   = "7 <!-- picluster drift picluster -->\n"
		list   = "issue list --label drift --state open"
		body   = "<!-- picluster drift picluster -->\n| a table |\n"
	)
	ended := func(code int) string {
		return fmt.Sprintf("#!/bin/sh\necho \"$*\" > args\necho '| a table |' > drift.md\nexit %d\n", code)
	}
	for name, test := range map[string]struct {
		picluster string // empty: was not built
		issues    string
		want      []string // the calls of gh, each by its start
		sent      string
		fails     bool
	}{
		"drift, no issue": {ended(2), others, []string{list, "label create drift --force",
			"issue create --title Stack picluster has drifted --label drift --body-file"}, body, false},
		"drift, an issue":    {ended(2), others + ours, []string{list, "api --method PATCH repos/owner/name/issues/7 --field body=@"}, body, false},
		"no drift, no issue": {ended(0), others, []string{list}, "", false},
		"no drift, an issue": {ended(0), others + ours, []string{list, "issue close 7 --reason completed"}, "", false},
		"could not tell":     {ended(1), ours, nil, "", true},
		"killed":             {"#!/bin/sh\nkill -9 $$\n", ours, nil, "", true},
		"not built":          {"", ours, nil, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRunner(t)
			r.answer(test.issues)
			if test.picluster != "" {
				r.file("bin/picluster", test.picluster)
			}
			job := readWorkflow(t, "workflows", "drift.yml").Jobs["drift"]
			out, code, outputs := r.run(job.step(t, "drift").Run)
			require.Zero(t, code, out)
			require.Regexp(t, `^code=\d+\n$`, outputs)
			if test.picluster != "" && name != "killed" {
				args, err := os.ReadFile(filepath.Join(r.dir, "args"))
				require.NoError(t, err)
				assert.Equal(t, "drift --stack picluster --summary drift.md --lock-timeout 15m\n", string(args))
			}

			issue := job.step(t, "Keep the issue")
			assert.Equal(t, "${{ steps.drift.outputs.code }}", issue.Env["CODE"])
			assert.Empty(t, issue.If, "it runs after a failed step")
			out, code, _ = r.run(issue.Run, "CODE="+strings.TrimSpace(strings.TrimPrefix(outputs, "code=")), "SUMMARY="+issue.Env["SUMMARY"])
			assert.Equal(t, test.fails, code != 0, out)
			calls, sent := r.calls()
			require.Len(t, calls, len(test.want), calls)
			for i, want := range test.want {
				assert.True(t, strings.HasPrefix(calls[i], want), calls[i])
			}
			assert.Equal(t, test.sent, sent)
			if test.fails {
				assert.Contains(t, out, "no issue was touched")
			}
		})
	}
}

func TestDriftIssueOpensNoSecondOneWhileItCannotLook(t *testing.T) {
	r := newRunner(t)
	r.file("drift.md", "| a table |\n")
	require.NoError(t, os.WriteFile(filepath.Join(r.fake, "fail"), nil, 0o600))
	out, code, _ := r.run(".github/scripts/drift-issue", "CODE=2", "SUMMARY=drift.md")
	assert.NotZero(t, code, out)
	calls, _ := r.calls()
	assert.Len(t, calls, 1, calls)

	out, code, _ = r.run(".github/scripts/drift-issue", "SUMMARY=drift.md")
	assert.NotZero(t, code, out)
	assert.Contains(t, out, "exited with nothing")
}

func TestPreviewComment(t *testing.T) {
	const list = "api --paginate repos/owner/name/issues/12/comments?per_page=100 --jq "
	for name, test := range map[string]struct{ comments, want string }{
		"none":    {"8 Looks good\n9 <!-- picluster preview picluster-2 -->\n10 \n", "api --method POST repos/owner/name/issues/12/comments --field body=@"},
		"its own": {"9 <!-- picluster preview picluster-2 -->\n11 <!-- picluster preview picluster -->\n", "api --method PATCH repos/owner/name/issues/comments/11 --field body=@"},
	} {
		r := newRunner(t)
		r.answer(test.comments)
		r.file("preview.md", "### Preview\n")
		step := readWorkflow(t, "workflows", "preview.yml").Jobs["preview"].step(t, "Write the comment")
		out, code, _ := r.run(step.Run, "PULL=12", "SUMMARY="+step.Env["SUMMARY"])
		require.Zero(t, code, out)
		calls, sent := r.calls()
		require.Len(t, calls, 2, name)
		assert.True(t, strings.HasPrefix(calls[0], list), calls[0])
		assert.Contains(t, calls[0], `select(.user.login == "github-actions[bot]")`, "anybody's comment is overwritten")
		assert.True(t, strings.HasPrefix(calls[1], test.want), calls[1])
		assert.Equal(t, "<!-- picluster preview picluster -->\n### Preview\n", sent)
	}
}

// TestBodyFitsGitHub cuts a text beyond GitHub's limit, at a character's end.
func TestBodyFitsGitHub(t *testing.T) {
	r := newRunner(t)
	for _, line := range []string{"x\n", strings.Repeat("é", 999) + "\n"} {
		r.file("long.md", strings.Repeat(line, 70_000/len(line)))
		out, code, _ := r.run(".github/scripts/body '<!-- mark -->' long.md")
		require.Zero(t, code, out)
		assert.LessOrEqual(t, len(out), 65_536)
		assert.Greater(t, len(out), 60_000)
		assert.True(t, utf8.ValidString(out))
		assert.True(t, strings.HasPrefix(out, "<!-- mark -->\n**Cut"))
		assert.True(t, strings.HasSuffix(out, "\n"+line), "not at the end of a line")
		assert.Contains(t, out, "https://github.example.com/owner/name/actions/runs/42")
	}
	whole := strings.Repeat("x\n", 30_000)
	r.file("whole.md", whole)
	out, _, _ := r.run(".github/scripts/body '<!-- mark -->' whole.md")
	assert.Equal(t, "<!-- mark -->\n"+whole, out)
}

func TestUpRequiresReviewers(t *testing.T) {
	step := readWorkflow(t, "workflows", "up.yml").Jobs["reviewers"].step(t, "Require an environment with reviewers")
	for answer, want := range map[string]string{
		"wait_timer\nrequired_reviewers\n": "",
		"":                                 "no required reviewers",
		"wait_timer\nbranch_policy\n":      "no required reviewers",
		"fail":                             "no such environment",
	} {
		r := newRunner(t)
		if answer == "fail" {
			require.NoError(t, os.WriteFile(filepath.Join(r.fake, "fail"), nil, 0o600))
		} else {
			r.answer(answer)
		}
		out, code, _ := r.run(step.Run, "STACK=org/project/prod")
		assert.Equal(t, want == "", code == 0, out)
		assert.Contains(t, out, want)
		if want != "" {
			assert.Contains(t, out, "https://github.example.com/owner/name/settings/environments")
		}
		calls, _ := r.calls()
		require.Len(t, calls, 1)
		assert.True(t, strings.HasPrefix(calls[0], "api repos/owner/name/environments/org%2Fproject%2Fprod --jq "), calls[0])
	}
}

// origin is a repository whose branch main has commits.
type origin struct {
	*testing.T
	dir string
}

func newOrigin(t *testing.T) origin {
	t.Helper()
	o := origin{t, t.TempDir()}
	o.git(o.dir, "init", "--quiet", "--initial-branch=main")
	o.git(o.dir, "config", "uploadpack.allowAnySHA1InWant", "true")
	return o
}

func (o origin) git(dir string, args ...string) string {
	o.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=n", "-c", "user.email=e@example.com", "-C", dir}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
	out, err := output(cmd)
	require.NoError(o, err, out)
	return strings.TrimSpace(out)
}

// commit changes a file, and returns the commit.
func (o origin) commit(path string) string {
	o.Helper()
	path = filepath.Join(o.dir, path)
	require.NoError(o, os.MkdirAll(filepath.Dir(path), 0o755))
	old, _ := os.ReadFile(path)
	require.NoError(o, os.WriteFile(path, append(old, '.'), 0o600))
	o.git(o.dir, "add", ".")
	o.git(o.dir, "commit", "--quiet", "--message=x")
	return o.git(o.dir, "rev-parse", "HEAD")
}

// checkout returns a runner with a checkout of a commit as GitHub's.
func (o origin) checkout(commit string) runner {
	o.Helper()
	r := newRunner(o.T)
	o.git(r.dir, "init", "--quiet")
	o.git(r.dir, "remote", "add", "origin", "file://"+o.dir)
	o.git(r.dir, "fetch", "--quiet", "--depth=1", "origin", commit)
	return r
}

// TestUpDeploysTheNewestCommit deploys nothing if main has something newer that has a
// run of its own, and only then.
func TestUpDeploysTheNewestCommit(t *testing.T) {
	step := readWorkflow(t, "workflows", "up.yml").Jobs["up"].step(t, "newest")
	o := newOrigin(t)
	look := func(commit string) (out string, code int, outputs string) {
		t.Helper()
		return o.checkout(commit).run(step.Run, "COMMIT="+commit)
	}

	for _, path := range []string{"main.go", "go.sum", "Pulumi.picluster.yaml", "components/grafana/dashboard.json", "ops/go.mod", ".github/workflows/up.yml"} {
		old := o.commit("README.md")
		newest := o.commit(path)
		out, code, outputs := look(old)
		assert.Zero(t, code, out)
		assert.Equal(t, "deploy=false\n", outputs, path)
		assert.Contains(t, out, newest)
		out, code, outputs = look(newest)
		assert.Zero(t, code, out)
		assert.Equal(t, "deploy=true\n", outputs, path)
		assert.NotContains(t, out, "::notice::")
	}
	for _, path := range []string{"README.md", "docs/x.md", "main_test.go", "ops/drift/drift_test.go", "tests/x.go", "lab/x.go", "Pulumi.lab.yaml"} {
		old := o.git(o.dir, "rev-parse", "HEAD")
		o.commit(path)
		out, code, outputs := look(old)
		assert.Zero(t, code, out)
		assert.Equal(t, "deploy=true\n", outputs, "%s has no run of its own", path)
	}

	r := newRunner(t) // no repository
	_, code, outputs := r.run(step.Run, "COMMIT=HEAD")
	assert.NotZero(t, code)
	assert.NotContains(t, outputs, "true")
}

// TestUpLooksForANewerCommitBeforeEachTry waits while another update has the stack locked,
// and deploys nothing once main has something newer.
func TestUpLooksForANewerCommitBeforeEachTry(t *testing.T) {
	step := readWorkflow(t, "workflows", "up.yml").Jobs["up"].step(t, "Up")
	assert.Equal(t, "${{ github.sha }}", step.Env["COMMIT"])
	assert.Equal(t, "${{ github.token }}", step.Env["GH_TOKEN"])
	for name, test := range map[string]struct {
		ends    string // the exit codes of picluster, one after the other
		newer   bool   // main has something newer after the first try
		timeout string
		tries   int
		code    int
	}{
		"not locked":                         {"0", false, "60", 1, 0},
		"locked for a while":                 {"3 3 0", false, "60", 3, 0},
		"locked, and something newer":        {"3 0", true, "60", 1, 0},
		"locked for too long":                {"3 0", false, "0", 1, 3},
		"fails":                              {"1 0", false, "60", 1, 1},
		"locked for a while, and then fails": {"3 1 0", false, "60", 2, 1},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOrigin(t)
			commit := o.commit("main.go")
			r := o.checkout(commit)
			r.file("ends", test.ends)
			r.file("bin/picluster", `#!/bin/bash
echo "$* ${GH_TOKEN-no token} ${MINIO_PASSWORD-no password}" >> tries
`+map[bool]string{true: `git -C "$ORIGIN" -c user.name=n -c user.email=e@example.com commit --quiet --all --message=x && `}[test.newer]+`:
read -ra ends < ends
exit "${ends[$(wc -l < tries) - 1]}"
`)
			require.NoError(t, os.WriteFile(filepath.Join(o.dir, "main.go"), []byte("newer"), 0o600))
			out, code, _ := r.run(step.Run, "COMMIT="+commit, "GH_TOKEN=t0ken", "MINIO_PASSWORD=s3cret", "ORIGIN="+o.dir,
				"LOCK_TIMEOUT="+test.timeout, "LOCK_INTERVAL=0")
			assert.Equal(t, test.code, code, out)
			tries, err := os.ReadFile(filepath.Join(r.dir, "tries"))
			require.NoError(t, err, out)
			assert.Equal(t, strings.Repeat("up --stack picluster --yes no token s3cret\n", test.tries), string(tries), out)
			assert.Equal(t, test.newer, strings.Contains(out, "::notice::main has a newer commit"), out)
		})
	}

	o := newOrigin(t)
	old := o.commit("main.go")
	o.commit("main.go")
	r := o.checkout(old)
	r.file("bin/picluster", "#!/bin/bash\necho deployed\n")
	out, code, _ := r.run(step.Run, "COMMIT="+old, "GH_TOKEN=t0ken")
	assert.Zero(t, code, out)
	assert.NotContains(t, out, "deployed")
	o.git(r.dir, "remote", "set-url", "origin", "file:///nonexistent")
	out, code, _ = r.run(step.Run, "COMMIT="+old, "GH_TOKEN=t0ken")
	assert.NotZero(t, code, "it could not look")
	assert.NotContains(t, out, "deployed")
}

// TestPaths has the script newest count just what starts up.yml, and preview.yml the same.
func TestPaths(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", ".github", "scripts", "newest"))
	require.NoError(t, err)
	list := regexp.MustCompile(`(?s)\npaths=\(\n(.*?)\n\)\n`).FindSubmatch(text)
	require.NotNil(t, list)
	var want []string
	for _, line := range strings.Fields(string(list[1])) {
		path := strings.Trim(line, `"`)
		path = strings.Replace(path, ":(exclude,glob)", "!", 1)
		want = append(want, strings.Replace(path, ":(glob)", "", 1))
	}
	for trigger, file := range map[string]string{"push": "up.yml", "pull_request": "preview.yml"} {
		var paths []string
		for _, path := range readWorkflow(t, "workflows", file).On[trigger].(map[string]any)["paths"].([]any) {
			paths = append(paths, strings.Replace(path.(string), "workflows/preview.yml", "workflows/up.yml", 1))
		}
		assert.Equal(t, want, paths, file)
		// GitHub takes the last that matches, git any exclusion: the same in this order.
		first := slices.IndexFunc(paths, func(path string) bool { return strings.HasPrefix(path, "!") })
		for _, path := range paths[first:] {
			assert.True(t, strings.HasPrefix(path, "!"), path)
		}
	}
}

func TestWithKubeconfig(t *testing.T) {
	r := newRunner(t)
	const show = `.github/scripts/with-kubeconfig bash -c 'echo "$KUBECONFIG"; stat -c %a "$KUBECONFIG"; cat "$KUBECONFIG"; env | grep -c "^KUBECONFIG_CONTENT" || true; exit 3'`
	out, code, _ := r.run(show, "KUBECONFIG_CONTENT=kind: Config", "RUNNER_TEMP="+r.dir)
	assert.Equal(t, 3, code, "it has another exit code than the command")
	lines := strings.Split(out, "\n")
	assert.Equal(t, []string{"600", "kind: Config", "0", ""}, lines[1:])
	assert.Equal(t, r.dir, filepath.Dir(lines[0]))
	assert.NoFileExists(t, lines[0])

	out, code, _ = r.run(`.github/scripts/with-kubeconfig bash -c 'echo "[$KUBECONFIG]"'`, "KUBECONFIG_CONTENT=", "KUBECONFIG=own")
	assert.Zero(t, code)
	assert.Equal(t, "[own]\n", out)
}

// pulumiVersion returns the version of Pulumi's SDK in the program's go.mod, such as 3.216.0.
func pulumiVersion(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "go.mod"))
	require.NoError(t, err)
	mod, err := modfile.Parse("go.mod", text, nil)
	require.NoError(t, err)
	for _, r := range mod.Require {
		if r.Mod.Path == "github.com/pulumi/pulumi/sdk/v3" {
			return strings.TrimPrefix(r.Mod.Version, "v")
		}
	}
	require.Fail(t, "go.mod has no SDK of Pulumi")
	return ""
}

// TestPulumiVersion has one version of Pulumi wherever one is named.
func TestPulumiVersion(t *testing.T) {
	version := pulumiVersion(t)
	text, err := os.ReadFile(filepath.Join("..", "go.mod"))
	require.NoError(t, err)

	r := newRunner(t)
	r.file("go.mod", string(text))
	var setup workflowStep
	action := readWorkflow(t, "actions", "setup", "action.yml")
	for _, s := range action.Runs.Steps {
		if s.ID == "pulumi" {
			setup = s
		}
		if strings.HasPrefix(s.Uses, "pulumi/actions@") {
			assert.Equal(t, "${{ steps.pulumi.outputs.version }}", s.With["pulumi-version"])
		}
	}
	out, code, outputs := r.run(setup.Run)
	require.Zero(t, code, out)
	assert.Equal(t, "version="+version+"\n", outputs)
	r.file("go.mod", "module x\n")
	out, code, _ = r.run(setup.Run)
	assert.NotZero(t, code, "without a version the action installs the newest Pulumi")
	assert.Contains(t, out, "Fix: ")

	for _, file := range []string{filepath.Join("..", "deploy", "operator", "stack.yaml"), filepath.Join("..", "lab", "pulumi.go")} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Contains(t, string(text), version, file)
	}
}

// TestWorkflowsOnStacks has the workflows do nothing unless the repository names stacks,
// build the command first, and give secrets to the command alone.
func TestWorkflowsOnStacks(t *testing.T) {
	for file, name := range onStacks {
		w := readWorkflow(t, "workflows", file)
		for id, job := range w.Jobs {
			assert.True(t, strings.HasPrefix(job.If, "vars.STACKS != ''"), "%s: %s runs in every fork", file, id)
			assert.NotContains(t, job.If, "||", file)
			assert.Equal(t, map[string]any{"stack": "${{ fromJSON(vars.STACKS) }}"}, job.Strategy.Matrix, file)
			require.NotNil(t, job.Strategy.FailFast, file)
			assert.False(t, *job.Strategy.FailFast, "%s: one stack's failure cancels the others", file)
		}
		job := w.Jobs[name]
		require.NotNil(t, job, file)
		assert.NotEmpty(t, job.Environment, file)
		build, command := -1, -1
		for i, s := range job.Steps {
			assert.Nil(t, s.ContinueOnError, file)
			if strings.Contains(s.Run, "go build -o ../bin/picluster .") {
				build = i
				assert.Empty(t, s.If, file)
			}
			secrets := strings.Contains(fmt.Sprint(s.Env, s.With), "secrets.")
			switch {
			case name == "up" && strings.HasSuffix(s.Run, " .github/scripts/up"): // it keeps the token from picluster
				command = i
				assert.True(t, secrets, file)
				assert.Equal(t, "steps.newest.outputs.deploy == 'true'", s.If)
			case strings.Contains(s.Run, "bin/picluster "+name+" "):
				command = i
				assert.True(t, secrets, file)
				assert.NotContains(t, fmt.Sprint(s.Env), "github.token", file)
			default:
				assert.False(t, secrets, "%s: step %q has secrets", file, s.Name+s.Uses)
			}
		}
		assert.True(t, 0 <= build && build < command, "%s: built by step %d, run by step %d", file, build, command)
		last := job.Steps[len(job.Steps)-1]
		assert.Equal(t, "failure()", last.If, "%s: no way on", file)
		assert.Contains(t, last.Run, "gh run rerun", file)
	}

	up := readWorkflow(t, "workflows", "up.yml")
	assert.Nil(t, up.Concurrency, "another run can cancel it")
	assert.Nil(t, up.Jobs["up"].Concurrency, "another run can cancel it")
	assert.Equal(t, "reviewers", up.Jobs["up"].Needs)
	assert.Equal(t, "${{ matrix.stack }}", up.Jobs["up"].Environment)
	assert.Empty(t, up.Jobs["reviewers"].Environment, "GitHub would create the environment")
	assert.Equal(t, "read", up.Jobs["reviewers"].Permissions["actions"])
	for _, s := range up.Jobs["up"].Steps {
		organization := strings.HasSuffix(fmt.Sprint(s.With["requested-token-type"]), ":organization")
		assert.Equal(t, strings.HasPrefix(s.Uses, "pulumi/auth-actions@"), organization)
	}
	for _, file := range []string{"preview.yml", "drift.yml"} {
		assert.NotContains(t, fmt.Sprint(readWorkflow(t, "workflows", file).Jobs[onStacks[file]].Steps), "access_token:organization", file)
	}
	ci := readWorkflow(t, "workflows", "ci.yml")
	assert.Empty(t, ci.Jobs["test"].If)
	for job, targets := range map[string][]string{
		"test": {"lint", "fuzz", "race", "test"}, "wiring": {"wiring"}, "cross": {"cross", "build"},
	} {
		require.NotNil(t, ci.Jobs[job], job)
		for _, target := range targets {
			assert.True(t, slices.ContainsFunc(ci.Jobs[job].Steps, func(s workflowStep) bool { return strings.HasSuffix(s.Run, "make "+target) }), target)
		}
	}
}

// flagsOf are the flags of picluster's commands that the workflows may use.
var flagsOf = map[string][]string{
	"preview": {"--stack", "--config-file", "--summary"},
	"up":      {"--stack", "--config-file", "--yes", "--lock-timeout", "--other-cluster"},
	"drift":   {"--stack", "--config-file", "--summary", "--lock-timeout"},
}

// TestWorkflowsAreSafe has every action pinned, every value reach the shell as a
// variable, and every command and make target exist.
func TestWorkflowsAreSafe(t *testing.T) {
	targets := makeTargets(t)
	files, err := filepath.Glob(filepath.Join("..", ".github", "*", "*.yml"))
	require.NoError(t, err)
	actions, err := filepath.Glob(filepath.Join("..", ".github", "actions", "*", "action.yml"))
	require.NoError(t, err)
	require.NotEmpty(t, actions)
	require.Greater(t, len(files), len(onStacks))
	for _, file := range append(files, actions...) {
		path, err := filepath.Rel(filepath.Join("..", ".github"), file)
		require.NoError(t, err)
		w := readWorkflow(t, path)
		assert.NotContains(t, fmt.Sprint(w.Env), "secrets.", path)
		steps := w.Runs.Steps
		for _, job := range w.Jobs {
			assert.NotContains(t, fmt.Sprint(job.Env), "secrets.", path)
			assert.NotContains(t, fmt.Sprint(job.Env), "github.token", path)
			steps = append(steps, job.Steps...)
		}
		require.NotEmpty(t, steps, path)
		for _, s := range steps {
			if s.Uses != "" && !strings.HasPrefix(s.Uses, "./") {
				assert.Regexp(t, `^[\w.-]+/[\w./-]+@[0-9a-f]{40}$`, s.Uses, "%s: not pinned", path)
			}
			assert.NotContains(t, s.Run, "${{", "%s: a value becomes code in %q", path, s.Run)
			for _, match := range regexp.MustCompile(`(?m)\bmake ([\w-]+)`).FindAllStringSubmatch(s.Run, -1) {
				assert.Contains(t, targets, match[1], path)
			}
			commands := s.Run
			for _, script := range regexp.MustCompile(`\.github/scripts/[\w-]+`).FindAllString(s.Run, -1) {
				info, err := os.Stat(filepath.Join("..", script))
				require.NoError(t, err, path)
				assert.NotZero(t, info.Mode()&0o100, "%s is not executable", script)
				text, err := os.ReadFile(filepath.Join("..", script))
				require.NoError(t, err, path)
				commands += string(text)
			}
			for _, match := range regexp.MustCompile(`bin/picluster ([\w-]+)(.*)`).FindAllStringSubmatch(commands, -1) {
				require.Contains(t, flagsOf, match[1], path)
				for _, flag := range regexp.MustCompile(`(?:^| )(--?[\w-]+)`).FindAllStringSubmatch(match[2], -1) {
					assert.Contains(t, flagsOf[match[1]], flag[1], path)
				}
			}
		}
	}
}
