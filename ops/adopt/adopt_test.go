package adopt_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/picluster/picluster/ops/adopt"
	"github.com/picluster/picluster/ops/engine"
	"github.com/picluster/picluster/ops/object"
	"github.com/picluster/picluster/ops/objectstore"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optimport"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"helm.sh/helm/v3/pkg/release"
)

// servers are a MinIO and a cluster that have what its fields name.
type servers struct {
	buckets  []string
	users    map[string][]string // their policies
	policies map[string]string
	releases []string // NAMESPACE/RELEASE
	manifest string   // of each release
	config   map[string]any
	objects  []string // as object.Name has them
	err      error
}

func (s *servers) HasBucket(_ context.Context, bucket string) (bool, error) {
	return slices.Contains(s.buckets, bucket), s.err
}

func (s *servers) User(_ context.Context, name string) (*objectstore.User, error) {
	policies, found := s.users[name]
	if !found {
		return nil, s.err
	}
	return &objectstore.User{Enabled: true, Policies: policies}, s.err
}

func (s *servers) Policy(_ context.Context, name string) (string, error) {
	return s.policies[name], s.err
}

func (s *servers) Record(namespace, name string) (*release.Release, error) {
	if !slices.Contains(s.releases, namespace+"/"+name) {
		return nil, s.err
	}
	return &release.Release{Manifest: s.manifest, Config: s.config}, s.err
}

func (s *servers) Get(_ context.Context, manifest *object.Object) (*object.Object, error) {
	if !slices.Contains(s.objects, object.Name(manifest)) {
		return nil, s.err
	}
	return manifest, s.err
}

const (
	component = urn.URN("urn:pulumi:s::p::picluster:tempo:Tempo::tempo")
	minio     = "urn:pulumi:s::p::pulumi:providers:minio::default_0_16_3"
)

// creates returns a step that creates a resource.
func creates(kind string, inputs map[string]any) engine.Step {
	name := urn.URN("urn:pulumi:s::p::picluster:tempo:Tempo$" + kind + "::it")
	return engine.Step{Op: apitype.OpCreate, URN: name, New: &engine.Resource{
		URN: name, Type: kind, Custom: true, Parent: component, Inputs: inputs, Provider: minio + "::id",
	}}
}

func manifest(kind, namespace string) map[string]any {
	metadata := map[string]any{"name": "it"}
	if namespace != "" {
		metadata["namespace"] = namespace
	}
	return map[string]any{"apiVersion": "v1", "kind": kind, "metadata": metadata}
}

func TestFindByKind(t *testing.T) {
	const secretType = "kubernetes:core/v1:Secret"
	for name, test := range map[string]struct {
		step engine.Step
		have servers
		id   string
	}{
		"bucket":                    {creates(engine.BucketType, map[string]any{"bucket": "b"}), servers{buckets: []string{"b"}}, "b"},
		"no bucket":                 {creates(engine.BucketType, map[string]any{"bucket": "b"}), servers{buckets: []string{"c"}}, ""},
		"user":                      {creates(engine.UserType, map[string]any{"name": "u"}), servers{users: map[string][]string{"u": nil}}, "u"},
		"no user":                   {creates(engine.UserType, map[string]any{"name": "u"}), servers{}, ""},
		"policy":                    {creates(engine.PolicyType, map[string]any{"name": "p"}), servers{policies: map[string]string{"p": "{}"}}, "p"},
		"no policy":                 {creates(engine.PolicyType, map[string]any{"name": "p"}), servers{policies: map[string]string{"q": "{}"}}, ""},
		"attachment":                {creates(engine.AttachmentType, map[string]any{"userName": "u", "policyName": "p"}), servers{users: map[string][]string{"u": {"o", "p"}}}, "u/p"},
		"attachment of another":     {creates(engine.AttachmentType, map[string]any{"userName": "u", "policyName": "p"}), servers{users: map[string][]string{"u": {"o"}}}, ""},
		"attachment without a user": {creates(engine.AttachmentType, map[string]any{"userName": "u", "policyName": "p"}), servers{}, ""},
		"release":                   {creates(engine.ReleaseType, map[string]any{"namespace": "n", "name": "r"}), servers{releases: []string{"n/r"}}, "n/r"},
		"release elsewhere":         {creates(engine.ReleaseType, map[string]any{"namespace": "n", "name": "r"}), servers{releases: []string{"m/r"}}, ""},
		"namespace":                 {creates(engine.NamespaceType, manifest("Namespace", "")), servers{objects: []string{"Namespace it"}}, "it"},
		"no namespace":              {creates(engine.NamespaceType, manifest("Namespace", "")), servers{}, ""},
		"object":                    {creates(secretType, manifest("Secret", "n")), servers{objects: []string{"Secret n/it"}}, "n/it"},
		"object elsewhere":          {creates(secretType, manifest("Secret", "n")), servers{objects: []string{"Secret m/it"}}, ""},
		"random key":                {creates(engine.PasswordType, nil), servers{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			found, imports, err := adopt.Finder{Store: &test.have, Cluster: &test.have}.Find(t.Context(), []engine.Step{test.step})
			require.NoError(t, err)
			if test.id == "" {
				assert.Empty(t, found)
				assert.Empty(t, imports.Resources)
				assert.Empty(t, imports.NameTable)
				return
			}
			assert.Equal(t, []*engine.Resource{test.step.New}, found)
			assert.Equal(t, []*optimport.ImportResource{{
				Type: test.step.New.Type, Name: string(test.step.URN), LogicalName: "it", ID: test.id, Parent: string(component), Version: "0.16.3",
			}}, imports.Resources)
		})
	}
}

// An attachment is not imported that the next up deletes with its user.
func TestFindOfAUserThatIsReplaced(t *testing.T) {
	s := &servers{users: map[string][]string{"tempo": {"tempo"}}}
	steps := []engine.Step{
		creates(engine.UserType, map[string]any{"name": "tempo"}),
		creates(engine.AttachmentType, map[string]any{"userName": "tempo", "policyName": "tempo"}),
	}
	for replaces, want := range map[bool]int{false: 2, true: 1} {
		found, _, err := adopt.Finder{Store: s, Cluster: s, ReplacesUser: replaces}.Find(t.Context(), steps)
		require.NoError(t, err)
		assert.Len(t, found, want)
	}
}

func TestFindOnlyWhatIsCreated(t *testing.T) {
	have := &servers{buckets: []string{"b"}}
	for _, op := range []apitype.OpType{apitype.OpSame, apitype.OpUpdate, apitype.OpCreateReplacement, apitype.OpDelete, apitype.OpRead} {
		s := creates(engine.BucketType, map[string]any{"bucket": "b"})
		s.Op = op
		found, _, err := adopt.Finder{Store: have, Cluster: have}.Find(t.Context(), []engine.Step{s})
		require.NoError(t, err)
		assert.Empty(t, found, op)
	}
	s := creates(engine.BucketType, map[string]any{"bucket": "b"})
	s.New.Custom = false
	found, _, err := adopt.Finder{Store: have, Cluster: have}.Find(t.Context(), []engine.Step{s})
	require.NoError(t, err)
	assert.Empty(t, found, "a component is never imported")
}

// A default provider is named by its version, an explicit one by its URN.
func TestFindProvider(t *testing.T) {
	const explicit = "urn:pulumi:s::p::picluster:tempo:Tempo$pulumi:providers:minio::own"
	s := creates(engine.BucketType, map[string]any{"bucket": "b"})
	s.New.Provider = explicit + "::id"
	have := &servers{buckets: []string{"b"}}
	_, imports, err := adopt.Finder{Store: have, Cluster: have}.Find(t.Context(), []engine.Step{s})
	require.NoError(t, err)
	require.Len(t, imports.Resources, 1)
	assert.Empty(t, imports.Resources[0].Version)
	assert.Equal(t, "own", imports.Resources[0].Provider)
	assert.Equal(t, map[string]string{"own": explicit, string(component): string(component)}, imports.NameTable)
}

// Components of the same name, one of them in the state, are not taken for one.
func TestFindParents(t *testing.T) {
	const known, created = urn.URN("urn:pulumi:s::p::picluster:a:A::tempo"), urn.URN("urn:pulumi:s::p::picluster:b:B::tempo")
	bucket := func(name string, parent urn.URN) engine.Step {
		s := creates(engine.BucketType, map[string]any{"bucket": name})
		s.New.Parent = parent
		return s
	}
	have := &servers{buckets: []string{"one", "two", "three"}}
	_, imports, err := adopt.Finder{Store: have, Cluster: have}.Find(t.Context(), []engine.Step{
		{Op: apitype.OpSame, URN: known, Old: &engine.Resource{}, New: &engine.Resource{}},
		{Op: apitype.OpCreate, URN: created, New: &engine.Resource{}},
		bucket("one", known), bucket("two", created), bucket("three", created),
	})
	require.NoError(t, err)
	assert.Equal(t, map[string]string{string(known): string(known)}, imports.NameTable)
	var components []*optimport.ImportResource
	for _, r := range imports.Resources {
		if r.Component {
			components = append(components, r)
		}
	}
	assert.Equal(t, []*optimport.ImportResource{{Type: "picluster:b:B", Name: string(created), LogicalName: "tempo", Component: true}}, components)
	require.Len(t, imports.Resources, 4)
	assert.Equal(t, "one", imports.Resources[0].ID)
	assert.True(t, imports.Resources[1].Component, "a component is created before what is imported into it")
	assert.Equal(t, []string{"two", "three"}, []string{imports.Resources[2].ID, imports.Resources[3].ID})
}

// A component of a component keeps its place: elsewhere it would have another URN.
func TestFindNestedComponents(t *testing.T) {
	const stack, outer, inner = urn.URN("urn:pulumi:s::p::pulumi:pulumi:Stack::p-s"), urn.URN("urn:pulumi:s::p::picluster:a:A::tempo"), urn.URN("urn:pulumi:s::p::picluster:a:A$picluster:b:B::tempo")
	bucket := creates(engine.BucketType, map[string]any{"bucket": "one"})
	bucket.New.Parent = inner
	have := &servers{buckets: []string{"one"}}
	_, imports, err := adopt.Finder{Store: have, Cluster: have}.Find(t.Context(), []engine.Step{
		{Op: apitype.OpCreate, URN: outer, New: &engine.Resource{Parent: stack}},
		{Op: apitype.OpCreate, URN: inner, New: &engine.Resource{Parent: outer}},
		bucket,
	})
	require.NoError(t, err)
	require.Len(t, imports.Resources, 3)
	assert.Equal(t, &optimport.ImportResource{Type: "picluster:a:A", Name: string(outer), LogicalName: "tempo", Component: true}, imports.Resources[0])
	assert.Equal(t, &optimport.ImportResource{Type: "picluster:b:B", Name: string(inner), LogicalName: "tempo", Component: true, Parent: string(outer)}, imports.Resources[1])
	assert.Equal(t, string(inner), imports.Resources[2].Parent)
}

func TestFindEndsWithAnError(t *testing.T) {
	down := errors.New("connection refused")
	for _, s := range []engine.Step{
		creates(engine.BucketType, map[string]any{"bucket": "b"}),
		creates(engine.UserType, map[string]any{"name": "u"}),
		creates(engine.PolicyType, map[string]any{"name": "p"}),
		creates(engine.AttachmentType, map[string]any{"userName": "u", "policyName": "p"}),
		creates(engine.ReleaseType, map[string]any{"namespace": "n", "name": "r"}),
		creates(engine.NamespaceType, manifest("Namespace", "")),
	} {
		have := &servers{err: down}
		found, imports, err := adopt.Finder{Store: have, Cluster: have}.Find(t.Context(), []engine.Step{s})
		assert.ErrorIs(t, err, down, s.New.Type)
		assert.Empty(t, found)
		assert.Empty(t, imports.Resources)
	}
}
