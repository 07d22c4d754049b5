package tempo

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"
)

// goMemoryVariable tells Go how much memory a process should have at most: near it, Go
// collects garbage more often. Without it Go lets garbage grow to as much as is in use,
// whatever the pod's limit is, and the kernel ends the pod.
// Source: https://pkg.go.dev/runtime#hdr-Environment_Variables.
const goMemoryVariable = "GOMEMLIMIT"

// goMemoryPercent is the part of a pod's memory limit that Go knows. The rest is for what
// Go does not count, such as the page cache.
const goMemoryPercent = 80

// goMemory returns values that set goMemoryVariable for each service that has a memory limit,
// unless the values set it themselves. Chart tempo-distributed sets it since line 2, by
// global.goSettings and unless the environment has it: who sets that gets the chart's.
func goMemory(values map[string]any, services ...string) map[string]any {
	global, _ := values["global"].(map[string]any)
	defaults, _ := values["defaults"].(map[string]any)
	layer := map[string]any{}
	if global["goSettings"] != nil || sets(global["extraEnv"], goMemoryVariable) || sets(defaults["extraEnv"], goMemoryVariable) {
		return layer
	}
	for _, name := range services {
		service, _ := values[name].(map[string]any)
		limit, ok := memoryLimit(service)
		env, _ := service["extraEnv"].([]any)
		if !ok || sets(service["extraEnv"], goMemoryVariable) {
			continue
		}
		layer[name] = map[string]any{"extraEnv": append(slices.Clone(env), map[string]any{
			"name": goMemoryVariable, "value": fmt.Sprintf("%dMiB", limit*goMemoryPercent/100>>20),
		})}
	}
	return layer
}

// memoryLimit returns the memory limit of a service in bytes.
func memoryLimit(service map[string]any) (bytes int64, ok bool) {
	resources, _ := service["resources"].(map[string]any)
	limits, _ := resources["limits"].(map[string]any)
	quantity, err := resource.ParseQuantity(fmt.Sprint(limits["memory"]))
	if err != nil || quantity.Value() < 1<<20 {
		return 0, false
	}
	return quantity.Value(), true
}

// sets returns whether a list of environment variables has one of this name.
func sets(env any, name string) bool {
	list, _ := env.([]any)
	return slices.ContainsFunc(list, func(entry any) bool {
		variable, _ := entry.(map[string]any)
		return variable["name"] == name
	})
}
