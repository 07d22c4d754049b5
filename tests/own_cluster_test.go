package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/picluster/picluster/lab"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// TestOwnCluster deploys the stack of docs/own-cluster.md to a lab's cluster and MinIO, which
// it knows by a kubeconfig and an address alone.
func TestOwnCluster(t *testing.T) {
	h := start(t)
	dir := t.TempDir()
	endpoint, user, password := h.MinIO()
	own := ownCluster{h, dir, filepath.Join(dir, "Pulumi.dev.yaml"), t.TempDir()}

	// The page's first commands, in a directory that is not the checkout.
	own.copy(filepath.Join("..", "Pulumi.yaml"), filepath.Join("..", "examples", "own-cluster", "Pulumi.dev.yaml"))
	own.pulumi("", "stack", "init", "dev")
	h.kubectl("config", "rename-context", strings.TrimSpace(h.kubectl("config", "current-context")), "another")
	own.pulumi("", "config", "set", "--stack", "dev", "kubernetes:context", "another")
	own.pulumi("", "config", "set", "--stack", "dev", "kubernetes:kubeconfig", h.Kubeconfig())
	own.pulumi("", "config", "set", "--stack", "dev", "minio:minioServer", endpoint)
	own.pulumi("", "config", "set", "--stack", "dev", "minio:minioUser", user)
	own.pulumi(password, "config", "set", "--stack", "dev", "--secret", "minio:minioPassword")
	// The chart of this machine, which reaches no repository.
	text, err := os.ReadFile(h.ConfigFile())
	require.NoError(t, err)
	var labs struct{ Config map[string]any }
	require.NoError(t, yaml.Unmarshal(text, &labs))
	for _, key := range []string{"picluster:chart", "picluster:chartRepository", "picluster:chartVersion"} {
		own.pulumi("", "config", "set", "--stack", "dev", key, labs.Config[key].(string))
	}

	out := own.make("up", "YES=yes")
	screen := strings.TrimSpace(out[strings.LastIndex(out, "\nStack dev: "):])
	assert.LessOrEqual(t, strings.Count(screen, "\n"), 9, "the last screen has more than ten lines:\n%s", screen)
	for _, want := range []string{
		"Stack dev: resources: ", " created", endpoint + ", bucket k3s-tempo, user tempo", "namespace tempo, release tempo",
		"make verify STACK=dev", "make drift STACK=dev", "picluster destroy --stack dev",
	} {
		assert.Contains(t, screen, want)
	}
	assert.NotContains(t, out, "additionalDataSources", "the outputs are printed")
	assert.NotContains(t, out, password)
	assert.NotEmpty(t, h.podsOf("querier"))

	assert.Contains(t, own.make("drift"), "stack dev: no drift")
	out = own.make("up", "YES=yes")
	assert.Regexp(t, `Stack dev: resources: \d+ unchanged\n`, out)

	own.pulumi("", "destroy", "--stack", "dev", "--yes", "--config-file", own.config)
	assert.NotContains(t, h.kubectl("get", "namespaces", "--output=name"), "namespace/tempo")
	there, err := h.s3(h.administrator()).BucketExists(t.Context(), "k3s-tempo")
	require.NoError(t, err)
	assert.False(t, there, "the bucket is left, though the stack file says that nothing is to be kept")
}

// ownCluster is a user's own project, with a state of its own.
type ownCluster struct {
	harness
	dir, config, state string
}

func (o ownCluster) copy(paths ...string) {
	o.Helper()
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(o, err)
		require.NoError(o, os.WriteFile(filepath.Join(o.dir, filepath.Base(path)), text, 0o600))
	}
}

// env has the lab's Pulumi on PATH as an installed one, and nothing else of the lab.
func (o ownCluster) env() []string {
	env := slices.DeleteFunc(o.Env(), func(variable string) bool {
		for _, name := range []string{"KUBECONFIG=", "PICLUSTER_MAKE=", "PICLUSTER_SIMULATED_PODS=", "PULUMI_BACKEND_URL=", "TMPDIR="} {
			if strings.HasPrefix(variable, name) {
				return true
			}
		}
		return false
	})
	return append(env, "PULUMI_BACKEND_URL=file://"+o.state, lab.ConfigFileVariable+"="+o.config)
}

func (o ownCluster) run(cmd *exec.Cmd) string {
	o.Helper()
	cmd.Env = o.env()
	out, err := output(cmd)
	require.NoError(o, err, "%s\n%s", cmd, lastLines(out, 40))
	return out
}

// pulumi runs Pulumi with some input, in the project.
func (o ownCluster) pulumi(input string, args ...string) {
	o.Helper()
	path, err := o.LookPath("pulumi")
	require.NoError(o, err)
	cmd := exec.CommandContext(o.Context(), path, args...)
	cmd.Dir = o.dir
	cmd.Stdin = strings.NewReader(input)
	o.run(cmd)
}

// make runs a target of the Makefile for the stack.
func (o ownCluster) make(target string, args ...string) string {
	o.Helper()
	cmd := exec.CommandContext(o.Context(), "make", append([]string{"--no-print-directory", target, "STACK=dev"}, args...)...)
	cmd.Dir = ".."
	return o.run(cmd)
}
