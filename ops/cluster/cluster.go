// Package cluster looks at a Kubernetes cluster: its objects, and its Helm
// releases.
package cluster

import (
	"context"
	"fmt"
	"os"

	"github.com/picluster/picluster/ops/object"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
)

// manager is who these commands are in managedFields.
const manager = "picluster"

// Cluster is a Kubernetes cluster.
type Cluster struct {
	loader    clientcmd.ClientConfig
	config    *rest.Config
	discovery discovery.CachedDiscoveryInterface
	mapper    meta.ResettableRESTMapper
	objects   dynamic.Interface
}

// Settings returns a setting of Pulumi's Kubernetes provider by its name, which is
// one of Names; empty if it is not set. kubeconfig is a file's path or its
// content, by default what kubectl takes; context and cluster are of it.
type Settings func(name string) string

// Names are the settings that say which cluster it is.
var Names = []string{"kubeconfig", "context", "cluster"}

// New returns the cluster that settings say. It does not look for it yet.
func New(settings Settings) (*Cluster, error) {
	overrides := &clientcmd.ConfigOverrides{CurrentContext: settings("context")}
	overrides.Context.Cluster = settings("cluster")
	c := &Cluster{loader: clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		clientcmd.NewDefaultClientConfigLoadingRules(), overrides)}
	if kubeconfig := settings("kubeconfig"); kubeconfig != "" {
		content := []byte(kubeconfig)
		if file, err := os.ReadFile(kubeconfig); err == nil {
			content = file
		}
		parsed, err := clientcmd.Load(content)
		if err != nil {
			return nil, fmt.Errorf("kubernetes:kubeconfig is neither a file nor a kubeconfig: %w", err)
		}
		c.loader = clientcmd.NewDefaultClientConfig(*parsed, overrides)
	}

	var err error
	if c.config, err = c.loader.ClientConfig(); err != nil {
		return nil, err
	}
	c.config.QPS, c.config.Burst = 500, 1000 // as the stack's provider: one look may read hundreds of objects
	c.config.WarningHandler = rest.NoWarnings{}
	client, err := discovery.NewDiscoveryClientForConfig(c.config)
	if err != nil {
		return nil, err
	}
	c.discovery = memory.NewMemCacheClient(client)
	c.mapper = restmapper.NewDeferredDiscoveryRESTMapper(c.discovery)
	c.objects, err = dynamic.NewForConfig(c.config)
	return c, err
}

// Server is the API server's URL.
func (c *Cluster) Server() string { return c.config.Host }

// Answers returns why the API server does not let a namespace be read, which
// need not exist, or nil.
func (c *Cluster) Answers(ctx context.Context, namespace string) error {
	namespaces := c.objects.Resource(schema.GroupVersionResource{Version: "v1", Resource: "namespaces"})
	if _, err := namespaces.Get(ctx, namespace, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		return err
	}
	return nil
}

// Get returns the live object that a manifest means, or nil if there is none.
func (c *Cluster) Get(ctx context.Context, manifest *object.Object) (*object.Object, error) {
	client, err := c.client(manifest)
	if meta.IsNoMatchError(err) {
		return nil, nil // not even its kind is there
	}
	if err != nil {
		return nil, err
	}
	live, err := client.Get(ctx, manifest.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return live, err
}

// Create makes an object that is not there.
func (c *Cluster) Create(ctx context.Context, object *object.Object) error {
	client, err := c.client(object)
	if err != nil {
		return err
	}
	_, err = client.Create(ctx, object, metav1.CreateOptions{FieldManager: manager})
	return err
}

// Update replaces a live object, unless somebody was quicker.
func (c *Cluster) Update(ctx context.Context, object *object.Object) error {
	client, err := c.client(object)
	if err != nil {
		return err
	}
	_, err = client.Update(ctx, object, metav1.UpdateOptions{FieldManager: manager})
	return err
}

// client returns where objects of a kind and namespace are.
func (c *Cluster) client(object *object.Object) (dynamic.ResourceInterface, error) {
	kind := object.GroupVersionKind()
	mapping, err := c.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return nil, err
	}
	client := c.objects.Resource(mapping.Resource)
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		return client.Namespace(object.GetNamespace()), nil
	}
	return client, nil
}
