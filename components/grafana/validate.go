package grafana

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/picluster/picluster/components/tempo/chart"
	"github.com/picluster/picluster/internal/credential"
	"github.com/picluster/picluster/internal/field"
	"github.com/picluster/picluster/internal/helm"
	"github.com/picluster/picluster/internal/kube"
	"github.com/picluster/picluster/internal/rule"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Validate returns an error with every field that has a bad value. Outputs of other
// resources are checked once they are known.
func (a Args) Validate() error {
	var errs field.Errors
	paths, tenants := a.presets()
	if len(tenants)+len(a.Datasources) == 0 {
		errs.Add("TempoURL", field.Nothing, "a URL, unless Tenants or Datasources has a data source")
	}
	if a.TempoURL == nil && isSet(a.LokiURL) {
		errs.Add("LokiURL", nil, "none without TempoURL")
	}
	for i, tenant := range tenants {
		tenant.validate(paths[i], &errs)
	}
	for i, own := range a.Datasources {
		own.validate(fmt.Sprintf("Datasources[%d].", i), &errs)
	}
	a.validateEntries(&errs)
	if a.ChartVersion != "" {
		errs.Check("ChartVersion", a.ChartVersion, validateChartVersion(a.ChartVersion))
	}
	a.validateExemplars(&errs)
	a.validateDelivery(&errs)
	return errs.Err()
}

// maxUID is the length of the longest uid that Grafana accepts.
const maxUID = 40

var uid = regexp.MustCompile(fmt.Sprintf(`^[A-Za-z0-9_-]{1,%d}$`, maxUID))

// ValidateUID returns an error unless value can be the uid of a data source.
// Source: https://grafana.com/docs/grafana/latest/developers/http_api/data_source/
func ValidateUID(value string) error {
	if !uid.MatchString(value) {
		return fmt.Errorf("a uid of 1 to %d letters, digits, - or _", maxUID)
	}
	return nil
}

// tenantName is what can be in a uid, and in the name of a data source.
var tenantName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,63}$`)

// ValidateTenant returns an error unless value can be a Preset's Tenant.
func ValidateTenant(value string) error {
	if !tenantName.MatchString(value) {
		return errors.New("1 to 63 letters, digits, - or _")
	}
	return nil
}

func validateChartVersion(version string) error {
	return rule.ValidateExactVersion(version, DefaultChartVersion)
}

func validateConfigMapName(name string) error {
	if err := kube.ValidateSubdomain(name); err != nil {
		return err
	}
	return kube.ValidateDataKey(name + ".yaml")
}

// timeShift is a duration of Grafana's, which can be negative.
var timeShift = regexp.MustCompile(`^-?[0-9]{1,9}(ms|s|m|h|d|w)$`)

func validateTimeShift(value string) error {
	if !timeShift.MatchString(value) {
		return errors.New("a duration like -1h or 30m")
	}
	return nil
}

// validateSpanBar returns an error unless value is a type of SpanBar. They are quoted, because
// one has the name of a field.
func validateSpanBar(value string) error {
	if rule.ValidateOneOf(value, []string{SpanBarNone, SpanBarDuration, SpanBarTag}) != nil {
		return fmt.Errorf("one of %q, %q, %q", SpanBarNone, SpanBarDuration, SpanBarTag)
	}
	return nil
}

// validateText returns an error unless value can be in a header or in a line of Grafana's.
func validateText(value string) error {
	if value == "" || len(value) > 150 || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
		return errors.New("1 to 150 printable ASCII characters")
	}
	return nil
}

// isSet returns whether an input is neither nil nor an empty text.
func isSet(in pulumi.StringInput) bool {
	text, plain := field.Plain(in)
	return in != nil && (!plain || text != "")
}

// checkURL appends a problem if a plain input is not a URL. The problem does not show the
// URL's user and password.
func checkURL(errs *field.Errors, path string, in pulumi.StringInput) {
	text, plain := field.Plain(in)
	if in == nil || plain {
		errs.Check(path, rule.Redact(text), rule.ValidateURL(text))
	}
}

func (t Tenant) validate(path string, errs *field.Errors) {
	checkURL(errs, path+"TempoURL", t.TempoURL)
	if isSet(t.LokiURL) {
		checkURL(errs, path+"LokiURL", t.LokiURL)
	}
	p := t.Preset
	optional := func(name, value string, rule func(string) error) {
		if value != "" {
			errs.Check(path+"Preset."+name, value, rule(value))
		}
	}
	optional("Tenant", p.Tenant, ValidateTenant)
	optional("TempoTenant", p.TempoTenant, validateText)
	optional("SpanBar.Type", p.SpanBar.Type, validateSpanBar)
	switch {
	case p.SpanBar.Type == SpanBarTag && p.SpanBar.Tag == "":
		errs.Add(path+"Preset.SpanBar.Tag", field.Nothing, "a tag with SpanBar.Type %q", SpanBarTag)
	case p.SpanBar.Type != SpanBarTag && p.SpanBar.Tag != "":
		errs.Add(path+"Preset.SpanBar.Tag", p.SpanBar.Tag, "none unless SpanBar.Type is %q", SpanBarTag)
	default:
		optional("SpanBar.Tag", p.SpanBar.Tag, validateText)
	}
	if p.TraceQuery != (TimeShift{}) {
		errs.Check(path+"Preset.TraceQuery.Start", p.TraceQuery.Start, validateTimeShift(p.TraceQuery.Start))
		errs.Check(path+"Preset.TraceQuery.End", p.TraceQuery.End, validateTimeShift(p.TraceQuery.End))
	}
	optional("LokiUID", p.LokiUID, ValidateUID)
	optional("LokiTenant", p.LokiTenant, validateText)
	if p.LokiTenant != "" && !isSet(t.LokiURL) {
		errs.Add(path+"LokiURL", field.Nothing, "a URL with Preset.LokiTenant")
	}
	optional("PrometheusUID", p.PrometheusUID, ValidateUID)
	switch prometheus := p.prometheusUID(); {
	case prometheus == p.tempoUID():
		errs.Add(path+"Preset.PrometheusUID", prometheus, "a uid that is not Tempo's")
	case prometheus == p.lokiUID() && isSet(t.LokiURL):
		errs.Add(path+"Preset.PrometheusUID", prometheus, "a uid that is not Loki's")
	}
}

func (d Datasource) validate(path string, errs *field.Errors) {
	errs.Check(path+"Name", d.Name, validateText(d.Name))
	errs.Check(path+"Type", d.Type, validateText(d.Type))
	errs.Check(path+"UID", d.UID, ValidateUID(d.UID))
	checkURL(errs, path+"URL", d.URL)
}

// entry is a data source of the document, and where its name and its uid are from.
type entry struct {
	name, uid               string
	path, namePath, uidPath string
	isLoki                  bool
}

// entries returns the data sources in the order of the document. A LokiURL that is an output
// counts as set, because checkedURL rejects an empty one.
func (a Args) entries() (list []entry) {
	paths, tenants := a.presets()
	for i, t := range tenants {
		p, path := t.Preset, paths[i]+"Preset."
		if isSet(t.LokiURL) {
			list = append(list, entry{p.name("Loki"), p.lokiUID(), path, path + "Tenant", path + "LokiUID", true})
		}
		list = append(list, entry{p.name("Tempo"), p.tempoUID(), path, path + "Tenant", path + "Tenant", false})
	}
	for i, d := range a.Datasources {
		path := fmt.Sprintf("Datasources[%d].", i)
		list = append(list, entry{d.Name, d.UID, path, path + "Name", path + "UID", false})
	}
	return list
}

// validateEntries appends a problem for each data source whose uid or name is another
// one's too.
func (a Args) validateEntries(errs *field.Errors) {
	tenants := map[string]bool{}
	paths, presets := a.presets()
	again := map[string]bool{}
	for i, t := range presets {
		if tenants[t.Preset.Tenant] {
			path := paths[i] + "Preset."
			errs.Check(path+"Tenant", t.Preset.Tenant, errors.New("a tenant that no other Tempo has"))
			again[path] = true
		}
		tenants[t.Preset.Tenant] = true
	}
	entries := a.entries()
	// Of a Tempo and a Loki of one uid, it is the Loki's that can be changed.
	slices.SortStableFunc(entries, func(a, b entry) int {
		switch {
		case a.isLoki == b.isLoki:
			return 0
		case a.isLoki:
			return 1
		default:
			return -1
		}
	})
	uids, names, objects := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, e := range entries {
		object := objectName(e.name)
		switch {
		case again[e.path] || e.uid == "" || e.name == "": // already reported
			continue
		case uids[e.uid]:
			errs.Add(e.uidPath, e.uid, "a uid that no other data source has")
		case names[e.name]:
			errs.Add(e.namePath, e.name, "a name that no other data source has")
		case a.Operator != nil && objects[object]:
			errs.Add(e.namePath, e.name, "with Operator, a name that differs from others in more than case and blanks")
		}
		uids[e.uid], names[e.name], objects[object] = true, true, true
	}
}

func (a Args) validateExemplars(errs *field.Errors) {
	_, tenants := a.presets()
	switch {
	case !a.Exemplars:
	case a.ConfigMap != nil:
		errs.Add("Exemplars", true, "false with ConfigMap, which cannot change Prometheus's own data source")
	case a.Operator != nil:
		errs.Add("Exemplars", true, "false with Operator, which cannot change Prometheus's own data source")
	case len(tenants) == 0:
		errs.Add("Exemplars", true, "false without TempoURL and Tenants")
	case len(tenants) > 1 && a.ChartVersion != "" && !atLeast(a.ChartVersion, firstWithJSONData):
		errs.Add("Exemplars", true, "false with several Tempos, unless ChartVersion is %s or later", firstWithJSONData)
	}
}

func (a Args) validateDelivery(errs *field.Errors) {
	deliveries := 0
	once := func(path string) {
		if deliveries++; deliveries > 1 {
			errs.Add(path, nil, "one of ConfigMap, Release and Operator, because Grafana would have the data sources twice")
		}
	}
	optional := func(path string, in pulumi.StringInput, rule func(string) error) {
		if in != nil {
			errs.CheckInput(path, in, rule)
		}
	}
	if c := a.ConfigMap; c != nil {
		once("ConfigMap")
		optional("ConfigMap.Name", c.Name, validateConfigMapName)
		optional("ConfigMap.Namespace", c.Namespace, kube.ValidateLabel)
	}
	if r := a.Release; r != nil {
		once("Release")
		optional("Release.Name", r.Name, kube.ValidateReleaseName)
		optional("Release.Namespace", r.Namespace, kube.ValidateLabel)
		r.validateChart(a.ChartVersion, errs)
	}
	if o := a.Operator; o != nil {
		once("Operator")
		optional("Operator.Name", o.Name, kube.ValidateLabel)
		optional("Operator.Namespace", o.Namespace, kube.ValidateLabel)
		errs.Require("Operator.InstanceSelector", len(o.InstanceSelector) == 0, "at least one label of the Grafana objects")
		for _, key := range slices.Sorted(maps.Keys(o.InstanceSelector)) {
			path, value := credential.Join("Operator.InstanceSelector", key), o.InstanceSelector[key]
			errs.Check(path, key, kube.ValidateLabelKey(key))
			errs.Check(path, value, kube.ValidateLabelValue(value))
		}
	}
}

func (r Release) validateChart(version string, errs *field.Errors) {
	if r.Repository != "" {
		errs.Check("Release.Repository", rule.Redact(r.Repository), rule.ValidateURL(r.Repository))
		if !chart.IsBareName(r.Chart) {
			errs.Add("Release.Repository", rule.Redact(r.Repository), "none, because Release.Chart is not a bare name")
		}
	}
	errs.Check("Release.Chart", r.Chart, rule.ValidateNoUser(r.Chart))
	if r.Timeout < 0 || r.Timeout > helm.MaxTimeout {
		errs.Add("Release.Timeout", r.Timeout, "0 to %d seconds", helm.MaxTimeout)
	}
	if r.Restore < 0 {
		errs.Add("Release.Restore", r.Restore, "0 or more")
	}
	values := helm.Plain(r.Values)
	grafana, isMap := values["grafana"].(map[string]any)
	if values["grafana"] != nil && !isMap {
		errs.Add("Release.Values.grafana", nil, "a map, which is merged with the component's own data sources")
	}
	if version == "" || validateChartVersion(version) != nil {
		version = DefaultChartVersion
	}
	if of, err := chart.DirectoryVersion(r.Chart); err == nil && of != version {
		*errs = append(*errs, field.Error{Path: "ChartVersion", Got: version, Want: of + ", which the chart in " + r.Chart + " has", Suggestion: of})
	}
	if key := datasourcesKey(version); grafana[key] != nil {
		want := "none, because it would replace the component's own data sources"
		if key != "additionalDataSources" {
			want += "; grafana.additionalDataSources is free for others"
		}
		errs.Add("Release.Values.grafana."+key, nil, "%s", want)
	}
	helm.RejectNull(errs, "Release.Values", values)
	*errs = append(*errs, credential.Find("Release.Values", values)...)
}
