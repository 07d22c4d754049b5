package tempo

import (
	"regexp"
	"slices"
	"strings"

	"github.com/picluster/picluster/components/tempo/chart"
)

// s3Services are the services of chart lines 1 and 2 that reach the S3 server
// and so need the keys, by their keys in the values.
// Source: the guide's GitOps section.
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

// monolith is the one service of chart tempo.
const monolith = "tempo"

// keyedComponents returns the values of the label app.kubernetes.io/component of pods
// that have the keys. Pods of chart tempo do not have the label.
func keyedComponents(mode string) []string {
	if mode == chart.Monolithic {
		return []string{""}
	}
	return components(s3Services)
}

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

// Services returns the keys of all services in the values of a mode's chart.
func Services(mode string) []string {
	if mode == chart.Monolithic {
		return []string{monolith}
	}
	return append(slices.Clone(s3Services), memcached)
}

// values returns the resources as a pod has them.
func (r Resources) values() map[string]any {
	values := map[string]any{}
	for kind, amounts := range map[string]map[string]string{"requests": r.Requests, "limits": r.Limits} {
		if len(amounts) == 0 {
			continue
		}
		section := map[string]any{}
		for name, amount := range amounts {
			section[name] = amount
		}
		values[kind] = section
	}
	return values
}
