package stacks

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"github.com/picluster/picluster/components/grafana"
	"github.com/picluster/picluster/components/tracing"
	"github.com/picluster/picluster/internal/field"
	"github.com/picluster/picluster/internal/kube"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// tenant is an entry of the key tenants. An empty Bucket, User or Namespace is the stack's own
// with the tenant's name as its suffix. So is an empty Policy if the stack has one; otherwise
// it is the user's name. An empty SecretName, LokiTenant or TempoTenant is the stack's own.
type tenant struct {
	Name        string `json:"name"`
	Bucket      string `json:"bucket"`
	User        string `json:"user"`
	Policy      string `json:"policy"`
	Namespace   string `json:"namespace"`
	SecretName  string `json:"secretName"`
	LokiTenant  string `json:"lokiTenant"`
	TempoTenant string `json:"tempoTenant"`
	Install     *bool  `json:"install"` // default: true
}

// tenantKeys are the keys that a tenant has its own of.
var tenantKeys = []string{"bucket", "user", "policy", "namespace", "secretName", "lokiTenant", "tempoTenant"}

// maxTenantName leaves room for it in the uid of a data source.
const maxTenantName = 30

// tenantArgs returns the arguments of each tenant's tracing: the stack's, but for names.
func (s *settings) tenantArgs(stack tracing.Args, p *problems) []*tracing.Args {
	owners := map[string]bool{}
	var all []*tracing.Args
	for i, t := range s.tenants {
		path := fmt.Sprintf("tenants[%d]", i)
		own := func(key, value string, of pulumi.StringInput) pulumi.StringInput {
			if value == "" {
				value = text(of) + "-" + t.Name
			}
			if owners[key+" "+value] {
				p.add("%s:%s.%s: got %q; want a name that no other tenant has. Fix: pulumi config set --path '%[2]s.%[3]s' NAME", p.project, path, key, value)
			}
			owners[key+" "+value] = true
			return pulumi.String(value)
		}
		a := stack
		if err := tenantName(t.Name); err != nil {
			var errs field.Errors
			errs.Check("name", t.Name, err)
			p.add("%s:%s.%s. Fix: pulumi config set --path '%[2]s.name' NAME", p.project, path, errs[0])
		}
		own("name", t.Name, nil)
		a.ObjectStore.Bucket = own("bucket", t.Bucket, stack.ObjectStore.Bucket)
		sharedUser := owners["user "+cmp.Or(t.User, text(stack.ObjectStore.User)+"-"+t.Name)] // reported once
		a.ObjectStore.User = own("user", t.User, stack.ObjectStore.User)
		if t.Policy != "" || stack.ObjectStore.Policy != nil {
			a.ObjectStore.Policy = own("policy", t.Policy, stack.ObjectStore.Policy)
		} else if user := text(a.ObjectStore.User); !sharedUser {
			own("policy", user, nil) // the default, which another tenant's policy would replace
		}
		a.Namespace.Name = own("namespace", t.Namespace, stack.Namespace.Name)
		if t.SecretName != "" {
			a.SecretName = pulumi.String(t.SecretName)
		}
		a.ValuesOnly = t.Install != nil && !*t.Install
		a.ObjectStore.KeepPrevious = a.ValuesOnly && !a.ObjectStore.Existing && !a.ObjectStore.ExistingUser
		a.Grafana.Preset.Tenant = t.Name
		if t.LokiTenant != "" {
			a.Grafana.Preset.LokiTenant = t.LokiTenant
		}
		if t.TempoTenant != "" {
			a.Grafana.Preset.TempoTenant = t.TempoTenant
		}
		a.Grafana.Release = nil // one for all tenants
		if stack.Monitoring != nil {
			monitoring := *stack.Monitoring
			monitoring.Dashboards = nil // those of all tenants
			a.Monitoring = &monitoring
		}
		if c := stack.Grafana.ConfigMap; c != nil {
			a.Grafana.ConfigMap = &grafana.ConfigMap{
				Name:      pulumi.String(fmt.Sprintf("%s-%s-datasources", text(a.Tempo.Release), t.Name)),
				Namespace: c.Namespace,
			}
		}
		p.component(withoutRelease(&a).Validate(), path, tenantKeys)
		all = append(all, &a)
	}
	return all
}

// grafanaOfTenants returns what is wrong with the data sources of all tenants in one document,
// and with the release of kube-prometheus-stack that they share. Of is the index in tenants of
// each tenant in the document.
func grafanaOfTenants(stack tracing.Args, tenants []*tracing.Args) (of []int, problems error) {
	g := ofTenants(stack.Grafana)
	for i, tenant := range tenants {
		if !tenant.ValuesOnly {
			of = append(of, i)
			g.Tenants = append(g.Tenants, grafana.Tenant{TempoURL: pulumi.String("http://tempo"), LokiURL: tenant.Grafana.LokiURL, Preset: tenant.Grafana.Preset})
		}
	}
	if len(g.Tenants) == 0 {
		return of, nil
	}
	return of, g.Validate()
}

// tenantField is a field of a tenant's data sources.
var tenantField = regexp.MustCompile(`^Tenants\[(\d+)\]\.`)

// grafanaOfTenants adds the problems of the data sources of all tenants. Of is the number of
// each tenant in the configuration. What is wrong with one tenant alone is reported already.
func (p *problems) grafanaOfTenants(of []int, err error) {
	var errs field.Errors
	_ = errors.As(err, &errs)
	before := len(p.lines)
	for _, e := range errs {
		match := tenantField.FindStringSubmatch(e.Path)
		if match == nil {
			e.Path = "Grafana." + e.Path
			p.component(field.Errors{e}, "", nil)
			continue
		}
		if before > 0 {
			continue
		}
		i, _ := strconv.Atoi(match[1])
		path := fmt.Sprintf("tenants[%d]", of[i])
		e.Path = "Grafana." + e.Path[len(match[0]):]
		if e.Path == "Grafana.Preset.Tenant" {
			p.add("%s:%s.name: %s. Fix: pulumi config set --path '%[2]s.name' NAME", p.project, path, e.Reason())
			continue
		}
		p.component(field.Errors{e}, path, tenantKeys)
	}
}

// ofTenants returns the arguments for the data sources of all tenants: without those of one,
// and without what each tenant has of its own.
func ofTenants(g grafana.Args) grafana.Args {
	g.LokiURL, g.Preset = nil, grafana.Preset{}
	g.ConfigMap, g.Operator = nil, nil
	return g
}

func tenantName(name string) error {
	if len(name) > maxTenantName {
		return fmt.Errorf("at most %d characters", maxTenantName)
	}
	return kube.ValidateLabel(name)
}

// text returns the text of an input of the configuration, all of which are plain.
func text(in pulumi.StringInput) string {
	plain, _ := field.Plain(in)
	return plain
}
