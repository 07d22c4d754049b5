package tempo

import (
	"maps"
	"slices"

	"github.com/picluster/picluster/components/tempo/chart"
)

// size is what a profile sets for a service. A service without a size in the profile keeps
// what the chart sets.
type size struct {
	// replicas is the number of pods.
	replicas int
	// cpu is the request. There is no limit, because a throttled Tempo loses spans that an
	// idle core would have received.
	cpu string
	// memory is the request, and memoryLimit the limit.
	memory, memoryLimit string
}

// profile is a size for the whole of Tempo.
type profile struct {
	// replicationFactor is the number of ingesters that each span goes to. Zero: the
	// chart's own, 3.
	replicationFactor int
	// services has the size of each service.
	services map[string]size
}

// chartIngesters is the chart's own number of ingesters, and of copies of a span.
const chartIngesters = 3

// ProfileChart is the profile that leaves every size to the chart: three ingesters with three
// copies of each span, and no requests or limits. It requires three nodes: the chart prefers
// a node for each ingester, and on fewer nodes one that fails takes several copies of a span
// with it. With Monolithic it is one pod, for one node.
const ProfileChart = "chart"

// profiles are the sizes by name. The guide has none, which is ProfileChart.
var profiles = map[string]profile{
	ProfileChart: {},

	// Fits one node of 8 GB beside other things: 3.1 GiB at its limits.
	"pi": {
		replicationFactor: 1,
		services: map[string]size{
			"distributor":      {1, "50m", "96Mi", "256Mi"},
			"ingester":         {1, "100m", "256Mi", "1Gi"},
			"compactor":        {1, "50m", "128Mi", "512Mi"},
			"querier":          {1, "50m", "128Mi", "512Mi"},
			"queryFrontend":    {1, "50m", "96Mi", "256Mi"},
			"metricsGenerator": {1, "50m", "128Mi", "512Mi"},
			memcached:          {1, "20m", "64Mi", "128Mi"},
			monolith:           {1, "100m", "256Mi", "1Gi"},
		},
	},

	// One of each with room: a cluster of a team, on bigger nodes.
	"small": {
		replicationFactor: 1,
		services: map[string]size{
			"distributor":      {1, "100m", "256Mi", "512Mi"},
			"ingester":         {1, "250m", "1Gi", "3Gi"},
			"compactor":        {1, "100m", "512Mi", "2Gi"},
			"querier":          {1, "200m", "512Mi", "2Gi"},
			"queryFrontend":    {1, "100m", "256Mi", "512Mi"},
			"metricsGenerator": {1, "100m", "512Mi", "2Gi"},
			memcached:          {1, "50m", "128Mi", "256Mi"},
			monolith:           {1, "250m", "1Gi", "4Gi"},
		},
	},

	// Any one node may fail: every span is on three ingesters, and no service that
	// receives or queries has one pod alone.
	"ha": {
		replicationFactor: 3,
		services: map[string]size{
			"distributor":      {2, "250m", "512Mi", "1Gi"},
			"ingester":         {3, "500m", "2Gi", "4Gi"},
			"compactor":        {1, "250m", "1Gi", "4Gi"},
			"querier":          {2, "500m", "1Gi", "4Gi"},
			"queryFrontend":    {2, "250m", "512Mi", "1Gi"},
			"metricsGenerator": {2, "250m", "1Gi", "4Gi"},
			memcached:          {1, "100m", "256Mi", "512Mi"},
		},
	},
}

// Profiles returns the names of all profiles.
func Profiles() []string { return slices.Sorted(maps.Keys(profiles)) }

// ProfilesOf returns the names of the profiles of a mode. One pod cannot be ha.
func ProfilesOf(mode string) []string {
	return slices.DeleteFunc(Profiles(), func(name string) bool {
		_, has := profiles[name].services[monolith]
		return mode == chart.Monolithic && !has && name != ProfileChart
	})
}

// ingesters returns how many ingesters a profile has, and to how many of them
// each span goes.
func (p profile) ingesters() (replicas, replicationFactor int) {
	replicas, replicationFactor = p.services["ingester"].replicas, p.replicationFactor
	if replicas == 0 {
		replicas = chartIngesters
	}
	if replicationFactor == 0 {
		replicationFactor = chartIngesters
	}
	return replicas, replicationFactor
}

// resources returns the requests and limits as a pod has them.
func (s size) resources() map[string]any {
	return map[string]any{
		"requests": map[string]any{"cpu": s.cpu, "memory": s.memory},
		"limits":   map[string]any{"memory": s.memoryLimit},
	}
}

// values returns the profile as values of chart tempo-distributed.
func (p profile) values() map[string]any {
	values := map[string]any{}
	for service, size := range p.services {
		if service != monolith {
			values[service] = map[string]any{"replicas": size.replicas, "resources": size.resources()}
		}
	}
	if p.replicationFactor > 0 {
		ingester := values["ingester"].(map[string]any)
		ingester["config"] = map[string]any{"replication_factor": p.replicationFactor}
	}
	return values
}
