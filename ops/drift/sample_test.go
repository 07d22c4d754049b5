package drift

import (
	"bytes"
	"testing"

	"github.com/picluster/picluster/internal/command"
	"github.com/picluster/picluster/ops/golden"
	"github.com/stretchr/testify/require"
)

// TestSample compares the table in the documentation with what the command prints.
func TestSample(t *testing.T) {
	findings := []Finding{
		{Where: inKubernetes, What: "ConfigMap tempo/tempo-config", Release: "tempo/tempo",
			Is: `data.tempo.yaml has "target: all" in line 1, and should have "stream_over_http_enabled: true" (kubectl-patch, 2026-11-23 03:51:18)`},
		{Where: inKubernetes, What: "Deployment tempo/tempo-querier",
			Is: `spec.template.spec.containers[querier].env[GOMAXPROCS] is {"name":"GOMAXPROCS","value":"1"}, and should not be there (kubectl-set, 2026-11-23 03:52:40)`},
		{Where: inMinIO, What: "user tempo", URN: "u", Is: "is disabled"},
	}
	var text bytes.Buffer
	require.NoError(t, Table(&text, findings))
	text.WriteString(NextSteps(findings, command.Names{Stack: "picluster"}))
	golden.Check(t, "../..", "docs/samples/drift.txt", text.String())
}
