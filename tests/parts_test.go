package tests

import (
	"os/exec"
	"testing"
	"time"

	"github.com/picluster/picluster/lab"
	"github.com/stretchr/testify/require"
)

// What some tests require beside the lab's own parts.
var (
	probePart     = lab.Part{Name: "probe", Dir: "tests/probe", Package: ".", Cold: 2 * time.Second}
	collectorPart = lab.Part{
		Name: "otelcol", Dir: "lab/parts/otelcol", Package: ".", Module: "go.opentelemetry.io/collector/otelcol", Cold: time.Minute,
	}
	gatewayPart = lab.Part{
		Name: "versitygw", Dir: "lab/parts/versitygw", Package: "github.com/versity/versitygw/cmd/versitygw",
		Module: "github.com/versity/versitygw", Cold: 80 * time.Second,
	}
	yamlPart = lab.Part{
		Name: "pulumi-language-yaml", Dir: "lab/parts/language-yaml", Package: "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml",
		Module: "github.com/pulumi/pulumi-yaml", Cold: 90 * time.Second,
	}
)

// TestParts compiles them before the tests with deadlines run: it has no t.Parallel.
func TestParts(t *testing.T) {
	l, err := lab.Open(t.Context(), t.TempDir(), t.Output())
	require.NoError(t, err)
	_, err = l.Build(t.Context(), []lab.Part{probePart, collectorPart, gatewayPart, yamlPart})
	require.NoError(t, err)
	out, err := output(exec.CommandContext(t.Context(), "go", "-C", "../ops", "tool", "helm", "version"))
	require.NoError(t, err, out)
}
