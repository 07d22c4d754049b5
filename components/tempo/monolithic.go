package tempo

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/picluster/picluster/internal/helm"
)

// monolithicRetention is how long traces are kept without Retention: as long as chart
// tempo-distributed keeps them, so that a change of the mode deletes none. Chart tempo has
// 24h.
const monolithicRetention = "48h"

// dataDirectory is where Tempo has what it has not written to the bucket yet.
const dataDirectory = "/var/tempo"

// monolithic returns the values of chart tempo, line 2.
func (s settings) monolithic() map[string]any {
	tempo := map[string]any{
		"reportingEnabled":      s.Reporting,
		"streamOverHttpEnabled": !s.DisableStreamOverHTTP,
		"retention":             monolithicRetention,
		// The chart's 1024 delay the garbage collection of a small Tempo until it has as
		// much memory in use.
		"memBallastSizeMbs": 0,
		"storage": map[string]any{
			"trace": map[string]any{"backend": "s3", "s3": s.s3(), "blocklist_poll": blocklistPoll},
		},
		"ingester":       map[string]any{"flush_all_on_shutdown": true},
		"queryFrontend":  map[string]any{"search": map[string]any{"query_backend_after": searchBackendAfter}},
		"readinessProbe": readiness(),
		"securityContext": map[string]any{
			"allowPrivilegeEscalation": false,
			"capabilities":             map[string]any{"drop": []any{"ALL"}},
			"seccompProfile":           map[string]any{"type": "RuntimeDefault"},
		},
	}
	if s.MultiTenancy {
		tempo["multitenancyEnabled"] = true
	}
	if s.Chart.TempoVersion != "" {
		tempo["tag"] = s.Chart.TempoVersion
	}
	if s.Retention != "" {
		tempo["retention"] = s.Retention
	}
	if size, ok := profiles[s.Profile].services[monolith]; ok {
		tempo["resources"] = size.resources()
	}
	if resources, ok := s.Resources[monolith]; ok {
		tempo["resources"] = resources.values()
	}
	values := map[string]any{
		"fullnameOverride": s.release,
		// The ConfigMap is called by the chart's name alone, which a second release in the
		// namespace would have too.
		"nameOverride": s.release,
		"config":       s.monolithicConfig(),
		"tempo":        tempo,
	}
	if s.Generator != nil {
		overrides := s.generator()["overrides"]
		values = helm.Merge(values, map[string]any{"tempo": map[string]any{"overrides": overrides}})
	}
	values = helm.Merge(values, s.monolithicStorage())
	values = helm.Merge(values, s.monolithicPlacement())
	values = helm.Merge(values, s.monolithicServiceMonitors())
	values = helm.Merge(values, s.monolithicAccess(values))
	values = helm.Merge(values, s.given(values, monolith))
	return helm.Merge(values, goMemory(values, monolith))
}

// monolithicStorage gives Tempo a volume, or a directory that lives as long as the pod:
// the chart has none, and a container that is restarted would lose what it has.
func (s settings) monolithicStorage() map[string]any {
	if p := s.Persistence; p != nil {
		persistence := map[string]any{"enabled": true, "size": p.Size}
		if s.storageClass != nil {
			persistence["storageClassName"] = s.storageClass
		}
		return map[string]any{"persistence": persistence}
	}
	return map[string]any{
		"extraVolumes": []any{map[string]any{"name": "data", "emptyDir": map[string]any{}}},
		"tempo": map[string]any{
			"extraVolumeMounts": []any{map[string]any{"name": "data", "mountPath": dataDirectory}},
		},
	}
}

// monolithicAccess adds what the pod needs to reach the S3 server, as access does for the
// services of tempo-distributed.
func (s settings) monolithicAccess(values map[string]any) map[string]any {
	service := s.serviceAccess()
	access, tempo := map[string]any{}, map[string]any{}
	if env, ok := service["extraEnv"]; ok {
		tempo["extraEnv"] = env
		tempo["extraArgs"] = map[string]any{"config.expand-env": "true"}
	}
	if annotations, ok := service["podAnnotations"]; ok {
		access["podAnnotations"] = annotations
	}
	if volumes, ok := service["extraVolumes"].([]any); ok {
		below, _ := values["extraVolumes"].([]any)
		access["extraVolumes"] = append(below, volumes...)
		of, _ := values["tempo"].(map[string]any)
		mounts, _ := of["extraVolumeMounts"].([]any)
		tempo["extraVolumeMounts"] = append(mounts, service["extraVolumeMounts"].([]any)...)
	}
	access["tempo"] = tempo
	return access
}

// receiverConfigs are the receivers as Tempo's configuration has them.
var receiverConfigs = map[string]struct{ name, protocol, endpoint string }{
	ReceiverOTLPGRPC:      {"otlp", "grpc", "0.0.0.0:4317"},
	ReceiverOTLPHTTP:      {"otlp", "http", "0.0.0.0:4318"},
	"zipkin":              {"zipkin", "", "0.0.0.0:9411"},
	receiverJaegerGRPC:    {"jaeger", "grpc", "0.0.0.0:14250"},
	"jaegerThriftCompact": {"jaeger", "thrift_compact", "0.0.0.0:6831"},
	"jaegerThriftHttp":    {"jaeger", "thrift_http", "0.0.0.0:14268"},
	receiverOpenCensus:    {"opencensus", "", "0.0.0.0:55678"},
}

// monolithicConfig returns the template of Tempo's configuration. The chart's own template
// cannot turn off a receiver that is on by default, and gives a generator without a remote
// write the address of a Prometheus that need not exist. What is not set here is read from the
// values as in the chart's template, so that Args.Values can change it.
func (s settings) monolithicConfig() chartText {
	if s.Generator == nil || s.remoteWriteURL == nil {
		return s.monolithicConfigText()
	}
	return applied(s.remoteWriteURL, func(url string) any {
		s.remoteWriteURL = url
		return s.monolithicConfigText()
	})
}

func (s settings) monolithicConfigText() string {
	receivers := map[string]any{}
	for _, name := range s.Receivers {
		of := receiverConfigs[name]
		endpoint := map[string]any{"endpoint": of.endpoint}
		if of.protocol == "" {
			receivers[of.name] = endpoint
			continue
		}
		if receivers[of.name] == nil {
			receivers[of.name] = map[string]any{"protocols": map[string]any{}}
		}
		receivers[of.name].(map[string]any)["protocols"].(map[string]any)[of.protocol] = endpoint
	}
	sections := []string{
		"stream_over_http_enabled: {{ .Values.tempo.streamOverHttpEnabled }}",
		`memberlist: {cluster_label: "{{ .Release.Name }}.{{ .Release.Namespace }}"}`,
		"multitenancy_enabled: {{ .Values.tempo.multitenancyEnabled }}",
		"usage_report: {reporting_enabled: {{ .Values.tempo.reportingEnabled }}}",
		"compactor: {ring: " + toJSON(oneCompactor()["ring"]) + ", compaction: {block_retention: {{ .Values.tempo.retention }}}}",
		"distributor: " + toJSON(map[string]any{
			"receivers":          receivers,
			"log_received_spans": map[string]any{"enabled": s.LogReceivedSpans},
		}),
		"ingester: {{ toJson .Values.tempo.ingester }}",
		"server: {{ toJson .Values.tempo.server }}",
		"storage: {{ toJson .Values.tempo.storage }}",
		"querier: {{ toJson .Values.tempo.querier }}",
		"query_frontend: {{ toJson .Values.tempo.queryFrontend }}",
		"overrides: {{ toJson .Values.tempo.overrides }}",
	}
	if s.Generator != nil {
		config := s.generatorConfig()
		storage, _ := config["storage"].(map[string]any)
		config["storage"] = helm.Merge(map[string]any{"path": dataDirectory + "/generator/wal"}, storage)
		config["traces_storage"] = map[string]any{"path": dataDirectory + "/generator/traces"}
		sections = append(sections, "metrics_generator: "+toJSON(config))
	}
	return strings.Join(sections, "\n") + "\n"
}

// toJSON returns plain values as JSON, which is YAML too.
func toJSON(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("tempo: configuration: %v", err)) // maps, lists and texts alone
	}
	return string(text)
}
