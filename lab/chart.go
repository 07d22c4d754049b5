package lab

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/picluster/picluster/components/tempo"
)

// ChartVariable names the environment variable for a folder or archive with the
// real chart, for a machine that does not reach the chart's repository.
const ChartVariable = "LAB_CHART"

// chart returns where the stack's chart comes from: the user's folder, else the
// chart's own repository, else the stand-in, which it says loudly.
func (l *Lab) chart(ctx context.Context) (chart, repository string, err error) {
	if path := os.Getenv(ChartVariable); path != "" {
		if path, err = filepath.Abs(path); err != nil {
			return "", "", err
		}
		if !exists(path) {
			return "", "", fmt.Errorf("%s is %s, which is not there", ChartVariable, path)
		}
		fmt.Fprintf(l.log, "lab: chart from %s\n", path)
		return path, "", nil
	}
	if reachable(ctx, tempo.DefaultRepository+"/index.yaml") {
		fmt.Fprintf(l.log, "lab: chart %s from %s\n", tempo.DefaultChart, tempo.DefaultRepository)
		return tempo.DefaultChart, tempo.DefaultRepository, nil
	}
	path := filepath.Join(l.root, "lab", "chart")
	fmt.Fprintf(l.log, "lab: STAND-IN CHART from %s, since %s is not reached.\n"+
		"     It makes the same objects by name from the same values, and is not Tempo.\n"+
		"     For the real chart: %s=FOLDER make up\n", path, tempo.DefaultRepository, ChartVariable)
	return path, "", nil
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
