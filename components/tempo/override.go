package tempo

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/picluster/picluster/components/tempo/chart"
	"github.com/picluster/picluster/internal/credential"
	"github.com/picluster/picluster/internal/field"
)

// Why a value of the chart cannot be set.
const (
	ofNames   = "because the outputs' addresses have it; set Release"
	ofBucket  = "because the traces are stored in Bucket"
	ofPort    = "because the outputs' addresses have the chart's port"
	ofDomain  = "because the outputs' addresses end with svc.cluster.local"
	ofVersion = "because receivers depend on the version; set Chart.TempoVersion"
	ofS3      = "because it replaces how the pods reach Bucket"
	ofPods    = "because the pods restart by it"
	ofTenants = "set MultiTenancy"
	ofKept    = "set Retention"
	ofOther   = "because this mode's chart has no such section: it would have no effect"
)

// microservicesFixed are the paths of chart tempo-distributed's values that a field of Args
// sets, or that make an output wrong, and why.
var microservicesFixed = map[string]string{
	"fullnameOverride":                                ofNames,
	"nameOverride":                                    ofNames,
	"global.clusterDomain":                            ofDomain,
	"minio.enabled":                                   ofBucket,
	"storage.trace.backend":                           ofBucket,
	"storage.trace.gcs":                               ofBucket,
	"storage.trace.azure":                             ofBucket,
	"storage.trace.s3.bucket":                         "set Bucket",
	"storage.trace.s3.endpoint":                       "set Endpoint",
	"storage.trace.s3.region":                         "set Region",
	"storage.trace.s3.insecure":                       "set Insecure",
	"config":                                          ofS3 + "; use tempo.structuredConfig",
	"useExternalConfig":                               ofS3,
	"enterprise.enabled":                              "because it is another product, with other services and images",
	"multitenancyEnabled":                             ofTenants,
	"server.httpListenPort":                           ofPort,
	"metricsGenerator.enabled":                        "set Generator",
	"ingester.enabled":                                ofBucket,
	"overrides.defaults.metrics_generator.processors": "set Generator.ServiceGraphs and Generator.SpanMetrics",
	"queryFrontend.service.httpMetricsPort":           ofPort,
	"tempo.image.tag":                                 ofVersion,
	"tempo.structuredConfig.storage":                  ofS3,
	"tempo.structuredConfig.server.http_listen_port":  ofPort,
	"tempo.structuredConfig.server.http_path_prefix":  ofPort,
	"tempo.structuredConfig.http_api_prefix":          ofPort,
	"tempo.structuredConfig.distributor.receivers":    "set Receivers",
	"tempo.structuredConfig.multitenancy_enabled":     ofTenants,
	"tempo.structuredConfig.auth_enabled":             ofTenants,
	"tempo.structuredConfig.target":                   "because each service has its own",

	// In several places, a change of the mode would leave one behind, and Tempo would delete
	// traces after the chart's 48 hours.
	"compactor.config.compaction.block_retention":                 ofKept,
	"overrides.defaults.compaction.block_retention":               ofKept,
	"tempo.structuredConfig.compactor.compaction.block_retention": ofKept,
	"tempo.retention": ofOther,
	"tempo.overrides": ofOther,
}

// monolithicFixed are those of chart tempo.
var monolithicFixed = map[string]string{
	"fullnameOverride":                ofNames,
	"nameOverride":                    ofNames,
	"config":                          ofS3 + "; use the sections of tempo",
	"replicas":                        "because it is one pod; set Chart.Mode for more",
	"persistence":                     "set Persistence",
	"tempo.tag":                       ofVersion,
	"tempo.receivers":                 "set Receivers",
	"tempo.retention":                 "set Retention",
	"tempo.metricsGenerator":          "set Generator",
	"tempo.multitenancyEnabled":       ofTenants,
	"tempo.storage.trace.backend":     ofBucket,
	"tempo.storage.trace.gcs":         ofBucket,
	"tempo.storage.trace.azure":       ofBucket,
	"tempo.storage.trace.s3.bucket":   "set Bucket",
	"tempo.storage.trace.s3.endpoint": "set Endpoint",
	"tempo.storage.trace.s3.region":   "set Region",
	"tempo.storage.trace.s3.insecure": "set Insecure",
	"tempo.server.http_listen_port":   ofPort,
	"tempo.server.http_path_prefix":   ofPort,
	"tempo.overrides.defaults.metrics_generator.processors": "set Generator.ServiceGraphs and Generator.SpanMetrics",
	"tempo.overrides.defaults.compaction.block_retention":   ofKept,

	"overrides":           ofOther,
	"storage":             ofOther,
	"server":              ofOther,
	"traces":              ofOther,
	"multitenancyEnabled": ofTenants,
}

// fixedOf returns the fixed paths of a mode's chart.
func fixedOf(mode string) map[string]string {
	fixed := map[string]string{}
	if mode == chart.Monolithic {
		maps.Copy(fixed, monolithicFixed)
		for _, service := range s3Services {
			fixed[service] = ofOther
		}
		for _, annotation := range []string{KeysAnnotation, caAnnotation} {
			fixed["podAnnotations."+annotation] = ofPods
		}
		return fixed
	}
	maps.Copy(fixed, microservicesFixed)
	for _, path := range receiverPaths {
		fixed["traces."+path+".enabled"] = "set Receivers"
		fixed["traces."+path+".receiverConfig.endpoint"] = ofPort
	}
	for _, service := range s3Services {
		fixed[service+".image.tag"] = ofVersion
		for _, annotation := range []string{KeysAnnotation, caAnnotation} {
			fixed[service+".podAnnotations."+annotation] = ofPods
		}
	}
	return fixed
}

// checkValues appends a problem for each of the values that has a credential, or that sets
// what belongs to a field of Args.
func checkValues(errs *field.Errors, mode string, values map[string]any) {
	found := credential.Find("Values", values)
	*errs = append(*errs, found...)
	overrides{errs: errs, found: found, fixed: fixedOf(mode), mode: mode}.check("Values", "", values)
}

// overrides checks values of one mode's chart.
type overrides struct {
	errs  *field.Errors
	found field.Errors // credentials
	fixed map[string]string
	mode  string
}

func (o overrides) add(path, want string) {
	if !slices.ContainsFunc(o.found, func(e field.Error) bool { return isWithin(e.Path, path) }) {
		o.errs.Add(path, nil, "%s", want)
	}
}

// isWithin returns whether a path is another one or below it.
func isWithin(path, other string) bool {
	rest, ok := strings.CutPrefix(path, other)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// check looks at a value. Path is the value's path as the error shows it, and at the same path
// as fixed and shape have it.
func (o overrides) check(path, at string, value any) {
	switch value := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			below, rulePath := credential.Join(path, key), strings.TrimPrefix(at+"."+key, ".")
			if why, ok := o.fixed[rulePath]; ok {
				o.add(below, nothingHere(why))
			} else if shape := o.shape(rulePath); shape != "" && !hasShape(value[key], shape) {
				o.add(below, shape+", which is merged with what the component sets")
			} else if flag, ok := strings.CutPrefix(rulePath, "tempo.extraArgs."); ok && o.mode == chart.Monolithic && isAccessFlag(flag) {
				o.add(below, nothingHere(ofS3))
			} else {
				o.check(below, rulePath, value[key])
			}
		}
	case []any:
		for i, item := range value {
			below := fmt.Sprintf("%s[%d]", path, i)
			if entry, ok := item.(map[string]any); ok && isKeyVariable(entry["name"]) {
				o.add(below, "another variable, because this one has a key of the Secret")
			} else if flag, ok := item.(string); ok && strings.HasPrefix(flag, "-") && isAccessFlag(flag) {
				o.add(below, nothingHere(ofS3))
			} else {
				o.check(below, at+"[]", item)
			}
		}
	}
}

// shape returns what a value must be so that it is merged with what the component sets and does
// not replace it: a map or a list. It is empty where any value is possible.
func (o overrides) shape(at string) string {
	for path := range o.fixed {
		if strings.HasPrefix(path, at+".") {
			return "a map"
		}
	}
	if o.mode == chart.Monolithic {
		switch at {
		case "tempo", "tempo.storage", "tempo.storage.trace", "tempo.storage.trace.s3", "tempo.extraArgs", "podAnnotations":
			return "a map"
		case "tempo.extraEnv", "tempo.extraVolumeMounts", "extraVolumes":
			return "a list"
		}
		return ""
	}
	section, key, deep := strings.Cut(at, ".")
	switch {
	case slices.Contains([]string{"storage", "storage.trace", "storage.trace.s3", "minio", "traces", "tempo", "tempo.structuredConfig"}, at):
		return "a map"
	case !slices.Contains(s3Services, section):
		return ""
	case !deep || key == "podAnnotations":
		return "a map"
	case slices.Contains([]string{"extraArgs", "extraEnv", "extraVolumes", "extraVolumeMounts"}, key):
		return "a list"
	}
	return ""
}

// nothingHere returns the rule of a value that cannot be set, and why.
func nothingHere(why string) string {
	if strings.HasPrefix(why, "because ") {
		return "nothing here, " + why
	}
	return "nothing here: " + why
}

func hasShape(value any, shape string) bool {
	switch value.(type) {
	case map[string]any:
		return shape == "a map"
	case []any:
		return shape == "a list"
	}
	return false
}

func isKeyVariable(name any) bool { return name == AccessKeyField || name == SecretKeyField }

// isAccessFlag returns whether a flag of Tempo overrides what its configuration has of the
// bucket, the keys or the ports.
func isAccessFlag(flag string) bool {
	name, _, _ := strings.Cut(strings.TrimLeft(flag, "-"), "=")
	switch name {
	case "target", "server.http-listen-port", "server.path-prefix", "multitenancy.enabled", "auth.enabled":
		return true
	}
	return strings.HasPrefix(name, "config.") || strings.HasPrefix(name, "storage.")
}
