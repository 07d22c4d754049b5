package stacks

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/picluster/picluster/components/grafana"
	"github.com/picluster/picluster/components/kube"
	"github.com/picluster/picluster/components/objectstore"
)

// maxTenantName leaves room for it in the uid of a datasource.
const maxTenantName = 30

// tenant is an entry of the key tenants. What is empty is the stack's own, with the
// tenant's name after it.
type tenant struct {
	Name       string `json:"name"`
	Bucket     string `json:"bucket"`
	User       string `json:"user"`
	Policy     string `json:"policy"`
	Namespace  string `json:"namespace"`
	SecretName string `json:"secretName"`
	Install    *bool  `json:"install"` // default: true
}

// tenants reads the tenants, each as a configuration of its own: the stack's, but
// for its names.
func (r *reader) tenants(stack *Config) []*Config {
	value, ok := r.get("tenants", "array", []string{})
	if !ok {
		return nil
	}
	var given []tenant
	decoder := json.NewDecoder(strings.NewReader(value))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&given); err != nil {
		r.problem("%s: is not a list of tenants, each with a name, and if need be bucket, user, policy, namespace, secretName, install: %w. Set it: pulumi config set --path 'tenants[0].name' NAME",
			r.key("tenants"), err)
		return nil
	}
	if len(given) > 0 && stack.Grafana.Release != nil {
		r.problem("%s: cannot be with %s: release, of which there is one for all. Set it: pulumi config set datasources configmap",
			r.key("tenants"), r.key("datasources"))
	}

	var configs []*Config
	taken := map[string]map[string]bool{}
	for i, t := range given {
		c := *stack
		name := func(field, value, of string, check func(string) error) string {
			if value == "" {
				value = of + "-" + t.Name
			}
			path := fmt.Sprintf("tenants[%d].%s", i, field)
			err := check(value)
			if err == nil && taken[field][value] {
				err = errors.New("is another tenant's too")
			}
			if err != nil {
				r.problem("%s:%s: %q %w. Set it: pulumi config set --path '%s' NAME", r.project, path, shortened(value), err, path)
			}
			if taken[field] == nil {
				taken[field] = map[string]bool{}
			}
			taken[field][value] = true
			return value
		}
		c.Tenant = name("name", t.Name, "", tenantName)
		c.ObjectStore.Bucket = name("bucket", t.Bucket, stack.ObjectStore.Bucket, objectstore.ValidateBucket)
		c.ObjectStore.User = name("user", t.User, stack.ObjectStore.User, objectstore.ValidateUser)
		c.ObjectStore.Policy = name("policy", t.Policy, stack.ObjectStore.Policy, objectstore.ValidateIAMName)
		c.Namespace = name("namespace", t.Namespace, stack.Namespace, kube.ValidateLabel)
		if t.SecretName != "" {
			c.SecretName = t.SecretName
			if err := kube.ValidateSubdomain(t.SecretName); err != nil {
				r.problem("%s:tenants[%d].secretName: %q %w. Set it: pulumi config set --path 'tenants[%d].secretName' NAME",
					r.project, i, shortened(t.SecretName), err, i)
			}
		}
		c.ValuesOnly = t.Install != nil && !*t.Install
		c.ObjectStore.KeepPrevious = c.ValuesOnly
		c.Grafana.Links.Tenant = c.Tenant
		if stack.Grafana.ConfigMap != nil {
			c.Grafana.ConfigMap = &grafana.ConfigMap{
				Name:      fmt.Sprintf("%s-%s-datasources", c.Release, c.Tenant),
				Namespace: stack.Grafana.ConfigMap.Namespace,
			}
		}
		configs = append(configs, &c)
	}
	return configs
}

func tenantName(name string) error {
	if len(name) > maxTenantName {
		return fmt.Errorf("must be no more than %d characters", maxTenantName)
	}
	return kube.ValidateLabel(name)
}
