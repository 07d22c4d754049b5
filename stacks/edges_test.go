package stacks

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// edges are texts that a provider, a template, a policy, a shell or YAML could read
// otherwise than they are meant.
var edges = map[string]string{
	"the parent":             "..",
	"a path upwards":         "../../etc/passwd",
	"a variable":             "$HOME",
	"a variable in braces":   "${MINIO_SECRET_ACCESS_KEY}",
	"a template":             "{{ .Values }}",
	"half a template":        "a{{b",
	"a line more":            "tempo\nadmin: true",
	"a carriage return":      "tempo\radmin",
	"a zero":                 "tempo\x00",
	"a quote":                `tempo","Effect":"Allow`,
	"a star":                 "*",
	"a bucket and a star":    "k3s-*",
	"a comment":              "tempo # not",
	"an anchor":              "&a [*a, *a]",
	"a shell's":              "tempo; rm -rf /",
	"a backtick":             "`id`",
	"white space around":     " tempo ",
	"an umlaut":              "tempö",
	"a letter that looks so": "tempо", // the last one is Cyrillic
	"right to left":          "tempo\u202eopmet",
	"an invisible one":       "tem\u200bpo",
	"what is no UTF-8":       "tempo\xff",
	"one that is very long":  strings.Repeat("tempo", 10_000),
}

// free are the keys that take some of these, and why it does no harm.
var free = map[string]string{
	"chart":                   "a path, or a name that Helm looks up",
	"grafanaChart":            "the same",
	"lokiTenant":              "escaped wherever it goes; see the tests of package grafana",
	"persistenceStorageClass": "refused by Kubernetes, which it goes to as a field of its own",
}

// TestEdges sets every key that takes a text to each of the edges: it is refused, by
// an error that names the key, and does not show what it cannot.
func TestEdges(t *testing.T) {
	r := newReader(with(), "picluster")
	load(r)
	for _, key := range slices.Sorted(maps.Keys(r.declared)) {
		if r.declared[key].kind != "string" || free[key] != "" {
			continue
		}
		for name, text := range edges {
			_, err := read(our(key, text))
			if assert.Error(t, err, "%s takes %s", key, name) {
				assert.ErrorContains(t, err, "picluster:"+key, name)
				assert.Less(t, len(err.Error()), 1000, "%s: nobody reads that", key)
				assert.NotContains(t, err.Error(), "\x00")
				assert.NotContains(t, err.Error(), "\u202e", "the terminal would show it the other way round")
			}
		}
	}
}

func TestEdgesOfMinIOsSettings(t *testing.T) {
	for name, text := range edges {
		for _, key := range []string{"minio:minioServer", "minio:minioRegion", "minio:minioSsl", "minio:minioCacertFile"} {
			_, err := read(with(key, text))
			assert.ErrorContains(t, err, key, name)
		}
	}
}

// A name may be as long as it can, and no longer.
func TestLongestNames(t *testing.T) {
	for key, longest := range map[string]int{"bucket": 63, "namespace": 63, "release": 53, "secretName": 253, "user": 128, "policy": 128} {
		name := strings.Repeat("a", longest)
		_, err := read(our(key, name))
		assert.NoError(t, err, key)
		_, err = read(our(key, name+"a"))
		assert.ErrorContains(t, err, "picluster:"+key)
	}
}

// Values are the chart's own language, but no more than Helm's record can hold.
func TestTooManyValues(t *testing.T) {
	wide, err := json.Marshal(map[string]any{"a": strings.Repeat("lol", 200_000)})
	require.NoError(t, err)
	deep := strings.Repeat(`{"a":`, 5_000) + "1" + strings.Repeat("}", 5_000)
	for _, key := range []string{"values", "grafanaChartValues"} {
		for _, values := range []string{string(wide), deep} {
			_, err := read(our("datasources", "release", key, values))
			if assert.Error(t, err) {
				assert.Less(t, len(err.Error()), 1000)
				assert.ErrorContains(t, err, "picluster:"+key)
				assert.ErrorContains(t, err, "Put less into it")
			}
		}
	}
}
