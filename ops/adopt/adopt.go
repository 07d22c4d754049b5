// Package adopt takes into a stack what is there already: a bucket with its
// objects, a user, a policy, a namespace, a release.
package adopt

import (
	"context"
	"slices"

	"github.com/picluster/picluster/ops/cluster"
	"github.com/picluster/picluster/ops/engine"
	"github.com/picluster/picluster/ops/objectstore"
)

// Finder looks for what a stack would make.
type Finder struct {
	Store   *objectstore.Store
	Cluster *cluster.Cluster
}

// Imports is what `pulumi import --file` reads. See
// https://www.pulumi.com/docs/iac/cli/commands/pulumi_import/.
type Imports struct {
	// NameTable has the URNs of the components that are in the state, by the names
	// that Resources have for them.
	NameTable map[string]engine.URN `json:"nameTable,omitempty"`
	Resources []Import              `json:"resources"`
}

// Import is one resource to import, or one component to make.
type Import struct {
	Type string `json:"type"`
	// Name is unique in the file; LogicalName is the resource's.
	Name        string `json:"name"`
	LogicalName string `json:"logicalName"`
	ID          string `json:"id,omitempty"`
	Parent      string `json:"parent,omitempty"`
	Version     string `json:"version,omitempty"`
	Component   bool   `json:"component,omitempty"`
}

// Find returns what is there already of what steps would create, and how it is
// imported.
//
// `pulumi preview --import-file` writes such a file too, but takes two components
// of one name, which those of a stack are, for one.
func (f Finder) Find(ctx context.Context, steps []engine.Step) ([]*engine.Resource, Imports, error) {
	imports := Imports{NameTable: map[string]engine.URN{}}
	var found []*engine.Resource
	for _, s := range steps {
		if s.Op != "create" || !s.New.Custom {
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
		imports.parent(s.New.Parent, steps)
		imports.Resources = append(imports.Resources, Import{
			Type:        s.New.Type,
			Name:        string(s.URN),
			LogicalName: s.URN.Name(),
			ID:          id,
			Parent:      string(s.New.Parent),
			Version:     s.New.ProviderVersion(),
		})
	}
	return found, imports, nil
}

// parent adds a component: by its URN if it is in the state, or else to be made.
func (i *Imports) parent(urn engine.URN, steps []engine.Step) {
	made := slices.ContainsFunc(steps, func(s engine.Step) bool { return s.URN == urn && s.Op == "create" })
	if !made {
		i.NameTable[string(urn)] = urn
		return
	}
	if !slices.ContainsFunc(i.Resources, func(r Import) bool { return r.Name == string(urn) }) {
		i.Resources = append(i.Resources, Import{Type: urn.Type(), Name: string(urn), LogicalName: urn.Name(), Component: true})
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
