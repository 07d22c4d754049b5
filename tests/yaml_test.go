package tests

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/picluster/picluster/lab"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// TestYAML brings up the program in YAML of the examples, which uses the components as a
// Pulumi package, and compares its outputs with those of the stack in Go.
func TestYAML(t *testing.T) {
	h := start(t)
	h.setAll("profile=pi", "retainBucket=false")
	h.up()
	want := h.outputs()
	delete(want, "clusterUid") // the stack's own, for drift
	h.mustStack("destroy", "--yes", "--skip-preview")

	y := newYAML(h)
	preview := y.must("preview", "--diff")
	assert.NotContains(t, preview, h.administrator().secret)
	y.must("up", "--yes", "--skip-preview")
	assert.Equal(t, want, y.outputs())

	h.sub("the key opens the bucket", keyOpensBucket)
	h.sub("every pod is ready", func(h harness) {
		conditions := h.kubectl("get", "pods", "--namespace=tempo", `--output=jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}`)
		assert.NotEmpty(h, conditions)
		assert.NotContains(h, conditions, "False")
	})
	h.sub("nothing changes", func(harness) {
		y.must("preview", noChanges)
		y.must("refresh", "--preview-only", noChanges)
	})
	h.sub("no credential in plain text", func(h harness) {
		state := y.must("stack", "export")
		assert.NotContains(h, state, h.secretKeys().secret)
	})
	h.sub("pods are waited for, in the cluster of the configuration", func(h harness) {
		y.refusedQuerier()
		out, err := y.pulumi("up", "--yes", "--skip-preview")
		require.Error(h, err)
		assert.Contains(h, out, "release tempo/tempo is deployed, but not ready after 8s")
	})
	h.sub("with an explicit provider only Helm waits", func(h harness) {
		y.provider = true
		y.refusedQuerier()
		y.must("up", "--yes", "--skip-preview")
		h.kubectl("delete", "quota", "--namespace=tempo", "none")
	})
	h.sub("a plugin without component resources says so", func(h harness) {
		plugin, err := h.DescribePlugin("kubernetes")
		require.NoError(h, err)
		if !strings.Contains(plugin, "without component resources") {
			h.Skipf("NOT shown: %s has component resources", plugin)
		}
		y.extra = map[string]any{"group": map[string]any{
			"type":       "kubernetes:yaml/v2:ConfigGroup",
			"properties": map[string]any{"yaml": "{}"},
		}}
		defer func() { y.extra = nil }()
		y.edit(func(map[string]any) {})
		out, err := y.pulumi("preview")
		require.Error(h, err, out)
		assert.Contains(h, out, "kubernetes:yaml/v2:ConfigGroup: this Kubernetes plugin is the lab's, compiled without component resources")
		assert.Contains(h, out, "Fix: LAB_PARTS=download make up")
	})
	h.sub("all problems at once, by their properties", func(h harness) {
		y.edit(func(tracing map[string]any) {
			tracing["credentials"] = "vault"
			tracing["tempo"].(map[string]any)["profile"] = "tiny"
		})
		out, err := y.pulumi("preview")
		require.Error(h, err)
		assert.Contains(h, out, `credentials: got "vault"; want one of`)
		assert.Contains(h, out, `tempo.profile: got "tiny"; want one of`)
	})
	y.must("destroy", "--yes", "--skip-preview")
	assert.NotContains(t, h.kubectl("get", "namespaces", "--output=name"), "namespace/tempo")
}

// yamlProject is a copy of the program in YAML, with the lab's chart.
type yamlProject struct {
	harness
	dir     string
	program string
	path    string
	// provider has the program pass an explicit Kubernetes provider.
	provider bool
	// extra are resources beside the program's own.
	extra map[string]any
}

// newYAML builds what the program requires, and creates a stack of it.
func newYAML(h harness) *yamlProject {
	h.Helper()
	parts, err := h.Build(h.Context(), []lab.Part{yamlPart})
	require.NoError(h, err)
	y := &yamlProject{harness: h, dir: h.TempDir()}
	plugin := filepath.Join(h.TempDir(), "pulumi-resource-picluster")
	build := exec.Command("go", "build", "-o", plugin, ".")
	build.Dir = filepath.Join("..", "provider")
	out, err := output(build)
	require.NoError(h, err, "building the package: %s", out)
	y.path = strings.Join([]string{filepath.Dir(plugin), filepath.Dir(parts["pulumi-language-yaml"])}, string(os.PathListSeparator))

	text, err := os.ReadFile(filepath.Join("..", "examples", "yaml", "Pulumi.yaml"))
	require.NoError(h, err)
	y.program = string(text)
	y.edit(func(map[string]any) {})

	y.must("stack", "init", lab.Stack)
	endpoint, user, password := h.MinIO()
	y.must("config", "set", "--secret", "minio:minioPassword", password)
	for key, value := range map[string]string{
		"minio:minioServer":     endpoint,
		"minio:minioUser":       user,
		"minio:minioRegion":     "eu-west-1",
		"minio:minioSsl":        "false",
		"kubernetes:kubeconfig": h.Kubeconfig(),
		"s3Endpoint":            endpoint,
		"s3Insecure":            "true",
	} {
		y.must("config", "set", key, value)
	}
	return y
}

// refusedQuerier has the next update deploy a querier whose pod the namespace rejects. Helm
// does not wait for it.
func (y *yamlProject) refusedQuerier() {
	y.Helper()
	if !strings.Contains(y.kubectl("get", "quota", "--namespace=tempo", "--output=name"), "none") {
		y.kubectl("create", "quota", "none", "--namespace=tempo", "--hard=pods=0")
	}
	y.edit(func(tracing map[string]any) {
		tempo := tracing["tempo"].(map[string]any)
		tempo["timeout"] = 8
		tempo["values"] = map[string]any{"querier": map[string]any{"podAnnotations": map[string]any{"explicit": strconv.FormatBool(y.provider)}}}
	})
}

// edit writes the program with the lab's chart, without protection of the bucket, and with
// what change does to the properties of Tracing.
func (y *yamlProject) edit(change func(tracing map[string]any)) {
	y.Helper()
	var program map[string]any
	require.NoError(y, yaml.Unmarshal([]byte(y.program), &program))
	resources := program["resources"].(map[string]any)
	maps.Copy(resources, y.extra)
	component := resources["tempo"].(map[string]any)
	tracing := component["properties"].(map[string]any)
	if y.provider {
		resources["cluster"] = map[string]any{
			"type":       "pulumi:providers:kubernetes",
			"properties": map[string]any{"kubeconfig": y.Kubeconfig(), "enableSecretMutable": true},
		}
		component["options"] = map[string]any{"providers": []string{"${cluster}"}}
	}
	var file struct{ Config map[string]any }
	text, err := os.ReadFile(y.ConfigFile())
	require.NoError(y, err)
	require.NoError(y, yaml.Unmarshal(text, &file))
	chart := map[string]any{}
	for property, key := range map[string]string{"name": "chart", "repository": "chartRepository", "version": "chartVersion"} {
		if value := file.Config["picluster:"+key]; value != "" {
			chart[property] = value
		}
	}
	tracing["tempo"].(map[string]any)["chart"] = chart
	store := tracing["objectStore"].(map[string]any)
	store["protect"], store["retainOnDelete"] = false, false
	change(tracing)
	text, err = yaml.Marshal(program)
	require.NoError(y, err)
	require.NoError(y, os.WriteFile(filepath.Join(y.dir, "Pulumi.yaml"), text, 0o600))
}

// pulumi runs a command of Pulumi in the project.
func (y *yamlProject) pulumi(args ...string) (string, error) {
	cmd := y.Pulumi(y.Context(), args...)
	cmd.Dir = y.dir
	for i, variable := range cmd.Env {
		switch name, value, _ := strings.Cut(variable, "="); name {
		case "PATH":
			cmd.Env[i] = "PATH=" + y.path + string(os.PathListSeparator) + value
		case "KUBECONFIG":
			cmd.Env[i] = "KUBECONFIG=" + os.DevNull // the configuration names the cluster
		}
	}
	return output(cmd)
}

func (y *yamlProject) must(args ...string) string {
	y.Helper()
	out, err := y.pulumi(args...)
	require.NoError(y, err, "pulumi %s\n%s", strings.Join(args, " "), out)
	return out
}

func (y *yamlProject) outputs() (outputs map[string]string) {
	y.Helper()
	cmd := y.Pulumi(y.Context(), "stack", "output", "--json", "--stack", lab.Stack)
	cmd.Dir = y.dir
	text, err := cmd.Output()
	require.NoError(y, err)
	require.NoError(y, json.Unmarshal(text, &outputs))
	return outputs
}
