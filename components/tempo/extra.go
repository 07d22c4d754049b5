package tempo

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/picluster/picluster/components/tempo/chart"
)

// forbidden are the paths of the values of each mode's chart that belong to this project,
// and what to do instead.
var forbidden = map[string]map[string]string{
	chart.Microservices: microservicesForbidden,
	chart.Monolithic:    monolithicForbidden,
}

var monolithicForbidden = map[string]string{
	"fullnameOverride":                "the outputs' addresses are made of it; set release",
	"nameOverride":                    "names are made of it; set release",
	"config":                          "it replaces the whole configuration, the S3 backend with it; set the sections of tempo",
	"replicas":                        "it is one pod; set mode to microservices for more",
	"persistence":                     "set persistence, persistenceSize, persistenceStorageClass",
	"tempo.tag":                       "set tempoVersion, by which the receivers are chosen",
	"tempo.receivers":                 "set receivers",
	"tempo.retention":                 "set retention",
	"tempo.metricsGenerator":          "set metricsGenerator",
	"tempo.storage.trace.backend":     "the traces are kept in the stack's bucket",
	"tempo.storage.trace.s3.bucket":   "set bucket",
	"tempo.storage.trace.s3.endpoint": "set s3Endpoint",
	"tempo.storage.trace.s3.region":   "set s3Region",
	"tempo.storage.trace.s3.insecure": "set s3Insecure",
	"tempo.storage.trace.gcs":         "the traces are kept in the stack's bucket",
	"tempo.storage.trace.azure":       "the traces are kept in the stack's bucket",
	"tempo.server.http_listen_port":   "the outputs' addresses have port 3200",
	"tempo.overrides.defaults.metrics_generator.processors": "set serviceGraphs and spanMetrics",
}

var microservicesForbidden = map[string]string{
	"tempo.image.tag":                                 "set tempoVersion, by which the receivers are chosen",
	"fullnameOverride":                                "the outputs' addresses are made of it; set release",
	"nameOverride":                                    "the outputs' addresses are made without it; set release",
	"minio.enabled":                                   "the bucket is in the MinIO that the stack is given",
	"storage.trace.backend":                           "the traces are kept in the stack's bucket",
	"storage.trace.s3.bucket":                         "set bucket",
	"storage.trace.s3.endpoint":                       "set s3Endpoint",
	"storage.trace.s3.region":                         "set s3Region",
	"storage.trace.s3.insecure":                       "set s3Insecure",
	"tempo.structuredConfig.storage":                  "it replaces the S3 backend",
	"config":                                          "it replaces the whole configuration, the S3 backend with it; use tempo.structuredConfig",
	"useExternalConfig":                               "it replaces the whole configuration, the S3 backend with it",
	"metricsGenerator.enabled":                        "set metricsGenerator",
	"storage.trace.gcs":                               "the traces are kept in the stack's bucket",
	"storage.trace.azure":                             "the traces are kept in the stack's bucket",
	"overrides.defaults.metrics_generator.processors": "set serviceGraphs and spanMetrics",
}

// credentialKeys are keys that hold a credential wherever they stand in Tempo's
// configuration.
var credentialKeys = []string{"access_key", "secret_key", "session_token", "password", "bearer_token", "credentials"}

// CheckExtra returns what is wrong with values that are to be merged over this
// project's own: whatever would put a credential into them, or take the traces
// elsewhere.
func CheckExtra(mode string, extra map[string]any) []error {
	return checker{forbidden[cmp.Or(mode, chart.Microservices)], mode}.check("", extra)
}

// checker checks values of one mode's chart.
type checker struct {
	forbidden map[string]string
	mode      string
}

func (c checker) check(path string, value any) (problems []error) {
	switch value := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			below := strings.TrimPrefix(path+"."+key, ".")
			if why, ok := c.forbidden[below]; ok {
				problems = append(problems, fmt.Errorf("%s: %s", below, why))
			} else if slices.Contains(credentialKeys, key) {
				problems = append(problems, fmt.Errorf("%s: a credential would stand in plain text", below))
			} else if c.taken(below, value[key]) {
				problems = append(problems, fmt.Errorf("%s: belongs to the stack, as part of how the pods reach the bucket; leave it out, or make it a map or list that is added to", below))
			} else {
				problems = append(problems, c.check(below, value[key])...)
			}
		}
	case []any:
		for i, item := range value {
			at := fmt.Sprintf("%s[%d]", path, i)
			if entry, ok := item.(map[string]any); ok && isKeyVariable(entry["name"]) {
				problems = append(problems, fmt.Errorf("%s: %v comes from the Secret", at, entry["name"]))
			} else if flag, ok := item.(string); ok && isAccessFlag(flag) {
				problems = append(problems, fmt.Errorf("%s: %q changes how the pods reach the bucket", at, flag))
			} else {
				problems = append(problems, c.check(at, item)...)
			}
		}
	}
	return problems
}

// taken says if value would take away, rather than add to, what access gives a
// service, or a section on the way there.
func (c checker) taken(path string, value any) bool {
	if c.mode == chart.Monolithic {
		return monolithicTaken(path, value)
	}
	section, key, deep := strings.Cut(path, ".")
	onTheWay := slices.Contains([]string{"storage", "storage.trace", "storage.trace.s3", "minio", "tempo.structuredConfig"}, path)
	if onTheWay || (slices.Contains(s3Services, section) && (!deep || key == "podAnnotations")) {
		_, isMap := value.(map[string]any)
		return !isMap
	}
	if slices.Contains(s3Services, section) && slices.Contains([]string{"extraArgs", "extraEnv", "extraVolumes", "extraVolumeMounts"}, key) {
		_, isList := value.([]any)
		return !isList
	}
	return false
}

// monolithicTaken is taken for chart tempo.
func monolithicTaken(path string, value any) bool {
	switch path {
	case "tempo", "tempo.storage", "tempo.storage.trace", "tempo.storage.trace.s3", "tempo.extraArgs", "podAnnotations":
		_, isMap := value.(map[string]any)
		return !isMap
	case "tempo.extraEnv", "tempo.extraVolumeMounts", "extraVolumes":
		_, isList := value.([]any)
		return !isList
	}
	flag, isFlag := strings.CutPrefix(path, "tempo.extraArgs.")
	return isFlag && isAccessFlag(flag)
}

func isKeyVariable(name any) bool { return name == AccessKeyField || name == SecretKeyField }

// isAccessFlag says if an argument of Tempo goes over what its configuration
// says of the bucket or the keys.
func isAccessFlag(flag string) bool {
	name := strings.TrimLeft(flag, "-")
	return strings.HasPrefix(name, "config.") || strings.HasPrefix(name, "storage.")
}
