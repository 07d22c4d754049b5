package docs_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/picluster/picluster/components/prometheus"
	"github.com/picluster/picluster/stacks"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// foreign are names in camel case that are of other products.
var foreign = []string{
	"enableSecretMutable", "kubeClientSettings", "minioServer", "minioUser", "minioPassword", "minioSsl", "minioRegion", "minioCacertFile",
	"jaegerGrpc", "jaegerThriftCompact", "jaegerThriftHttp", "otlpGrpc", "otlpHttp", // receivers
	"extraArgs", "extraEnv", "streamOverHTTPEnabled", "metricsGenerator", // the chart of Tempo
	"additionalDataSources", "additionalDataSourcesString", "derivedFields", "tracesToLogsV2", "serviceMap", "tracesToMetrics", // Grafana
	"serviceName", "buildTarget", "stringData", "destroyOnFinalize",
}

var camel = regexp.MustCompile(`^(?:picluster:)?([a-z]+(?:[A-Z][A-Za-z0-9]*)+)(?:$|: |=)`)

func keys() map[string]bool {
	all := map[string]bool{}
	for _, section := range stacks.Sections() {
		for _, key := range section.Keys {
			all[key.Name] = true
		}
	}
	return all
}

func outputs() map[string]bool {
	all := map[string]bool{"clusterUid": true, "tenants": true}
	for _, o := range stacks.Outputs() {
		all[o.Name] = true
	}
	return all
}

// properties returns the names of the properties in the schema of the Pulumi package.
func properties(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "provider", "schema.json"))
	require.NoError(t, err)
	var schema any
	require.NoError(t, json.Unmarshal(text, &schema))
	all := map[string]bool{}
	var visit func(any)
	visit = func(value any) {
		object, _ := value.(map[string]any)
		for name, child := range object {
			if name == "properties" || name == "inputProperties" {
				for property := range child.(map[string]any) {
					all[property] = true
				}
			}
			visit(child)
		}
	}
	visit(schema)
	require.True(t, all["otlpGrpcEndpoint"])
	for threshold := range prometheus.Thresholds() {
		all[threshold] = true // a key of the map alertThresholds
	}
	return all
}

var (
	// setKey is a command of Pulumi on a key of the configuration.
	setKey = regexp.MustCompile(`pulumi config (?:set|rm|get)(?: --(?:stack|s|config-file) \S+| --\S+)* '?"?([a-zA-Z0-9:]+)`)
	// ofProject is a key with its namespace.
	ofProject = regexp.MustCompile(`picluster:([a-z][A-Za-z0-9]*)\b`)
	output    = regexp.MustCompile(`pulumi stack output ([a-z]\w*)`)
	named     = regexp.MustCompile("[Oo]utputs? `([^`]+)`")
)

// modules are namespaces of the types in the Pulumi package: picluster:tracing:Tracing.
var modules = []string{"tracing", "objectstore", "kubernetes", "tempo", "grafana", "prometheus"}

// TestKeysAndOutputs looks for keys, outputs and properties that do not exist, and for keys
// and outputs that no document names.
func TestKeysAndOutputs(t *testing.T) {
	keys, outputs, properties := keys(), outputs(), properties(t)
	seen := map[string]bool{}
	for _, p := range pages(t) {
		for _, match := range output.FindAllStringSubmatch(p.text, -1) {
			assert.True(t, outputs[match[1]], "%s: pulumi stack output %s: there is no such output", p.path, match[1])
		}
		if strings.HasPrefix(p.path, "examples/") {
			continue // programs with keys of their own
		}
		for _, match := range setKey.FindAllStringSubmatch(p.text, -1) {
			if key := match[1]; strings.ToUpper(key) != key && !strings.Contains(key, ":") {
				assert.True(t, keys[key], "%s: %s: there is no such key", p.path, match[0])
			}
		}
		for _, match := range ofProject.FindAllStringSubmatch(p.text, -1) {
			assert.True(t, keys[match[1]] || slices.Contains(modules, match[1]), "%s: %s: there is no such key", p.path, match[0])
		}
		if !strings.HasPrefix(p.path, "docs/components/") {
			for _, match := range named.FindAllStringSubmatch(p.prose, -1) {
				assert.True(t, outputs[match[1]], "%s: output %s: there is no such output", p.path, match[1])
			}
		}
		for _, code := range p.code() {
			seen[code] = true
			if match := camel.FindStringSubmatch(code); match != nil {
				name := match[1]
				assert.True(t, keys[name] || outputs[name] || properties[name] || slices.Contains(foreign, name),
					"%s: %s: there is no key, output or property of this name", p.path, name)
			}
		}
	}
	for name := range keys {
		assert.True(t, seen[name], "no document names the key %s", name)
	}
	for name := range outputs {
		assert.True(t, seen[name], "no document names the output %s", name)
	}
}

var variable = regexp.MustCompile(`\b(?:LAB|PICLUSTER|GRAFANA)_[A-Z_]+\b`)

// TestVariables looks for environment variables that no source reads.
func TestVariables(t *testing.T) {
	source := sources(t)
	for _, p := range pages(t) {
		for _, name := range variable.FindAllString(p.text, -1) {
			assert.True(t, strings.Contains(source, `"`+name+`"`), "%s: no source has the environment variable %s", p.path, name)
		}
	}
}

// sources returns the text of all Go files.
func sources(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	for _, dir := range []string{"lab", "ops", "stacks", "tests", "bench", "components", "internal", "provider"} {
		require.NoError(t, filepath.Walk(filepath.Join(root, dir), func(path string, info os.FileInfo, err error) error {
			if err != nil || info.IsDir() || filepath.Ext(path) != ".go" {
				return err
			}
			file, err := os.ReadFile(path)
			text.Write(file)
			return err
		}))
	}
	return text.String()
}
