package chart_test

import (
	"testing"

	"github.com/picluster/picluster/components/tempo/chart"
	"github.com/stretchr/testify/assert"
)

func TestWithDefaults(t *testing.T) {
	for name, test := range map[string]struct{ chart, want chart.Chart }{
		"the how-to's": {
			chart.Chart{},
			chart.Chart{Name: "tempo-distributed", Repository: "https://grafana.github.io/helm-charts", Version: "1.61.3"},
		},
		"line 2 is published elsewhere": {
			chart.Chart{Version: "2.26.2"},
			chart.Chart{Name: "tempo-distributed", Repository: "https://grafana-community.github.io/helm-charts", Version: "2.26.2"},
		},
		"a repository of one's own": {
			chart.Chart{Repository: "https://charts.example.com"},
			chart.Chart{Name: "tempo-distributed", Repository: "https://charts.example.com", Version: "1.61.3"},
		},
		"OCI has no repository": {
			chart.Chart{Name: "oci://ghcr.io/grafana-community/helm-charts/tempo-distributed", Version: "2.26.2"},
			chart.Chart{Name: "oci://ghcr.io/grafana-community/helm-charts/tempo-distributed", Version: "2.26.2"},
		},
		"a path has no repository": {
			chart.Chart{Name: "./chart"},
			chart.Chart{Name: "./chart", Version: "1.61.3"},
		},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, test.want, test.chart.WithDefaults()) })
	}
}

func TestValidateVersion(t *testing.T) {
	for _, version := range []string{"1.61.3", "2.26.2", "2.26.2-rc.1", "1.0.0"} {
		assert.NoError(t, chart.ValidateVersion(version), version)
	}
	for version, want := range map[string]string{
		"":        "is not an exact version",
		"latest":  "is not an exact version",
		"1.61":    "is not an exact version",
		"v1.61.3": "is not an exact version",
		"^1.0.0":  "is not an exact version",
		"3.3.0":   "needs Kafka and has no ingester or compactor",
		"4.0.0":   "needs Kafka and has no ingester or compactor",
		"0.27.5":  "is of line 0",
	} {
		assert.ErrorContains(t, chart.ValidateVersion(version), want, version)
	}
}
