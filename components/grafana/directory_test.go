package grafana_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/picluster/picluster/components/grafana"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Where the data sources are in the values depends on the version, which a chart in a
// directory has of its own: an older chart would ignore them without an error.
func TestVersionOfDirectory(t *testing.T) {
	directory := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(directory, "Chart.yaml"), []byte("version: 75.0.0\n"), 0o600))
	args := grafana.Args{TempoURL: pulumi.String("http://tempo"), ChartVersion: "88.5.3", Release: &grafana.Release{Chart: directory}}
	assert.EqualError(t, args.Validate(), `ChartVersion: got "88.5.3"; want 75.0.0, which the chart in `+directory+` has`)
	args.ChartVersion = "75.0.0"
	assert.NoError(t, args.Validate())
}
