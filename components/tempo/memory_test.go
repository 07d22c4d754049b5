package tempo

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/picluster/picluster/components/tempo/chart"
)

// Go knows 80 % of the memory limit, whoever sets that.
func TestGoMemory(t *testing.T) {
	type m = map[string]any
	variable := func(value string) m { return m{"name": "GOMEMLIMIT", "value": value} }
	gigabyte := map[string]Resources{"ingester": {Limits: map[string]string{"memory": "1Gi"}}, "tempo": {Limits: map[string]string{"memory": "1Gi"}}}
	for name, test := range map[string]struct {
		change  func(*Args)
		service string
		want    []any
	}{
		"no limit":           {func(*Args) {}, "ingester", nil},
		"a profile":          {func(a *Args) { a.Profile = "pi" }, "compactor", []any{variable("409MiB")}},
		"not a Go program":   {func(a *Args) { a.Profile = "pi" }, "memcached", nil},
		"resources":          {func(a *Args) { a.Resources = gigabyte }, "ingester", []any{variable("819MiB")}},
		"over a profile":     {func(a *Args) { a.Profile, a.Resources = "small", gigabyte }, "ingester", []any{variable("819MiB")}},
		"the chart's values": {func(a *Args) { a.Values = m{"querier": m{"resources": m{"limits": m{"memory": "100M"}}}} }, "querier", []any{variable("76MiB")}},
		"one's own":          {func(a *Args) { a.Profile, a.Values = "pi", m{"querier": m{"extraEnv": []any{variable("1GiB")}}} }, "querier", []any{variable("1GiB")}},
		"one's own for all":  {func(a *Args) { a.Profile, a.Values = "pi", m{"global": m{"extraEnv": []any{variable("1GiB")}}} }, "querier", nil},
		"the chart's part":   {func(a *Args) { a.Profile, a.Values = "pi", m{"global": m{"goSettings": m{"goMemLimitFactor": 0.5}}} }, "querier", nil},
		"one's own default":  {func(a *Args) { a.Profile, a.Values = "pi", m{"defaults": m{"extraEnv": []any{variable("1GiB")}}} }, "querier", nil},
		"beside another": {func(a *Args) {
			a.Profile, a.Values = "pi", m{"querier": m{"extraEnv": []any{m{"name": "GOGC", "value": "50"}}}}
		}, "querier", []any{m{"name": "GOGC", "value": "50"}, variable("409MiB")}},
		"a number of bytes":   {func(a *Args) { a.Values = m{"querier": m{"resources": m{"limits": m{"memory": 104857600}}}} }, "querier", []any{variable("80MiB")}},
		"less than a mebi":    {func(a *Args) { a.Values = m{"querier": m{"resources": m{"limits": m{"memory": "1Ki"}}}} }, "querier", nil},
		"not a quantity":      {func(a *Args) { a.Values = m{"querier": m{"resources": m{"limits": m{"memory": "much"}}}} }, "querier", nil},
		"one pod":             {func(a *Args) { a.Chart.Mode, a.Profile = chart.Monolithic, "pi" }, "tempo", []any{variable("819MiB")}},
		"one pod's resources": {func(a *Args) { a.Chart.Mode, a.Resources = chart.Monolithic, gigabyte }, "tempo", []any{variable("819MiB")}},
	} {
		t.Run(name, func(t *testing.T) {
			service, _ := settings.values(of(test.change))[test.service].(m)
			env, _ := service["extraEnv"].([]any)
			var got []any
			for _, entry := range env {
				if name := entry.(m)["name"]; name != AccessKeyField && name != SecretKeyField {
					got = append(got, entry)
				}
			}
			assert.Equal(t, test.want, got)
		})
	}
}
