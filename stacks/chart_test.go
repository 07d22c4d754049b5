package stacks_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// chartsVariable names the environment variable for a folder with the values.yaml
// of published charts, each in a folder of the chart's name and version.
const chartsVariable = "PICLUSTER_CHARTS"

// printedWhole are sections of the values that a chart's values.yaml does not
// list, since its templates print the section around them as it is.
var printedWhole = map[string]string{
	"storage.trace.s3":                               "the keys of Tempo's own S3 backend; storage.trace is printed",
	"tempo.securityContext.seccompProfile":           "a field of Kubernetes's own; the section securityContext is printed",
	"metricsGenerator.config.processor.local_blocks": "a processor of Tempo's; the section processor is printed",
}

// TestChartsKnowEveryKey holds each key that the program gives a chart against
// the chart's own values.yaml, so that a misspelt one cannot live.
func TestChartsKnowEveryKey(t *testing.T) {
	folder := os.Getenv(chartsVariable)
	if folder == "" {
		t.Skipf("%s is not set: it names a folder with CHART-VERSION/values.yaml of the published charts, "+
			"as `helm show values` prints them, against which the values' keys are checked", chartsVariable)
	}
	used := map[string]bool{}
	for _, chart := range []string{"tempo-distributed-1.61.3", "tempo-distributed-2.26.2"} {
		published := readValues(t, folder, chart)
		for name, pairs := range goldenConfigs() {
			got := values(t, render(t, howTo(pairs...)), "tempo-release")
			for _, path := range unknownKeys("", got, published, used) {
				t.Errorf("chart %s has no key %s, which configuration %s sets", chart, path, name)
			}
		}
	}
	assert.ElementsMatch(t, sortedKeys(printedWhole), sortedKeys(used), "an exception that nothing needs")

	published := readValues(t, folder, "kube-prometheus-stack-88.5.3")
	resources := render(t, howTo("datasources", "release", "exemplars", "true"))
	assert.Empty(t, unknownKeys("", values(t, resources, "tempo-grafana"), published, used))
}

// A test of the test: it must find a key that is misspelt.
func TestUnknownKeys(t *testing.T) {
	published := map[string]any{"a": map[string]any{"b": 1.0}, "free": map[string]any{}, "none": nil}
	got := map[string]any{
		"a":    map[string]any{"b": 2.0, "c": 3.0},
		"free": map[string]any{"whatever": 1.0},
		"none": map[string]any{"whatever": 1.0},
		"d":    4.0,
	}
	assert.ElementsMatch(t, []string{"a.c", "d"}, unknownKeys("", got, published, map[string]bool{}))
}

func readValues(t *testing.T, folder, chart string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, chart, "values.yaml"))
	require.NoError(t, err)
	var published map[string]any
	require.NoError(t, yaml.Unmarshal(text, &published))
	return published
}

// unknownKeys returns the paths of got that published does not have. An empty
// section of published takes any key.
func unknownKeys(path string, got, published map[string]any, used map[string]bool) (unknown []string) {
	for key, value := range got {
		below := key
		if path != "" {
			below = path + "." + key
		}
		if _, ok := printedWhole[below]; ok {
			used[below] = true
			continue
		}
		known, ok := published[key]
		if !ok {
			unknown = append(unknown, below)
			continue
		}
		section, isMap := value.(map[string]any)
		publishedSection, _ := known.(map[string]any)
		if isMap && len(publishedSection) > 0 {
			unknown = append(unknown, unknownKeys(below, section, publishedSection, used)...)
		}
	}
	return unknown
}
