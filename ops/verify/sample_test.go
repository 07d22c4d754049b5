package verify

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/picluster/picluster/ops/golden"
	"github.com/stretchr/testify/require"
)

// TestSample compares the table in the documentation with what the command prints.
func TestSample(t *testing.T) {
	const grpc, http = "34d67fa50365198a81d46f28c729eaa0", "da624cb36468f5960d50cb237c5fe58e"
	const tenth = 100 * time.Millisecond
	noGrafana := skip("add --grafana URL, with a token of a service account in %s", "GRAFANA_TOKEN")
	r := &Report{Steps: []Result{
		resultOf("", "pods", tenth, "7 are Ready", nil),
		resultOf("", "key", 0, "Secret tempo/tempo-minio-secret opens bucket k3s-tempo", nil),
		resultOf("", "send otlpGrpc", 0, "trace "+grpc, nil),
		resultOf("", "send otlpHttp", 0, "trace "+http, nil),
		resultOf("", "read otlpGrpc", tenth, `"verify otlpGrpc" of trace `+grpc, nil),
		resultOf("", "read otlpHttp", tenth, `"verify otlpHttp" of trace `+http, nil),
		resultOf("", "search", time.Second, `{resource.service.name="picluster-verify"} finds 2 of 2`, nil),
		resultOf("", "rate", 10*time.Second, `{resource.service.name="picluster-verify"}|rate() has a series`, nil),
		resultOf("", "block", 0, "", skip("add --wait 45m: Tempo writes a block after max_block_duration, by default 30 minutes")),
		resultOf("", "size", 0, new(usage).estimate(defaultRetention), nil),
		resultOf("", "grafana read", 0, "", noGrafana),
		resultOf("", "grafana links", 0, "", noGrafana),
	}}
	var table bytes.Buffer
	require.NoError(t, r.Table(&table))
	golden.Check(t, "../..", "docs/samples/verify.txt", table.String())

	table.Reset()
	r.Steps = []Result{
		r.Steps[0],
		resultOf("", "key", 0, "", at("Secret tempo/tempo-minio-secret", "picluster drift --stack picluster", errors.New("its user may not list the bucket"))),
	}
	require.NoError(t, r.Table(&table))
	golden.Check(t, "../..", "docs/samples/verify-failed.txt", table.String())
}
