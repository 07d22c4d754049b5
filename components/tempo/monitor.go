package tempo

// ServiceMonitors are objects of the Prometheus Operator, whose kinds the cluster must have:
// the chart's own, one a service.
type ServiceMonitors struct {
	// Labels are those by which Prometheus selects the objects. Required.
	Labels map[string]string `pulumi:"labels"`
}

// serviceMonitors returns the ServiceMonitors as values of chart tempo-distributed.
func (s settings) serviceMonitors() map[string]any {
	if s.ServiceMonitors == nil {
		return nil
	}
	return map[string]any{"metaMonitoring": map[string]any{
		"serviceMonitor": map[string]any{"enabled": true, "labels": s.ServiceMonitors.labels()},
	}}
}

// monolithicServiceMonitors returns the ServiceMonitors as values of chart tempo.
func (s settings) monolithicServiceMonitors() map[string]any {
	if s.ServiceMonitors == nil {
		return nil
	}
	return map[string]any{
		"serviceMonitor": map[string]any{"enabled": true, "additionalLabels": s.ServiceMonitors.labels()},
	}
}

func (m ServiceMonitors) labels() map[string]any {
	labels := map[string]any{}
	for key, value := range m.Labels {
		labels[key] = value
	}
	return labels
}
