package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/picluster/picluster/components/tempo/chart"
)

// ChartVariable names the environment variable for a directory with the real
// chart, for a machine that does not reach the chart's repository.
const ChartVariable = "LAB_CHART"

// MonolithicChartVariable is ChartVariable for chart tempo, of mode monolithic.
const MonolithicChartVariable = "LAB_CHART_MONOLITHIC"

// MonolithicChart returns the directory and version of chart tempo: the user's, or else the
// stand-in.
func (l *Lab) MonolithicChart() (directory, version string, err error) {
	path := os.Getenv(MonolithicChartVariable)
	if path == "" {
		path = filepath.Join(l.root, "lab", "chart-monolithic")
	}
	c, err := chartDirectory(path)
	return c.Name, c.Version, err
}

// publishedChart is the default chart. Its index is the file of its repository that the lab looks
// for.
var publishedChart = chart.Chart{}.WithDefaults()

func chartIndex() string { return publishedChart.Repository + "/index.yaml" }

// standInChart is the directory of the stand-in in a checkout.
var standInChart = filepath.Join("lab", "chart")

// stackChart returns the chart of a stack, from the configuration file that an earlier start has
// written. It is empty for a new stack. It is also empty for one whose mode was changed in that
// file, because a start writes the mode of Pulumi.lab.yaml.
func stackChart(file stackFile) (c chart.Chart) {
	text := func(key string) string { value, _ := file.Config["picluster:"+key].(string); return value }
	if mode := text("mode"); mode == "" || mode == chart.Microservices {
		c.Name, c.Repository, c.Version = text("chart"), text("chartRepository"), text("chartVersion")
	}
	return c
}

// looksForChart reports whether a start with this configuration file looks for the repository.
func (l *Lab) looksForChart(file stackFile) bool {
	return os.Getenv(ChartVariable) == "" && stackChart(file).Name == "" && !l.RealNodes
}

// chart returns the chart that the stack installs: the user's, else the one that it has. A new
// stack gets the default chart if its repository is reached, else the stand-in, which the log
// names. A lab with real nodes does not try the repository.
func (l *Lab) chart(ctx context.Context, file stackFile) (chart.Chart, error) {
	if path := os.Getenv(ChartVariable); path != "" {
		fmt.Fprintf(l.log, "lab: chart from %s\n", path)
		return chartDirectory(path)
	}
	// An outage of the repository must not replace the chart of what is deployed. Its version is
	// this checkout's.
	switch has := stackChart(file); {
	case has.Name == "":
		return l.newChart(ctx, file)
	case chart.IsBareName(has.Name):
		return l.published(), nil
	case strings.HasSuffix(has.Name, string(filepath.Separator)+standInChart):
		return l.standIn("this stack has it")
	default:
		fmt.Fprintf(l.log, "lab: chart from %s, since this stack has it; for another one: %s=DIRECTORY\n", has.Name, ChartVariable)
		if directory, err := chartDirectory(has.Name); err == nil {
			return directory, nil
		}
		return has, nil // no directory, or one that is gone: the program says so
	}
}

// newChart returns the chart of a new stack.
func (l *Lab) newChart(ctx context.Context, file stackFile) (chart.Chart, error) {
	if !l.looksForChart(file) {
		return l.standIn("a lab with real nodes reaches no repository")
	}
	reached := l.look.at(ctx, chartIndex())[chartIndex()] == nil
	if err := ctx.Err(); err != nil {
		return chart.Chart{}, err // it is not known
	}
	if !reached {
		return l.standIn(publishedChart.Repository + " is not reached")
	}
	return l.published(), nil
}

// published returns the default chart, and says so.
func (l *Lab) published() chart.Chart {
	fmt.Fprintf(l.log, "lab: chart %s %s from %s\n", publishedChart.Name, publishedChart.Version, publishedChart.Repository)
	return publishedChart
}

// standIn returns the stand-in of this checkout, and says why.
func (l *Lab) standIn(why string) (chart.Chart, error) {
	fmt.Fprintf(l.log, "lab: STAND-IN CHART of lab/chart, since %s; for the real one: %s=DIRECTORY\n", why, ChartVariable)
	return chartDirectory(filepath.Join(l.root, standInChart))
}

// chartDirectory returns the chart in a directory, with the version that it says.
func chartDirectory(path string) (c chart.Chart, err error) {
	if c.Name, err = filepath.Abs(path); err != nil {
		return c, err
	}
	if c.Version, err = chart.DirectoryVersion(c.Name); err != nil {
		return c, fmt.Errorf("%s is not a directory of a chart: %w", c.Name, err)
	}
	return c, nil
}
