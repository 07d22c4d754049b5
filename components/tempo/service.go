package tempo

import (
	"regexp"
	"slices"
	"strings"
)

// s3Services are the services of chart lines 1 and 2 that reach the S3 server
// and so need the keys, by their keys in the values.
// Source: the how-to's GitOps section.
var s3Services = []string{
	"distributor",
	"ingester",
	"compactor",
	"querier",
	"queryFrontend",
	"metricsGenerator",
}

// memcached is the one service beside them: a cache of what was read from S3.
const memcached = "memcached"

// components returns the values of the label app.kubernetes.io/component of services:
// the chart has query-frontend for queryFrontend.
func components(services []string) []string {
	var names []string
	for _, service := range services {
		names = append(names, strings.ToLower(inner.ReplaceAllString(service, "-$0")))
	}
	return names
}

var inner = regexp.MustCompile(`[A-Z]`)

// Services returns the keys of all services in the chart's values.
func Services() []string { return append(slices.Clone(s3Services), memcached) }
