package tempo

import "slices"

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

// Services returns the keys of all services in the chart's values.
func Services() []string { return append(slices.Clone(s3Services), memcached) }
