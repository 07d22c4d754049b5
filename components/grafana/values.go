package grafana

import (
	"encoding/json"

	"golang.org/x/mod/semver"
	"sigs.k8s.io/yaml"
)

// exemplarLabel is the label by which Prometheus's exemplars name their trace, as
// OpenTelemetry and Tempo write it.
const exemplarLabel = "trace_id"

const (
	// firstWithString is the first version of kube-prometheus-stack that renders
	// grafana.additionalDataSourcesString.
	// Source: https://github.com/prometheus-community/helm-charts/pull/6517
	firstWithString = "81.2.3"
	// firstWithJSONData is the first version with grafana.sidecar.datasources.extraJsonData,
	// by which the chart's own Prometheus data source can have several destinations of
	// exemplars.
	// Source: https://github.com/prometheus-community/helm-charts/pull/6179
	firstWithJSONData = "77.12.1"
)

// atLeast says whether a version of the chart is at least another.
func atLeast(version, least string) bool { return semver.Compare("v"+version, "v"+least) >= 0 }

// document is all that is delivered to Grafana.
type document struct {
	datasources []datasource
	// exemplars are the uids of the data sources that the exemplars of
	// kube-prometheus-stack's own Prometheus link to.
	exemplars []string
	// remoteWrite has that Prometheus receive the metrics of Tempo.
	remoteWrite bool
	// chartVersion is the version of kube-prometheus-stack.
	chartVersion string
}

// datasourcesKey is the key of the chart's section grafana that has the data sources.
func datasourcesKey(chartVersion string) string {
	if atLeast(chartVersion, firstWithString) {
		return "additionalDataSourcesString"
	}
	return "additionalDataSources"
}

// helmValues returns the document as values of kube-prometheus-stack. They leave the
// chart's list grafana.additionalDataSources to the caller if the chart takes a text beside
// it.
func (d document) helmValues() (map[string]any, error) {
	plain, err := provisioned(d.datasources)
	if err != nil {
		return nil, err
	}
	grafana := map[string]any{}
	switch key := datasourcesKey(d.chartVersion); key {
	case "additionalDataSources":
		grafana[key] = escapeAll(plain, escapeTpl)
	default:
		text, err := toYAML(plain)
		if err != nil {
			return nil, err
		}
		grafana[key] = escapeTpl(text)
	}
	if prometheus := d.prometheusDatasource(); prometheus != nil {
		grafana["sidecar"] = map[string]any{"datasources": prometheus}
	}
	values := map[string]any{"grafana": grafana}
	if d.remoteWrite {
		values["prometheus"] = map[string]any{"prometheusSpec": map[string]any{"enableRemoteWriteReceiver": true}}
	}
	return values, nil
}

// prometheusDatasource returns the settings of the chart's own Prometheus data source, by
// which exemplars link to traces.
func (d document) prometheusDatasource() map[string]any {
	switch len(d.exemplars) {
	case 0:
		return nil
	case 1:
		return map[string]any{"exemplarTraceIdDestinations": map[string]any{
			"datasourceUid":    d.exemplars[0],
			"traceIdLabelName": exemplarLabel,
		}}
	}
	// The chart's own key takes one destination alone.
	destinations := make([]any, len(d.exemplars))
	for i, uid := range d.exemplars {
		destinations[i] = map[string]any{"datasourceUid": uid, "name": exemplarLabel}
	}
	return map[string]any{"extraJsonData": map[string]any{"exemplarTraceIdDestinations": destinations}}
}

// provisioningFile returns the data sources as the provisioning file that Grafana's sidecar
// reads from a ConfigMap.
func (d document) provisioningFile() (string, error) {
	plain, err := provisioned(d.datasources)
	if err != nil {
		return "", err
	}
	return toYAML(map[string]any{"apiVersion": 1, "datasources": plain})
}

// provisioned returns the data sources as a provisioning file has them.
func provisioned(datasources []datasource) ([]any, error) {
	list := make([]any, len(datasources))
	for i, d := range datasources {
		plain, err := d.plain()
		if err != nil {
			return nil, err
		}
		escaped := escapeAll(plain, escapeProvisioning).(map[string]any)
		if secrets := plain["secureJsonData"]; secrets != nil && d.references {
			escaped["secureJsonData"] = escapeAll(secrets, escapeUnlessReference)
		}
		list[i] = escaped
	}
	return list, nil
}

// plain returns the data source as encoding/json reads it: maps, lists and plain values.
func (d datasource) plain() (map[string]any, error) {
	text, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	var plain map[string]any
	err = json.Unmarshal(text, &plain)
	return plain, err
}

func toYAML(v any) (string, error) {
	text, err := yaml.Marshal(v)
	return string(text), err
}
