package stacks

import (
	"github.com/picluster/picluster/components/kubernetes"
	"github.com/picluster/picluster/components/tempo"
	"github.com/picluster/picluster/components/tempo/chart"
	"github.com/picluster/picluster/components/tracing"
)

//go:generate go run ./generate

// Key is a configuration key of the project.
type Key struct {
	// Name is the key's name without the project's namespace.
	Name string
	// Default is the value of a key that is not set. Its type is the key's: string, bool,
	// int, a slice or a map.
	Default any
	// Description says what the key does, for Pulumi.yaml and docs/configuration.md.
	Description string
	// Example is a valid value, for the command that fixes a bad one. Default: Default.
	Example string

	// path is the field of tracing.Args that the key sets, by which a component's problem
	// finds the key; empty if there is none.
	path string
	// into is where the value goes.
	into any
}

// Section is the keys of one subject.
type Section struct {
	Title string
	Keys  []Key
}

// defaultSecretName is the Secret of a stack that names none.
const defaultSecretName = "tempo-minio-secret" // #nosec G101 -- a name

// Sections returns all keys, in the order of the documentation.
func Sections() []Section { return newSettings().sections() }

// sections are all keys, with where their values go.
func (s *settings) sections() []Section {
	store, namespace, t := &s.args.ObjectStore, &s.args.Namespace, &s.args.Tempo
	g := &s.args.Grafana
	return []Section{
		{"Object store", []Key{
			{"objectStore", ObjectStoreMinIO, "Where the bucket is - minio (the stack creates it in MinIO, with its user and policy) or existing (a bucket on any S3 server; requires credentials existing and s3Endpoint)", "", "", &s.objectStore},
			{"bucket", "k3s-tempo", "Bucket of the traces", "", "ObjectStore.Bucket", &store.Bucket},
			{"user", "tempo", "MinIO user of Tempo, and its access key", "", "ObjectStore.User", &store.User},
			{"policy", "", "MinIO policy of that user (empty is the user's name; a policy that exists keeps its name)", "tempo", "ObjectStore.Policy", &store.Policy},
			{"manageUser", true, "Create the user and the policy; false requires credentials existing", "", "ObjectStore.ExistingUser", &s.manageUser},
			{"keyVersion", 1, "Version of the user and its key; raise it to rotate them, which picluster rotate does", "", "ObjectStore.KeyVersion", &store.KeyVersion},
			{"protectBucket", true, "Fail an update that would delete the bucket or replace it by another", "", "ObjectStore.Protect", &store.Protect},
			{"retainBucket", true, "Keep the bucket and its objects in MinIO when the stack no longer has it", "", "ObjectStore.RetainOnDelete", &store.RetainOnDelete},
			{"forceDestroy", false, "Delete the bucket's objects with it; requires retainBucket false", "", "ObjectStore.ForceDestroy", &store.ForceDestroy},
		}},
		{"How Tempo reaches it", []Key{
			{"s3Endpoint", "", "host:port of the S3 server as the pods reach it (empty is minio:minioServer)", "HOST:PORT", "Tempo.Endpoint", &s.endpoint},
			{"s3Region", "", "Region of the S3 server (empty is minio:minioRegion, or us-east-1 if objectStore is existing)", "us-east-1", "Tempo.Region", &s.region},
			{"s3Insecure", false, "Reach the S3 server without TLS", "", "Tempo.Insecure", &s.insecure},
			{"s3CaFile", "", "File with the CA of the S3 server's certificate, in PEM (empty is minio:minioCacertFile, or a CA that every system knows)", "FILE", "Tempo.CA", &s.caFile},
		}},
		{"Kubernetes", []Key{
			{"namespace", "tempo", "Namespace of Tempo", "", "Namespace.Name", &namespace.Name},
			{"existingNamespace", false, "Use a namespace that is managed elsewhere in place of creating it", "", "Namespace.Existing", &namespace.Existing},
			{"podSecurity", "restricted", "Pod Security Standard that the namespace enforces - restricted, baseline, or privileged; no effect with existingNamespace", kubernetes.PodSecurityLevels()[0], "Namespace.PodSecurity", &namespace.PodSecurity},
			{"credentials", tracing.CredentialsSecret, "Where Tempo has the keys from - secret (the stack creates it), existing (managed elsewhere; the user gets its key), or inline (the chart's values, in plain text)", "", "Credentials", &s.args.Credentials},
			{"secretName", defaultSecretName, "Secret with the user's keys", "", "SecretName", &s.args.SecretName},
			{"accessKeyField", tempo.AccessKeyField, "Field of the Secret with the access key", "", "Tempo.AccessKeyField", &t.AccessKeyField},
			{"secretKeyField", tempo.SecretKeyField, "Field of the Secret with the secret key", "", "Tempo.SecretKeyField", &t.SecretKeyField},
			{"networkPolicies", false, "Close the namespace with NetworkPolicies, but for tracesFrom, Grafana's namespace, DNS and the S3 server", "", "Tempo.Network", &s.networkPolicies},
			{"tracesFrom", []string{}, "Namespaces that may send traces; requires networkPolicies", "default", "Tempo.Network.AllowTracesFrom", &s.network.AllowTracesFrom},
			{"scrapeFrom", []string{}, "Namespaces whose Prometheus may scrape Tempo's metrics; requires networkPolicies (empty is Grafana's)", "monitoring", "Tempo.Network.AllowScrapeFrom", &s.network.AllowScrapeFrom},
		}},
		{"Tempo and its chart", []Key{
			{"mode", chart.Microservices, "microservices (a pod or more for each part of Tempo) or monolithic (one pod, for one small node)", "", "Tempo.Chart.Mode", &t.Chart.Mode},
			{"tempoVersion", "", "Exact version of Tempo, the tag of its image, 2.x (empty is 2.10.8 for chart version 2.26.2, else the chart's own)", "2.10.8", "Tempo.Chart.TempoVersion", &t.Chart.TempoVersion},
			{"release", "tempo", "Helm release, and the first part of the name of each of its objects", "", "Tempo.Release", &t.Release},
			{"chart", "", "Chart by name, by path to a directory or archive, or as an oci:// reference (empty is tempo-distributed, or tempo if monolithic)", "tempo-distributed", "Tempo.Chart.Name", &t.Chart.Name},
			{"chartRepository", "", "Chart repository of a chart given by name (empty is the one that publishes the version)", "URL", "Tempo.Chart.Repository", &t.Chart.Repository},
			{"chartVersion", "", "Exact version of the chart, 1.x or 2.x (empty is 2.26.2, or 2.2.4 if monolithic)", "", "Tempo.Chart.Version", &t.Chart.Version},
			{"timeout", 600, "Seconds to wait for the pods of a release", "", "Tempo.Timeout", &s.timeout},
		}},
		{"Tempo's size", []Key{
			{"profile", tempo.ProfileChart, "Replicas, replication factor, requests and limits - pi, small, ha, or chart (the chart's own, for three nodes or more)", "", "Tempo.Profile", &t.Profile},
			{"replicas", map[string]any{}, "Number of pods by service, over the profile's", ".querier 2", "Tempo.Replicas", &t.Replicas},
			{"resources", map[string]any{}, "Requests and limits by service, over the profile's", ".querier.limits.memory 1Gi", "Tempo.Resources", &t.Resources},
			{"persistence", false, "Give each ingester a volume", "", "Tempo.Persistence", &s.persistent},
			{"persistenceSize", "10Gi", "Size of that volume", "", "Tempo.Persistence.Size", &s.persistence.Size},
			{"persistenceStorageClass", "", "Class of that volume (empty is the cluster's default)", "CLASS", "Tempo.Persistence.StorageClass", &s.persistence.StorageClass},
			{"retention", "", "How long traces are kept, like 336h (empty is the chart's, 48h)", "336h", "Tempo.Retention", &t.Retention},
		}},
		{"Where Tempo's pods run", []Key{
			{"nodeSelector", map[string]any{}, "Labels that a node must have to run a pod of Tempo or its cache", ".disk ssd", "Tempo.NodeSelector", &t.NodeSelector},
			{"tolerations", []any{}, "Taints that the pods tolerate - key, operator, value, effect, tolerationSeconds", "", "Tempo.Tolerations", &t.Tolerations},
			{"affinity", map[string]any{}, "Affinity of the pods in place of the chart's, as Kubernetes has it", "", "Tempo.Affinity", &t.Affinity},
			{"priorityClassName", "", "Priority class of the pods (empty is the cluster's default)", "CLASS", "Tempo.PriorityClassName", &t.PriorityClassName},
			{"imageRegistry", "", "Registry of all images (empty is docker.io)", "HOST:PORT", "Tempo.ImageRegistry", &t.ImageRegistry},
			{"imagePullSecrets", []string{}, "Secrets in the namespace with credentials of that registry", "registry", "Tempo.ImagePullSecrets", &t.ImagePullSecrets},
		}},
		{"What Tempo does", []Key{
			{"receivers", []string{}, "Protocols that traces are received by - jaegerGrpc, jaegerThriftCompact, jaegerThriftHttp, opencensus, otlpGrpc, otlpHttp, zipkin; empty is all but jaegerGrpc that the stack's Tempo has. Tempo 2.9.3 and 2.10.6 dropped opencensus", "otlpGrpc", "Tempo.Receivers", &t.Receivers},
			{"streamOverHttp", true, "Stream search results over HTTP/2, as Grafana's Tempo data source does", "", "Tempo.DisableStreamOverHTTP", &s.streamOverHTTP},
			{"logReceivedSpans", true, "Log each span that is received", "", "Tempo.LogReceivedSpans", &t.LogReceivedSpans},
			{"reporting", false, "Report this Tempo's use to Grafana Labs", "", "Tempo.Reporting", &t.Reporting},
			{"multiTenancy", false, "Require a tenant in the header X-Scope-OrgID of every request to Tempo", "", "Tempo.MultiTenancy", &t.MultiTenancy},
			{"tempoTenant", "", "Tenant that Grafana and the collector of the output otelCollectorValues name to Tempo; required with multiTenancy", "TENANT", "Grafana.Preset.TempoTenant", &g.Preset.TempoTenant},
			{"metricsGenerator", true, "Run the metrics-generator, which TraceQL metrics such as rate() need", "", "Tempo.Generator", &s.generating},
			{"serviceGraphs", false, "Generate metrics of which service calls which", "", "Tempo.Generator.ServiceGraphs", &s.generator.ServiceGraphs},
			{"spanMetrics", false, "Generate metrics of spans' number and duration", "", "Tempo.Generator.SpanMetrics", &s.generator.SpanMetrics},
			{"prometheusRemoteWriteUrl", "", "URL where Prometheus receives those metrics", "URL", "Tempo.Generator.RemoteWriteURL", &s.generator.RemoteWriteURL},
			{"values", map[string]any{}, "Values of the chart, merged over all others", ".ingester.replicas 2", "Tempo.Values", &t.Values},
		}},
		{"Grafana", []Key{
			{"datasources", DatasourcesValues, "How Grafana gets its data sources - values (manually, from the output grafanaValues), configmap (by its sidecar), release (the stack installs kube-prometheus-stack), or operator (by objects of the Grafana Operator)", "", "", &s.delivery},
			{"grafanaNamespace", "monitoring", "Namespace of Grafana, with the ConfigMap, the release or the objects of the operator", "", "Grafana.Release.Namespace", &s.grafana.Namespace},
			{"grafanaRelease", "kube-prometheus-stack", "Release of kube-prometheus-stack", "", "Grafana.Release.Name", &s.grafana.Name},
			{"grafanaChart", "kube-prometheus-stack", "Its chart by name, by path, or as an oci:// reference", "", "Grafana.Release.Chart", &s.grafana.Chart},
			{"grafanaChartRepository", "", "Its chart repository (empty is https://prometheus-community.github.io/helm-charts)", "URL", "Grafana.Release.Repository", &s.grafana.Repository},
			{"grafanaChartVersion", "88.5.3", "Its chart's exact version, also of a release that gets the output grafanaValues", "", "Grafana.ChartVersion", &g.ChartVersion},
			{"grafanaChartValues", map[string]any{}, "Values of that chart, merged over those of the data sources", ".grafana.replicas 2", "Grafana.Release.Values", &s.grafana.Values},
			{"grafanaInstanceSelector", map[string]any{}, "Labels of the Grafana objects that get the data sources from the operator", ".dashboards grafana", "Grafana.Operator.InstanceSelector", &s.instanceSelector},
			{"nodeGraph", true, "Show a trace as a graph too", "", "Grafana.Preset.NodeGraph", &g.Preset.NodeGraph},
			{"spanBar", "", "What a span's bar shows beside the duration - None, Duration, or Tag (empty is Grafana's own, Duration)", "Duration", "Grafana.Preset.SpanBar.Type", &g.Preset.SpanBar.Type},
			{"spanBarTag", "", "Tag whose value is shown with spanBar Tag", "http.path", "Grafana.Preset.SpanBar.Tag", &g.Preset.SpanBar.Tag},
			{"traceQueryStart", "", "By how much the start of the panel's time range is moved for a query by trace ID, like -1h (pulumi config set traceQueryStart -- -1h); requires traceQueryEnd (empty is a query of all blocks)", "-1h", "Grafana.Preset.TraceQuery.Start", &g.Preset.TraceQuery.Start},
			{"traceQueryEnd", "", "The same of its end, like 1h; requires traceQueryStart", "1h", "Grafana.Preset.TraceQuery.End", &g.Preset.TraceQuery.End},
			{"hideSearch", false, "Hide the query type Search of Tempo's data source", "", "Grafana.Preset.HideSearch", &g.Preset.HideSearch},
			{"exemplars", false, "Link the exemplars of kube-prometheus-stack's Prometheus to Tempo", "", "Grafana.Exemplars", &g.Exemplars},
			{"lokiUrl", "", "URL of Loki as Grafana reaches it (empty is no Loki)", "URL", "Grafana.LokiURL", &g.LokiURL},
			{"lokiUid", "loki", "uid of Loki's data source", "", "Grafana.Preset.LokiUID", &g.Preset.LokiUID},
			{"lokiTenant", "", "Tenant of Loki whose logs they are (empty is none)", "TENANT", "Grafana.Preset.LokiTenant", &g.Preset.LokiTenant},
			{"prometheusUid", "prometheus", "uid of the Prometheus data source that service graphs and span metrics are shown from", "", "Grafana.Preset.PrometheusUID", &g.Preset.PrometheusUID},
		}},
		{"Monitoring", []Key{
			{"monitoring", MonitoringNone, "What watches Tempo - none, or operator (ServiceMonitors, alerts and dashboards for the release grafanaRelease of kube-prometheus-stack, whose kinds the cluster must have)", "", "", &s.watching},
			{"alertThresholds", map[string]any{}, "Values that alerts are compared with, over the defaults - bucketGrowthPercent 50, lostSpansPercent 1, memoryPercent 90, outstandingBlocks 100, queryErrorPercent 5, querySeconds 10, s3ErrorPercent 5; requires monitoring operator", ".querySeconds 20", "Monitoring.Thresholds", &s.thresholds},
		}},
		{"Drift", []Key{
			{"restore", map[string]any{}, "How many times each release was restored, by NAMESPACE/RELEASE; raise one to have Helm restore the release's objects, which picluster repair does", `["tempo/tempo"] 1`, "", &s.restore},
			{"driftIgnore", []any{}, "Drift that is not reported - object, a name like \"Deployment tempo/*\", and paths, like spec.replicas (none is the whole object)", "", "", &s.driftIgnore},
		}},
		{"Tenants", []Key{
			{"tenants", []any{}, "Tenants, each with a bucket, user, policy, namespace, Secret and Tempo of its own - name, and optionally bucket, user, policy, namespace, secretName, lokiTenant, tempoTenant, install", "", "", &s.tenants},
		}},
	}
}
