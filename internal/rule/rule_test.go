package rule_test

import (
	"strings"
	"testing"
	"time"

	"github.com/picluster/picluster/internal/rule"
	"github.com/stretchr/testify/assert"
)

func TestRules(t *testing.T) {
	anHour := func(value string) error { return rule.ValidateDuration(value, time.Hour) }
	color := func(value string) error { return rule.ValidateOneOf(value, []string{"red", "blue"}) }
	for name, test := range map[string]struct {
		validate func(string) error
		good     []string
		bad      map[string]string
	}{
		"not empty": {rule.ValidateNotEmpty, []string{"a"}, map[string]string{"": "not empty"}},
		"host:port": {rule.ValidateHostPort,
			[]string{"s3.example.com:9091", "s3", "10.0.0.11:9000", "[fd00::1]:9000", "[fd00::1]"},
			map[string]string{
				"":                         "a host that is",
				"http://s3.example.com":    "without a scheme",
				"s3.example.com/bucket":    "without a scheme",
				"admin:hunter2@s3":         "without a scheme, a user",
				"s3:0":                     "a port from 1 to 65535",
				"s3:65536":                 "a port from 1 to 65535",
				"s3:":                      "a host that is",
				"[::1":                     "a host:port",
				"a_b":                      "a host that is",
				"${S3}":                    "a host",
				strings.Repeat("a", 254):   "a host that is",
				"s3.example.com\nother: 1": "a host:port",
			}},
		"URL": {rule.ValidateURL,
			[]string{"http://loki", "https://loki.example.com:3100/api", "http://[fd00::1]:80/x", "http://p/api?tenant=a&token=&password=${PASSWORD}"},
			map[string]string{
				"":                                      "starts with http://",
				"loki:3100":                             "starts with http://",
				"ftp://loki":                            "starts with http://",
				"http://[::1":                           "starts with http://",
				"http://":                               "a host that is",
				"http:opaque":                           "starts with http://",
				"http://u:p@loki":                       "without a user",
				"http://loki:99999":                     "a port",
				"http://p/api?a=b&access_token=hunter2": "without a credential in its query",
				"http://p/api?to%6ben=hunter2":          "without a credential in its query",
				"http://p/api?a=%zz":                    "a query of NAME=VALUE",
				"http://a{{b}}.com/":                    "starts with http://",
			}},
		"region":   {rule.ValidateRegion, []string{"eu-west-1", "home"}, map[string]string{"": "a region", "eu west": "a region", "-a": "a region", strings.Repeat("a", 64): "a region"}},
		"duration": {anHour, []string{"1h", "336h"}, map[string]string{"": "a duration like", "2d": "a duration like", "59m": "1h0m0s or more", "-5h": "1h0m0s or more"}},
		"quantity": {rule.ValidateQuantity, []string{"10Gi", "250m"}, map[string]string{"": "a quantity like", "much": "a quantity like", "0": "more than zero", "-1": "more than zero"}},
		"one of":   {color, []string{"red"}, map[string]string{"": "one of red, blue", "green": "one of red, blue"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, value := range test.good {
				assert.NoError(t, test.validate(value), value)
			}
			for value, want := range test.bad {
				assert.ErrorContains(t, test.validate(value), want, value)
			}
		})
	}
}

func TestRedact(t *testing.T) {
	for address, want := range map[string]string{
		"s3.example.com:9091":           "s3.example.com:9091",
		"https://admin:hunter2@s3:9091": "https://xxxxx@s3:9091",
		"admin:hunter2@s3":              "xxxxx@s3",
		"https://admin:a@b/c@s3":        "https://xxxxx@s3",
		"http://u:p@[::1":               "http://xxxxx@[::1",
		"a:b://c@s3":                    "xxxxx@s3",
		"http://p/api?token=hunter2":    "http://p/api?xxxxx",
		"http://u:p@p/api?token=x":      "http://xxxxx@p/api?xxxxx",
		"http://p/api?token=hunt@er2":   "http://xxxxx",
		"http://u:hunt?er2@p/api":       "http://xxxxx",
	} {
		assert.Equal(t, want, rule.Redact(address))
	}
}
