package grafana

import (
	"encoding/json"

	"sigs.k8s.io/yaml"
)

// exemplarLabel is the label by which Prometheus's exemplars name their trace, as
// OpenTelemetry and Tempo write it.
const exemplarLabel = "trace_id"

// HelmValues returns the values of kube-prometheus-stack that provision the
// datasources. With exemplars, those of its own Prometheus link to Tempo.
func HelmValues(datasources []Datasource, exemplars bool) (map[string]any, error) {
	plain, err := toPlain(datasources)
	if err != nil {
		return nil, err
	}
	grafana := map[string]any{
		"additionalDataSources": escapeAll(plain, escapeHelmValues),
	}
	if exemplars {
		grafana["sidecar"] = map[string]any{
			"datasources": map[string]any{
				"exemplarTraceIdDestinations": map[string]any{
					"datasourceUid":    TempoUID,
					"traceIdLabelName": exemplarLabel,
				},
			},
		}
	}
	return map[string]any{"grafana": grafana}, nil
}

// ProvisioningFile returns the datasources as the provisioning file that
// Grafana's sidecar takes from a ConfigMap.
func ProvisioningFile(datasources []Datasource) (string, error) {
	plain, err := toPlain(datasources)
	if err != nil {
		return "", err
	}
	return toYAML(map[string]any{
		"apiVersion":  1,
		"datasources": escapeAll(plain, escapeProvisioning),
	})
}

func toYAML(v any) (string, error) {
	text, err := yaml.Marshal(v)
	return string(text), err
}

// toPlain returns v as encoding/json reads it: maps, slices and plain values.
func toPlain(v any) (any, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var plain any
	err = json.Unmarshal(text, &plain)
	return plain, err
}
