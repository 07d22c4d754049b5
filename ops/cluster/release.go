package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/picluster/picluster/ops/object"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/cli"
	"helm.sh/helm/v3/pkg/registry"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage/driver"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Release has the inputs of Pulumi's resource of a Helm release.
type Release struct {
	Name, Namespace string
	// Chart is a name, a path, or an oci:// reference.
	Chart, Version string
	Repository     Repository
	Values         map[string]any
}

// Repository is where a chart of a bare name is.
type Repository struct {
	URL, Username, Password   string
	CAFile, CertFile, KeyFile string
}

// ReleaseOf returns the release that the inputs of Pulumi's resource describe. A value that is
// known only after an up is NotKnown.
func ReleaseOf(inputs map[string]any) Release {
	text := func(section map[string]any, name string) string {
		value, _ := section[name].(string)
		return value
	}
	options, _ := inputs["repositoryOpts"].(map[string]any)
	values, _ := known(inputs["values"]).(map[string]any)
	return Release{
		Name: text(inputs, "name"), Namespace: text(inputs, "namespace"),
		Chart: text(inputs, "chart"), Version: text(inputs, "version"),
		Repository: Repository{
			URL: text(options, "repo"), Username: text(options, "username"), Password: text(options, "password"),
			CAFile: text(options, "caFile"), CertFile: text(options, "certFile"), KeyFile: text(options, "keyFile"),
		},
		Values: values,
	}
}

// NotKnown is in the place of what is known only after an up.
const NotKnown = "[known after up]"

// known returns a value with NotKnown for what is not known yet.
func known(value any) any {
	switch value := value.(type) {
	case string:
		return strings.ReplaceAll(value, plugin.UnknownStringValue, NotKnown)
	case map[string]any:
		shown := map[string]any{}
		for key, child := range value {
			shown[key] = known(child)
		}
		return shown
	case []any:
		shown := make([]any, len(value))
		for i, child := range value {
			shown[i] = known(child)
		}
		return shown
	}
	return value
}

// Record returns Helm's latest record of a release, or nil if there is none.
func (c *Cluster) Record(namespace, name string) (*release.Release, error) {
	helm, err := c.helm(namespace)
	if err != nil {
		return nil, err
	}
	record, err := helm.Releases.Last(name)
	if errors.Is(err, driver.ErrReleaseNotFound) {
		return nil, nil
	}
	return record, err
}

// Objects returns the objects of a record, each with its namespace.
func (c *Cluster) Objects(record *release.Release) ([]*object.Object, error) {
	return c.objectsOf(record.Manifest, record.Namespace)
}

// Render returns the objects that an installation or an upgrade of a release would create, as
// Helm renders them with this cluster's version and kinds. It changes nothing. If ctx ends while
// Helm fetches the chart, Render returns, and the fetch goes on, because Helm takes no context
// there.
func (c *Cluster) Render(ctx context.Context, r Release) ([]*object.Object, error) {
	type result struct {
		objects []*object.Object
		err     error
	}
	rendered := make(chan result, 1)
	go func() {
		var done result
		defer func() {
			if p := recover(); p != nil {
				done.err = fmt.Errorf("panic: %v", p)
			}
			rendered <- done
		}()
		done.objects, done.err = c.render(ctx, r)
	}()
	select {
	case r := <-rendered:
		return r.objects, r.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (c *Cluster) render(ctx context.Context, r Release) ([]*object.Object, error) {
	helm, err := c.helm(r.Namespace)
	if err != nil {
		return nil, err
	}
	deployed, err := c.Record(r.Namespace, r.Name)
	if err != nil {
		return nil, err
	}

	install, upgrade := action.NewInstall(helm), action.NewUpgrade(helm)
	options := &upgrade.ChartPathOptions // which have the registry's client
	options.Version, options.RepoURL = r.Version, r.Repository.URL
	options.Username, options.Password = r.Repository.Username, r.Repository.Password
	options.CaFile, options.CertFile, options.KeyFile = r.Repository.CAFile, r.Repository.CertFile, r.Repository.KeyFile
	path, err := options.LocateChart(r.Chart, cli.New())
	if err != nil {
		return nil, fmt.Errorf("chart %s %s: %w", r.Chart, r.Version, err)
	}
	chart, err := loader.Load(path)
	if err != nil {
		return nil, fmt.Errorf("chart %s %s: %w", r.Chart, r.Version, err)
	}

	var rendered *release.Release
	if deployed == nil {
		install.ReleaseName, install.Namespace, install.DryRun, install.DryRunOption = r.Name, r.Namespace, true, "server"
		rendered, err = install.RunWithContext(ctx, chart, r.Values)
	} else {
		upgrade.Namespace, upgrade.DryRun, upgrade.DryRunOption = r.Namespace, true, "server"
		rendered, err = upgrade.RunWithContext(ctx, r.Name, chart, r.Values)
	}
	if err != nil {
		return nil, err
	}
	return c.objectsOf(rendered.Manifest, r.Namespace)
}

// objectsOf returns the objects of a manifest, each with its namespace: Helm puts
// those that do not say one into the release's.
func (c *Cluster) objectsOf(manifest, namespace string) ([]*object.Object, error) {
	objects, err := object.Parse(manifest)
	if err != nil {
		return nil, err
	}
	for _, o := range objects {
		kind := o.GroupVersionKind()
		mapping, err := c.mapper.RESTMapping(kind.GroupKind(), kind.Version)
		if err != nil && !meta.IsNoMatchError(err) {
			return nil, err
		}
		if err == nil && mapping.Scope.Name() == meta.RESTScopeNameNamespace && o.GetNamespace() == "" {
			o.SetNamespace(namespace)
		}
	}
	object.Sort(objects)
	return objects, nil
}

// helm returns Helm's configuration for the releases of a namespace.
func (c *Cluster) helm(namespace string) (*action.Configuration, error) {
	config := &action.Configuration{}
	silent := func(string, ...any) {}
	if err := config.Init(getter{c, namespace}, namespace, "secret", silent); err != nil {
		return nil, err
	}
	client, err := registry.NewClient()
	config.RegistryClient = client
	return config, err
}

// getter hands a cluster to Helm.
type getter struct {
	*Cluster
	namespace string
}

func (g getter) ToRESTConfig() (*rest.Config, error) { return g.config, nil }

func (g getter) ToDiscoveryClient() (discovery.CachedDiscoveryInterface, error) {
	return g.discovery, nil
}

func (g getter) ToRESTMapper() (meta.RESTMapper, error) { return g.mapper, nil }

func (g getter) ToRawKubeConfigLoader() clientcmd.ClientConfig {
	return namespaced{g.loader, g.namespace}
}

// namespaced is a kubeconfig whose namespace is the release's.
type namespaced struct {
	clientConfig
	namespace string
}

type clientConfig = clientcmd.ClientConfig

func (n namespaced) Namespace() (string, bool, error) { return n.namespace, true, nil }
