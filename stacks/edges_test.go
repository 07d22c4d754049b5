package stacks

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/picluster/picluster/components/tracing"
	"github.com/picluster/picluster/internal/field"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// edges are texts that a provider, a template, a policy, a shell or YAML could read
// in another way than they are meant.
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

// free are the keys that accept some of these, and why it does no harm.
var free = map[string]string{
	"chart":        "a path, or a name that Helm looks up",
	"grafanaChart": "the same",
	"spanBarTag":   "escaped wherever it goes; see the tests of package grafana",
	"lokiTenant":   "escaped wherever it goes; see the tests of package grafana",
}

// beside are the keys without which another one has no effect.
var beside = map[string][]string{
	"tempoTenant":              {"multiTenancy", "true"},
	"persistenceSize":          {"persistence", "true"},
	"persistenceStorageClass":  {"persistence", "true"},
	"prometheusRemoteWriteUrl": {"spanMetrics", "true"},
	"prometheusUid":            {"spanMetrics", "true", "prometheusRemoteWriteUrl", "http://p"},
	"lokiUid":                  {"lokiUrl", "http://loki"},
	"spanBarTag":               {"spanBar", "Tag"},
	"traceQueryStart":          {"traceQueryEnd", "1h"},
	"traceQueryEnd":            {"traceQueryStart", "-1h"},
	"grafanaNamespace":         {"datasources", "configmap"},
	"grafanaRelease":           {"datasources", "release"},
	"grafanaChartRepository":   {"datasources", "release"},
	"grafanaChartVersion":      {"datasources", "release"},
}

// keys returns all keys of the table.
func keys() (all []Key) {
	for _, section := range Sections() {
		all = append(all, section.Keys...)
	}
	return all
}

// TestEdges sets every key that takes a text to each of the edges: it is rejected, by an error
// that names the key, and that a terminal shows as it is.
func TestEdges(t *testing.T) {
	for _, key := range keys() {
		if key.Type() != "string" || free[key.Name] != "" {
			continue
		}
		for name, text := range edges {
			lines := problemsOf(t, our(append(beside[key.Name], key.Name, text)...))
			if assert.NotEmpty(t, lines, "%s accepts %s", key.Name, name) {
				assert.Contains(t, lines[0], "picluster:"+key.Name+": ", name)
				for _, line := range lines {
					assert.Less(t, len(line), 1000, "%s: too long to read", key.Name)
					assertForm(t, strings.ReplaceAll(line, "\n", " "))
					assert.NotContains(t, line, "\x00")
					assert.NotContains(t, line, "\u202e", "the terminal would show it the other way round")
				}
			}
		}
	}
}

func TestEdgesOfMinIOsSettings(t *testing.T) {
	for name, text := range edges {
		for _, key := range []string{"minio:minioServer", "minio:minioRegion", "minio:minioSsl", "minio:minioCacertFile"} {
			lines := strings.Join(problemsOf(t, with(key, text)), "\n")
			assert.Contains(t, lines, key, name)
			assert.Less(t, len(lines), 1000, key)
		}
	}
}

// A name may be as long as its rule says, and no longer.
func TestLongestNames(t *testing.T) {
	for key, longest := range map[string]int{"bucket": 63, "namespace": 63, "release": 53, "secretName": 253, "user": 128, "policy": 128} {
		name := strings.Repeat("a", longest)
		assert.Empty(t, problemsOf(t, our(key, name)), key)
		assert.Contains(t, strings.Join(problemsOf(t, our(key, name+"a")), "\n"), "picluster:"+key)
	}
}

// Values are the chart's own language, but no more than Helm's record can hold.
func TestTooManyValues(t *testing.T) {
	wide, err := json.Marshal(map[string]any{"a": strings.Repeat("lol", 200_000)})
	require.NoError(t, err)
	deep := strings.Repeat(`{"a":`, 5_000) + "1" + strings.Repeat("}", 5_000)
	for _, key := range []string{"values", "grafanaChartValues"} {
		assert.Equal(t, []string{"picluster:" + key + ": got 585 KiB and 1 levels; want at most 256 and 64. Fix: pulumi config rm " + key},
			problemsOf(t, our("datasources", "release", key, string(wide))))
		assert.Equal(t, []string{"picluster:" + key + ": got 29 KiB and 5000 levels; want at most 256 and 64. Fix: pulumi config rm " + key},
			problemsOf(t, our("datasources", "release", key, deep)))
	}
}

// Credentials are in no error, whatever else is wrong with the value that has them.
func TestNoErrorHasAPassword(t *testing.T) {
	for _, address := range []string{
		"https://admin:hunter3@s3.example.com", "admin:hunter3@s3.example.com:9000", "https://admin:hunter3@[::1", "http://:hunter3@x",
		"https://admin:hunter3@s3.example.com/path?x", "//admin:hunter3@x",
	} {
		for _, config := range []fake{
			with("minio:minioServer", address), our("s3Endpoint", address), our("lokiUrl", address), our("chartRepository", address),
			our("spanMetrics", "true", "prometheusRemoteWriteUrl", address), our("datasources", "release", "grafanaChartRepository", address),
			our("imageRegistry", address), our("chart", address),
		} {
			problemsOf(t, config) // which looks for it
		}
	}
}

// Each tenant has names of its own, which an error names by their path.
func TestTenantsArgs(t *testing.T) {
	_, tenants, err := read(our("tenants", `[{"name":"a"},{"name":"b","bucket":"of-b","user":"user-b","policy":"policy-b","namespace":"ns-b","secretName":"secret-b","install":false}]`))
	require.NoError(t, err)
	require.Len(t, tenants, 2)
	names := func(a *tracing.Args) string {
		return fmt.Sprint(a.ObjectStore.Bucket, a.ObjectStore.User, a.ObjectStore.Policy, a.Namespace.Name, a.SecretName, a.ValuesOnly, a.ObjectStore.KeepPrevious)
	}
	assert.Equal(t, fmt.Sprint("k3s-tempo-a", "tempo-a", nil, "tempo-a", "tempo-minio-secret", false, false), names(tenants[0]))
	assert.Equal(t, fmt.Sprint("of-b", "user-b", "policy-b", "ns-b", "secret-b", true, true), names(tenants[1]))

	_, tenants, err = read(our("policy", "p", "tenants", `[{"name":"a"}]`))
	require.NoError(t, err)
	assert.Equal(t, "p-a", text(tenants[0].ObjectStore.Policy), "a policy of the stack has the tenant's name as its suffix")

	// What is wrong with the stack's own keys is said once, by the stack's key.
	lines := problemsOf(t, our("retention", "x", "tenants", `[{"name":"a"},{"name":"b"}]`))
	require.Len(t, lines, 1)
	assert.True(t, strings.HasPrefix(lines[0], `picluster:retention: got "x"`), lines[0])
}

// FuzzLoad sets a key to any text: there is an error that names a key, or arguments without a
// problem, and never a panic.
func FuzzLoad(f *testing.F) {
	all := keys()
	for i, value := range []string{"", "x", "true", "-1", "[]", "{}", `{"a":{"b":[1]}}`, "\x00", "$", "{{", "ü", strings.Repeat("a", 64), "..", "a\nb", "null", `[null]`, `{"a":null}`, `[{"name":"a"}]`} {
		f.Add(i, value)
	}
	f.Fuzz(func(t *testing.T, i int, value string) {
		key := all[uint(i)%uint(len(all))]
		stack, tenants, err := read(our(append(beside[key.Name], key.Name, value)...))
		if err != nil {
			assert.Contains(t, err.Error(), "picluster:", "an error that names no key: %v", err)
			assert.NotContains(t, err.Error(), "hunter2")
			return
		}
		for _, a := range append(tenants, stack) {
			if len(tenants) == 0 || a != stack {
				assert.NoError(t, withoutRelease(a).Validate())
			}
			for _, word := range []string{text(a.ObjectStore.Bucket), text(a.Namespace.Name), text(a.SecretName), text(a.Tempo.Release), text(a.Tempo.Endpoint), text(a.Tempo.Region)} {
				for _, bad := range []string{"{{", "$", "\n"} {
					assert.NotContains(t, word, bad, key.Name)
				}
			}
		}
	})
}

// What is exactly at a limit is accepted.
func TestAtALimit(t *testing.T) {
	const around = len(`{"a":""}`)
	assert.Empty(t, problemsOf(t, our("values", `{"a":"`+strings.Repeat("x", maxObject-around)+`"}`)))
	assert.NotEmpty(t, problemsOf(t, our("values", `{"a":"`+strings.Repeat("x", maxObject-around+1)+`"}`)))
	assert.Empty(t, problemsOf(t, our("values", strings.Repeat(`{"a":`, maxDepth)+"1"+strings.Repeat("}", maxDepth))))
	assert.Empty(t, problemsOf(t, our("tenants", `[{"name":"`+strings.Repeat("a", maxTenantName)+`"}]`)))
	assert.NotEmpty(t, problemsOf(t, our("tenants", `[{"name":"`+strings.Repeat("a", maxTenantName+1)+`"}]`)))
}

// A problem that follows from another key's problem is reported only if it is the only one.
func TestImpliedProblemAlone(t *testing.T) {
	for before, want := range map[string]int{"": 1, "another": 1} {
		p := &problems{project: "picluster", sections: newSettings().sections()}
		if before != "" {
			p.add("%s", before)
		}
		p.component(field.Errors{{Path: "Grafana.Release.Timeout", Got: 1, Want: "less"}}, "", nil)
		assert.Len(t, p.lines, want, before)
	}
}

// A field without a key is reported as the component has it.
func TestProblemWithoutAKey(t *testing.T) {
	p := &problems{project: "picluster", sections: newSettings().sections()}
	p.component(field.Errors{{Path: "Nothing.Like.It", Got: "x", Want: "another"}}, "", nil)
	assert.Equal(t, []string{`Nothing.Like.It: got "x"; want another`}, p.lines)
}
