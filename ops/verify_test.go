package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestVerifyOptions(t *testing.T) {
	for name, test := range map[string]struct {
		options verifyOptions
		err     string
	}{
		"good":     {verifyOptions{wait: time.Hour, timeout: time.Minute, grafana: "https://g.example.com/grafana"}, ""},
		"defaults": {verifyOptions{timeout: time.Minute}, ""},
		"times": {
			verifyOptions{wait: -time.Second},
			"--wait: got \"-1s\"; want 0s or more. Fix: --wait 45m\n--timeout: got \"0s\"; want more than 0s. Fix: --timeout 2m0s",
		},
		"no URL":         {verifyOptions{timeout: 1, grafana: "g.example.com"}, `--grafana: got no URL; want one like https://grafana.example.com. Fix: --grafana URL`},
		"another scheme": {verifyOptions{timeout: 1, grafana: "ftp://g.example.com"}, `--grafana: got no URL; want one like https://grafana.example.com. Fix: --grafana URL`},
		"credentials":    {verifyOptions{timeout: 1, grafana: "https://admin:hunter2@g"}, `--grafana: got credentials in the URL; want them in the environment. Fix: export GRAFANA_TOKEN=TOKEN`},
		"unparsed":       {verifyOptions{timeout: 1, grafana: "https://admin:hunter2@g:x"}, `--grafana: got no URL; want one like https://grafana.example.com. Fix: --grafana URL`},
	} {
		t.Run(name, func(t *testing.T) {
			err := test.options.check()
			if test.err == "" {
				require.NoError(t, err)
				return
			}
			assert.EqualError(t, err, test.err)
		})
	}
}
