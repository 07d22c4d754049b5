package verify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func report(tenant string) *Report {
	const took = 1234 * time.Millisecond
	return &Report{Stack: "s", Steps: []Result{
		resultOf(tenant, "pods", took, "7 are Ready", nil),
		resultOf(tenant, "rate", took, "", skip("the metrics-generator is %s", "off")),
		resultOf(tenant, "search", took, "", fmt.Errorf("wrapped: %w", at("queriers", "kubectl logs", errors.New("got <none>;\nwant one")))),
	}}
}

func TestTable(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, report("").Table(&out))
	assert.Equal(t, `STEP    RESULT       TIME   DETAIL
pods    ok           1.2 s  7 are Ready
rate    not checked  -      the metrics-generator is off
search  failed       1.2 s  got <none>; want one

search: failed at queriers. Fix:
  kubectl logs
`, out.String())

	out.Reset()
	require.NoError(t, report("a").Table(&out))
	assert.Equal(t, `TENANT  STEP    RESULT       TIME   DETAIL
a       pods    ok           1.2 s  7 are Ready
a       rate    not checked  -      the metrics-generator is off
a       search  failed       1.2 s  got <none>; want one

a: search: failed at queriers. Fix:
  kubectl logs
`, out.String())

	assert.Error(t, report("").Table(full{}))
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestJSON(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, report("").JSON(&out))
	assert.JSONEq(t, `{"stack":"s","ok":false,"steps":[
		{"step":"pods","result":"ok","seconds":1.234,"detail":"7 are Ready"},
		{"step":"rate","result":"not checked","detail":"the metrics-generator is off"},
		{"step":"search","result":"failed","seconds":1.234,"detail":"got <none>;\nwant one","part":"queriers","fix":"kubectl logs"}]}`, out.String())
	assert.Contains(t, out.String(), "<none>")

	out.Reset()
	require.NoError(t, report("a").JSON(&out))
	var again Report
	require.NoError(t, json.Unmarshal(out.Bytes(), &again))
	assert.Equal(t, report("a"), &again)
}

func TestResultOfAnotherError(t *testing.T) {
	assert.Equal(t, Result{Step: "s", Outcome: Failed, Seconds: 1, Detail: "x"}, resultOf("", "s", time.Second, "", errors.New("x")))
}

// TestAt has a failure keep the part that was named first.
func TestAt(t *testing.T) {
	require.NoError(t, at("a", "b", nil))
	inner := at("pod", "fix", errors.New("x"))
	assert.Equal(t, inner, at("queriers", "other", inner))
}
