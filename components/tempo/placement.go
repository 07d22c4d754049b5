package tempo

import (
	"github.com/picluster/picluster/components/tempo/chart"
	"github.com/picluster/picluster/internal/helm"
	"sigs.k8s.io/yaml"
)

// Toleration is a taint that pods tolerate, as Kubernetes has it.
type Toleration struct {
	// Key is the taint's key. Empty with the operator Exists: every taint.
	Key string `pulumi:"key,optional" json:"key,omitempty"`
	// Operator is Exists or Equal. Default: Equal.
	Operator string `pulumi:"operator,optional" json:"operator,omitempty"`
	// Value is the taint's value. It cannot be combined with the operator Exists.
	Value string `pulumi:"value,optional" json:"value,omitempty"`
	// Effect is NoSchedule, PreferNoSchedule or NoExecute. Empty: all of them.
	Effect string `pulumi:"effect,optional" json:"effect,omitempty"`
	// TolerationSeconds is how long a pod stays with the effect NoExecute. Nil: for ever.
	TolerationSeconds *int `pulumi:"tolerationSeconds,optional" json:"tolerationSeconds,omitempty"`
}

func (t Toleration) values() map[string]any {
	values := map[string]any{}
	for key, value := range map[string]string{"key": t.Key, "operator": t.Operator, "value": t.Value, "effect": t.Effect} {
		if value != "" {
			values[key] = value
		}
	}
	if t.TolerationSeconds != nil {
		values["tolerationSeconds"] = *t.TolerationSeconds
	}
	return values
}

// podPlacement returns what each pod's section of a chart has of the placement, but for the
// affinity.
func (s settings) podPlacement() map[string]any {
	pods := map[string]any{}
	if len(s.NodeSelector) > 0 {
		labels := map[string]any{}
		for key, value := range s.NodeSelector {
			labels[key] = value
		}
		pods["nodeSelector"] = labels
	}
	if len(s.Tolerations) > 0 {
		var tolerations []any
		for _, t := range s.Tolerations {
			tolerations = append(tolerations, t.values())
		}
		pods["tolerations"] = tolerations
	}
	return pods
}

// placement returns the placement as values of chart tempo-distributed.
func (s settings) placement() map[string]any {
	pods := s.podPlacement()
	if len(s.Affinity) > 0 {
		// The chart has a template there.
		text, err := yaml.Marshal(s.Affinity)
		if err == nil { // validated
			pods["affinity"] = string(text)
		}
	}
	values := map[string]any{}
	for _, service := range Services(chart.Microservices) {
		if len(pods) > 0 {
			values[service] = helm.Merge(pods, nil)
		}
	}
	image := map[string]any{}
	if s.imageRegistry != nil {
		image["registry"] = s.imageRegistry
		// Line 1 has one of its own for Tempo's image.
		values["tempo"] = map[string]any{"image": map[string]any{"registry": s.imageRegistry}}
	}
	if len(s.imagePullSecrets) > 0 {
		image["pullSecrets"] = s.imagePullSecrets
	}
	global := map[string]any{}
	if len(image) > 0 {
		global["image"] = image
	}
	if s.priorityClassName != nil {
		global["priorityClassName"] = s.priorityClassName
	}
	if len(global) > 0 {
		values["global"] = global
	}
	return values
}

// monolithicPlacement returns the placement as values of chart tempo.
func (s settings) monolithicPlacement() map[string]any {
	values, image := s.podPlacement(), map[string]any{}
	if len(s.Affinity) > 0 {
		values["affinity"] = s.Affinity
	}
	if s.priorityClassName != nil {
		values["priorityClassName"] = s.priorityClassName
	}
	if s.imageRegistry != nil {
		image["registry"] = s.imageRegistry
	}
	if len(s.imagePullSecrets) > 0 {
		image["pullSecrets"] = s.imagePullSecrets
	}
	if len(image) > 0 {
		values["tempo"] = image
	}
	return values
}
