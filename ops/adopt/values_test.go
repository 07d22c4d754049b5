package adopt_test

import (
	"testing"

	"github.com/picluster/picluster/ops/adopt"
	"github.com/picluster/picluster/ops/engine"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"helm.sh/helm/v3/pkg/release"
)

func TestFindAReleaseThatKeepsTracesForLonger(t *testing.T) {
	type m = map[string]any
	compactor := func(retention any) m {
		return m{"compactor": m{"config": m{"compaction": m{"block_retention": retention}}}}
	}
	with := func(values m) m { values["fullnameOverride"] = "r"; return values }
	for name, test := range map[string]struct {
		given, planned m
		want           string // empty: it is found
	}{
		"nothing said":      {m{}, with(m{}), ""},
		"the default":       {compactor("48h"), with(m{}), ""},
		"shorter":           {compactor("24h"), with(m{}), ""},
		"longer":            {compactor("336h"), with(m{}), `retention: got 48h; want 336h, which release n/r has`},
		"longer, and set":   {compactor("336h"), with(compactor("336h")), ""},
		"set to less":       {compactor("336h"), with(compactor("100h30m")), "retention: got 100h30m0s; want 336h"},
		"one pod":           {m{"tempo": m{"retention": "72h"}}, with(m{"tempo": m{"retention": "48h"}}), "Fix: pulumi config set retention 72h"},
		"no duration":       {compactor(336), with(m{}), ""},
		"another's release": {compactor("336h"), m{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := &servers{releases: []string{"n/r"}, config: test.given}
			step := creates(engine.ReleaseType, m{"namespace": "n", "name": "r", "values": test.planned})
			found, _, err := adopt.Finder{Store: s, Cluster: s}.Find(t.Context(), []engine.Step{step})
			if test.want == "" {
				require.NoError(t, err)
				assert.Len(t, found, 1)
				return
			}
			assert.ErrorContains(t, err, test.want)
		})
	}
}

func TestDropped(t *testing.T) {
	type m = map[string]any
	given := m{"a": 1, "b": m{"c": 1, "d": m{"e": []any{1}}, "f": m{}}, "g": m{"h": 1}, "i": m{"j": 1}}
	set := m{"a": 2, "b": m{"c": nil}, "i": "text"}
	r := &engine.Resource{Inputs: m{"values": set}}
	assert.Equal(t, []string{"b.d.e", "b.f", "g.h"}, adopt.Dropped(r, &release.Release{Config: given}))
	assert.Empty(t, adopt.Dropped(r, &release.Release{}))
}
