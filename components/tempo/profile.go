package tempo

import (
	"maps"
	"slices"

	"github.com/picluster/picluster/components/tempo/chart"
)

// Size is what a profile sets for a service. The zero value leaves the chart's
// own.
type Size struct {
	// Replicas is how many pods. Zero: the chart's own number.
	Replicas int
	// CPU is what is asked for, as a Kubernetes quantity. There is no limit: a
	// throttled Tempo loses spans that an idle core would have taken.
	CPU string
	// Memory is what is asked for, and MemoryLimit where the pod is ended.
	Memory, MemoryLimit string
}

// Profile is a size for the whole of Tempo.
type Profile struct {
	// ReplicationFactor is to how many ingesters each span goes. Zero: the
	// chart's own, 3.
	ReplicationFactor int
	// Services has the size of each service.
	Services map[string]Size
}

// chartIngesters is the chart's own number of ingesters, and of copies of a span.
const chartIngesters = 3

// ProfileChart is the profile that leaves every size to the chart: three
// ingesters, and no requests or limits.
const ProfileChart = "chart"

// profiles are the sizes by name. The how-to has none, which is ProfileChart.
var profiles = map[string]Profile{
	ProfileChart: {},

	// Fits one node of 8 GB beside other things: 3.1 GiB at its limits.
	"pi": {
		ReplicationFactor: 1,
		Services: map[string]Size{
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
		ReplicationFactor: 1,
		Services: map[string]Size{
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

	// Any one node may go: every span is on three ingesters, and no service that
	// takes or answers has one pod alone.
	"ha": {
		ReplicationFactor: 3,
		Services: map[string]Size{
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
		_, has := profiles[name].Services[monolith]
		return mode == chart.Monolithic && !has && name != ProfileChart
	})
}

// ingesters returns how many ingesters a profile has, and to how many of them
// each span goes.
func (p Profile) ingesters() (replicas, replicationFactor int) {
	replicas, replicationFactor = p.Services["ingester"].Replicas, p.ReplicationFactor
	if replicas == 0 {
		replicas = chartIngesters
	}
	if replicationFactor == 0 {
		replicationFactor = chartIngesters
	}
	return replicas, replicationFactor
}

// resources returns the requests and limits as a pod has them.
func (s Size) resources() map[string]any {
	return map[string]any{
		"requests": map[string]any{"cpu": s.CPU, "memory": s.Memory},
		"limits":   map[string]any{"memory": s.MemoryLimit},
	}
}

// values returns the profile as values of chart tempo-distributed.
func (p Profile) values() map[string]any {
	values := map[string]any{}
	for service, size := range p.Services {
		if service != monolith {
			values[service] = map[string]any{"replicas": size.Replicas, "resources": size.resources()}
		}
	}
	if p.ReplicationFactor > 0 {
		ingester := values["ingester"].(map[string]any)
		ingester["config"] = map[string]any{"replication_factor": p.ReplicationFactor}
	}
	return values
}
