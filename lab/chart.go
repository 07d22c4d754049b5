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

// ChartVariable names the environment variable for a folder with the real
// chart, for a machine that does not reach the chart's repository.
const ChartVariable = "LAB_CHART"

// chart returns which chart the stack installs: the user's, else the program's
// default from its own repository, else the stand-in, which it says loudly.
func (l *Lab) chart(ctx context.Context) (chart.Chart, error) {
	if path := os.Getenv(ChartVariable); path != "" {
		fmt.Fprintf(l.log, "lab: chart from %s\n", path)
		return chartFolder(path)
	}
	real := chart.Chart{}.WithDefaults()
	if !l.RealNodes && reachable(ctx, real.Repository+"/index.yaml") {
		fmt.Fprintf(l.log, "lab: chart %s %s from %s\n", real.Name, real.Version, real.Repository)
		return real, nil
	}
	path := filepath.Join(l.root, "lab", "chart")
	fmt.Fprintf(l.log, "lab: STAND-IN CHART of lab/chart, since %s is not reached; for the real one: %s=FOLDER\n", real.Repository, ChartVariable)
	return chartFolder(path)
}

// chartFolder returns the chart in a folder, with the version that it says.
func chartFolder(path string) (c chart.Chart, err error) {
	if c.Name, err = filepath.Abs(path); err != nil {
		return c, err
	}
	if c.Version, err = chart.FolderVersion(c.Name); err != nil {
		return c, fmt.Errorf("%s is no folder of a chart: %w", c.Name, err)
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
