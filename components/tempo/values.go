package tempo

import (
	"maps"
	"slices"

	"github.com/picluster/picluster/components/tempo/chart"
	"github.com/picluster/picluster/internal/helm"
)

// The fields of the Secret with the keys of the bucket's user, unless Args names others. The
// pods have the keys as environment variables of these names, which Tempo puts into its
// configuration.
const (
	AccessKeyField = "MINIO_ACCESS_KEY_ID"
	SecretKeyField = "MINIO_SECRET_ACCESS_KEY" // #nosec G101 -- the name of a key
)

// CAField is the field of the ConfigMap that holds the CA of the S3 server.
const CAField = "ca.crt"

// caDirectory is where the pods have that ConfigMap.
const caDirectory = "/etc/minio-ca"

// The annotations that restart the pods when what they read at their start changes. The
// charts hash the configuration alone, not the Secret and the ConfigMap.
const (
	// KeysAnnotation is the annotation with a keyed hash of the keys that the pod has.
	KeysAnnotation = "picluster/keys"
	caAnnotation   = "picluster/ca"
)

// settings are what the chart's values depend on: the arguments with their defaults, and
// their inputs as texts of the chart.
type settings struct {
	Args

	release, bucket, endpoint, region, caConfigMap chartText
	secretName, accessKey, secretKey               chartText
	storageClass, remoteWriteURL                   chartText
	imageRegistry, priorityClassName               chartText
	imagePullSecrets                               []any

	// keysHash changes with the keys. Nil: the keys are not known.
	keysHash chartText
}

// values returns the values of the chart. With a Secret, no credential is among them.
func (s settings) values() map[string]any {
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
func (s settings) microservices() map[string]any {
	values := map[string]any{
		// Otherwise the chart derives a name from the release's: "tempo" stays, but
		// "tracing" becomes "tracing-tempo".
		"fullnameOverride": s.release,

		"reportingEnabled":      s.Reporting,
		"streamOverHTTPEnabled": !s.DisableStreamOverHTTP,
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
	if s.compactors() <= 1 {
		values = helm.Merge(values, map[string]any{"tempo": map[string]any{"structuredConfig": map[string]any{"compactor": oneCompactor()}}})
	}
	if s.MultiTenancy {
		values["multitenancyEnabled"] = true
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
		s.placement(),
		s.serviceMonitors(),
		s.access(),
	} {
		values = helm.Merge(values, layer)
	}
	values = helm.Merge(values, s.given(values, s3Services...))
	values = helm.Merge(values, goMemory(values, s3Services...))
	if s.Chart.HasSeparateCaches() {
		values = separateCache(values, s.release)
	}
	return values
}

func (s settings) s3() map[string]any {
	s3 := map[string]any{
		"bucket":     s.bucket,
		"endpoint":   s.endpoint,
		"region":     s.region,
		"access_key": s.accessKey,
		"secret_key": s.secretKey,
		"insecure":   s.Insecure,
	}
	if s.secretName != nil {
		s3["access_key"] = "${" + AccessKeyField + "}"
		s3["secret_key"] = "${" + SecretKeyField + "}"
	}
	if s.caConfigMap != nil {
		s3["tls_ca_path"] = caDirectory + "/" + CAField
	}
	return s3
}

// access gives each service that reaches the S3 server what it needs for that.
func (s settings) access() map[string]any {
	service, values := s.serviceAccess(), map[string]any{}
	for _, name := range s3Services {
		values[name] = maps.Clone(service)
	}
	return values
}

// serviceAccess is what a service needs to reach the S3 server, as chart
// tempo-distributed has it.
func (s settings) serviceAccess() map[string]any {
	service, annotations := map[string]any{}, map[string]any{}
	if s.secretName != nil {
		service["extraArgs"] = []any{"-config.expand-env=true"}
		service["extraEnv"] = []any{
			fromSecret(AccessKeyField, s.secretName, s.AccessKeyField),
			fromSecret(SecretKeyField, s.secretName, s.SecretKeyField),
		}
	}
	if s.keysHash != nil {
		annotations[KeysAnnotation] = s.keysHash
	}
	if s.caConfigMap != nil {
		service["extraVolumes"] = []any{map[string]any{
			"name":      "minio-ca",
			"configMap": map[string]any{"name": s.caConfigMap},
		}}
		service["extraVolumeMounts"] = []any{map[string]any{
			"name":      "minio-ca",
			"mountPath": caDirectory,
			"readOnly":  true,
		}}
		annotations[caAnnotation] = hash(s.CA)
	}
	if len(annotations) > 0 {
		service["podAnnotations"] = annotations
	}
	return service
}

// fromSecret returns an environment variable with what a Secret has in a field.
func fromSecret(variable string, secret chartText, field string) map[string]any {
	return map[string]any{
		"name": variable,
		"valueFrom": map[string]any{
			"secretKeyRef": map[string]any{"name": secret, "key": field},
		},
	}
}

func (s settings) replicas() map[string]any {
	values := map[string]any{}
	for service, replicas := range s.Replicas {
		values[service] = map[string]any{"replicas": replicas}
	}
	return values
}

// compactors returns how many compactors the values ask for; 0 is the default, which is one.
func (s settings) compactors() int {
	own, _ := s.Values["compactor"].(map[string]any)
	switch replicas := own["replicas"].(type) {
	case int:
		return replicas
	case float64:
		return int(replicas)
	}
	return s.Replicas["compactor"]
}

func (s settings) resources() map[string]any {
	values := map[string]any{}
	for service, resources := range s.Resources {
		values[service] = map[string]any{"resources": resources.values()}
	}
	return values
}

func (s settings) persistence() map[string]any {
	if s.Persistence == nil {
		return nil
	}
	persistence := map[string]any{"enabled": true, "size": s.Persistence.Size}
	if s.storageClass != nil {
		persistence["storageClass"] = s.storageClass
	}
	return map[string]any{"ingester": map[string]any{"persistence": persistence}}
}

func (s settings) retention() map[string]any {
	if s.Retention == "" {
		return nil
	}
	return map[string]any{
		"compactor": map[string]any{
			"config": map[string]any{
				"compaction": map[string]any{"block_retention": s.Retention},
			},
		},
	}
}

// generator returns the values of the metrics-generator. The overrides name its processors,
// because without them it runs none, and {}|rate() has no series (seen with Tempo 2.9.0).
func (s settings) generator() map[string]any {
	if s.Generator == nil {
		return nil
	}
	processors := []any{"local-blocks"}
	if s.Generator.ServiceGraphs {
		processors = append(processors, "service-graphs")
	}
	if s.Generator.SpanMetrics {
		processors = append(processors, "span-metrics")
	}
	return map[string]any{
		"metricsGenerator": map[string]any{
			// The chart requires a node for each pod of the generator, and a Deployment starts
			// the new pod before it ends the old one. In a cluster with as many nodes as such
			// pods, one for example, the new pod would wait for a node without end.
			"kind":   "StatefulSet",
			"config": s.generatorConfig(),
		},
		"overrides": map[string]any{
			"defaults": map[string]any{
				"metrics_generator": map[string]any{"processors": processors},
			},
		},
	}
}

// generatorConfig is Tempo's section metrics_generator.
func (s settings) generatorConfig() map[string]any {
	config := map[string]any{
		"processor": map[string]any{
			"local_blocks": map[string]any{
				"filter_server_spans": false,
				"flush_to_storage":    true,
			},
		},
	}
	if s.remoteWriteURL != nil {
		config["storage"] = map[string]any{
			"remote_write": []any{map[string]any{"url": s.remoteWriteURL, "send_exemplars": true}},
		}
	}
	return config
}

// given returns Args.Values, with each of their lists, at the top level or in a service,
// appended to the list that values have there. A merge would replace that list, and with it
// the pods' access to the S3 server.
func (s settings) given(values map[string]any, services ...string) map[string]any {
	given := added(values, s.Values)
	for _, service := range services {
		own, _ := values[service].(map[string]any)
		if over, ok := given[service].(map[string]any); ok {
			given[service] = added(own, over)
		}
	}
	return given
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
