package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/picluster/picluster/stacks"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

func TestGeneratedFilesAreUpToDate(t *testing.T) {
	files, err := generate("../..")
	require.NoError(t, err)
	for path, want := range files {
		got, err := os.ReadFile(filepath.Join("../..", path))
		require.NoError(t, err)
		assert.Equal(t, want, string(got), "%s is out of date. Fix: go generate ./stacks", path)
	}
}

// What Pulumi reads is what the table says.
func TestPulumiYAML(t *testing.T) {
	files, err := generate("../..")
	require.NoError(t, err)
	var project struct {
		Config map[string]any `json:"config"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(files["Pulumi.yaml"]), &project))
	assert.Equal(t, map[string]any{"type": "boolean", "description": "Log each span that is received", "default": true}, project.Config["logReceivedSpans"])
	assert.Equal(t, "", project.Config["chart"].(map[string]any)["default"])
	assert.Equal(t, true, project.Config["kubernetes:enableSecretMutable"])
	for _, section := range stacks.Sections() {
		for _, key := range section.Keys {
			declared := project.Config[key.Name].(map[string]any)
			assert.NotEmpty(t, key.Description, key.Name)
			assert.Equal(t, key.Description, declared["description"], key.Name)
		}
	}
}

// The pages follow the source: a field that has no comment would be a row without text.
func TestComponentDocuments(t *testing.T) {
	for _, name := range componentPackages {
		_, structs, err := readPackage("../../components/" + name)
		require.NoError(t, err)
		assert.NotEmpty(t, structs, name)
		for _, s := range structs {
			assert.NotEmpty(t, s.Doc, "%s.%s", name, s.Name)
			for _, f := range s.Fields {
				assert.NotEmpty(t, f.Doc, "%s.%s.%s", name, s.Name, f.Name)
			}
		}
	}
}

func TestOutputsDocument(t *testing.T) {
	page, err := outputsDocument("../..")
	require.NoError(t, err)
	assert.Contains(t, page, "| `queryUrl` | The URL that Grafana queries. | not for a tenant with `install: false` |")
	for _, o := range stacks.Outputs() {
		assert.Contains(t, page, "| `"+o.Name+"` |")
	}
}
