// Package cluster looks at a Kubernetes cluster: its objects, its Helm releases and
// the ports of its pods.
package cluster

import (
	"context"
	"fmt"
	"net/http"

	"github.com/picluster/picluster/internal/kubeconfig"
	"github.com/picluster/picluster/ops/object"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
)

// systemNamespace is the namespace whose UID identifies the cluster.
const systemNamespace = "kube-system"

// Cluster is a Kubernetes cluster.
type Cluster struct {
	loader    clientcmd.ClientConfig
	context   string
	config    *rest.Config
	discovery discovery.CachedDiscoveryInterface
	mapper    meta.ResettableRESTMapper
	objects   dynamic.Interface
	core      corev1.CoreV1Interface
	ctx       context.Context // of New
}

// New returns the cluster that settings of Pulumi's Kubernetes provider name, as kubeconfig.Load
// takes them. It sends no request. Each request ends with ctx too, because some libraries pass on
// no context.
func New(ctx context.Context, setting func(name string) string) (*Cluster, error) {
	loader, err := kubeconfig.Load(setting)
	if err != nil {
		return nil, err
	}
	c := &Cluster{loader: loader, context: setting("context"), ctx: ctx}
	if c.config, err = loader.ClientConfig(); err != nil {
		return nil, fmt.Errorf("kubernetes:kubeconfig, kubernetes:context: %w", err)
	}
	c.config.QPS, c.config.Burst = 500, 1000 // as the stack's provider: one look may read hundreds of objects
	c.config.WarningHandler = rest.NoWarnings{}
	c.config.Wrap(func(next http.RoundTripper) http.RoundTripper { return endsWith{ctx, next} })
	client, err := discovery.NewDiscoveryClientForConfig(c.config)
	if err != nil {
		return nil, err
	}
	c.discovery = memory.NewMemCacheClient(client)
	c.mapper = restmapper.NewDeferredDiscoveryRESTMapper(c.discovery)
	if c.core, err = corev1.NewForConfig(c.config); err != nil {
		return nil, err
	}
	c.objects, err = dynamic.NewForConfig(c.config)
	return c, err
}

// endsWith ends each request with a context, beside the request's own.
type endsWith struct {
	ctx  context.Context
	next http.RoundTripper
}

func (e endsWith) RoundTrip(request *http.Request) (*http.Response, error) {
	if e.ctx.Err() != nil {
		return nil, context.Cause(e.ctx)
	}
	ctx, cancel := context.WithCancelCause(request.Context())
	// cancel is not deferred, because the request goes on until its body is read.
	context.AfterFunc(e.ctx, func() { cancel(context.Cause(e.ctx)) })
	return e.next.RoundTrip(request.WithContext(ctx))
}

// Server is the API server's URL.
func (c *Cluster) Server() string { return c.config.Host }

// Context is the name of the kubeconfig's context; empty inside a cluster.
func (c *Cluster) Context() string {
	if c.context != "" {
		return c.context
	}
	raw, err := c.loader.RawConfig()
	if err != nil {
		return ""
	}
	return raw.CurrentContext
}

// UID returns the UID of the namespace kube-system, which identifies the cluster.
func (c *Cluster) UID(ctx context.Context) (string, error) {
	namespaces := c.objects.Resource(schema.GroupVersionResource{Version: "v1", Resource: "namespaces"})
	namespace, err := namespaces.Get(ctx, systemNamespace, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	return string(namespace.GetUID()), nil
}

// Get returns the live object of a manifest, or nil if there is none.
func (c *Cluster) Get(ctx context.Context, manifest *object.Object) (*object.Object, error) {
	client, err := c.client(manifest)
	if meta.IsNoMatchError(err) {
		return nil, nil // the cluster does not have the kind
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

// manager is the field manager of what Replace writes.
const manager = "picluster"

// Replace replaces a live object, unless it has changed since it was read. With dryRun the API
// server only checks whether it would accept the object.
func (c *Cluster) Replace(ctx context.Context, object *object.Object, dryRun bool) error {
	client, err := c.client(object)
	if err != nil {
		return err
	}
	options := metav1.UpdateOptions{FieldManager: manager}
	if dryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	_, err = client.Update(ctx, object, options)
	return err
}

// client returns the client for the kind and the namespace of an object.
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
