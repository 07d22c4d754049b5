package stacks_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// chartsVariable names the environment variable for a directory with the values.yaml of
// published charts, each in a directory of the chart's name and version. With -update
// the lists of testdata/charts are written from it.
const chartsVariable = "PICLUSTER_CHARTS"

// printedWhole are sections of the values that a chart's values.yaml does not
// list, since its templates print the section around them as it is.
var printedWhole = map[string]string{
	"storage.trace.s3":                               "the keys of Tempo's own S3 backend; storage.trace is printed",
	"tempo.storage.trace.s3":                         "the same of chart tempo",
	"tempo.storage.trace.blocklist_poll":             "a key of Tempo's own; tempo.storage is printed",
	"tempo.readinessProbe.failureThreshold":          "a field of Kubernetes's own; the section readinessProbe is printed",
	"tempo.readinessProbe.periodSeconds":             "a field of Kubernetes's own; the section readinessProbe is printed",
	"tempo.securityContext.seccompProfile":           "a field of Kubernetes's own; the section securityContext is printed",
	"memcached.nodeSelector":                         "the template of the StatefulSet has it",
	"memcachedBloom.nodeSelector":                    "the template of the StatefulSet has it",
	"tempo.pullSecrets":                              "the template of the StatefulSet has it; values.yaml has it as a comment",
	"metricsGenerator.config.processor.local_blocks": "a processor of Tempo's; the section processor is printed",
}

// TestChartsKnowEveryKey compares each key that the program gives a chart with those of
// the chart's own values.yaml.
func TestChartsKnowEveryKey(t *testing.T) {
	used := map[string]bool{}
	for _, chart := range []struct {
		name, mode string
		pairs      []string
	}{
		{"tempo-distributed-1.61.3", "microservices", []string{"chartVersion", "1.61.3"}},
		{"tempo-distributed-2.26.2", "microservices", nil},
		{"tempo-2.2.4", "monolithic", nil},
	} {
		published := publishedKeys(t, chart.name)
		for name, pairs := range goldenConfigs() {
			if isMonolithic(pairs) != (chart.mode == "monolithic") {
				continue
			}
			got := values(t, render(t, howTo(append(slices.Clone(chart.pairs), pairs...)...)), "tempo-release")
			for _, path := range unknownKeys("", got, published, used) {
				t.Errorf("chart %s has no key %s, which configuration %s sets", chart.name, path, name)
			}
		}
	}
	assert.ElementsMatch(t, sortedKeys(printedWhole), sortedKeys(used), "an exception that is not needed")

	published := publishedKeys(t, "kube-prometheus-stack-88.5.3")
	resources := render(t, howTo("datasources", "release", "exemplars", "true"))
	assert.Empty(t, unknownKeys("", values(t, resources, "tempo-grafana"), published, used))
}

func isMonolithic(pairs []string) bool { return slices.Contains(pairs, "monolithic") }

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

// publishedKeys returns the keys of a published chart's values, from a list of their
// paths: a line each, without the values. A section that is empty in the chart takes any
// key, and has " {}" after its path.
func publishedKeys(t *testing.T, chart string) map[string]any {
	t.Helper()
	file := filepath.Join("testdata", "charts", chart+".keys")
	if folder := os.Getenv(chartsVariable); *update && folder != "" {
		text, err := os.ReadFile(filepath.Join(folder, chart, "values.yaml"))
		require.NoError(t, err)
		var published map[string]any
		require.NoError(t, yaml.Unmarshal(text, &published))
		require.NoError(t, os.WriteFile(file, []byte(strings.Join(paths("", published), "\n")+"\n"), 0o644))
	}
	text, err := os.ReadFile(file)
	require.NoError(t, err, "generate it: %s=DIRECTORY go test ./stacks -run Charts -update", chartsVariable)
	keys := map[string]any{}
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		path, isSection := strings.CutSuffix(line, " {}")
		section, names := keys, strings.Split(path, "/")
		for _, name := range names[:len(names)-1] {
			below, ok := section[name].(map[string]any)
			if !ok {
				below = map[string]any{}
				section[name] = below
			}
			section = below
		}
		section[names[len(names)-1]] = nil
		if isSection {
			section[names[len(names)-1]] = map[string]any{}
		}
	}
	return keys
}

// paths returns the paths of the leaves of values, in order.
func paths(path string, values map[string]any) (lines []string) {
	for _, key := range sortedKeys(values) {
		below := strings.TrimPrefix(path+"/"+key, "/")
		section, isSection := values[key].(map[string]any)
		switch {
		case len(section) > 0:
			lines = append(lines, paths(below, section)...)
		case isSection:
			lines = append(lines, below+" {}")
		default:
			lines = append(lines, below)
		}
	}
	return lines
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
