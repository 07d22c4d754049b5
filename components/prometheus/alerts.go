// Package prometheus has Prometheus watch a Tempo: its alerts, as an object of the Prometheus
// Operator, which kube-prometheus-stack installs.
package prometheus

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/picluster/picluster/internal/credential"
	"github.com/picluster/picluster/internal/field"
	"github.com/picluster/picluster/internal/kube"
	"github.com/picluster/picluster/internal/rule"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// The kinds of the Prometheus Operator.
const (
	// Version is the API version of ServiceMonitor and PrometheusRule.
	Version = "monitoring.coreos.com/v1"

	kind = "PrometheusRule"
)

// DefaultRelease is the release of kube-prometheus-stack, unless another one is given.
const DefaultRelease = "kube-prometheus-stack"

// DefaultLabels returns the labels by which the Prometheus of the release DefaultRelease
// selects what it reads, unless the release's values say otherwise.
// Source: prometheus.prometheusSpec.ruleSelectorNilUsesHelmValues and
// serviceMonitorSelectorNilUsesHelmValues of the chart.
func DefaultLabels() map[string]string { return map[string]string{"release": DefaultRelease} }

// AlertsArgs describes the alerts of one release of Tempo.
type AlertsArgs struct {
	// Release is Tempo's Helm release, whose name its pods' names start with. Default:
	// tempo.
	Release pulumi.StringInput `pulumi:"release,optional"`
	// Namespace is the namespace of the release, and of the object. Required.
	Namespace pulumi.StringInput `pulumi:"namespace"`
	// Retention is how long Tempo keeps traces, as a duration of Go. Default: 48h, which is
	// the chart's. The alert TempoBucketGrows requires that Prometheus keeps its data for
	// twice as long.
	Retention string `pulumi:"retention,optional"`
	// Thresholds are values that alerts are compared with, over the defaults, by name:
	// bucketGrowthPercent 50, lostSpansPercent 1, memoryPercent 90, outstandingBlocks 100,
	// queryErrorPercent 5, querySeconds 10, s3ErrorPercent 5.
	Thresholds map[string]int `pulumi:"thresholds,optional"`
	// Labels are those by which Prometheus selects the object. Default: release is
	// kube-prometheus-stack.
	Labels map[string]string `pulumi:"labels,optional"`
}

// defaultRetention is how long the chart keeps traces.
const defaultRetention = "48h"

// Alerts is the alerts of one release of Tempo.
type Alerts struct {
	pulumi.ResourceState

	// Name is the name of the PrometheusRule.
	Name pulumi.StringOutput `pulumi:"name"`
}

// NewAlerts creates the alerts as a PrometheusRule, whose name is that of the release and
// -alerts. Its error names every bad field.
func NewAlerts(ctx *pulumi.Context, name string, args *AlertsArgs, opts ...pulumi.ResourceOption) (*Alerts, error) {
	if args == nil {
		return nil, errors.New("prometheus: args are missing")
	}
	a := args.withDefaults()
	if err := a.Validate(); err != nil {
		return nil, fmt.Errorf("prometheus %q: %w", name, err)
	}
	p := &Alerts{}
	if err := ctx.RegisterComponentResource("picluster:prometheus:Alerts", name, p, opts...); err != nil {
		return nil, err
	}
	namespace := field.Checked("Namespace", a.Namespace, kube.ValidateLabel)
	release := field.Checked("Release", a.Release, kube.ValidateReleaseName)
	groups := pulumi.All(namespace, release).ApplyT(func(known []any) []any {
		return a.groups(known[0].(string), known[1].(string))
	}).(pulumi.ArrayOutput)
	object, err := kube.NewObject(ctx, Version, kind, name+"-alerts",
		kube.Metadata{Name: pulumi.Sprintf("%s-alerts", release), Namespace: namespace, Labels: a.Labels},
		pulumi.Map{"spec": pulumi.Map{"groups": groups}},
		pulumi.Parent(p))
	if err != nil {
		return nil, err
	}
	p.Name = object.Name()
	return p, ctx.RegisterResourceOutputs(p, pulumi.Map{"name": p.Name})
}

func (a AlertsArgs) withDefaults() AlertsArgs {
	if a.Release == nil {
		a.Release = pulumi.String("tempo")
	}
	if a.Retention == "" {
		a.Retention = defaultRetention
	}
	if len(a.Labels) == 0 {
		a.Labels = DefaultLabels()
	}
	thresholds := Thresholds()
	maps.Copy(thresholds, a.Thresholds)
	a.Thresholds = thresholds
	return a
}

// Validate returns an error with every field that has a bad value. Outputs of other
// resources are checked once they are known.
func (a AlertsArgs) Validate() error {
	var errs field.Errors
	if a.Release != nil {
		errs.CheckInput("Release", a.Release, kube.ValidateReleaseName)
	}
	errs.CheckInput("Namespace", a.Namespace, kube.ValidateLabel)
	if a.Retention != "" {
		errs.Check("Retention", a.Retention, rule.ValidateDuration(a.Retention, time.Hour))
	}
	checkThresholds(&errs, a.Thresholds)
	for _, key := range slices.Sorted(maps.Keys(a.Labels)) {
		errs.Check(credential.Join("Labels", key), key, kube.ValidateLabelKey(key))
		errs.Check(credential.Join("Labels", key), a.Labels[key], kube.ValidateLabelValue(a.Labels[key]))
	}
	return errs.Err()
}
