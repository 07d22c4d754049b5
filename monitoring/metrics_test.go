package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/picluster/picluster/components/prometheus"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMetrics has every metric of an alert and of a panel be one that a Tempo of each version
// has, or one of Kubernetes.
func TestMetrics(t *testing.T) {
	expressions := map[string][]string{}
	for _, r := range rulesOf(t) {
		expressions["alert "+r.name] = []string{r.expr}
	}
	all, err := dashboards()
	require.NoError(t, err)
	for name, text := range all {
		var d any
		require.NoError(t, json.Unmarshal(text, &d))
		expressions["dashboard "+name] = expressionsIn(d)
		require.NotEmpty(t, expressions["dashboard "+name])
	}
	kubernetes, err := readList(filepath.Join("metrics", "kubernetes.txt"))
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join("metrics", "tempo-*.txt"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	used := map[string]bool{}
	for _, file := range files {
		list, err := readList(file)
		require.NoError(t, err)
		maps.Copy(list, kubernetes)
		for where, all := range expressions {
			for _, expr := range all {
				for _, name := range metricsIn(t, expr) {
					assert.True(t, has(list, name), "%s: %s: got %q; want a metric of the list", file, where, name)
					used[name] = true
				}
			}
		}
	}
	for name := range kubernetes {
		assert.True(t, used[name], "kubernetes.txt has %s, which nothing uses", name)
	}
}

// has returns whether a list has a metric, or a histogram with the series.
func has(list map[string]metric, name string) bool {
	if m, ok := list[name]; ok {
		return m.typ != "histogram"
	}
	for _, suffix := range []string{"_bucket", "_count", "_sum"} {
		if base, ok := strings.CutSuffix(name, suffix); ok && list[base].typ == "histogram" {
			return true
		}
	}
	return false
}

func TestHas(t *testing.T) {
	list := map[string]metric{"a": {"histogram", seen}, "b": {"gauge", seen}}
	assert.True(t, has(list, "a_bucket"))
	assert.True(t, has(list, "b"))
	assert.False(t, has(list, "a"), "a histogram has no series of its own name")
	assert.False(t, has(list, "b_count"))
	assert.False(t, has(list, "c"))
}

// metricsIn returns the names of the metrics in an expression.
func metricsIn(t *testing.T, expr string) []string {
	t.Helper()
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(strings.NewReplacer("$__rate_interval", "5m").Replace(expr))
	require.NoError(t, err, expr)
	var names []string
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			names = append(names, selector.Name)
		}
		return nil
	})
	require.NotEmpty(t, names, expr)
	return names
}

// labelValues is a query of a variable.
var labelValues = regexp.MustCompile(`^label_values\((\w+), \w+\)$`)

// expressionsIn returns the expressions of the panels and variables of a dashboard.
func expressionsIn(value any) (found []string) {
	switch value := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			text, isText := value[key].(string)
			match := labelValues.FindStringSubmatch(text)
			if match != nil {
				text = match[1]
			}
			if isText && (key == "expr" || match != nil) {
				found = append(found, text)
			}
			found = append(found, expressionsIn(value[key])...)
		}
	case []any:
		for _, item := range value {
			found = append(found, expressionsIn(item)...)
		}
	}
	return found
}

func TestExposed(t *testing.T) {
	text := "# HELP tempo_a A.\n# TYPE tempo_a counter\ntempo_a 1\n# TYPE go_b gauge\n# TYPE tempodb_c histogram\n"
	assert.Equal(t, map[string]metric{"tempo_a": {"counter", seen}, "tempodb_c": {"histogram", seen}}, exposed([]byte(text)))
}

// TestDocumented has a section for each alert in docs/alerts.md, and none for another one.
func TestDocumented(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "docs", "alerts.md"))
	require.NoError(t, err)
	sections := map[string]string{}
	for _, section := range strings.Split(string(text), "\n### ")[1:] {
		name, body, _ := strings.Cut(section, "\n")
		sections[name] = body
	}
	for _, a := range prometheus.All() {
		body, ok := sections[a.Name]
		assert.True(t, ok, "docs/alerts.md has no section %s", a.Name)
		facts := "Severity " + a.Severity + ", after " + a.For
		if a.Threshold != "" {
			facts += ", threshold `" + a.Threshold + "`"
		}
		assert.Contains(t, body, "\n"+facts+".\n", a.Name)
		delete(sections, a.Name)
	}
	assert.Empty(t, slices.Sorted(maps.Keys(sections)), "sections of no alert")
}
