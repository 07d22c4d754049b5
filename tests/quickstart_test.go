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

	"github.com/picluster/picluster/lab"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// TestQuickstart runs the quick start of the README, and its way back, command by command in
// a clone, as a newcomer would. Without real nodes it leaves out verify, which simulated
// pods cannot pass.
func TestQuickstart(t *testing.T) {
	real := lab.SupportsRealNodes() == nil
	h := start(t, func(l *lab.Lab) { l.RealNodes = real })
	steps, back := readQuickstart(t)
	q := newNewcomer(h)
	seen := []string{"", "Logged in to", "Created stack 'picluster'", "[secret]", "+ 16 created", "ok"}
	require.Len(t, steps, len(seen))
	for i, step := range steps {
		if strings.Contains(step, "picluster verify") && !real {
			t.Log("not run without real nodes: verify")
			continue
		}
		if strings.Contains(step, "picluster up") {
			q.settingsOfTheLab()
		}
		out := q.run(step)
		if strings.Contains(step, "pulumi config") {
			out += q.run("```sh\npulumi config\n```")
		}
		assert.Contains(t, out, seen[i], step)
		if seen[i] != "" {
			assert.Contains(t, step, "`"+seen[i]+"`", "the README does not say what is seen")
		}
		if i == 0 {
			assert.Contains(t, out, "compiled bin/picluster in ")
		}
	}
	q.run(back)
	exists, err := h.s3(h.administrator()).BucketExists(h.Context(), "k3s-tempo")
	require.NoError(t, err)
	assert.True(t, exists, "the bucket is gone")
	assert.NotContains(t, h.kubectl("get", "namespaces", "--output=name"), "namespace/tempo")
}

// readQuickstart returns the steps of the README's quick start, and its way back.
func readQuickstart(t *testing.T) (steps []string, back string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "README.md"))
	require.NoError(t, err)
	_, section, found := strings.Cut(string(text), "\n## Quick start\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	section, back, found = strings.Cut(section, "\nThe way back ")
	require.True(t, found)
	return regexp.MustCompile(`(?m)^\d\. `).Split(section, -1)[1:], back
}

// newcomer has a clone and a state of its own, and the lab's servers.
type newcomer struct {
	harness
	dir, home string
	env       []string
}

func newNewcomer(h harness) *newcomer {
	h.Helper()
	q := &newcomer{harness: h, dir: h.TempDir(), home: h.TempDir()}
	checkout, err := filepath.Abs("..")
	require.NoError(h, err)
	config := fmt.Sprintf("[url \"file://%s\"]\n\tinsteadOf = https://github.com/picluster/picluster\n[safe]\n\tdirectory = *\n", checkout)
	gitConfig := filepath.Join(q.home, "gitconfig")
	require.NoError(h, os.WriteFile(gitConfig, []byte(config), 0o600))
	q.env = []string{"HOME=" + q.home, "GIT_CONFIG_GLOBAL=" + gitConfig, "PULUMI_CREDENTIALS_PATH=" + q.home}
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH"} {
		value, err := exec.Command("go", "env", name).Output()
		require.NoError(h, err)
		q.env = append(q.env, name+"="+strings.TrimSpace(string(value)))
	}
	return q
}

// command returns a shell's command in the clone, without the lab's own stack and state.
func (q *newcomer) command(line string) *exec.Cmd {
	cmd := q.Command(q.Context(), "bash", "-c", "set -e; "+line)
	cmd.Dir = q.dir
	cmd.Env = slices.DeleteFunc(append(cmd.Env, q.env...), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return name == lab.ConfigFileVariable || name == "PULUMI_BACKEND_URL" ||
			name == "PULUMI_CONFIG_PASSPHRASE" && !slices.Contains(q.env, variable)
	})
	return cmd
}

// fenced is a block of commands in a step.
var fenced = regexp.MustCompile("(?s)```sh\n(.*?)```")

// exported is a line that exports a variable, whose value it has or reads.
var exported = regexp.MustCompile(`^(?:export (\w+)=|read -rs (\w+) && export )`)

// run runs the commands of a text, and returns what they printed.
func (q *newcomer) run(text string) string {
	q.T.Helper()
	minio, _ := q.config()["minio:minioServer"].(string)
	// Pulumi takes the user's own directory from the system, whatever HOME is.
	replace := strings.NewReplacer(
		"pulumi login --local", "pulumi login file://"+q.home,
		"HOST:PORT", minio, "ADMINISTRATOR", q.administrator().access,
		"CONTEXT", strings.TrimSpace(q.kubectl("config", "current-context")))
	var printed strings.Builder
	for _, block := range fenced.FindAllStringSubmatch(text, -1) {
		for line := range strings.Lines(block[1]) {
			line = strings.TrimSpace(line)
			line = replace.Replace(line)
			if set := exported.FindStringSubmatch(line); set != nil {
				name := set[1] + set[2]
				cmd := q.command(line + `; printf %s "$` + name + `"`)
				cmd.Stdin = strings.NewReader("passphraseOfTheTest\n")
				value, err := cmd.Output()
				require.NoError(q.T, err, line)
				q.env = append(q.env, name+"="+string(value))
				continue
			}
			if strings.Contains(line, "picluster up") || strings.Contains(line, "picluster destroy") {
				line += " --yes" // asked on a terminal
			}
			cmd := q.command(line)
			if strings.HasSuffix(line, "--secret minio:minioPassword") {
				cmd.Stdin = strings.NewReader(q.administrator().secret)
			}
			out, err := output(cmd)
			require.NoError(q.T, err, "%s\n%s", line, lastLines(out, 30))
			printed.WriteString(out)
			if strings.HasPrefix(line, "git clone") {
				q.dir = filepath.Join(q.dir, "picluster")
			}
		}
	}
	return printed.String()
}

// config returns the configuration of the lab's own stack.
func (q *newcomer) config() map[string]any {
	q.T.Helper()
	text, err := os.ReadFile(q.ConfigFile())
	require.NoError(q.T, err)
	var file struct{ Config map[string]any }
	require.NoError(q.T, yaml.Unmarshal(text, &file))
	return file.Config
}

// settingsOfTheLab sets what a cluster that a newcomer has would not need: the lab's MinIO is
// without TLS, and its chart may be a directory.
func (q *newcomer) settingsOfTheLab() {
	q.T.Helper()
	for _, key := range []string{"minio:minioSsl", "picluster:s3Insecure", "picluster:chart", "picluster:chartRepository", "picluster:chartVersion"} {
		if value := fmt.Sprint(q.config()[key]); value != "" {
			out, err := output(q.command("pulumi config set " + key + " '" + value + "'"))
			require.NoError(q.T, err, out)
		}
	}
}
