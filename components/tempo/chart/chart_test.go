package chart_test

import (
	"testing"

	"github.com/picluster/picluster/components/tempo/chart"
	"github.com/stretchr/testify/assert"
)

const (
	grafana   = "https://grafana.github.io/helm-charts"
	community = "https://grafana-community.github.io/helm-charts"
)

func TestWithDefaults(t *testing.T) {
	const oci = "oci://ghcr.io/grafana-community/helm-charts/tempo-distributed"
	for name, test := range map[string]struct{ chart, want chart.Chart }{
		"the default":               {chart.Chart{}, chart.Chart{"microservices", "tempo-distributed", community, "2.26.2", "2.10.8"}},
		"the guide's":               {chart.Chart{Version: "1.61.3"}, chart.Chart{"microservices", "tempo-distributed", grafana, "1.61.3", ""}},
		"monolithic":                {chart.Chart{Mode: "monolithic"}, chart.Chart{"monolithic", "tempo", community, "2.2.4", ""}},
		"a Tempo of one's own":      {chart.Chart{TempoVersion: "2.10.7"}, chart.Chart{"microservices", "tempo-distributed", community, "2.26.2", "2.10.7"}},
		"another version of line 2": {chart.Chart{Version: "2.20.0"}, chart.Chart{"microservices", "tempo-distributed", community, "2.20.0", ""}},
		"a repository of one's own": {chart.Chart{Repository: "https://charts.example.com", Version: "1.61.3"}, chart.Chart{"microservices", "tempo-distributed", "https://charts.example.com", "1.61.3", ""}},
		"OCI has no repository":     {chart.Chart{Name: oci, Version: "2.26.2"}, chart.Chart{"microservices", oci, "", "2.26.2", "2.10.8"}},
		"a path has no repository":  {chart.Chart{Name: "./chart", Version: "1.61.3"}, chart.Chart{"microservices", "./chart", "", "1.61.3", ""}},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, test.want, test.chart.WithDefaults()) })
	}
}

func TestValidateVersion(t *testing.T) {
	for _, version := range []string{"1.61.3", "2.26.2", "2.26.2-rc.1", "1.0.0"} {
		assert.NoError(t, chart.ValidateVersion(chart.Microservices, version), version)
	}
	assert.NoError(t, chart.ValidateVersion(chart.Monolithic, "2.2.4"))
	for version, want := range map[string]string{
		"":        "an exact version",
		"latest":  "an exact version",
		"1.61":    "an exact version",
		"v1.61.3": "an exact version",
		"^1.0.0":  "an exact version",
		"3.3.0":   "require Kafka",
		"4.0.0":   "require Kafka",
		"0.27.5":  "a version 1.x or 2.x of chart tempo-distributed",
	} {
		assert.ErrorContains(t, chart.ValidateVersion(chart.Microservices, version), want, version)
	}
	assert.ErrorContains(t, chart.ValidateVersion(chart.Monolithic, "2.26.2"), "a version of chart tempo, because mode is monolithic; this is one of chart tempo-distributed")
	assert.ErrorContains(t, chart.ValidateVersion("", "2.2.4"), "a version of chart tempo-distributed, because mode is microservices; this is one of chart tempo")
	for _, version := range []string{"1.24.0", "3.0.0"} {
		assert.ErrorContains(t, chart.ValidateVersion(chart.Monolithic, version), "a version 2.x of chart tempo", version)
	}
}

func TestOpenCensus(t *testing.T) {
	for name, test := range map[string]struct {
		chart chart.Chart
		drops string // empty: it has the receiver
	}{
		"the guide's":                    {chart.Chart{Version: "1.61.3"}, ""},
		"the guide's, patched":           {chart.Chart{Version: "1.61.3", TempoVersion: "2.9.5"}, "Tempo 2.9.3"},
		"the last of 2.9 with it":        {chart.Chart{Version: "1.61.3", TempoVersion: "2.9.2"}, ""},
		"the default":                    {chart.Chart{}, "Tempo 2.10.6"},
		"the default with an older one":  {chart.Chart{TempoVersion: "2.10.5"}, ""},
		"the last chart with it":         {chart.Chart{Version: "2.23.4"}, ""},
		"the first chart without":        {chart.Chart{Version: "2.23.5"}, "Tempo 2.10.6"},
		"a line that nothing is said of": {chart.Chart{TempoVersion: "2.11.0"}, "Tempo 2.10.6"},
		"an older line":                  {chart.Chart{Version: "1.20.0", TempoVersion: "2.6.1"}, ""},
		"monolithic":                     {chart.Chart{Mode: "monolithic"}, "Tempo 2.10.6"},
	} {
		t.Run(name, func(t *testing.T) {
			has, dropped := test.chart.WithDefaults().OpenCensus()
			assert.Equal(t, test.drops == "", has)
			assert.Equal(t, test.drops, dropped)
		})
	}
}

func TestValidateTempo(t *testing.T) {
	assert.NoError(t, chart.ValidateTempo("2.10.8"))
	for version, want := range map[string]string{
		"":       "an exact version",
		"2.10":   "an exact version",
		"latest": "an exact version",
		"3.0.3":  "a version of Tempo 2",
	} {
		assert.ErrorContains(t, chart.ValidateTempo(version), want, version)
	}
}

func TestTempoVersions(t *testing.T) {
	assert.Equal(t, []string{"2.9.0", "2.9.5", "2.10.7", "2.10.8"}, chart.TempoVersions())
}

func TestHasSeparateCaches(t *testing.T) {
	for version, want := range map[string]bool{"1.61.3": false, "2.10.9": false, "2.11.0": true, "2.26.2": true} {
		assert.Equal(t, want, chart.Chart{Version: version}.HasSeparateCaches(), version)
	}
	assert.False(t, chart.Chart{Mode: chart.Monolithic, Version: "2.11.0"}.HasSeparateCaches())
}
