// Package stacks turns a stack's configuration into the components' arguments.
package stacks

import (
	"encoding/json"
	"os"
	"time"

	"github.com/picluster/picluster/components/await"
	"github.com/picluster/picluster/components/grafana"
	"github.com/picluster/picluster/components/tracing"
	"github.com/picluster/picluster/internal/field"
	"github.com/picluster/picluster/internal/kube"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// inlineWarning is logged at every run with credentials: inline.
const inlineWarning = `credentials is "inline": the bucket's keys are in plain text in the ConfigMap of Tempo's ` +
	`configuration and in Helm's record of the release. Who may read ConfigMaps or Secrets in the namespace can read them. ` +
	`Fix: pulumi config set credentials secret`

// Tracing gives a cluster distributed tracing, or each of its tenants.
func Tracing(ctx *pulumi.Context) error {
	stack, tenants, err := load(ctx, ctx.Project(), ctx.Stack(), setKeys())
	if err != nil {
		return err
	}
	if stack.Credentials == tracing.CredentialsInline {
		if err := ctx.Log.Warn(inlineWarning, nil); err != nil {
			return err
		}
	}
	if err := requireKinds(ctx, stack.Monitoring); err != nil {
		return err
	}
	cluster, err := kube.ClusterUID(ctx)
	if err != nil {
		return err
	}
	ctx.Export("clusterUid", cluster)
	if len(tenants) == 0 {
		outputs, err := create(ctx, "tempo", stack)
		for name, output := range outputs {
			ctx.Export(name, output)
		}
		return err
	}
	all := pulumi.Map{}
	for _, tenant := range tenants {
		name := tenant.Grafana.Preset.Tenant
		outputs, err := create(ctx, "tempo-"+name, tenant)
		if err != nil {
			return err
		}
		all[name] = outputs
	}
	ctx.Export("tenants", all)
	return createGrafana(ctx, stack, tenants, all)
}

// createGrafana exports the data sources of all tenants in one document. It also creates the
// dashboards, and the release with these data sources if the stack has one.
func createGrafana(ctx *pulumi.Context, stack *tracing.Args, tenants []*tracing.Args, outputs pulumi.Map) error {
	args := ofTenants(stack.Grafana)
	for _, tenant := range tenants {
		own := tenant.Grafana
		if tenant.ValuesOnly {
			continue
		}
		url := outputs[own.Preset.Tenant].(pulumi.Map)["queryUrl"].(pulumi.StringOutput)
		own.Preset.StreamOverHTTP = !tenant.Tempo.DisableStreamOverHTTP
		args.Tenants = append(args.Tenants, grafana.Tenant{TempoURL: url, LokiURL: own.LokiURL, Preset: own.Preset})
	}
	if len(args.Tenants) == 0 {
		return nil
	}
	all, err := grafana.New(ctx, "tempo", &args)
	if err != nil {
		return err
	}
	ctx.Export("grafanaValues", all.Values)
	if stack.Monitoring == nil {
		return nil
	}
	_, err = grafana.NewDashboards(ctx, "tempo", stack.Monitoring.Dashboards.After(all))
	return err
}

// create creates tracing under a name, and returns the stack's outputs for it.
func create(ctx *pulumi.Context, name string, args *tracing.Args) (pulumi.Map, error) {
	args.Tempo.Await = await.Pods(ctx, time.Duration(args.Tempo.Timeout)*time.Second)
	args = withoutRelease(args)
	t, err := tracing.New(ctx, name, args, withAliases(ctx, name))
	if err != nil {
		return nil, err
	}
	return outputs(t, args), nil
}

// withoutRelease returns the arguments without what has no effect if another tool installs the
// release: a tenant of install: false has it from the stack.
func withoutRelease(args *tracing.Args) *tracing.Args {
	if !args.ValuesOnly {
		return args
	}
	a := *args
	a.Grafana, a.Tempo.Network = grafana.Args{}, nil
	return &a
}

// load reads and checks a stack's configuration. Its error has every problem: the key,
// what is wrong with the value, and the command that fixes it. Keys are those that the
// stack sets.
func load(from source, project, stackName string, keys []string) (stack *tracing.Args, tenants []*tracing.Args, err error) {
	s := newSettings()
	p := s.read(from, project)
	if s.objectStore != ObjectStoreExisting {
		s.provider = readProvider(from, p)
	}
	args := s.stackArgs(p)
	stack = &args
	if len(s.tenants) == 0 {
		p.component(stack.Validate(), "", nil)
	}
	tenants = s.tenantArgs(args, p)
	if len(tenants) > 0 {
		p.grafanaOfTenants(grafanaOfTenants(args, tenants))
		if args.Monitoring != nil {
			var errs field.Errors
			errs.Under("Monitoring.Dashboards", args.Monitoring.Dashboards.Validate())
			p.component(errs, "", nil)
		}
		s.restored(append([]*tracing.Args{{ValuesOnly: true, Grafana: args.Grafana}}, tenants...), p)
	} else {
		s.restored([]*tracing.Args{stack}, p)
	}
	p.unknown(keys)
	return stack, tenants, p.err(stackName)
}

// setKeys returns the keys that the stack sets. The SDK has no function that lists
// them, but reads them from this environment variable. Without the variable, as in
// a program that runs inside another process, unknown keys are not found.
func setKeys() (keys []string) {
	var config map[string]string
	if json.Unmarshal([]byte(os.Getenv(pulumi.EnvConfig)), &config) != nil {
		return nil
	}
	for key := range config {
		keys = append(keys, key)
	}
	return keys
}
