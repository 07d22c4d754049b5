package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/picluster/picluster/ops/object"
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

// Release is a Helm release as its chart and values make it: the inputs of
// Pulumi's resource.
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

// Render returns the objects that an installation or an upgrade of a release
// would make, as Helm renders them with this cluster's version and kinds. It
// changes nothing.
func (c *Cluster) Render(ctx context.Context, r Release) ([]*object.Object, error) {
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

// Wait waits until objects are ready, as Helm waits for those of a release.
func (c *Cluster) Wait(objects []*object.Object, timeout time.Duration) error {
	helm, err := c.helm("")
	if err != nil {
		return err
	}
	var manifest bytes.Buffer
	for _, o := range objects {
		text, err := o.MarshalJSON()
		if err != nil {
			return err
		}
		fmt.Fprintf(&manifest, "---\n%s\n", text)
	}
	resources, err := helm.KubeClient.Build(&manifest, false)
	if err != nil {
		return err
	}
	return helm.KubeClient.Wait(resources, timeout)
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
	kubeconfig
	namespace string
}

type kubeconfig = clientcmd.ClientConfig

func (n namespaced) Namespace() (string, bool, error) { return n.namespace, true, nil }
