package drift

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/picluster/picluster/ops/cluster"
	"github.com/picluster/picluster/ops/engine"
	"github.com/picluster/picluster/ops/object"
	"github.com/picluster/picluster/ops/objectstore"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
	"helm.sh/helm/v3/pkg/release"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// store is a MinIO in memory.
type store struct {
	buckets  map[string]string // their own policies
	users    map[string]*objectstore.User
	policies map[string]string
	denials  map[string]objectstore.Denial // by ACCESSKEY:SECRETKEY@BUCKET
	err      error

	mu     sync.Mutex
	opened []string
	wrote  []string
}

func (s *store) Kind() string               { return "MinIO" }
func (s *store) Endpoint() string           { return "s3:9000" }
func (s *store) Ping(context.Context) error { return s.err }

func (s *store) HasBucket(_ context.Context, bucket string) (bool, error) {
	_, found := s.buckets[bucket]
	return found, s.err
}

func (s *store) BucketPolicy(_ context.Context, bucket string) (string, error) {
	return s.buckets[bucket], s.err
}

func (s *store) User(_ context.Context, name string) (*objectstore.User, error) {
	return s.users[name], s.err
}

func (s *store) Policy(_ context.Context, name string) (string, error) {
	return s.policies[name], s.err
}

func (s *store) Opens(_ context.Context, accessKey, secretKey, bucket string) (objectstore.Denial, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := accessKey + ":" + secretKey + "@" + bucket
	s.opened = append(s.opened, asked)
	return s.denials[asked], s.err
}

func (s *store) write(what string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrote = append(s.wrote, what)
	return s.err
}

func (s *store) DeleteBucketPolicy(_ context.Context, bucket string) error {
	return s.write("delete the policy of bucket " + bucket)
}

func (s *store) SetUser(_ context.Context, name, secretKey string) error {
	return s.write("set user " + name + ":" + secretKey)
}

func (s *store) Attach(_ context.Context, user, policy string) error {
	return s.write("attach " + policy + " to " + user)
}

func (s *store) Detach(_ context.Context, user, policy string) error {
	return s.write("detach " + policy + " from " + user)
}

func (s *store) RemoveFromGroup(_ context.Context, user, group string) error {
	return s.write("remove " + user + " from " + group)
}

func (s *store) SetPolicy(_ context.Context, name, document string) error {
	return s.write("set policy " + name + ": " + document)
}

// kubernetes is a cluster in memory.
type kubernetes struct {
	uid     string
	objects []*object.Object
	records map[string]*release.Release // by NAMESPACE/RELEASE
	// installed and rendered are the objects of all records, and those that Helm
	// would create next.
	installed, rendered []*object.Object
	err, renderErr      error

	// rejects says whether the API server finds an object invalid.
	rejects func(*object.Object) bool

	mu       sync.Mutex
	renders  []cluster.Release
	replaced []*object.Object
}

func (k *kubernetes) Server() string                      { return "https://k:6443" }
func (k *kubernetes) Context() string                     { return "lab" }
func (k *kubernetes) UID(context.Context) (string, error) { return k.uid, k.err }

func (k *kubernetes) Get(_ context.Context, manifest *object.Object) (*object.Object, error) {
	for _, o := range k.objects {
		if object.Name(o) == object.Name(manifest) {
			return o.DeepCopy(), k.err
		}
	}
	return nil, k.err
}

func (k *kubernetes) Replace(_ context.Context, o *object.Object, dryRun bool) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.rejects != nil && k.rejects(o) {
		return apierrors.NewInvalid(o.GroupVersionKind().GroupKind(), o.GetName(), nil)
	}
	if !dryRun {
		k.replaced = append(k.replaced, o)
	}
	return k.err
}

func (k *kubernetes) Record(namespace, name string) (*release.Release, error) {
	return k.records[namespace+"/"+name], k.err
}

func (k *kubernetes) Objects(*release.Release) ([]*object.Object, error) {
	return k.installed, k.err
}

func (k *kubernetes) Render(_ context.Context, r cluster.Release) ([]*object.Object, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.renders = append(k.renders, r)
	return k.rendered, k.renderErr
}

const component = urn.URN("urn:pulumi:s::p::picluster:tempo:Tempo::tempo")

func named(kind, name string) urn.URN {
	return urn.URN("urn:pulumi:s::p::picluster:tempo:Tempo$" + kind + "::" + name)
}

// resource returns a resource of a state, with the name it.
func resource(kind string, inputs map[string]any) *engine.Resource {
	return &engine.Resource{URN: named(kind, "it"), Type: kind, Custom: true, Parent: component, Inputs: inputs}
}

// outputs returns the stack itself.
func outputs(values map[string]any) *engine.Resource {
	return &engine.Resource{URN: "urn:pulumi:s::p::pulumi:pulumi:Stack::p-s", Type: "pulumi:pulumi:Stack", Outputs: values}
}

// system returns the namespace that identifies the cluster, as the program reads it.
func system(uid any) *engine.Resource {
	return &engine.Resource{Type: engine.NamespaceType, ID: "kube-system", External: true, Outputs: map[string]any{"metadata": map[string]any{"uid": uid}}}
}

// updates returns a step that changes a resource to inputs.
func updates(r *engine.Resource, inputs map[string]any, changed ...string) engine.Step {
	next := *r
	next.Inputs = inputs
	return engine.Step{Op: apitype.OpUpdate, URN: r.URN, Old: r, New: &next, Changed: differ(changed)}
}

func differ(changed []string) map[string]apitype.PropertyDiff {
	all := map[string]apitype.PropertyDiff{}
	for _, path := range changed {
		all[path] = apitype.PropertyDiff{Kind: apitype.DiffUpdate}
	}
	return all
}

// manifest returns a ConfigMap n/NAME.
func manifest(name string, data map[string]any) map[string]any {
	return map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": name, "namespace": "n"}, "data": data}
}

func objectOf(inputs map[string]any) *object.Object {
	return (&object.Object{Object: inputs}).DeepCopy()
}

// live returns a ConfigMap of the cluster: its fields owned are Pulumi's, and the
// fields edited are of kubectl.
func live(name string, owned, edited map[string]any) *object.Object {
	data := maps.Clone(owned)
	maps.Copy(data, edited)
	o := objectOf(manifest(name, data))
	entry := func(manager string, of map[string]any) map[string]any {
		fields := map[string]any{}
		for key := range of {
			fields["f:"+key] = map[string]any{}
		}
		return map[string]any{"manager": manager, "operation": "Update", "time": "2026-01-02T03:04:05Z", "fieldsType": "FieldsV1", "fieldsV1": map[string]any{"f:data": fields}}
	}
	managed := []any{entry("pulumi-kubernetes", owned)}
	if edited != nil {
		managed = append(managed, entry("kubectl-edit", edited))
	}
	o.Object["metadata"].(map[string]any)["managedFields"] = managed
	return o
}

// found are findings in brief: what, is, and what becomes of them.
func found(findings []Finding) []string {
	var lines []string
	for _, f := range findings {
		lines = append(lines, f.What+" "+f.Is+": "+f.after())
	}
	slices.Sort(lines)
	return lines
}
