package stacks_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// TestHowTo shows, key by key, that the program's values have what the guide
// prints, but for the differences listed, each with its reason.
func TestHowTo(t *testing.T) {
	// Before 81.2.3 the chart has the list that the guide prints, and no text beside it.
	datasources := values(t, render(t, howTo("datasources", "release", "grafanaChartVersion", "81.2.2", "nodeGraph", "false")), "tempo-grafana")

	for file, test := range map[string]struct {
		got         map[string]any
		differences map[string]string
	}{
		"values-gitops": {
			got: values(t, render(t, guide(t)), "tempo-release"),
			differences: map[string]string{
				"storage.trace.s3.endpoint": "${S3_SERVER} is a variable that nothing sets in the pods; here it is minio:minioServer",
			},
		},
		"values-inline": {
			got: values(t, render(t, guide(t, "credentials", "inline")), "tempo-release"),
			differences: map[string]string{
				"storage.trace.s3.endpoint":   "a place to fill in; here it is minio:minioServer",
				"storage.trace.s3.access_key": "a place to fill in; here it is the user that the stack makes",
				"storage.trace.s3.secret_key": "a place to fill in; here it is the key that the stack makes",
			},
		},
		"grafana-tempo":          {got: datasources},
		"grafana-traces-to-logs": {got: datasources},
		"grafana-logs-to-traces": {
			got: datasources,
			differences: map[string]string{
				"grafana.additionalDataSources[0].jsonData.derivedFields[0].url": `"$S{__value.raw}" is a typing error: Grafana needs $${__value.raw}`,
			},
		},
	} {
		t.Run(file, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("testdata", "howto", file+".yaml"))
			require.NoError(t, err)
			var want map[string]any
			require.NoError(t, yaml.Unmarshal(text, &want))
			assert.ElementsMatch(t, sortedKeys(test.differences), missing("", want, test.got))
		})
	}
}

// guide is the configuration of examples/guide, with other keys over it.
func guide(t *testing.T, pairs ...string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "examples", "guide", "Pulumi.guide.yaml"))
	require.NoError(t, err)
	var file struct{ Config map[string]any }
	require.NoError(t, yaml.Unmarshal(text, &file))
	config := map[string]string{"minio:minioPassword": "hunter2"}
	for key, value := range file.Config {
		config[key] = fmt.Sprint(value)
	}
	delete(config, "kubernetes:context") // of a cluster that the test does not have
	for i := 0; i < len(pairs); i += 2 {
		config["picluster:"+pairs[i]] = pairs[i+1]
	}
	return config
}

// missing returns the paths at which got has not what want has. Entries of a list
// are matched by their name, since ours may have more of them.
func missing(path string, want, got any) (paths []string) {
	switch want := want.(type) {
	case map[string]any:
		have, _ := got.(map[string]any)
		for key, value := range want {
			below := key
			if path != "" {
				below = path + "." + key
			}
			paths = append(paths, missing(below, value, have[key])...)
		}
	case []any:
		have, _ := got.([]any)
		for i, value := range want {
			paths = append(paths, missing(fmt.Sprintf("%s[%d]", path, i), value, entry(have, i, value))...)
		}
	default:
		if !assert.ObjectsAreEqual(want, got) {
			paths = append(paths, path)
		}
	}
	return paths
}

func entry(list []any, i int, like any) any {
	if named, ok := like.(map[string]any); ok && named["name"] != nil {
		for _, item := range list {
			if m, ok := item.(map[string]any); ok && m["name"] == named["name"] {
				return m
			}
		}
		return nil
	}
	if i < len(list) {
		return list[i]
	}
	return nil
}
