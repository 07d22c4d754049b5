package main

import (
	"bytes"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestShowOutputs(t *testing.T) {
	const outputs = `{"queryUrl":"http://tempo","grafanaValues":"a: b\nc: d\n","spans":7,"keys":["a","b"],"secretKey":"[secret]"}`
	var shown bytes.Buffer
	require.NoError(t, showOutputs(&shown, exec.Command("echo", outputs)))
	assert.Equal(t, `keys       ["a","b"]
queryUrl   http://tempo
secretKey  [secret]
spans      7
longer, by bin/lab run pulumi stack output NAME --stack lab: grafanaValues
`, shown.String())

	shown.Reset()
	require.NoError(t, showOutputs(&shown, exec.Command("echo", "{}")), "a stack that was never up")
	assert.Empty(t, shown.String())

	assert.ErrorContains(t, showOutputs(&shown, exec.Command("echo", "no JSON")), "pulumi no JSON: ")
	assert.ErrorContains(t, showOutputs(&shown, exec.Command("sh", "-c", "echo no such stack >&2; exit 1")), "no such stack")
}
