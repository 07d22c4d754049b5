package grafana

import (
	"encoding/json"

	"sigs.k8s.io/yaml"
)

// HelmValues returns the values of kube-prometheus-stack, as YAML for `helm
// upgrade -f`, that provision the datasources.
func HelmValues(datasources []Datasource) (string, error) {
	plain, err := toPlain(datasources)
	if err != nil {
		return "", err
	}
	text, err := yaml.Marshal(map[string]any{
		"grafana": map[string]any{
			"additionalDataSources": escapeAll(plain, escapeHelmValues),
		},
	})
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
