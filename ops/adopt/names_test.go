package adopt_test

import (
	"fmt"
	"testing"

	"github.com/picluster/picluster/ops/adopt"
	"github.com/picluster/picluster/ops/engine"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// statefulSet returns a manifest of a Service and a StatefulSet of a component of Tempo.
func statefulSet(name, component, label string) string {
	return fmt.Sprintf(`---
apiVersion: v1
kind: Service
metadata: {name: other}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: %s, labels: {app.kubernetes.io/component: %q}}
spec: {selector: {matchLabels: {app.kubernetes.io/name: %s}}}
`, name, component, label)
}

func TestFindAReleaseOfOtherNames(t *testing.T) {
	microservices := map[string]any{"fullnameOverride": "traces"}
	monolithic := map[string]any{"fullnameOverride": "my-tempo", "nameOverride": "my-tempo"}
	for name, test := range map[string]struct {
		values   map[string]any
		manifest string
		want     string // empty: it is found
	}{
		"the same names":        {microservices, statefulSet("traces-ingester", "ingester", "tempo"), ""},
		"a zone":                {microservices, statefulSet("traces-ingester-zone-a", "ingester", "tempo"), ""},
		"the chart in its name": {microservices, statefulSet("traces-tempo-ingester", "ingester", "tempo"), `a StatefulSet "traces-tempo-ingester"; want "traces-ingester"`},
		"other names":           {microservices, statefulSet("tempo-ingester", "ingester", "tempo"), `a StatefulSet "tempo-ingester"; want "traces-ingester"`},
		"one pod, other names":  {monolithic, statefulSet("my-tempo-tempo", "", "my-tempo"), `a StatefulSet "my-tempo-tempo"; want "my-tempo"`},
		"no StatefulSet":        {microservices, "", ""},
		"the same selector":     {monolithic, statefulSet("my-tempo", "", "my-tempo"), ""},
		"another selector":      {monolithic, statefulSet("my-tempo", "", "tempo"), `app.kubernetes.io/name "tempo"; want "my-tempo"`},
		"another mode":          {monolithic, statefulSet("my-tempo-ingester", "ingester", "tempo"), ""},
		"not a manifest":        {microservices, "a: b: c", "mapping values"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &servers{releases: []string{"n/r"}, manifest: test.manifest}
			step := creates(engine.ReleaseType, map[string]any{"namespace": "n", "name": "r", "values": test.values})
			found, _, err := adopt.Finder{Store: s, Cluster: s}.Find(t.Context(), []engine.Step{step})
			if test.want == "" {
				require.NoError(t, err)
				assert.Len(t, found, 1)
				return
			}
			require.ErrorContains(t, err, test.want)
			assert.Empty(t, found)
			if test.manifest != "a: b: c" {
				assert.ErrorContains(t, err, "release n/r: got a StatefulSet")
				assert.ErrorContains(t, err, "Fix: pulumi config set release NAME")
			}
		})
	}
}
