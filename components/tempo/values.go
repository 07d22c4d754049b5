package tempo

import (
	"maps"
	"slices"

	"github.com/picluster/picluster/components/helm"
	"github.com/picluster/picluster/components/tempo/chart"
)

// The fields of the Secret that hold the keys of the bucket's user. The pods
// have them as environment variables of the same names, which Tempo puts into
// its configuration.
const (
	AccessKeyField = "MINIO_ACCESS_KEY_ID"
	SecretKeyField = "MINIO_SECRET_ACCESS_KEY" // #nosec G101 -- the name of a key
)

// CAField is the field of the ConfigMap that holds the CA of the S3 server.
const CAField = "ca.crt"

// caFolder is where the pods have that ConfigMap.
const caFolder = "/etc/minio-ca"

// The annotations of the pods that change when what they read at their start
// does: they hash the configuration alone, not the Secret.
const (
	// KeysAnnotation is the annotation with a hash of the keys that the pod has.
	KeysAnnotation = "picluster/keys"
	caAnnotation   = "picluster/ca"
)

// Settings is what the chart's values depend on. Leaf is what comes from other
// resources: a string, or in a program an output of one.
type Settings struct {
	// Chart is the chart that the values are for, with its defaults.
	Chart chart.Chart
	// Release is the release's name, which every Service's name starts with.
	Release string

	// Bucket is where the traces are kept.
	Bucket Leaf
	// Endpoint is the S3 server's host and port, as the pods reach it.
	Endpoint string
	// Region is the S3 server's region.
	Region string
	// Insecure has Tempo talk to the S3 server without TLS.
	Insecure bool
	// CAConfigMap names the ConfigMap whose CAField has the CA that signed the
	// S3 server's certificate. Nil: a CA that every system knows.
	CAConfigMap Leaf
	// CAHash changes with the CA.
	CAHash string

	// SecretName names the Secret with the fields AccessKeyField and
	// SecretKeyField. Nil: the keys stand in the values, and so in Helm's record
	// and in Tempo's ConfigMap.
	SecretName Leaf
	// AccessKey and SecretKey are the keys; used if SecretName is nil.
	AccessKey, SecretKey Leaf
	// KeysHash changes with the keys. Nil: nobody knows when they change.
	KeysHash Leaf

	Options
}

// Leaf is a string, or an output of one.
type Leaf any

// Options is what people choose, all of it plain.
type Options struct {
	// Profile is the name of a size. Default: ProfileChart.
	Profile string
	// Replicas is how many pods a service has, over the profile's.
	Replicas map[string]int
	// Resources is a service's requests and limits, as the chart takes them,
	// over the profile's.
	Resources map[string]map[string]any
	// Persistence gives each ingester a volume. Nil: what was not flushed to the
	// bucket goes with the pod.
	Persistence *Persistence
	// Retention is how long traces are kept, as Go writes a duration. Empty: the
	// chart's own, 48h.
	Retention string
	// Receivers are the names of the receivers that are on.
	Receivers []string
	// StreamOverHTTP is what Grafana's streaming search needs.
	StreamOverHTTP bool
	// LogReceivedSpans has the distributor log each span.
	LogReceivedSpans bool
	// Reporting tells Grafana Labs of this Tempo's use.
	Reporting bool
	// Generator is the metrics-generator. Nil: there is none.
	Generator *Generator
	// Extra is merged over all of it; CheckExtra says what may not be in it.
	Extra map[string]any
}

// Persistence is the volume of an ingester.
type Persistence struct {
	// Size is a Kubernetes quantity.
	Size string
	// StorageClass is the volume's class. Empty: the cluster's default.
	StorageClass string
}

// Generator is the metrics-generator. TraceQL metrics it always serves.
type Generator struct {
	// ServiceGraphs makes metrics of who calls whom, SpanMetrics of how often and
	// how long.
	ServiceGraphs, SpanMetrics bool
	// RemoteWriteURL is where Prometheus takes those metrics.
	RemoteWriteURL string
}

// Values returns the values of the chart. With a Secret, no credential is among them.
func Values(s Settings) map[string]any {
	if s.Chart.Mode == chart.Monolithic {
		return s.monolithic()
	}
	return s.microservices()
}

// readiness is how soon and how often a pod is asked whether it is ready. The charts'
// 30 s and 10 s are most of what an up, and each restart of a pod, waits for. A pod that
// does not respond stays in its Service for as long as with the charts' own, 30 s.
func readiness() map[string]any {
	return map[string]any{"initialDelaySeconds": 2, "periodSeconds": 2, "failureThreshold": 15}
}

// blocklistPoll is how often the compactor writes the list of blocks, and queriers read
// it. A trace that an ingester has written to the bucket at its end can be missing for
// twice as long. Tempo's default is 5 minutes.
const blocklistPoll = "15s"

// searchBackendAfter is the age from which a search reads the bucket too, and not the
// ingesters alone. With Tempo's default, 15 minutes, a search does not find for so long
// what a restarted ingester has written to the bucket.
const searchBackendAfter = "15s"

// oneCompactor has a compactor start at once. Several wait a minute until they know each
// other, so that none does the work of another. Source: Tempo, modules/compactor.
func oneCompactor() map[string]any {
	return map[string]any{"ring": map[string]any{"wait_stability_min_duration": "0s"}}
}

// microservices returns the values of chart tempo-distributed, lines 1 and 2.
func (s Settings) microservices() map[string]any {
	values := map[string]any{
		// Else the chart makes its own of the release's name: "tempo" stays, but
		// "tracing" becomes "tracing-tempo".
		"fullnameOverride": s.Release,

		"reportingEnabled":      s.Reporting,
		"streamOverHTTPEnabled": s.StreamOverHTTP,
		"traces":                receiverValues(s.Receivers),
		"storage": map[string]any{
			"trace": map[string]any{"backend": "s3", "s3": s.s3(), "blocklist_poll": blocklistPoll},
		},
		"distributor": map[string]any{
			"config": map[string]any{
				"log_received_spans": map[string]any{"enabled": s.LogReceivedSpans},
			},
		},
		// What an ingester has not written to the bucket is on a volume that ends with
		// the pod: without this every restart loses the newest traces.
		"ingester":         map[string]any{"config": map[string]any{"flush_all_on_shutdown": true}},
		"metricsGenerator": map[string]any{"enabled": s.Generator != nil},
		"minio":            map[string]any{"enabled": false},

		"tempo": map[string]any{
			// The one thing that the chart's pods lack for the Pod Security Standard
			// "restricted" (1.61.3 and 2.26.2). All containers have this context.
			"securityContext": map[string]any{
				"seccompProfile": map[string]any{"type": "RuntimeDefault"},
			},
			"readinessProbe": readiness(),
			"structuredConfig": map[string]any{
				"query_frontend": map[string]any{
					"search": map[string]any{"query_backend_after": searchBackendAfter},
				},
			},
		},
	}
	if s.Replicas["compactor"] <= 1 {
		values = helm.Merge(values, map[string]any{"tempo": map[string]any{"structuredConfig": map[string]any{"compactor": oneCompactor()}}})
	}
	if s.Chart.TempoVersion != "" {
		values = helm.Merge(values, map[string]any{"tempo": map[string]any{"image": map[string]any{"tag": s.Chart.TempoVersion}}})
	}
	for _, layer := range []map[string]any{
		profiles[s.Profile].values(),
		s.replicas(),
		s.resources(),
		s.persistence(),
		s.retention(),
		s.generator(),
		s.access(),
	} {
		values = helm.Merge(values, layer)
	}
	values = helm.Merge(values, s.extra(values, s3Services...))
	if s.Chart.HasSeparateCaches() {
		values = separateCache(values, s.Release)
	}
	return values
}

func (s Settings) s3() map[string]any {
	s3 := map[string]any{
		"bucket":     s.Bucket,
		"endpoint":   s.Endpoint,
		"region":     s.Region,
		"access_key": s.AccessKey,
		"secret_key": s.SecretKey,
		"insecure":   s.Insecure,
	}
	if s.SecretName != nil {
		s3["access_key"] = "${" + AccessKeyField + "}"
		s3["secret_key"] = "${" + SecretKeyField + "}"
	}
	if s.CAConfigMap != nil {
		s3["tls_ca_path"] = caFolder + "/" + CAField
	}
	return s3
}

// access gives each service that reaches the S3 server what it needs for that.
func (s Settings) access() map[string]any {
	service, values := s.serviceAccess(), map[string]any{}
	for _, name := range s3Services {
		values[name] = maps.Clone(service)
	}
	return values
}

// serviceAccess is what a service needs to reach the S3 server, as chart
// tempo-distributed has it.
func (s Settings) serviceAccess() map[string]any {
	service, annotations := map[string]any{}, map[string]any{}
	if s.SecretName != nil {
		service["extraArgs"] = []any{"-config.expand-env=true"}
		service["extraEnv"] = []any{
			fromSecret(s.SecretName, AccessKeyField),
			fromSecret(s.SecretName, SecretKeyField),
		}
	}
	if s.KeysHash != nil {
		annotations[KeysAnnotation] = s.KeysHash
	}
	if s.CAConfigMap != nil {
		service["extraVolumes"] = []any{map[string]any{
			"name":      "minio-ca",
			"configMap": map[string]any{"name": s.CAConfigMap},
		}}
		service["extraVolumeMounts"] = []any{map[string]any{
			"name":      "minio-ca",
			"mountPath": caFolder,
			"readOnly":  true,
		}}
		annotations[caAnnotation] = s.CAHash
	}
	if len(annotations) > 0 {
		service["podAnnotations"] = annotations
	}
	return service
}

func fromSecret(secret Leaf, field string) map[string]any {
	return map[string]any{
		"name": field,
		"valueFrom": map[string]any{
			"secretKeyRef": map[string]any{"name": secret, "key": field},
		},
	}
}

func (o Options) replicas() map[string]any {
	values := map[string]any{}
	for service, replicas := range o.Replicas {
		values[service] = map[string]any{"replicas": replicas}
	}
	return values
}

func (o Options) resources() map[string]any {
	values := map[string]any{}
	for service, resources := range o.Resources {
		values[service] = map[string]any{"resources": resources}
	}
	return values
}

func (o Options) persistence() map[string]any {
	if o.Persistence == nil {
		return nil
	}
	persistence := map[string]any{"enabled": true, "size": o.Persistence.Size}
	if o.Persistence.StorageClass != "" {
		persistence["storageClass"] = o.Persistence.StorageClass
	}
	return map[string]any{"ingester": map[string]any{"persistence": persistence}}
}

func (o Options) retention() map[string]any {
	if o.Retention == "" {
		return nil
	}
	return map[string]any{
		"compactor": map[string]any{
			"config": map[string]any{
				"compaction": map[string]any{"block_retention": o.Retention},
			},
		},
	}
}

// generator has the metrics-generator configured, and its processors named in
// the overrides: it has none until they are, and {}|rate() answers with no series
// (seen with Tempo 2.9.0).
func (o Options) generator() map[string]any {
	if o.Generator == nil {
		return nil
	}
	processors := []any{"local-blocks"}
	if o.Generator.ServiceGraphs {
		processors = append(processors, "service-graphs")
	}
	if o.Generator.SpanMetrics {
		processors = append(processors, "span-metrics")
	}
	return map[string]any{
		"metricsGenerator": map[string]any{
			// The chart wants a node for each of its pods, and as a Deployment starts a new
			// one before it ends the old one: a cluster with as many nodes as pods, as with
			// one and one, would wait for a node without end.
			"kind":   "StatefulSet",
			"config": o.generatorConfig(),
		},
		"overrides": map[string]any{
			"defaults": map[string]any{
				"metrics_generator": map[string]any{"processors": processors},
			},
		},
	}
}

// generatorConfig is Tempo's section metrics_generator.
func (o Options) generatorConfig() map[string]any {
	config := map[string]any{
		"processor": map[string]any{
			"local_blocks": map[string]any{
				"filter_server_spans": false,
				"flush_to_storage":    true,
			},
		},
	}
	if o.Generator.RemoteWriteURL != "" {
		config["storage"] = map[string]any{
			"remote_write": []any{map[string]any{"url": o.Generator.RemoteWriteURL, "send_exemplars": true}},
		}
	}
	return config
}

// extra returns Extra with what it adds to a service's lists added to the list
// that is there, which a merge would replace, and the pods' access with it.
func (o Options) extra(values map[string]any, services ...string) map[string]any {
	extra := added(values, o.Extra)
	for _, service := range services {
		own, _ := values[service].(map[string]any)
		if over, ok := extra[service].(map[string]any); ok {
			extra[service] = added(own, over)
		}
	}
	return extra
}

// added returns over with each list added to the one of own.
func added(own, over map[string]any) map[string]any {
	over = helm.Merge(over, nil)
	for key := range over {
		below, isList := own[key].([]any)
		above, overIsList := over[key].([]any)
		if isList && overIsList {
			over[key] = slices.Concat(below, above)
		}
	}
	return over
}
