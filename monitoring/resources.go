//lint:file-ignore SA1019 Grafana's sidecar and operator read the first form of a dashboard, which every Grafana has

package main

import "github.com/grafana/grafana-foundation-sdk/go/dashboard"

// resources is the dashboard of what Tempo uses.
func resources() *dashboard.DashboardBuilder {
	return ofTempo("Tempo resources", "CPU, memory, volumes and the bucket.").
		WithRow(row("Pods")).
		WithPanel(graph("CPU", "Cores, by pod.", short,
			query{`sum by (pod) (rate(container_cpu_usage_seconds_total{namespace=~"$namespace",container!=""}[$__rate_interval]))`, "{{pod}}"})).
		WithPanel(graph("CPU of the request", "By pod that has a request.", percent,
			query{`100 * sum by (pod) (rate(container_cpu_usage_seconds_total{namespace=~"$namespace",container!=""}[$__rate_interval])) / sum by (pod) (kube_pod_container_resource_requests{namespace=~"$namespace",resource="cpu"})`, "{{pod}}"})).
		WithPanel(graph("Memory", "By pod.", binary,
			query{`sum by (pod) (container_memory_working_set_bytes{namespace=~"$namespace",container!=""})`, "{{pod}}"})).
		WithPanel(graph("Memory of the limit", "By pod that has a limit. At 100 % the kernel ends the container.", percent,
			query{`100 * sum by (pod) (container_memory_working_set_bytes{namespace=~"$namespace",container!=""}) / sum by (pod) (kube_pod_container_resource_limits{namespace=~"$namespace",resource="memory"})`, "{{pod}}"})).
		WithPanel(graph("Restarts", "Within an hour, by pod.", short,
			query{`sum by (pod) (increase(kube_pod_container_status_restarts_total{namespace=~"$namespace"}[1h]))`, "{{pod}}"})).
		WithPanel(graph("Volumes", "Used, by claim. Without persistence there are none.", percent,
			query{`100 * max by (persistentvolumeclaim) (kubelet_volume_stats_used_bytes{namespace=~"$namespace"}) / max by (persistentvolumeclaim) (kubelet_volume_stats_capacity_bytes{namespace=~"$namespace"})`, "{{persistentvolumeclaim}}"})).
		WithRow(row("Bucket")).
		WithPanel(graph("Size", "Of all blocks, by tenant and status. A compacted block is deleted an hour later.", binary,
			query{`max by (namespace, tenant, status) (tempodb_backend_bytes_total{namespace=~"$namespace"})`, "{{namespace}} {{tenant}} {{status}}"})).
		WithPanel(graph("Traces in blocks", "By tenant and status. A trace is counted once for each block that has a part of it.", short,
			query{`max by (namespace, tenant, status) (tempodb_backend_objects_total{namespace=~"$namespace"})`, "{{namespace}} {{tenant}} {{status}}"})).
		WithPanel(graph("Blocks", "By tenant.", short,
			query{`max by (namespace, tenant) (tempodb_blocklist_length{namespace=~"$namespace"})`, "{{namespace}} {{tenant}}"})).
		WithPanel(graph("Blocks older than the retention", "Deleted, and failed to delete, within an hour.", short,
			query{`sum by (namespace) (increase(tempodb_retention_deleted_total{namespace=~"$namespace"}[1h]))`, "{{namespace}} deleted"},
			query{`sum by (namespace) (increase(tempodb_retention_errors_total{namespace=~"$namespace"}[1h]))`, "{{namespace}} failed"}))
}
