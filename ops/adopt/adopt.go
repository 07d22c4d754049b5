// Package adopt finds what a stack would create and exists already: a bucket with
// its objects, a user, a policy, a namespace, a release.
package adopt

import (
	"context"
	"errors"
	"slices"

	"github.com/picluster/picluster/ops/engine"
	"github.com/picluster/picluster/ops/object"
	"github.com/picluster/picluster/ops/objectstore"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optimport"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"helm.sh/helm/v3/pkg/release"
)

// Store is the part of *objectstore.Store that a Finder uses.
type Store interface {
	HasBucket(ctx context.Context, bucket string) (bool, error)
	User(ctx context.Context, name string) (*objectstore.User, error)
	Policy(ctx context.Context, name string) (string, error)
}

// Cluster is the part of *cluster.Cluster that a Finder uses.
type Cluster interface {
	Record(namespace, name string) (*release.Release, error)
	Get(ctx context.Context, manifest *object.Object) (*object.Object, error)
}

// Finder looks for what a stack would create.
type Finder struct {
	Store   Store
	Cluster Cluster
	// ReplacesUser is true if the next up deletes the imported user. Then the attachment of its
	// policy is not imported, because the state of an imported resource has no dependencies: Pulumi
	// would delete the user and the attachment at once, and one of the two would fail.
	ReplacesUser bool
}

// Find returns what exists already of what steps would create, and how it is
// imported.
//
// `pulumi preview --import-file` writes such a file too, but does not distinguish components of
// the same name, which a stack has.
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

// addParent adds a component and its own parents: by its URN if it is in the state, or else
// to be created.
func addParent(imports *engine.Imports, parent urn.URN, steps []engine.Step) {
	created := slices.IndexFunc(steps, func(s engine.Step) bool { return s.URN == parent && s.Op == apitype.OpCreate })
	if created < 0 {
		imports.NameTable[string(parent)] = string(parent)
		return
	}
	if slices.ContainsFunc(imports.Resources, func(r *optimport.ImportResource) bool { return r.Name == string(parent) }) {
		return
	}
	component := &optimport.ImportResource{Type: string(parent.Type()), Name: string(parent), LogicalName: parent.Name(), Component: true}
	// Without its parent the component would have another URN than the program gives it,
	// and the next up would delete what was imported under it.
	if above := steps[created].New.Parent; above != "" && above.Type() != tokens.RootStackType {
		addParent(imports, above, steps)
		component.Parent = string(above)
	}
	imports.Resources = append(imports.Resources, component)
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
		if record != nil && err == nil {
			err = errors.Join(named(r, record), retained(r, record))
		}
		return there(record != nil, r.Text("namespace")+"/"+name, err)
	}
	manifest := r.Object()
	if manifest == nil {
		return "", nil // a random key cannot exist before
	}
	live, err := f.Cluster.Get(ctx, manifest)
	id := manifest.GetName()
	if namespace := manifest.GetNamespace(); namespace != "" {
		id = namespace + "/" + id
	}
	return there(live != nil, id, err)
}
