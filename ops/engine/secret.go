package engine

import (
	"cmp"
	"maps"
	"slices"
)

// SecretFields are the fields of a Secret that have the keys of a bucket's user.
type SecretFields struct{ AccessKey, SecretKey string }

// Names of the variables of Tempo's pods that have the keys, and the default fields of
// the Secret.
const (
	accessKeyVariable = "MINIO_ACCESS_KEY_ID"
	secretKeyVariable = "MINIO_SECRET_ACCESS_KEY" // #nosec G101 -- the name of a variable
)

// SecretFields returns the fields that the deployed pods read. A field that the
// configuration names, and that no up has deployed yet, is not in the Secret. If the
// state has no release that reads a Secret, they are those of the configuration.
func (s *State) SecretFields(config Config) SecretFields {
	fields := SecretFields{
		AccessKey: config.Own("accessKeyField", accessKeyVariable),
		SecretKey: config.Own("secretKeyField", secretKeyVariable),
	}
	for _, r := range s.Of(ReleaseType) {
		deployed := SecretFields{secretField(r.Inputs["values"], accessKeyVariable), secretField(r.Inputs["values"], secretKeyVariable)}
		if deployed.AccessKey != "" && deployed.SecretKey != "" {
			return deployed
		}
	}
	return fields
}

// OrDefault returns the fields with the default of what is empty.
func (f SecretFields) OrDefault() SecretFields {
	return SecretFields{cmp.Or(f.AccessKey, accessKeyVariable), cmp.Or(f.SecretKey, secretKeyVariable)}
}

// secretField returns the field of a Secret that a variable has its value from, anywhere
// in a chart's values; empty if there is none.
func secretField(values any, variable string) string {
	switch values := values.(type) {
	case []any:
		for _, item := range values {
			if field := secretField(item, variable); field != "" {
				return field
			}
		}
	case map[string]any:
		if values["name"] == variable {
			from, _ := values["valueFrom"].(map[string]any)
			reference, _ := from["secretKeyRef"].(map[string]any)
			field, _ := reference["key"].(string)
			return field
		}
		for _, key := range slices.Sorted(maps.Keys(values)) {
			if field := secretField(values[key], variable); field != "" {
				return field
			}
		}
	}
	return ""
}
