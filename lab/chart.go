package lab

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

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

// chart returns the chart that the stack installs: the user's, else the default chart if its
// repository is reached, else the stand-in, which the log names. A lab with real nodes does not
// try the repository.
func (l *Lab) chart(ctx context.Context) (chart.Chart, error) {
	if path := os.Getenv(ChartVariable); path != "" {
		fmt.Fprintf(l.log, "lab: chart from %s\n", path)
		return chartDirectory(path)
	}
	real := chart.Chart{}.WithDefaults()
	why := real.Repository + " is not reached"
	if l.RealNodes {
		why = "a lab with real nodes reaches no repository"
	} else if reachable(ctx, real.Repository+"/index.yaml") {
		fmt.Fprintf(l.log, "lab: chart %s %s from %s\n", real.Name, real.Version, real.Repository)
		return real, nil
	}
	path := filepath.Join(l.root, "lab", "chart")
	fmt.Fprintf(l.log, "lab: STAND-IN CHART of lab/chart, since %s; for the real one: %s=DIRECTORY\n", why, ChartVariable)
	return chartDirectory(path)
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

func reachable(ctx context.Context, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, url, nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}
