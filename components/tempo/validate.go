package tempo

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/picluster/picluster/components/tempo/chart"
	"github.com/picluster/picluster/internal/credential"
	"github.com/picluster/picluster/internal/field"
	"github.com/picluster/picluster/internal/helm"
	"github.com/picluster/picluster/internal/kube"
	"github.com/picluster/picluster/internal/rule"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

func validateBucket(name string) error {
	if !bucketName.MatchString(name) {
		return errors.New("the name of an S3 bucket: 3 to 63 lower-case letters, digits, dots and hyphens")
	}
	return nil
}

// registryPath is what follows the host of a registry: the path of a mirror.
var registryPath = regexp.MustCompile(`^[a-z0-9][a-z0-9._/-]*$`)

func validateRegistry(registry string) error {
	host, path, mirror := strings.Cut(registry, "/")
	if err := rule.ValidateHostPort(host); err != nil {
		return err
	}
	if mirror && !registryPath.MatchString(path) {
		return errors.New("the host:port of a registry, which a path can follow")
	}
	return nil
}

// Validate returns an error with every field that has a bad value. Outputs of other
// resources are checked once they are known.
func (a Args) Validate() error {
	a = a.withDefaults()
	errs := a.problems()
	helm.RejectNull(&errs, "Values", a.Values)
	return errs.Err()
}

// inputs returns the arguments with their inputs as texts of the chart.
func (a Args) inputs() settings {
	s := settings{
		Args:              a,
		release:           chartTextOf("Release", a.Release, kube.ValidateReleaseName),
		bucket:            chartTextOf("Bucket", a.Bucket, validateBucket),
		endpoint:          chartTextOf("Endpoint", a.Endpoint, rule.ValidateHostPort),
		region:            chartTextOf("Region", a.Region, rule.ValidateRegion),
		caConfigMap:       chartTextOf("CAConfigMap", a.CAConfigMap, kube.ValidateSubdomain),
		secretName:        chartTextOf("SecretName", a.SecretName, kube.ValidateSubdomain),
		imageRegistry:     chartTextOf("ImageRegistry", a.ImageRegistry, validateRegistry),
		priorityClassName: chartTextOf("PriorityClassName", a.PriorityClassName, kube.ValidateSubdomain),
	}
	if a.Persistence != nil {
		s.storageClass = chartTextOf("Persistence.StorageClass", a.Persistence.StorageClass, kube.ValidateSubdomain)
	}
	if a.Generator != nil {
		s.remoteWriteURL = chartTextOf("Generator.RemoteWriteURL", a.Generator.RemoteWriteURL, rule.ValidateURL)
	}
	for i, name := range a.ImagePullSecrets {
		s.imagePullSecrets = append(s.imagePullSecrets, chartTextOf(fmt.Sprintf("ImagePullSecrets[%d]", i), name, kube.ValidateSubdomain))
	}
	if a.SecretName == nil {
		s.accessKey, s.secretKey = a.AccessKey, pulumi.ToSecret(a.SecretKey)
	}
	s.Namespace = input(chartTextOf("Namespace", a.Namespace, kube.ValidateLabel))
	return s
}

// problems returns what is wrong with the arguments, which have their defaults.
func (a Args) problems() (errs field.Errors) {
	errs.CheckInput("Release", a.Release, kube.ValidateReleaseName)
	errs.CheckInput("Namespace", a.Namespace, kube.ValidateLabel)
	knownMode := slices.Contains(chart.Modes(), a.Chart.Mode)
	a.checkChart(&errs, knownMode)
	if a.Timeout < 0 || a.Timeout > helm.MaxTimeout {
		errs.Add("Timeout", a.Timeout, "0 to %d seconds", helm.MaxTimeout)
	}
	if a.Restore < 0 {
		errs.Add("Restore", a.Restore, "0 or more")
	}
	errs.CheckInput("Bucket", a.Bucket, validateBucket)
	errs.CheckInput("Endpoint", a.Endpoint, rule.ValidateHostPort)
	errs.CheckInput("Region", a.Region, rule.ValidateRegion)
	a.checkCA(&errs)
	a.checkKeys(&errs)
	a.checkNetwork(&errs)
	a.checkServiceMonitors(&errs)
	if knownMode { // which services there are depends on it
		a.checkSize(&errs)
		checkValues(&errs, a.Chart.Mode, a.Values)
	}
	if a.Retention != "" {
		errs.Check("Retention", a.Retention, rule.ValidateDuration(a.Retention, time.Hour))
	}
	for i, receiver := range a.Receivers {
		path := fmt.Sprintf("Receivers[%d]", i)
		errs.Check(path, receiver, validateReceiver(receiver, a.Chart))
		if slices.Contains(a.Receivers[:i], receiver) {
			errs.Add(path, receiver, "each receiver once")
		}
	}
	a.checkGenerator(&errs)
	a.checkPlacement(&errs)
	return errs
}

func (a Args) checkChart(errs *field.Errors, knownMode bool) {
	c := a.Chart
	errs.Check("Chart.Mode", c.Mode, rule.ValidateOneOf(c.Mode, chart.Modes()))
	if knownMode {
		errs.Check("Chart.Version", c.Version, chart.ValidateVersion(c.Mode, c.Version))
	}
	if c.TempoVersion != "" {
		errs.Check("Chart.TempoVersion", c.TempoVersion, chart.ValidateTempo(c.TempoVersion))
	}
	errs.Check("Chart.Name", c.Name, rule.ValidateNoUser(c.Name))
	if chart.IsBareName(c.Name) {
		if c.Repository != "" {
			errs.Check("Chart.Repository", c.Repository, rule.ValidateURL(c.Repository))
		}
		return
	}
	if c.Repository != "" {
		errs.Add("Chart.Repository", c.Repository, "nothing, because Chart.Name says where the chart is")
	}
	if version, err := chart.DirectoryVersion(c.Name); err == nil && version != c.Version {
		errs.Add("Chart.Version", c.Version, "%s, which the chart in %s has", version, c.Name)
	}
}

func (a Args) checkCA(errs *field.Errors) {
	switch {
	case a.CA == "" && a.CAConfigMap != nil:
		errs.Add("CA", field.Nothing, "the CA that is in CAConfigMap")
	case a.CA != "" && a.CAConfigMap == nil:
		errs.Add("CAConfigMap", field.Nothing, "the ConfigMap that has CA")
	}
	if a.CA != "" && a.Insecure {
		errs.Add("Insecure", true, "false with CA")
	}
	if a.CAConfigMap != nil {
		errs.CheckInput("CAConfigMap", a.CAConfigMap, kube.ValidateSubdomain)
	}
}

func (a Args) checkKeys(errs *field.Errors) {
	if a.SecretName != nil {
		errs.CheckInput("SecretName", a.SecretName, kube.ValidateSubdomain)
	} else {
		errs.Require("SecretName", !a.knowsKeys(), "the Secret with the keys, or AccessKey and SecretKey")
	}
	errs.Check("AccessKeyField", a.AccessKeyField, kube.ValidateDataKey(a.AccessKeyField))
	errs.Check("SecretKeyField", a.SecretKeyField, kube.ValidateDataKey(a.SecretKeyField))
	if a.AccessKeyField == a.SecretKeyField {
		errs.Add("SecretKeyField", a.SecretKeyField, "another field than AccessKeyField")
	}
}

func (a Args) checkNetwork(errs *field.Errors) {
	if a.Network == nil {
		return
	}
	if name, _ := field.Plain(a.Namespace); kube.IsBuiltIn(name) {
		errs.Add("Network", nil, "nothing in namespace %s, which its policies would close for what else runs in it", name)
	}
	errs.Require("Network.AllowTracesFrom", len(a.Network.AllowTracesFrom) == 0, "one namespace or more")
	errs.Require("Network.AllowQueryFrom", len(a.Network.AllowQueryFrom) == 0, "one namespace or more")
	checkEach(errs, "Network.AllowTracesFrom", a.Network.AllowTracesFrom, kube.ValidateLabel)
	checkEach(errs, "Network.AllowQueryFrom", a.Network.AllowQueryFrom, kube.ValidateLabel)
	checkEach(errs, "Network.AllowScrapeFrom", a.Network.AllowScrapeFrom, kube.ValidateLabel)
}

func (a Args) checkServiceMonitors(errs *field.Errors) {
	if a.ServiceMonitors == nil {
		return
	}
	const path = "ServiceMonitors.Labels"
	labels := a.ServiceMonitors.Labels
	errs.Require(path, len(labels) == 0, "a label or more by which Prometheus selects")
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		errs.Check(credential.Join(path, key), key, kube.ValidateLabelKey(key))
		errs.Check(credential.Join(path, key), labels[key], kube.ValidateLabelValue(labels[key]))
	}
}

func checkEach(errs *field.Errors, path string, list []pulumi.StringInput, rule func(string) error) {
	for i, in := range list {
		errs.CheckInput(fmt.Sprintf("%s[%d]", path, i), in, rule)
	}
}

func (a Args) checkSize(errs *field.Errors) {
	mode, services := a.Chart.Mode, Services(a.Chart.Mode)
	errs.Check("Profile", a.Profile, rule.ValidateOneOf(a.Profile, ProfilesOf(mode)))
	if mode == chart.Monolithic && len(a.Replicas) > 0 {
		errs.Add("Replicas", nil, "nothing with Chart.Mode %s, which has one pod", mode)
	}
	for _, service := range slices.Sorted(maps.Keys(a.Replicas)) {
		path := credential.Join("Replicas", service)
		if err := rule.ValidateOneOf(service, services); err != nil {
			errs.Check(path, service, err)
		} else if a.Replicas[service] < 1 {
			errs.Add(path, a.Replicas[service], "1 or more")
		} else if service == "ingester" && mode != chart.Monolithic {
			if _, copies := profiles[a.Profile].ingesters(); a.Replicas[service] < copies {
				errs.Add(path, a.Replicas[service], "%d or more, because Profile %s stores %d copies of each span", copies, a.Profile, copies)
			}
		}
	}
	for _, service := range slices.Sorted(maps.Keys(a.Resources)) {
		path := credential.Join("Resources", service)
		errs.Check(path, service, rule.ValidateOneOf(service, services))
		a.Resources[service].check(errs, path)
	}
	if p := a.Persistence; p != nil {
		errs.Check("Persistence.Size", p.Size, rule.ValidateQuantity(p.Size))
		if p.StorageClass != nil {
			errs.CheckInput("Persistence.StorageClass", p.StorageClass, kube.ValidateSubdomain)
		}
	}
}

// resourceNames are the names of a container's resources.
var resourceNames = []string{"cpu", "memory", "ephemeral-storage"}

func (r Resources) check(errs *field.Errors, path string) {
	for _, kind := range []struct {
		name    string
		amounts map[string]string
	}{{"requests", r.Requests}, {"limits", r.Limits}} {
		for _, name := range slices.Sorted(maps.Keys(kind.amounts)) {
			at := path + "." + kind.name + "." + name
			if err := rule.ValidateOneOf(name, resourceNames); err != nil {
				errs.Check(at, name, err)
				continue
			}
			errs.Check(at, kind.amounts[name], rule.ValidateQuantity(kind.amounts[name]))
		}
	}
}

func (a Args) checkGenerator(errs *field.Errors) {
	g := a.Generator
	if g == nil {
		return
	}
	metrics := g.ServiceGraphs || g.SpanMetrics
	errs.Require("Generator.RemoteWriteURL", metrics && g.RemoteWriteURL == nil, "the URL where Prometheus receives the metrics")
	if g.RemoteWriteURL == nil {
		return
	}
	errs.CheckInput("Generator.RemoteWriteURL", g.RemoteWriteURL, rule.ValidateURL)
	if !metrics {
		errs.Add("Generator.RemoteWriteURL", nil, "nothing without ServiceGraphs or SpanMetrics")
	}
}

// What Kubernetes has of a toleration and an affinity.
var (
	effects    = []string{"NoSchedule", "PreferNoSchedule", "NoExecute"}
	affinities = []string{"nodeAffinity", "podAffinity", "podAntiAffinity"}
)

func (a Args) checkPlacement(errs *field.Errors) {
	for _, key := range slices.Sorted(maps.Keys(a.NodeSelector)) {
		path := credential.Join("NodeSelector", key)
		errs.Check(path, key, kube.ValidateLabelKey(key))
		errs.Check(path, a.NodeSelector[key], kube.ValidateLabelValue(a.NodeSelector[key]))
	}
	for i, t := range a.Tolerations {
		t.check(errs, fmt.Sprintf("Tolerations[%d]", i))
	}
	for _, key := range slices.Sorted(maps.Keys(a.Affinity)) {
		errs.Check(credential.Join("Affinity", key), key, rule.ValidateOneOf(key, affinities))
	}
	if hasTemplate(a.Affinity) {
		errs.Add("Affinity", nil, "no template, which the chart would execute")
	}
	checkEach(errs, "ImagePullSecrets", a.ImagePullSecrets, kube.ValidateSubdomain)
	if a.ImageRegistry != nil {
		errs.CheckInput("ImageRegistry", a.ImageRegistry, validateRegistry)
	}
	if a.PriorityClassName != nil {
		errs.CheckInput("PriorityClassName", a.PriorityClassName, kube.ValidateSubdomain)
	}
}

func (t Toleration) check(errs *field.Errors, path string) {
	if t.Operator != "" {
		errs.Check(path+".Operator", t.Operator, rule.ValidateOneOf(t.Operator, []string{"Exists", "Equal"}))
	}
	if t.Key == "" {
		errs.Require(path+".Key", t.Operator != "Exists", "the key of a taint, or the operator Exists")
	} else {
		errs.Check(path+".Key", t.Key, kube.ValidateLabelKey(t.Key))
	}
	errs.Check(path+".Value", t.Value, kube.ValidateLabelValue(t.Value))
	if t.Operator == "Exists" && t.Value != "" {
		errs.Add(path+".Value", t.Value, "nothing with the operator Exists")
	}
	if t.Effect != "" {
		errs.Check(path+".Effect", t.Effect, rule.ValidateOneOf(t.Effect, effects))
	}
	if t.TolerationSeconds != nil && t.Effect != "NoExecute" {
		errs.Add(path+".TolerationSeconds", *t.TolerationSeconds, "nothing without the effect NoExecute")
	}
}

func hasTemplate(value any) bool {
	switch value := value.(type) {
	case string:
		return strings.Contains(value, "{{")
	case map[string]any:
		for key, below := range value {
			if hasTemplate(key) || hasTemplate(below) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(value, hasTemplate)
	}
	return false
}
