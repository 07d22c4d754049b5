package tempo

import (
	"testing"

	"github.com/picluster/picluster/components/tempo/chart"
	"github.com/stretchr/testify/assert"
)

// Each chart has its own key; without the field, neither is set.
func TestServiceMonitors(t *testing.T) {
	type m = map[string]any
	labels := m{"release": "kps"}
	for mode, key := range map[string]string{chart.Microservices: "metaMonitoring", chart.Monolithic: "serviceMonitor"} {
		want := m{"serviceMonitor": m{"enabled": true, "labels": labels}}
		if mode == chart.Monolithic {
			want = m{"enabled": true, "additionalLabels": labels}
		}
		args := Args{Chart: chart.Chart{Mode: mode}, ServiceMonitors: &ServiceMonitors{Labels: map[string]string{"release": "kps"}}}
		assert.Equal(t, want, args.withDefaults().inputs().values()[key], mode)
		args.ServiceMonitors = nil
		assert.NotContains(t, args.withDefaults().inputs().values(), key, mode)
	}
}

func TestBadServiceMonitors(t *testing.T) {
	bad := Args{ServiceMonitors: &ServiceMonitors{}}.Validate()
	assert.ErrorContains(t, bad, "ServiceMonitors.Labels: got nothing; want a label or more by which Prometheus selects")
	bad = Args{ServiceMonitors: &ServiceMonitors{Labels: map[string]string{"a b": "c d"}}}.Validate()
	assert.ErrorContains(t, bad, `ServiceMonitors.Labels["a b"]: got "a b"; want a key of`)
	assert.ErrorContains(t, bad, `ServiceMonitors.Labels["a b"]: got "c d"; want a value of`)
}
