package lab

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/picluster/picluster/components/tempo/chart"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// chartIn returns a new directory of a chart of a version.
func chartIn(t *testing.T, version string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Chart.yaml"), []byte("version: "+version+"\n"), 0o600))
	return dir
}

func TestTheChartOfAStack(t *testing.T) {
	root, err := checkout()
	require.NoError(t, err)
	standIn, err := chartDirectory(filepath.Join(root, "lab", "chart"))
	require.NoError(t, err)
	own, given, gone := chartIn(t, "2.0.1"), chartIn(t, "2.0.2"), filepath.Join(t.TempDir(), "gone")
	stack := func(name, repository, version string) map[string]any {
		return map[string]any{"picluster:chart": name, "picluster:chartRepository": repository, "picluster:chartVersion": version}
	}
	monolithic := stack("/checkout/lab/chart-monolithic", "", "2.2.4")
	monolithic["picluster:mode"] = "monolithic"
	for name, test := range map[string]struct {
		reached, realNodes bool
		given              string
		config             map[string]any
		looks              int
		want               chart.Chart
		log                string
	}{
		"new, reached":     {reached: true, looks: 1, want: publishedChart, log: "lab: chart tempo-distributed " + publishedChart.Version + " from http"},
		"new, not reached": {looks: 1, want: standIn, log: "STAND-IN CHART of lab/chart, since http"},
		"new, real nodes":  {reached: true, realNodes: true, want: standIn, log: "since a lab with real nodes reaches no repository"},
		"new, given":       {reached: true, given: given, want: chart.Chart{Name: given, Version: "2.0.2"}, log: "lab: chart from " + given + "\n"},

		"published, an outage":      {config: stack("tempo-distributed", "https://charts.example.com", "2.0.0"), want: publishedChart, log: "lab: chart tempo-distributed " + publishedChart.Version},
		"stand-in, reached":         {reached: true, config: stack(standIn.Name, "", standIn.Version), want: standIn, log: "since this stack has it"},
		"stand-in of a checkout":    {reached: true, config: stack("/another/checkout/lab/chart", "", "2.0.0"), want: standIn, log: "since this stack has it"},
		"a directory, reached":      {reached: true, config: stack(own, "", "2.0.0"), want: chart.Chart{Name: own, Version: "2.0.1"}, log: "lab: chart from " + own + ", since this stack has it"},
		"a directory that is gone":  {reached: true, config: stack(gone, "", "2.0.0"), want: chart.Chart{Name: gone, Version: "2.0.0"}, log: "lab: chart from " + gone},
		"published, given":          {config: stack("tempo-distributed", "https://charts.example.com", "2.0.0"), given: given, want: chart.Chart{Name: given, Version: "2.0.2"}, log: "lab: chart from " + given + "\n"},
		"of a mode that is changed": {reached: true, looks: 1, config: monolithic, want: publishedChart, log: "lab: chart tempo-distributed"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPublisher(t)
			t.Setenv(ChartVariable, test.given)
			before := publishedChart
			t.Cleanup(func() { publishedChart = before })
			publishedChart.Repository = p.URL + "/charts"
			if test.reached {
				p.files["/charts/index.yaml"] = []byte("entries: {}\n")
			}
			var log bytes.Buffer
			l := &Lab{root: root, log: &log, look: &look{}, RealNodes: test.realNodes}
			file := stackFile{Config: test.config}
			assert.Equal(t, test.looks == 1, l.looksForChart(file))
			for range 2 {
				got, err := l.chart(t.Context(), file)
				require.NoError(t, err)
				assert.Equal(t, []string{test.want.Name, test.want.Version}, []string{got.Name, got.Version})
				assert.Equal(t, chart.IsBareName(test.want.Name), got.Repository != "")
			}
			assert.Contains(t, log.String(), test.log)
			assert.Equal(t, test.looks, p.requests("HEAD /charts/index.yaml"))
		})
	}
}

// TestAnInterruptedStartChoosesNoChart is no outage of the repository.
func TestAnInterruptedStartChoosesNoChart(t *testing.T) {
	newSilence(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var log bytes.Buffer
	_, err := (&Lab{log: &log, look: &look{}}).chart(ctx, stackFile{})
	require.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, log.String())
}

// TestAStartKeepsTheChart prepares a stack that has the published chart, with no repository.
func TestAStartKeepsTheChart(t *testing.T) {
	s := newSilence(t)
	l, log := inDir(t)
	root, err := checkout()
	require.NoError(t, err)
	l.root = root
	require.NoError(t, l.claim())
	require.NoError(t, l.write(l.ConfigFile(), []byte(`config:
  minio:minioPassword: {secure: v1}
  picluster:chart: tempo-distributed
  picluster:chartRepository: https://charts.example.com
  picluster:chartVersion: 2.0.0
`)))
	require.NoError(t, l.prepareStack(t.Context()))
	file, err := readStackFile(l.ConfigFile())
	require.NoError(t, err)
	assert.Equal(t, "tempo-distributed", file.Config["picluster:chart"])
	assert.Equal(t, publishedChart.Repository, file.Config["picluster:chartRepository"])
	assert.Equal(t, publishedChart.Version, file.Config["picluster:chartVersion"])
	assert.NotContains(t, log.String(), "STAND-IN")
	assert.Empty(t, s.requests())
}
