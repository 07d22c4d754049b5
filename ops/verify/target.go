package verify

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/picluster/picluster/internal/command"
	"github.com/picluster/picluster/ops/engine"
	"sigs.k8s.io/yaml"
)

// Target is the tracing of a stack, or of one of its tenants, as the stack's outputs
// and its releases describe it.
type Target struct {
	// Tenant is the name of the tenant; empty for a stack without tenants.
	Tenant string
	// Unmanaged says that the release is managed elsewhere.
	Unmanaged bool

	// Namespace and Release are those of the Helm release of Tempo.
	Namespace, Release string
	// Query is where Tempo is queried, OTLPGRPC and OTLPHTTP where traces are sent to;
	// nil if that receiver is off.
	Query, OTLPGRPC, OTLPHTTP *Address
	// Bucket is the bucket of the traces, and Secret the Secret that has its keys;
	// empty if they are inline.
	Bucket, Secret string
	// OrgID is the tenant that each request names to a multi-tenant Tempo, in the header
	// X-Scope-OrgID; empty if Tempo is not multi-tenant.
	OrgID string
	// Generator says whether the metrics-generator is on.
	Generator bool
	// Retention is how long Tempo keeps traces.
	Retention time.Duration
	// Datasources are what Grafana is given.
	Datasources []Datasource
	// Delivered says that the stack itself gives Grafana the data sources, in place of the user
	// by the output grafanaValues.
	Delivered bool
	// GrafanaRelease is the release of Grafana that the stack installs; nil if it does
	// not.
	GrafanaRelease *GrafanaRelease
	// Prometheus is the namespace of the Prometheus that scrapes Tempo; empty if the stack
	// has none scrape it (monitoring: none).
	Prometheus string
}

// GrafanaRelease is a Helm release of kube-prometheus-stack.
type GrafanaRelease struct{ Namespace, Name string }

// Address is a port of a Service.
type Address struct {
	Namespace, Service string
	Port               int
}

func (a Address) String() string {
	return fmt.Sprintf("Service %s/%s, port %d", a.Namespace, a.Service, a.Port)
}

// parseAddress returns the Service of an output: HOST:PORT, or a URL with it.
func parseAddress(output, text string) (*Address, error) {
	host := text
	if strings.Contains(text, "://") {
		u, err := url.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("output %s: got %q; want a URL", output, text)
		}
		if host = u.Host; u.Port() == "" {
			host = net.JoinHostPort(u.Hostname(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
		}
	}
	name, port, err := net.SplitHostPort(host)
	number, portErr := strconv.Atoi(port)
	labels := strings.Split(name, ".")
	if err != nil || portErr != nil || len(labels) < 3 || labels[2] != "svc" {
		return nil, fmt.Errorf("output %s: got %q; want a Service as NAME.NAMESPACE.svc.cluster.local and its port", output, text)
	}
	return &Address{Namespace: labels[1], Service: labels[0], Port: number}, nil
}

// receiver is a receiver of traces that is on.
type receiver struct {
	name    string // as the configuration has it
	address Address
}

func (t Target) receivers() []receiver {
	var on []receiver
	if t.OTLPGRPC != nil {
		on = append(on, receiver{otlpGRPC, *t.OTLPGRPC})
	}
	if t.OTLPHTTP != nil {
		on = append(on, receiver{otlpHTTP, *t.OTLPHTTP})
	}
	return on
}

// announcement returns what verify reads and writes.
func (t Target) announcement(o Options) string {
	var names []string
	for _, receiver := range t.receivers() {
		names = append(names, receiver.name)
	}
	text := fmt.Sprintf("release %s/%s: reads its pods, their logs and Services", t.Namespace, t.Release)
	if t.Secret != "" {
		text += fmt.Sprintf(", the Secret %s and the bucket %s", t.Secret, t.Bucket)
	}
	if t.GrafanaRelease != nil && o.Grafana == "" {
		text += fmt.Sprintf(", and Grafana's pods, Service and Secret in %s", t.GrafanaRelease.Namespace)
	}
	if o.Grafana != "" {
		text += ", and Grafana's data sources"
	}
	if t.Prometheus != "" {
		text += fmt.Sprintf(", and Prometheus's pods and Service in %s", t.Prometheus)
	}
	if len(names) == 0 {
		return text + "; writes nothing"
	}
	text += fmt.Sprintf("; writes one trace of the service %s by each of %s", serviceName, strings.Join(names, ", "))
	if t.OrgID != "" {
		text += ", for Tempo's tenant " + t.OrgID
	}
	if t.Generator {
		text += "; writes more while the rate has no series"
	}
	return text
}

// Targets returns what a state says that a stack has deployed, tenant by tenant.
func Targets(commands command.Names, state *engine.State) ([]Target, error) {
	stack := commands.Stack
	if len(state.Of(engine.BucketType)) == 0 && len(state.Of(engine.NamespaceType)) == 0 && len(state.Of(engine.ReleaseType)) == 0 {
		return nil, fmt.Errorf("stack %s has created nothing yet. Fix: %s", stack, commands.Picluster("up"))
	}
	tenants, several := state.Output("tenants").(map[string]any)
	if !several {
		one := map[string]any{}
		for _, name := range []string{"namespace", "queryUrl", "otlpGrpc", "otlpHttp", "bucket", "secretName", "grafanaValues", "tempoValues"} {
			one[name] = state.Output(name)
		}
		tenants = map[string]any{"": one}
	}
	var targets []Target
	for _, name := range slices.Sorted(maps.Keys(tenants)) {
		outputs, _ := tenants[name].(map[string]any)
		target, err := targetOf(commands, name, outputs, state)
		if err != nil {
			if name != "" {
				err = fmt.Errorf("tenant %s: %w", name, err)
			}
			return nil, fmt.Errorf("stack %s: %w", stack, err)
		}
		targets = append(targets, target)
	}
	return targets, nil
}

func targetOf(commands command.Names, tenant string, outputs map[string]any, state *engine.State) (Target, error) {
	text := func(name string) string { value, _ := outputs[name].(string); return value }
	t := Target{Tenant: tenant, Namespace: text("namespace"), Bucket: text("bucket"), Secret: text("secretName")}
	if text("tempoValues") != "" {
		t.Unmanaged = true
		return t, nil
	}
	for _, name := range []string{"namespace", "queryUrl", "bucket"} {
		if text(name) == "" {
			return t, fmt.Errorf("output %s: got none; want one, which an up that succeeds writes. Fix: %s", name, commands.Picluster("up"))
		}
	}
	var err error
	for _, output := range []struct {
		name    string
		address **Address
	}{{"queryUrl", &t.Query}, {"otlpGrpc", &t.OTLPGRPC}, {"otlpHttp", &t.OTLPHTTP}} {
		if text(output.name) == "" {
			continue // that receiver is off
		}
		if *output.address, err = parseAddress(output.name, text(output.name)); err != nil {
			return t, fmt.Errorf("%w. Fix: %s", err, commands.Picluster("up"))
		}
	}
	release := releaseOf(state, t.Query)
	if release == nil {
		return t, fmt.Errorf("the state has no Helm release in namespace %s for Service %s. Fix: %s", t.Query.Namespace, t.Query.Service, commands.Picluster("up"))
	}
	t.Release = release.Text("name")
	values, _ := release.Inputs["values"].(map[string]any)
	multiTenant := false
	for _, path := range [][]string{{"multitenancyEnabled"}, {"tempo", "multitenancyEnabled"}} {
		on, _ := lookUp(values, path...).(bool)
		multiTenant = multiTenant || on
	}
	t.Retention = retention(values)
	// The section overrides is below tempo in chart tempo.
	for _, path := range [][]string{{"overrides"}, {"tempo", "overrides"}} {
		processors, _ := lookUp(values, append(path, "defaults", "metrics_generator", "processors")...).([]any)
		t.Generator = t.Generator || slices.Contains(processors, any("local-blocks"))
	}
	if t.Datasources, err = datasources(text("grafanaValues")); err != nil {
		return t, err
	}
	if source, _ := t.tempoSource(); multiTenant {
		if t.OrgID = source.header(orgIDHeader); t.OrgID == "" {
			return t, fmt.Errorf("output grafanaValues: got no %s for Tempo; want one with multiTenancy. Fix: %s; then %s",
				orgIDHeader, "pulumi config set tempoTenant TENANT", commands.Picluster("up"))
		}
	}
	t.GrafanaRelease = grafanaRelease(state, text("grafanaValues"))
	t.Delivered = t.GrafanaRelease != nil || deliversObjects(state)
	t.Prometheus = prometheusNamespace(state, t.Namespace)
	return t, nil
}

// releaseOf returns the release that a Service is of: the one in its namespace whose
// name the Service's begins with.
func releaseOf(state *engine.State, service *Address) *engine.Resource {
	var found *engine.Resource
	for _, r := range state.Of(engine.ReleaseType) {
		name := r.Text("name")
		if r.Text("namespace") == service.Namespace && (name == service.Service || strings.HasPrefix(service.Service, name+"-")) &&
			(found == nil || len(name) > len(found.Text("name"))) {
			found = r
		}
	}
	return found
}

// grafanaRelease returns the release that has the data sources of the output
// grafanaValues in its values, or nil.
func grafanaRelease(state *engine.State, grafanaValues string) *GrafanaRelease {
	var own map[string]any
	if yaml.Unmarshal([]byte(grafanaValues), &own) != nil {
		return nil
	}
	want := uids(dataSourceList(own))
	for _, r := range state.Of(engine.ReleaseType) {
		values, _ := r.Inputs["values"].(map[string]any)
		have := uids(dataSourceList(values)) // those of all tenants
		if len(want) > 0 && !slices.ContainsFunc(want, func(uid string) bool { return !slices.Contains(have, uid) }) {
			return &GrafanaRelease{Namespace: r.Text("namespace"), Name: r.Text("name")}
		}
	}
	return nil
}

// datasourceType is the type of the objects of datasources: operator.
const datasourceType = "kubernetes:grafana.integreatly.org/v1beta1:GrafanaDatasource"

// deliversObjects returns whether a stack has data sources in objects that Grafana's sidecar or its
// operator reads.
func deliversObjects(state *engine.State) bool {
	return len(state.Of(datasourceType)) > 0 || slices.ContainsFunc(state.Of(configMapType), func(r *engine.Resource) bool {
		return lookUp(r.Inputs, "metadata", "labels", "grafana_datasource") != nil
	})
}

// uids returns the uids of a list of data sources.
func uids(list any) []string {
	var found []string
	entries, _ := list.([]any)
	for _, entry := range entries {
		source, _ := entry.(map[string]any)
		uid, _ := source["uid"].(string)
		found = append(found, uid)
	}
	return found
}

// lookUp returns what values have at a path, or nil.
func lookUp(values map[string]any, path ...string) any {
	var value any = values
	for _, key := range path {
		section, _ := value.(map[string]any)
		value = section[key]
	}
	return value
}
