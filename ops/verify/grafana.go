package verify

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/picluster/picluster/internal/command"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// Datasource is a data source as Grafana has it.
type Datasource struct {
	Name     string         `json:"name"`
	Type     string         `json:"type"`
	UID      string         `json:"uid"`
	URL      string         `json:"url"`
	JSONData map[string]any `json:"jsonData"`
	// Secure are the fields that Grafana stores and never returns.
	Secure map[string]string `json:"secureJsonData"`
}

// header returns the value of a header that Grafana sends to the data source, or "".
// Source: https://grafana.com/docs/grafana/latest/administration/provisioning/#custom-http-headers-for-data-sources
func (d Datasource) header(name string) string {
	for key, value := range d.JSONData {
		number, isName := strings.CutPrefix(key, "httpHeaderName")
		if isName && value == name {
			return d.Secure["httpHeaderValue"+number]
		}
	}
	return ""
}

// datasources returns the data sources of the output grafanaValues, without the escapes
// of Helm's templates and of Grafana's provisioning.
func datasources(grafanaValues string) ([]Datasource, error) {
	var values map[string]any
	if err := yaml.Unmarshal([]byte(grafanaValues), &values); err != nil {
		return nil, fmt.Errorf("output grafanaValues: got no YAML: %w. Fix: pulumi stack output grafanaValues", err)
	}
	text, err := json.Marshal(unescaped(dataSourceList(values)))
	if err != nil {
		return nil, err
	}
	var sources []Datasource
	if err := json.Unmarshal(text, &sources); err != nil {
		return nil, fmt.Errorf("output grafanaValues: got no list of data sources: %w. Fix: pulumi stack output grafanaValues", err)
	}
	return sources, nil
}

// dataSourceList returns the data sources in values of kube-prometheus-stack, with the
// escapes of Grafana's provisioning: those of the text additionalDataSourcesString, or else
// the list additionalDataSources, which versions before 81.2.3 have alone.
func dataSourceList(values map[string]any) any {
	text, ok := lookUp(values, "grafana", "additionalDataSourcesString").(string)
	if !ok {
		return lookUp(values, "grafana", "additionalDataSources")
	}
	var list any
	if yaml.Unmarshal([]byte(escapedBraces.Replace(text)), &list) != nil {
		return text
	}
	return list
}

// escapedBraces are what the output grafanaValues writes for braces.
var escapedBraces = strings.NewReplacer("{{`{{`}}", "{{")

// escapes are what the output grafanaValues writes for braces and dollars.
var escapes = strings.NewReplacer("{{`{{`}}", "{{", "$$", "$")

func unescaped(value any) any {
	switch value := value.(type) {
	case string:
		return escapes.Replace(value)
	case []any:
		for i, item := range value {
			value[i] = unescaped(item)
		}
	case map[string]any:
		for key, item := range value {
			value[key] = unescaped(item)
		}
	}
	return value
}

// grafana is a Grafana that is reached.
type grafana struct {
	*http.Client
	url, authorization string
	part, fix          string
	close              func()
}

// grafana returns the Grafana that is looked at.
func (r *run) grafana(ctx context.Context) (*grafana, error) {
	switch {
	case len(r.Datasources) == 0:
		return nil, skip("the stack has no data source")
	case r.Grafana != "":
		g := &grafana{Client: &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}, url: strings.TrimSuffix(r.Grafana, "/"), close: func() {}}
		g.part, g.fix = "Grafana at "+g.url, "curl --include "+command.Quote(g.url+"/api/health")
		if r.GrafanaToken != "" {
			g.authorization = "Bearer " + r.GrafanaToken
		}
		return g, nil
	case r.GrafanaRelease == nil:
		return nil, skip("add --grafana URL, with a token of a service account in GRAFANA_TOKEN")
	}
	return r.ownGrafana(ctx)
}

// ownGrafana returns the Grafana that the stack installs.
func (r *run) ownGrafana(ctx context.Context) (*grafana, error) {
	release := *r.GrafanaRelease
	selector := "app.kubernetes.io/name=grafana,app.kubernetes.io/instance=" + release.Name
	part := fmt.Sprintf("Grafana of release %s/%s", release.Namespace, release.Name)
	fix := r.Commands.Kubectl("get", "pods,services", "--namespace", release.Namespace, "--selector", selector)
	find := func(ctx context.Context) (*backend, error) {
		services, err := r.Cluster.Services(ctx, release.Namespace, selector)
		if err != nil {
			return nil, at(part, fix, reason(err))
		}
		for _, s := range services {
			if len(s.Spec.Ports) > 0 && s.Spec.ClusterIP != corev1.ClusterIPNone {
				return r.backendOf(ctx, &s, int(s.Spec.Ports[0].Port))
			}
		}
		return nil, at(part, fix, fmt.Errorf("release %s/%s has no Service of Grafana", release.Namespace, release.Name))
	}
	b, err := find(ctx)
	if err != nil {
		return nil, err
	}
	g := &grafana{url: "http://grafana", part: part, fix: r.Commands.Kubectl("logs", "--namespace", release.Namespace, "--selector", selector, "--container", "grafana", "--tail", "20")}
	if r.GrafanaToken != "" {
		g.authorization = "Bearer " + r.GrafanaToken
	} else if g.authorization, err = r.administrator(ctx, b.pod); err != nil {
		return nil, at(part, fix, err)
	}
	g.Client, g.close = r.client(find)
	return g, nil
}

// administrator returns the credentials of Grafana's administrator, from the Secret that
// its pod has them from.
func (r *run) administrator(ctx context.Context, pod corev1.Pod) (string, error) {
	values := map[string]string{"GF_SECURITY_ADMIN_USER": "", "GF_SECURITY_ADMIN_PASSWORD": ""}
	for _, c := range pod.Spec.Containers {
		for _, e := range c.Env {
			if _, wanted := values[e.Name]; !wanted || e.ValueFrom == nil || e.ValueFrom.SecretKeyRef == nil {
				continue
			}
			ref := e.ValueFrom.SecretKeyRef
			data, err := r.Cluster.Secret(ctx, pod.Namespace, ref.Name)
			if err != nil {
				return "", fmt.Errorf("administrator of Grafana: Secret %s/%s: %w", pod.Namespace, ref.Name, reason(err))
			}
			values[e.Name] = string(data[ref.Key])
		}
	}
	if values["GF_SECURITY_ADMIN_USER"] == "" || values["GF_SECURITY_ADMIN_PASSWORD"] == "" {
		return "", fmt.Errorf("pod %s/%s names no Secret with Grafana's administrator; set GRAFANA_TOKEN to a token of a service account", pod.Namespace, pod.Name)
	}
	pair := values["GF_SECURITY_ADMIN_USER"] + ":" + values["GF_SECURITY_ADMIN_PASSWORD"]
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair)), nil
}

// headers are what a request to Grafana requires.
func (g *grafana) headers() map[string]string {
	if g.authorization == "" {
		return nil
	}
	return map[string]string{"Authorization": g.authorization}
}

// failed returns an error of Grafana's as a failure.
func (g *grafana) failed(err error) error {
	var status *statusError
	if errors.As(err, &status) && (status.code == http.StatusUnauthorized || status.code == http.StatusForbidden) {
		return finally(g.part, "export GRAFANA_TOKEN=TOKEN", "%s: got %d; want a token of a service account with the role Admin", g.part, status.code)
	}
	return at(g.part, g.fix, err)
}

// tempoSource returns Tempo's data source.
func (t Target) tempoSource() (Datasource, bool) {
	i := slices.IndexFunc(t.Datasources, func(d Datasource) bool { return d.Type == "tempo" })
	if i < 0 {
		return Datasource{}, false
	}
	return t.Datasources[i], true
}

// grafanaRead reads a trace as Grafana does: through the proxy of Tempo's data source.
func (r *run) grafanaRead(ctx context.Context) (string, error) {
	g, err := r.grafana(ctx)
	if err != nil {
		return "", err
	}
	defer g.close()
	traces := r.received()
	source, found := r.tempoSource()
	switch {
	case !found:
		return "", skip("the stack has no data source of Tempo")
	case len(traces) == 0:
		return "", skip("no receiver has accepted a trace")
	}
	path := g.url + "/api/datasources/proxy/uid/" + url.PathEscape(source.UID) + "/api/v2/traces/" + traces[0].id()
	err = r.poll(ctx, "grafana read", r.timeout(), func(ctx context.Context) error {
		body, err := get(ctx, g.Client, path, g.headers())
		if err == nil {
			err = checkTrace(body, traces[0].span)
		}
		if err != nil {
			err = fmt.Errorf("data source %s: %w", source.UID, err)
		}
		return g.failed(err)
	})
	return fmt.Sprintf("trace %s through data source %s", traces[0].id(), source.UID), err
}

// grafanaLinks compares the data sources in Grafana with the stack's, and looks whether
// there are those that they link to.
func (r *run) grafanaLinks(ctx context.Context) (string, error) {
	g, err := r.grafana(ctx)
	if err != nil {
		return "", err
	}
	defer g.close()
	links := 0
	err = r.poll(ctx, "grafana links", r.timeout(), func(ctx context.Context) error {
		live := map[string]*Datasource{}
		look := func(uid string) error {
			if _, seen := live[uid]; seen {
				return nil
			}
			body, err := get(ctx, g.Client, g.url+"/api/datasources/uid/"+url.PathEscape(uid), g.headers())
			var status *statusError
			if errors.As(err, &status) && status.code == http.StatusNotFound {
				live[uid] = nil
				return nil
			}
			if err != nil {
				return g.failed(fmt.Errorf("data source %s: %w", uid, err))
			}
			live[uid] = &Datasource{}
			if err := json.Unmarshal(body, live[uid]); err != nil {
				return g.failed(fmt.Errorf("data source %s is no JSON: %s", uid, shortened(string(body))))
			}
			return nil
		}
		links = 0
		var problems []string
		for _, want := range r.Datasources {
			if err := look(want.UID); err != nil {
				return err
			}
			is := live[want.UID]
			if is == nil {
				problems = append(problems, fmt.Sprintf("data source %s: got none; want %s", want.UID, want.Name))
				continue
			}
			problems = append(problems, want.differences(is)...)
			for _, uid := range linked(want.JSONData) {
				if links++; uid == "" {
					continue
				}
				if err := look(uid); err != nil {
					return err
				}
				own := slices.ContainsFunc(r.Datasources, func(d Datasource) bool { return d.UID == uid })
				if live[uid] == nil && !own {
					problems = append(problems, fmt.Sprintf("data source %s: got none; want the one that %s links to", uid, want.UID))
				}
			}
		}
		if len(problems) > 0 {
			return at(g.part, r.provision(), errors.New(strings.Join(problems, "\n")))
		}
		return nil
	})
	return fmt.Sprintf("%d data sources as provisioned, with %d links", len(r.Datasources), links), err
}

// provision returns the commands that give Grafana its data sources.
func (r *run) provision() string {
	if r.Delivered {
		return r.drift()
	}
	return r.Commands.Pulumi("stack output grafanaValues") + " > tracing.yaml; " +
		r.Commands.Helm("upgrade", "RELEASE", "prometheus-community/kube-prometheus-stack", "--version", "VERSION", "--namespace", "NAMESPACE", "--reuse-values", "--values", "tracing.yaml") +
		", with RELEASE, VERSION and NAMESPACE as " + r.Commands.Helm("list", "--all-namespaces") + " shows them"
}

// differences returns where a data source in Grafana differs from what it should be. Fields that
// only Grafana has are no difference.
func (d Datasource) differences(is *Datasource) []string {
	var found []string
	where := "data source " + d.UID + ": "
	if is.Type != d.Type {
		found = append(found, fmt.Sprintf("%stype: got %q; want %q", where, is.Type, d.Type))
	}
	if strings.TrimSuffix(is.URL, "/") != strings.TrimSuffix(d.URL, "/") {
		found = append(found, fmt.Sprintf("%surl: got %q; want %q", where, is.URL, d.URL))
	}
	return append(found, differences(where+"jsonData", any(is.JSONData), any(d.JSONData))...)
}

// differences returns where a value lacks what another one has.
func differences(path string, is, want any) []string {
	switch want := want.(type) {
	case map[string]any:
		section, ok := is.(map[string]any)
		if !ok {
			break
		}
		var found []string
		for _, key := range slices.Sorted(maps.Keys(want)) {
			found = append(found, differences(path+"."+key, section[key], want[key])...)
		}
		return found
	case []any:
		list, ok := is.([]any)
		if !ok || len(list) < len(want) {
			break
		}
		var found []string
		for i := range want {
			found = append(found, differences(fmt.Sprintf("%s[%d]", path, i), list[i], want[i])...)
		}
		return found
	}
	if text(is) == text(want) {
		return nil
	}
	return []string{fmt.Sprintf("%s: got %s; want %s", path, text(is), text(want))}
}

func text(value any) string {
	encoded, _ := json.Marshal(value)
	return string(encoded)
}

// linked returns the uids of the data sources that a value links to.
func linked(value any) []string {
	var found []string
	switch value := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			if uid, isText := value[key].(string); key == "datasourceUid" && isText {
				found = append(found, uid)
			} else {
				found = append(found, linked(value[key])...)
			}
		}
	case []any:
		for _, item := range value {
			found = append(found, linked(item)...)
		}
	}
	return found
}
