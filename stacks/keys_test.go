package stacks_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/picluster/picluster/components/componenttest"
	"github.com/picluster/picluster/stacks"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/assert"
)

// row is what a configuration key changes of what the program registers.
type row struct {
	value string
	// with are other keys and their values in both of the runs that are compared, and also
	// are those of the second one alone.
	with, also []string
	// want are inputs and options with their new values, as "RESOURCE PATH". An empty value
	// is one that is missing, "…" is any, and "~TEXT" is one that has the text in it. No other
	// resource changes.
	want map[string]string
}

func TestEveryKey(t *testing.T) {
	rows := keyRows(t)
	var names []string
	for _, section := range stacks.Sections() {
		for _, key := range section.Keys {
			names = append(names, key.Name)
		}
	}
	assert.ElementsMatch(t, names, slices.Collect(maps.Keys(rows)), "each key has a row, and each row a key")
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			before := flat(t, howTo(row.with...))
			after := flat(t, howTo(append(slices.Concat(row.with, row.also), name, row.value)...))
			changed := map[string]bool{}
			for _, path := range slices.Concat(slices.Collect(maps.Keys(before)), slices.Collect(maps.Keys(after))) {
				if before[path] != after[path] {
					resource, _, _ := strings.Cut(path, " ")
					changed[resource] = true
				}
			}
			wanted := map[string]bool{}
			for path, value := range row.want {
				resource, _, _ := strings.Cut(path, " ")
				wanted[resource] = true
				assert.NotEqual(t, before[path], after[path], "%s does not change", path)
				if text, found := strings.CutPrefix(value, "~"); found {
					assert.Contains(t, after[path], text, path)
				} else if value != "…" {
					assert.Equal(t, value, after[path], path)
				}
			}
			if !assert.Equal(t, sortedKeys(wanted), sortedKeys(changed), "the resources that change") {
				all := maps.Clone(before)
				maps.Copy(all, after)
				for _, path := range slices.Sorted(maps.Keys(all)) {
					if before[path] != after[path] && !wanted[strings.Fields(path)[0]] {
						t.Logf("%s: %q, was %q", path, after[path], before[path])
					}
				}
			}
		})
	}
}

// flat returns all that the program registers with a configuration, by "RESOURCE PATH".
func flat(t *testing.T, config map[string]string) map[string]string {
	t.Helper()
	lines := map[string]string{}
	for _, r := range render(t, config) {
		if !r.Custom {
			continue
		}
		lines[r.Name+" type"] = r.Type
		lines[r.Name+" id"] = r.ID
		lines[r.Name+" protect"] = option(r.Protect)
		lines[r.Name+" retainOnDelete"] = option(r.RetainOnDelete)
		lines[r.Name+" ignoreChanges"] = strings.Join(r.IgnoreChanges, ",")
		flatten(lines, r.Name+" ", resource.NewProperty(r.Inputs))
	}
	return lines
}

func option(b *bool) string {
	if b == nil {
		return ""
	}
	return fmt.Sprint(*b)
}

func flatten(lines map[string]string, path string, value resource.PropertyValue) {
	switch {
	case value.IsSecret():
		flatten(lines, path, value.SecretValue().Element)
	case value.IsObject():
		separator := "."
		if strings.HasSuffix(path, " ") {
			separator = ""
		}
		for key, entry := range value.ObjectValue() {
			flatten(lines, path+separator+string(key), entry)
		}
	case value.IsArray():
		for i, entry := range value.ArrayValue() {
			flatten(lines, fmt.Sprintf("%s[%d]", path, i), entry)
		}
	default:
		lines[path] = fmt.Sprint(value.Mappable())
	}
}

// keysPath is what changes of a release if its pods must restart for other keys.
const keysPath = "tempo-release values.distributor.podAnnotations.picluster/keys"

// file is the data sources' file, of a stack with datasources: configmap.
const file = "tempo-datasources data.tempo-datasources.yaml"

// gone is what each resource has that is no longer registered.
func gone(names ...string) map[string]string {
	want := map[string]string{}
	for _, name := range names {
		want[name+" type"] = ""
	}
	return want
}

func and(wants ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, want := range wants {
		maps.Copy(all, want)
	}
	return all
}

func keyRows(t *testing.T) map[string]row {
	t.Helper()
	type want = map[string]string
	metrics := []string{"serviceGraphs", "true", "prometheusRemoteWriteUrl", "http://p/write"}
	inConfigMap := []string{"datasources", "configmap"}
	inRelease := []string{"datasources", "release"}
	values := func(path, value string) want { return want{"tempo-release values." + path: value} }
	return map[string]row{
		"objectStore": {value: "existing", with: []string{"credentials", "existing", "s3Endpoint", "s3:9000", "s3Region", "eu-west-1"}, want: and(
			gone("tempo-bucket", "tempo-user", "tempo-policy", "tempo-attachment"))},
		"bucket": {value: "traces", want: want{
			"tempo-bucket bucket":                          "traces",
			"tempo-policy policy":                          "~arn:aws:s3:::traces/*",
			"tempo-release values.storage.trace.s3.bucket": "traces",
		}},
		"user": {value: "tracer", want: want{
			"tempo-user name":                             "tracer",
			"tempo-policy name":                           "tracer",
			"tempo-attachment userName":                   "tracer",
			"tempo-secret stringData.MINIO_ACCESS_KEY_ID": "tracer",
			keysPath: "…",
		}},
		"policy": {value: "tracing", want: want{
			"tempo-policy name":           "tracing",
			"tempo-policy ignoreChanges":  "",
			"tempo-attachment policyName": "tracing",
		}},
		"manageUser": {value: "false", with: []string{"credentials", "existing"}, want: gone("tempo-user", "tempo-policy", "tempo-attachment")},
		"keyVersion": {value: "2", want: and(gone("tempo-user", "tempo-secret-key", "tempo-attachment"), want{
			"tempo-user-2 name":                           "tempo.v2",
			"tempo-attachment-2 userName":                 "tempo.v2",
			"tempo-secret-key-2 length":                   "40",
			"tempo-secret stringData.MINIO_ACCESS_KEY_ID": "tempo.v2",
			keysPath: "…",
		})},
		"protectBucket": {value: "false", want: want{"tempo-bucket protect": ""}},
		"retainBucket":  {value: "false", want: want{"tempo-bucket retainOnDelete": ""}},
		"forceDestroy":  {value: "true", with: []string{"retainBucket", "false"}, want: want{"tempo-bucket forceDestroy": "true"}},

		"s3Endpoint": {value: "minio.storage.svc:9000", want: values("storage.trace.s3.endpoint", "minio.storage.svc:9000")},
		"s3Region":   {value: "eu-central-1", want: values("storage.trace.s3.region", "eu-central-1")},
		"s3CaFile": {value: caFile(t), want: want{
			"tempo-ca-configmap data.ca.crt":                    "~BEGIN CERTIFICATE",
			"tempo-release values.storage.trace.s3.tls_ca_path": "/etc/minio-ca/ca.crt",
		}},
		"s3Insecure": {value: "true", with: []string{"s3Endpoint", "minio.storage.svc:9000"}, want: values("storage.trace.s3.insecure", "true")},

		"namespace": {value: "traces", want: want{
			"tempo-namespace metadata.name":   "traces",
			"tempo-secret metadata.namespace": "traces",
			"tempo-release namespace":         "traces",
		}},
		"existingNamespace": {value: "true", want: want{"tempo-namespace id": "tempo"}},
		"podSecurity":       {value: "baseline", want: want{"tempo-namespace metadata.labels.pod-security.kubernetes.io/enforce": "baseline"}},
		"credentials": {value: "existing", want: and(gone("tempo-secret-key"), want{
			"tempo-secret id":   "tempo/tempo-minio-secret",
			"tempo-user secret": componenttest.KeptKey,
			keysPath:            "…",
		})},
		"accessKeyField": {value: "ID", want: want{
			"tempo-secret stringData.ID": "…",
			"tempo-release values.distributor.extraEnv[0].valueFrom.secretKeyRef.key": "ID",
		}},
		"secretKeyField": {value: "KEY", want: want{
			"tempo-secret stringData.KEY": "…",
			"tempo-release values.distributor.extraEnv[1].valueFrom.secretKeyRef.key": "KEY",
		}},
		"secretName": {value: "keys", want: want{
			"tempo-secret metadata.name": "keys",
			"tempo-release values.ingester.extraEnv[0].valueFrom.secretKeyRef.name": "keys",
		}},
		"networkPolicies": {value: "true", also: []string{"tracesFrom", `["apps"]`}, want: want{
			"tempo-network-own metadata.namespace":     "tempo",
			"tempo-network-query metadata.namespace":   "tempo",
			"tempo-network-traces metadata.namespace":  "tempo",
			"tempo-network-metrics metadata.namespace": "tempo",
		}},
		"scrapeFrom": {value: `["metrics"]`, with: []string{"networkPolicies", "true", "tracesFrom", `["apps"]`}, want: want{
			"tempo-network-metrics spec.ingress[0].from[0].namespaceSelector.matchLabels.kubernetes.io/metadata.name": "metrics",
		}},
		"monitoring": {value: "operator", with: []string{"grafanaRelease", "kps"}, want: want{
			"tempo-release values.metaMonitoring.serviceMonitor.enabled":        "true",
			"tempo-release values.metaMonitoring.serviceMonitor.labels.release": "kps",
			"tempo-alerts type":                                  "kubernetes:monitoring.coreos.com/v1:PrometheusRule",
			"tempo-alerts metadata.name":                         "tempo-alerts",
			"tempo-alerts metadata.namespace":                    "tempo",
			"tempo-alerts metadata.labels.release":               "kps",
			"tempo-alerts spec.groups[0].rules[0].expr":          `absent(tempo_build_info{namespace="tempo",pod=~"tempo-.+"})`,
			"tempo-dashboards type":                              "kubernetes:core/v1:ConfigMap",
			"tempo-dashboards metadata.name":                     "tempo-dashboards",
			"tempo-dashboards metadata.namespace":                "monitoring",
			"tempo-dashboards metadata.labels.grafana_dashboard": "1",
			"tempo-dashboards data.tempo-writes.json":            `~"uid":"tempo-writes"`,
		}},
		"alertThresholds": {value: `{"memoryPercent":80}`, with: []string{"monitoring", "operator"}, want: want{
			"tempo-alerts spec.groups[0].rules[13].expr": "~ > 80",
		}},
		"tracesFrom": {value: `["apps","default"]`, with: []string{"networkPolicies", "true", "tracesFrom", `["apps"]`}, want: want{
			"tempo-network-traces spec.ingress[0].from[1].namespaceSelector.matchLabels.kubernetes.io/metadata.name": "default",
		}},

		"mode":            {value: "monolithic", want: want{"tempo-release chart": "tempo"}},
		"tempoVersion":    {value: "2.10.7", want: values("tempo.image.tag", "2.10.7")},
		"release":         {value: "traces", want: want{"tempo-release name": "traces", "tempo-release values.fullnameOverride": "traces"}},
		"chart":           {value: "oci://charts.example.com/tempo-distributed", want: want{"tempo-release chart": "oci://charts.example.com/tempo-distributed"}},
		"chartRepository": {value: "https://charts.example.com", want: want{"tempo-release repositoryOpts.repo": "https://charts.example.com"}},
		"chartVersion":    {value: "1.61.3", want: want{"tempo-release version": "1.61.3"}},
		"timeout":         {value: "60", with: inRelease, want: want{"tempo-release timeout": "60", "tempo-grafana timeout": "60"}},

		"profile":                 {value: "pi", want: values("ingester.replicas", "1")},
		"replicas":                {value: `{"querier":3}`, want: values("querier.replicas", "3")},
		"resources":               {value: `{"querier":{"limits":{"memory":"1Gi"}}}`, want: values("querier.resources.limits.memory", "1Gi")},
		"persistence":             {value: "true", want: values("ingester.persistence.size", "10Gi")},
		"persistenceSize":         {value: "20Gi", with: []string{"persistence", "true"}, want: values("ingester.persistence.size", "20Gi")},
		"persistenceStorageClass": {value: "longhorn", with: []string{"persistence", "true"}, want: values("ingester.persistence.storageClass", "longhorn")},
		"retention":               {value: "336h", want: values("compactor.config.compaction.block_retention", "336h")},

		"nodeSelector":      {value: `{"disk":"ssd"}`, want: values("ingester.nodeSelector.disk", "ssd")},
		"tolerations":       {value: `[{"key":"arm"}]`, want: values("ingester.tolerations[0].key", "arm")},
		"affinity":          {value: `{"nodeAffinity":{"x":"y"}}`, want: values("ingester.affinity", "…")},
		"priorityClassName": {value: "high", want: values("global.priorityClassName", "high")},
		"imageRegistry":     {value: "registry.example.com:5000", want: values("global.image.registry", "registry.example.com:5000")},
		"imagePullSecrets":  {value: `["pull"]`, want: values("global.image.pullSecrets[0]", "pull")},
		"multiTenancy":      {value: "true", also: []string{"tempoTenant", "a"}, want: values("multitenancyEnabled", "true")},

		"receivers":        {value: `["otlpGrpc"]`, want: values("traces.zipkin.enabled", "false")},
		"streamOverHttp":   {value: "false", want: values("streamOverHTTPEnabled", "false")},
		"logReceivedSpans": {value: "false", want: values("distributor.config.log_received_spans.enabled", "false")},
		"reporting":        {value: "true", want: values("reportingEnabled", "true")},
		"metricsGenerator": {value: "false", want: values("metricsGenerator.enabled", "false")},
		"serviceGraphs": {
			value: "true", also: []string{"prometheusRemoteWriteUrl", "http://p/write"},
			want: values("overrides.defaults.metrics_generator.processors[1]", "service-graphs"),
		},
		"spanMetrics":              {value: "true", with: metrics, want: values("overrides.defaults.metrics_generator.processors[2]", "span-metrics")},
		"prometheusRemoteWriteUrl": {value: "http://other/write", with: metrics, want: values("metricsGenerator.config.storage.remote_write[0].url", "http://other/write")},
		"values":                   {value: `{"gateway":{"enabled":true}}`, want: values("gateway.enabled", "true")},

		"datasources":            {value: "configmap", want: want{file: "~uid: tempo"}},
		"grafanaNamespace":       {value: "grafana", with: inConfigMap, want: want{"tempo-datasources metadata.namespace": "grafana"}},
		"grafanaRelease":         {value: "monitoring", with: inRelease, want: want{"tempo-grafana name": "monitoring"}},
		"grafanaChart":           {value: "oci://charts.example.com/stack", with: inRelease, want: want{"tempo-grafana chart": "oci://charts.example.com/stack"}},
		"grafanaChartRepository": {value: "https://charts.example.com", with: inRelease, want: want{"tempo-grafana repositoryOpts.repo": "https://charts.example.com"}},
		"grafanaChartVersion":    {value: "88.5.2", with: inRelease, want: want{"tempo-grafana version": "88.5.2"}},
		"grafanaChartValues":     {value: `{"grafana":{"replicas":2}}`, with: inRelease, want: want{"tempo-grafana values.grafana.replicas": "2"}},
		"grafanaInstanceSelector": {value: `{"dashboards":"other"}`, with: []string{"datasources", "operator", "grafanaInstanceSelector", `{"dashboards":"grafana"}`}, want: want{
			"tempo-datasource-tempo spec.instanceSelector.matchLabels.dashboards": "other",
			"tempo-datasource-loki spec.instanceSelector.matchLabels.dashboards":  "other",
		}},
		"nodeGraph":       {value: "false", with: inConfigMap, want: want{file: "~enabled: false"}},
		"spanBar":         {value: "None", with: inConfigMap, want: want{file: "~type: None"}},
		"spanBarTag":      {value: "http.path", with: inConfigMap, also: []string{"spanBar", "Tag"}, want: want{file: "~tag: http.path"}},
		"traceQueryStart": {value: "-2h", with: append([]string{"traceQueryStart", "-1h", "traceQueryEnd", "1h"}, inConfigMap...), want: want{file: "~spanStartTimeShift: -2h"}},
		"traceQueryEnd":   {value: "3h", with: append([]string{"traceQueryStart", "-1h", "traceQueryEnd", "1h"}, inConfigMap...), want: want{file: "~spanEndTimeShift: 3h"}},
		"hideSearch":      {value: "true", with: inConfigMap, want: want{file: "~hide: true"}},
		"exemplars": {value: "true", with: inRelease, want: want{
			"tempo-grafana values.grafana.sidecar.datasources.exemplarTraceIdDestinations.datasourceUid": "tempo",
		}},
		"lokiUrl":       {value: "http://other", with: inConfigMap, want: want{file: "~url: http://other"}},
		"lokiUid":       {value: "logs", with: inConfigMap, want: want{file: "~datasourceUid: logs"}},
		"lokiTenant":    {value: "team", with: inConfigMap, want: want{file: "~team"}},
		"tempoTenant":   {value: "b", with: append([]string{"multiTenancy", "true", "tempoTenant", "a"}, inConfigMap...), want: want{file: "~X-Scope-OrgID"}},
		"prometheusUid": {value: "metrics", with: append(slices.Clone(metrics), inConfigMap...), want: want{file: "~datasourceUid: metrics"}},

		"restore":     {value: `{"tempo/tempo":2}`, want: want{"tempo-release description": "restore 2"}},
		"driftIgnore": {value: `[{"object":"Deployment tempo/*"}]`}, // picluster's commands read it
		"tenants": {value: `[{"name":"a"}]`, want: and(
			gone("tempo-bucket", "tempo-keys-salt", "tempo-secret-key", "tempo-user", "tempo-policy", "tempo-attachment", "tempo-namespace", "tempo-secret", "tempo-release"),
			want{
				"tempo-a-bucket bucket":           "k3s-tempo-a",
				"tempo-a-secret-key length":       "40",
				"tempo-a-keys-salt length":        "32",
				"tempo-a-user name":               "tempo-a",
				"tempo-a-policy name":             "tempo-a",
				"tempo-a-attachment userName":     "tempo-a",
				"tempo-a-namespace metadata.name": "tempo-a",
				"tempo-a-secret metadata.name":    "tempo-minio-secret",
				"tempo-a-release namespace":       "tempo-a",
			})},
	}
}
