// Package componenttest runs a Pulumi program on a mock of the engine, and records what it registers: inputs,
// parents, providers, dependencies, aliases, protection, secrets. It is for tests of the
// components, and of programs that use them.
//
//	func TestProgram(t *testing.T) {
//		resources, err := componenttest.Run(t, false, nil, func(ctx *pulumi.Context) error {
//			_, err := objectstore.New(ctx, "photos", &objectstore.Args{
//				Bucket: pulumi.String("photos"),
//				User:   pulumi.String("photos"),
//			})
//			return err
//		})
//		require.NoError(t, err)
//		user := componenttest.Find(t, resources, "minio:index/iamUser:IamUser", "photos-user")
//		assert.True(t, componenttest.WaitsFor(user, "photos-bucket"))
//	}
//
// Run fails the test if two resources have one URN, which the engine rejects.
package componenttest

import (
	"cmp"
	"encoding/base64"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
)

// Resource is a resource that the program registered or read.
type Resource struct {
	// Type is the type token, and Name the resource's name in the program.
	Type, Name string
	// URN is the name that the engine has for the resource.
	URN string
	// Parent is the parent's URN.
	Parent string
	// Inputs are the inputs. A secret is a secret, and an unknown value is missing.
	Inputs resource.PropertyMap
	// Outputs are the outputs that a component registers; nil if it registers none.
	Outputs resource.PropertyMap
	// Custom is true for a provider's resource, and false for a component.
	Custom bool
	// ID is the id of a resource that is read and not created; empty for all others.
	ID string
	// Provider is the explicit provider of a custom resource, as URN::ID; empty for the
	// default one.
	Provider string
	// Providers are the explicit providers that a component hands to its children, as
	// URN::ID by package.
	Providers map[string]string
	// Protect and RetainOnDelete are those options of the resource, or of its parent if the
	// resource does not set them, as the engine has it; nil if none sets them.
	Protect, RetainOnDelete *bool
	// Dependencies are the URNs of the resources that it waits for, in order. The SDK sends
	// none for what is read.
	Dependencies []string
	// PropertyDependencies are the URNs that each input comes from.
	PropertyDependencies map[string][]string
	// Aliases are the earlier names of the resource.
	Aliases []Alias
	// IgnoreChanges are the inputs whose changes have no effect.
	IgnoreChanges []string
	// ReplaceOnChanges are the inputs whose changes replace the resource.
	ReplaceOnChanges []string
	// DeleteBeforeReplace is true if a replacement deletes the previous resource first.
	DeleteBeforeReplace bool
	// AdditionalSecretOutputs are the outputs that the engine encrypts for the program.
	AdditionalSecretOutputs []string
}

// Alias is an earlier name of a resource: URN, or what of it was different.
type Alias struct {
	URN, Name, Type, Parent string
	NoParent                bool
}

// Program is what a program exports and logs.
type Program struct {
	// Outputs are the stack's outputs.
	Outputs resource.PropertyMap
	// Warnings are the warnings that the program logs.
	Warnings []string
}

// Into has Run store in p what the program exports and logs.
func Into(p *Program) Option {
	return func(m *monitor) { m.program = p }
}

// Option changes how Run runs a program.
type Option func(*monitor)

// Project sets the project and the stack that the program runs in. Default: picluster and test.
func Project(project, stack string) Option {
	return func(m *monitor) { m.project, m.stack = project, stack }
}

// SecretData sets what each Kubernetes Secret holds that the program reads, in plain text.
// Default: KeptUser and KeptKey.
func SecretData(data map[string]string) Option {
	return func(m *monitor) { m.secretData = data }
}

// Outputs sets the outputs that the provider of a type adds to a resource's inputs, in place of
// the mocks' own.
func Outputs(token string, outputs func(Resource) resource.PropertyMap) Option {
	return func(m *monitor) { m.outputs[token] = outputs }
}

const (
	// SecretKey is the result of each RandomPassword.
	SecretKey = "0123456789abcdefghijABCDEFGHIJ0123456789"
	// ClusterUID is the UID of each Kubernetes object that is read.
	ClusterUID = "0f2b6e0c-7d5b-4b53-9a52-1d0d4a7f5c11"
	// KeptUser and KeptKey are the keys in a Secret that is read.
	KeptUser = "tempo"
	KeptKey  = "keptByVault0123456789"
)

// Run runs program on a stack with the given configuration, as an update or as a preview. A
// preview knows the outputs of what is read, and none of what is created. Run returns the
// resources in the order of their registration.
//
// The configuration has a kubeconfig of a Kubernetes API without pods, so that no program
// reaches a cluster.
func Run(t testing.TB, preview bool, config map[string]string, program pulumi.RunFunc, options ...Option) ([]Resource, error) {
	t.Helper()
	m := &monitor{
		project: "picluster", stack: "test", preview: preview,
		secretData: map[string]string{"MINIO_ACCESS_KEY_ID": KeptUser, "MINIO_SECRET_ACCESS_KEY": KeptKey},
		outputs:    map[string]func(Resource) resource.PropertyMap{},
	}
	for _, option := range options {
		option(m)
	}
	withCluster := map[string]string{"kubernetes:kubeconfig": emptyCluster(t)}
	maps.Copy(withCluster, config)
	address := m.serve(t)
	err := pulumi.RunErr(program, func(info *pulumi.RunInfo) {
		info.Project, info.Stack = m.project, m.stack
		info.MonitorAddr, info.EngineAddr = address, address
		info.DryRun = preview
		info.Config = withCluster
		info.ConfigSecretKeys = []string{"minio:minioPassword"}
	})
	m.mu.Lock()
	defer m.mu.Unlock()
	seen := map[string]bool{}
	for _, r := range m.resources {
		assert.False(t, seen[r.URN], "two resources have the URN %s", r.URN)
		seen[r.URN] = true
	}
	return m.resources, err
}

// Find returns the one resource of a type and name. The test fails if there is none, or more
// than one.
func Find(t testing.TB, resources []Resource, token, name string) Resource {
	t.Helper()
	var found []Resource
	var have []string
	for _, r := range resources {
		have = append(have, r.Type+" "+r.Name)
		if r.Type == token && r.Name == name {
			found = append(found, r)
		}
	}
	if !assert.Len(t, found, 1, "%s %s among\n%s", token, name, strings.Join(have, "\n")) {
		t.FailNow()
	}
	return found[0]
}

// Has returns whether inputs have a key. (A PropertyMap's keys are no strings, so that
// assert.NotContains of a string always passes.)
func Has(inputs resource.PropertyMap, key string) bool {
	_, ok := inputs[resource.PropertyKey(key)]
	return ok
}

// Secret asserts that v is a secret, and returns its plain value.
func Secret(t testing.TB, v resource.PropertyValue) resource.PropertyValue {
	t.Helper()
	if !assert.True(t, v.IsSecret(), "is not a secret: %v", v) {
		t.FailNow()
	}
	return v.SecretValue().Element
}

// WaitsFor returns whether the resource depends on a resource of the name.
func WaitsFor(r Resource, name string) bool {
	return slices.ContainsFunc(r.Dependencies, func(urn string) bool { return resource.URN(urn).Name() == name })
}

// Waits returns the names of the custom resources that each custom resource depends on, in
// order, by the resource's own name: the wiring of a program as one value.
func Waits(resources []Resource) map[string][]string {
	custom := map[string]string{}
	for _, r := range resources {
		if r.Custom {
			custom[r.URN] = r.Name
		}
	}
	waits := map[string][]string{}
	for _, r := range resources {
		if !r.Custom {
			continue
		}
		names := []string{}
		for _, urn := range r.Dependencies {
			if name, ok := custom[urn]; ok {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		waits[r.Name] = slices.Compact(names)
	}
	return waits
}

// AssertParents asserts that each custom resource that is created has a component of the
// program as its parent, but for providers.
func AssertParents(t testing.TB, resources []Resource) {
	t.Helper()
	components := map[string]bool{}
	for _, r := range resources {
		components[r.URN] = !r.Custom
	}
	for _, r := range resources {
		if r.Custom && r.ID == "" && !strings.HasPrefix(r.Type, "pulumi:providers:") {
			assert.True(t, components[r.Parent], "%s %s has no component as its parent", r.Type, r.Name)
		}
	}
}

// AssertSet asserts that an option of a resource, such as Protect, is set to want.
func AssertSet(t testing.TB, want bool, option *bool, message ...any) {
	t.Helper()
	if assert.NotNil(t, option, message...) {
		assert.Equal(t, want, *option, message...)
	}
}

type monitor struct {
	project, stack string
	preview        bool
	secretData     map[string]string
	outputs        map[string]func(Resource) resource.PropertyMap

	mu        sync.Mutex
	resources []Resource
	program   *Program
}

// inherit gives the resource what the engine lets it inherit.
func (r *Resource) inherit(parent Resource) {
	r.Protect = cmp.Or(r.Protect, parent.Protect)
	r.RetainOnDelete = cmp.Or(r.RetainOnDelete, parent.RetainOnDelete)
}

// outputsOf returns the outputs of a custom resource.
func (m *monitor) outputsOf(r Resource) resource.PropertyMap {
	outputs := r.Inputs.Copy()
	if more, ok := m.outputs[r.Type]; ok {
		maps.Copy(outputs, more(r))
		return outputs
	}
	switch {
	case r.Type == "random:index/randomPassword:RandomPassword":
		outputs["result"] = resource.MakeSecret(resource.NewProperty(SecretKey))
	case r.ID != "" && r.Type == "minio:index/s3Bucket:S3Bucket":
		outputs["bucket"] = resource.NewProperty(r.ID)
	case r.ID != "" && strings.HasPrefix(r.Type, "kubernetes:"):
		outputs["metadata"] = resource.NewProperty(resource.PropertyMap{
			"name": resource.NewProperty(path.Base(r.ID)),
			"uid":  resource.NewProperty(ClusterUID),
		})
		data := resource.PropertyMap{}
		for key, value := range m.secretData {
			data[resource.PropertyKey(key)] = resource.NewProperty(base64.StdEncoding.EncodeToString([]byte(value)))
		}
		outputs["data"] = resource.MakeSecret(resource.NewProperty(data))
	}
	return outputs
}

// idOf returns the id as the providers have it: the path of a Kubernetes object, and the name of
// another resource with the suffix -id.
func idOf(r Resource) string {
	if r.ID != "" {
		return r.ID
	}
	metadata, ok := r.Inputs["metadata"]
	if !ok || !metadata.IsObject() || !metadata.ObjectValue()["name"].IsString() {
		return r.Name + "-id"
	}
	name := metadata.ObjectValue()["name"].StringValue()
	if namespace := metadata.ObjectValue()["namespace"]; namespace.IsString() {
		return namespace.StringValue() + "/" + name
	}
	return name
}
