package stacks

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/picluster/picluster/components/tempo"
	"github.com/picluster/picluster/components/tempo/chart"
)

// tempo reads what people choose of Tempo.
func (r *reader) tempo(c chart.Chart) tempo.Options {
	o := tempo.Options{
		Profile:          r.choice("profile", tempo.ProfileChart, tempo.ProfilesOf(c.Mode)...),
		Retention:        r.optional("retention", duration),
		Receivers:        r.receivers(c),
		StreamOverHTTP:   r.flag("streamOverHttp", true),
		LogReceivedSpans: r.flag("logReceivedSpans", true),
		Reporting:        r.flag("reporting", false),
		Replicas:         r.replicas(c.Mode),
		Resources:        r.resources(c.Mode),
		Persistence:      r.persistence(),
		Generator:        r.generator(),
	}
	r.object("values", "values.ingester.replicas 2", &o.Extra)
	for _, err := range tempo.CheckExtra(c.Mode, o.Extra) {
		path, why, _ := strings.Cut(err.Error(), ": ")
		r.problem("%s.%s: %s. Take it out: pulumi config rm --path 'values.%s'", r.key("values"), path, why, path)
	}
	if c.Mode == chart.Monolithic {
		if len(o.Replicas) > 0 {
			r.problem("%s: has no effect with %s: monolithic, which is one pod. Fix: pulumi config rm replicas", r.key("replicas"), r.key("mode"))
		}
		return o
	}
	if err := o.ValidateIngesters(); err != nil {
		r.problem("%s.ingester: %w. Set it: pulumi config set --path replicas.ingester 3; or choose another size: pulumi config set profile pi",
			r.key("replicas"), err)
	}
	return o
}

// receivers reads the receivers that are on: by default all that the Tempo of the
// chart has.
func (r *reader) receivers(c chart.Chart) []string {
	all, has := tempo.Receivers(), tempo.ReceiversOf(c)
	names := r.list("receivers", []string{}, all[0], oneOf(all), func(word string) string { return nearest(word, all) })
	if len(names) == 0 {
		return has
	}
	_, dropped := c.OpenCensus()
	for i, name := range names {
		if slices.Contains(all, name) && !slices.Contains(has, name) {
			r.problem("%s[%d]: got %q; want a receiver that the stack's Tempo has: %s dropped it. Fix: pulumi config rm --path 'receivers[%[2]d]'",
				r.key("receivers"), i, name, dropped)
		}
	}
	return names
}

func (r *reader) replicas(mode string) map[string]int {
	var replicas map[string]int
	r.object("replicas", "replicas.querier 2", &replicas)
	for _, service := range slices.Sorted(maps.Keys(replicas)) {
		r.service("replicas", service, mode)
		if replicas[service] < 1 {
			r.problem("%s.%s: %d is less than 1. Set it: pulumi config set --path replicas.%s 1",
				r.key("replicas"), service, replicas[service], service)
		}
	}
	return replicas
}

// resources reads a Kubernetes ResourceRequirements for each service.
func (r *reader) resources(mode string) map[string]map[string]any {
	var given map[string]map[string]map[string]string
	r.object("resources", "resources.querier.limits.memory 1Gi", &given)
	resources := map[string]map[string]any{}
	for _, service := range slices.Sorted(maps.Keys(given)) {
		r.service("resources", service, mode)
		resources[service] = map[string]any{}
		for _, kind := range slices.Sorted(maps.Keys(given[service])) {
			if kind != "requests" && kind != "limits" {
				r.problem("%s.%s.%s: is neither requests nor limits. Take it out: pulumi config rm --path resources.%s.%s",
					r.key("resources"), service, kind, service, kind)
			}
			amounts := map[string]any{}
			for _, name := range slices.Sorted(maps.Keys(given[service][kind])) {
				path, amount := service+"."+kind+"."+name, given[service][kind][name]
				if err := errors.Join(resourceName(name), quantity(amount)); err != nil {
					r.problem("%s.%s: %q %s. Set it: pulumi config set --path resources.%s.%s.memory 512Mi",
						r.key("resources"), path, amount, strings.ReplaceAll(err.Error(), "\n", ", and "), service, kind)
				}
				amounts[name] = amount
			}
			resources[service][kind] = amounts
		}
	}
	if len(resources) == 0 {
		return nil
	}
	return resources
}

func resourceName(name string) error {
	if name != "cpu" && name != "memory" && name != "ephemeral-storage" {
		return fmt.Errorf("is of %s, which is none of cpu, memory, ephemeral-storage", name)
	}
	return nil
}

// service notes a service that Tempo does not have.
func (r *reader) service(key, service, mode string) {
	if services := tempo.Services(mode); !slices.Contains(services, service) {
		r.problem("%s.%s: is none of %s. Take it out: pulumi config rm --path %s.%s",
			r.key(key), service, strings.Join(services, ", "), key, service)
	}
}

func (r *reader) persistence() *tempo.Persistence {
	on := r.flag("persistence", false)
	p := &tempo.Persistence{
		Size:         r.text("persistenceSize", "10Gi", quantity),
		StorageClass: r.optional("persistenceStorageClass", notEmpty),
	}
	if !on {
		return nil
	}
	return p
}

func (r *reader) generator() *tempo.Generator {
	on := r.flag("metricsGenerator", true)
	g := &tempo.Generator{
		ServiceGraphs:  r.flag("serviceGraphs", false),
		SpanMetrics:    r.flag("spanMetrics", false),
		RemoteWriteURL: r.optional("prometheusRemoteWriteUrl", webURL),
	}
	metrics := g.ServiceGraphs || g.SpanMetrics
	if metrics && !on {
		r.problem("%s: is false, and %s or %s is true, which it makes. Set it: pulumi config set metricsGenerator true",
			r.key("metricsGenerator"), r.key("serviceGraphs"), r.key("spanMetrics"))
	}
	if metrics && g.RemoteWriteURL == "" {
		r.problem("%s: is missing: %s and %s go to a Prometheus. Set it: pulumi config set prometheusRemoteWriteUrl URL",
			r.key("prometheusRemoteWriteUrl"), r.key("serviceGraphs"), r.key("spanMetrics"))
	}
	if !metrics && g.RemoteWriteURL != "" {
		r.problem("%s: has no effect, since no metrics are made. Make some: pulumi config set serviceGraphs true",
			r.key("prometheusRemoteWriteUrl"))
	}
	if !on {
		return nil
	}
	return g
}
