package kube

import (
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Each rule is a noun phrase, as field.Errors.Check takes it: the words of Kubernetes are a
// sentence with a regular expression.

// ValidateLabel returns an error unless name is a DNS label, the form of a namespace's
// name.
func ValidateLabel(name string) error {
	return rule(validation.IsDNS1123Label(name), "1 to 63 lower-case letters, digits or -, with a letter or digit first and last")
}

// IsBuiltIn returns whether Kubernetes itself creates the namespace.
// Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/#initial-namespaces
func IsBuiltIn(namespace string) bool {
	return slices.Contains([]string{"default", "kube-node-lease", "kube-public", systemNamespace}, namespace)
}

// ValidateSubdomain returns an error unless name is a DNS subdomain, the form of most
// objects' names.
func ValidateSubdomain(name string) error {
	return rule(validation.IsDNS1123Subdomain(name), "1 to 253 lower-case letters, digits, - or ., with a letter or digit first and last in each part")
}

// ValidateDataKey returns an error unless key can be a key of a Secret or ConfigMap.
func ValidateDataKey(key string) error {
	return rule(validation.IsConfigMapKey(key), "1 to 253 letters, digits, -, _ or ., and not . or .. alone")
}

// ValidateLabelKey returns an error unless key can be the key of a label, an annotation or a
// taint.
func ValidateLabelKey(key string) error {
	return rule(validation.IsQualifiedName(key), "a key of 1 to 63 letters, digits, -, _ or ., with a letter or digit first and last, and a DNS subdomain and / before it if it has a prefix")
}

// ValidateLabelValue returns an error unless value can be the value of a label or a taint.
func ValidateLabelValue(value string) error {
	return rule(validation.IsValidLabelValue(value), "a value of at most 63 letters, digits, -, _ or ., with a letter or digit first and last")
}

func rule(problems []string, want string) error {
	if len(problems) == 0 {
		return nil
	}
	return errors.New(want)
}

// maxReleaseName is Helm's limit for a release's name.
const maxReleaseName = 53

// ValidateReleaseName returns an error unless name can be a Helm release's.
func ValidateReleaseName(name string) error {
	if len(name) > maxReleaseName {
		return fmt.Errorf("at most %d characters", maxReleaseName)
	}
	return ValidateLabel(name)
}
