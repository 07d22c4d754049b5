// Package adopt finds what a stack would create and exists already: a bucket with
// its objects, a user, a policy, a namespace, a release.
package adopt

import (
	"context"
	"slices"

	"github.com/picluster/picluster/ops/engine"
	"github.com/picluster/picluster/ops/object"
	"github.com/picluster/picluster/ops/objectstore"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optimport"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
	"helm.sh/helm/v3/pkg/release"
)

// Store is what is asked of an *objectstore.Store.
type Store interface {
	HasBucket(ctx context.Context, bucket string) (bool, error)
	User(ctx context.Context, name string) (*objectstore.User, error)
	Policy(ctx context.Context, name string) (string, error)
}

// Cluster is what is asked of a *cluster.Cluster.
type Cluster interface {
	Record(namespace, name string) (*release.Release, error)
	Get(ctx context.Context, manifest *object.Object) (*object.Object, error)
}

// Finder looks for what a stack would create.
type Finder struct {
	Store   Store
	Cluster Cluster
	// ReplacesUser says that the next up deletes the imported user. The attachment of its
	// policy is not imported then: Pulumi knows of nothing that is imported what it
	// depends on, and would delete both at once, of which one fails.
	ReplacesUser bool
}

// Find returns what exists already of what steps would create, and how it is
// imported.
//
// `pulumi preview --import-file` writes such a file too, but takes two components
// of one name, which those of a stack are, for one.
func (f Finder) Find(ctx context.Context, steps []engine.Step) ([]*engine.Resource, engine.Imports, error) {
	imports := engine.Imports{NameTable: map[string]string{}}
	var found []*engine.Resource
	for _, s := range steps {
		if s.Op != apitype.OpCreate || !s.New.Custom {
			continue
		}
		id, err := f.id(ctx, s.New)
		if err != nil {
			return nil, imports, err
		}
		if id == "" {
			continue
		}
		found = append(found, s.New)
		addParent(&imports, s.New.Parent, steps)
		r := &optimport.ImportResource{
			Type:        s.New.Type,
			Name:        string(s.URN),
			LogicalName: s.URN.Name(),
			ID:          id,
			Parent:      string(s.New.Parent),
			Version:     s.New.DefaultProviderVersion(),
		}
		if r.Version == "" { // an explicit provider, by its URN
			r.Provider = s.New.ProviderName()
			imports.NameTable[r.Provider] = s.New.ProviderURN()
		}
		imports.Resources = append(imports.Resources, r)
	}
	return found, imports, nil
}

// addParent adds a component: by its URN if it is in the state, or else to be
// created.
func addParent(imports *engine.Imports, parent urn.URN, steps []engine.Step) {
	created := slices.ContainsFunc(steps, func(s engine.Step) bool { return s.URN == parent && s.Op == apitype.OpCreate })
	if !created {
		imports.NameTable[string(parent)] = string(parent)
		return
	}
	if !slices.ContainsFunc(imports.Resources, func(r *optimport.ImportResource) bool { return r.Name == string(parent) }) {
		imports.Resources = append(imports.Resources,
			&optimport.ImportResource{Type: string(parent.Type()), Name: string(parent), LogicalName: parent.Name(), Component: true})
	}
}

// id returns the id by which a resource's provider imports it; empty if there is
// nothing to import.
func (f Finder) id(ctx context.Context, r *engine.Resource) (string, error) {
	there := func(is bool, id string, err error) (string, error) {
		if err != nil || !is {
			return "", err
		}
		return id, nil
	}
	switch name := r.Text("name"); r.Type {
	case engine.BucketType:
		is, err := f.Store.HasBucket(ctx, r.Text("bucket"))
		return there(is, r.Text("bucket"), err)
	case engine.UserType:
		user, err := f.Store.User(ctx, name)
		return there(user != nil, name, err)
	case engine.PolicyType:
		document, err := f.Store.Policy(ctx, name)
		return there(document != "", name, err)
	case engine.AttachmentType:
		if f.ReplacesUser {
			return "", nil
		}
		user, err := f.Store.User(ctx, r.Text("userName"))
		return there(user != nil && slices.Contains(user.Policies, r.Text("policyName")), r.Text("userName")+"/"+r.Text("policyName"), err)
	case engine.ReleaseType:
		record, err := f.Cluster.Record(r.Text("namespace"), name)
		return there(record != nil, r.Text("namespace")+"/"+name, err)
	}
	manifest := r.Object()
	if manifest == nil {
		return "", nil // a random key, of which there is none before
	}
	live, err := f.Cluster.Get(ctx, manifest)
	id := manifest.GetName()
	if namespace := manifest.GetNamespace(); namespace != "" {
		id = namespace + "/" + id
	}
	return there(live != nil, id, err)
}
