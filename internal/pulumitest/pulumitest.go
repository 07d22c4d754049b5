// Package pulumitest runs Pulumi programs on mocks and records what they
// register. The mocks let much pass that the engine does not, so Run checks what
// the engine would: URNs are unique, and every child has its parent.
package pulumitest

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
)

// Resource is one registered resource.
type Resource struct {
	Type, Name string
	// Parent is the parent's URN.
	Parent string
	// Inputs has secrets as secrets.
	Inputs resource.PropertyMap
	// Custom tells a provider's resource from a component.
	Custom bool
	// ID is the id of what is read and not made, if it is that.
	ID string
	// RetainOnDelete says if deleting it would leave the real thing in place.
	RetainOnDelete bool
	// Protect says if deleting or replacing it would stop with an error.
	Protect bool
	// Dependencies are the URNs of the resources that it waits for.
	Dependencies []string
	// IgnoreChanges are the properties whose changes have no effect.
	IgnoreChanges []string
	// AdditionalSecretOutputs are the outputs that the program has encrypted.
	AdditionalSecretOutputs []string
}

// urn is the name that the engine has for the resource: of its parents it has the
// types, and not the names, so that a fixed name of a child is not unique.
func (r Resource) urn() resource.URN {
	var parents tokens.Type
	if r.Parent != "" {
		parents = resource.URN(r.Parent).QualifiedType()
	}
	return resource.NewURN("test", "picluster", parents, tokens.Type(r.Type), r.Name)
}

// Has says if inputs have a key. (A PropertyMap's keys are no strings, so that
// assert.NotContains of a string always passes.)
func Has(inputs resource.PropertyMap, key string) bool {
	_, ok := inputs[resource.PropertyKey(key)]
	return ok
}

// Run runs program, on a stack named test with the given configuration, as an
// update, or as a preview in which no provider knows any output. Known still are
// SecretKey and its user, which go into a Secret: the mocks cannot send a secret
// that is unknown. Run returns the resources in the order of their registration.
func Run(t *testing.T, preview bool, config map[string]string, program pulumi.RunFunc) ([]Resource, error) {
	t.Helper()
	m := &monitor{preview: preview}
	withCluster := map[string]string{"kubernetes:kubeconfig": readyCluster(t)}
	maps.Copy(withCluster, config)
	err := pulumi.RunErr(program, pulumi.WithMocks("picluster", "test", m), func(info *pulumi.RunInfo) {
		info.DryRun = preview
		info.Config = withCluster
		info.ConfigSecretKeys = []string{"minio:minioPassword"}
	})

	seen := map[resource.URN]bool{}
	for _, r := range m.resources {
		urn := r.urn()
		assert.False(t, seen[urn], "two resources have the URN %s", urn)
		seen[urn] = true
		if r.Custom && r.ID == "" {
			assert.Contains(t, r.Parent, "::picluster:", "%s %s has no component as its parent", r.Type, r.Name)
		}
	}
	return m.resources, err
}

// ClusterUID is the UID of every namespace that is read.
const ClusterUID = "0f2b6e0c-7d5b-4b53-9a52-1d0d4a7f5c11"

// readyCluster serves a Kubernetes API in which each release has a workload without pods,
// and returns a kubeconfig for it: a program that waits for pods must not reach a real
// cluster.
func readyCluster(t *testing.T) (kubeconfig string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		items := "[]"
		if strings.HasSuffix(r.URL.Path, "/statefulsets") {
			items = `[{"metadata":{"name":"idle"},"spec":{"replicas":0}}]`
		}
		fmt.Fprintf(w, `{"kind":"List","apiVersion":"v1","metadata":{},"items":%s}`, items)
	}))
	t.Cleanup(server.Close)
	return fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"test",
		"clusters":[{"name":"test","cluster":{"server":%q}}],
		"contexts":[{"name":"test","context":{"cluster":"test"}}]}`, server.URL)
}

// Find returns the one resource of a type and name.
func Find(t *testing.T, resources []Resource, typ, name string) Resource {
	t.Helper()
	var found []Resource
	var have []string
	for _, r := range resources {
		have = append(have, r.Type+" "+r.Name)
		if r.Type == typ && r.Name == name {
			found = append(found, r)
		}
	}
	if !assert.Len(t, found, 1, "%s %s among\n%s", typ, name, strings.Join(have, "\n")) {
		t.FailNow()
	}
	return found[0]
}

// Secret asserts that v is a secret, and returns what it holds.
func Secret(t *testing.T, v resource.PropertyValue) resource.PropertyValue {
	t.Helper()
	if !assert.True(t, v.IsSecret(), "is not a secret: %v", v) {
		t.FailNow()
	}
	return v.SecretValue().Element
}

// Kept is what any Secret holds that is not made here, in base64.
var Kept = resource.PropertyMap{
	"MINIO_ACCESS_KEY_ID":     resource.NewProperty("dGVtcG8="),
	"MINIO_SECRET_ACCESS_KEY": resource.NewProperty("a2VwdEJ5VmF1bHQwMTIzNDU2Nzg5"),
}

// SecretKey is the key that the mocks make up for a RandomPassword.
const SecretKey = "0123456789abcdefghijABCDEFGHIJ0123456789"

type monitor struct {
	preview bool

	mu        sync.Mutex
	resources []Resource
}

func (m *monitor) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	rpc, parent := args.RegisterRPC, args.RegisterRPC.GetParent()
	if args.ReadRPC != nil {
		parent = args.ReadRPC.GetParent()
	}
	r := Resource{
		Type:                    args.TypeToken,
		Name:                    args.Name,
		Parent:                  parent,
		Inputs:                  args.Inputs,
		Custom:                  args.Custom || args.ReadRPC != nil,
		ID:                      args.ID,
		RetainOnDelete:          rpc.GetRetainOnDelete(),
		Protect:                 rpc.GetProtect(),
		Dependencies:            rpc.GetDependencies(),
		IgnoreChanges:           rpc.GetIgnoreChanges(),
		AdditionalSecretOutputs: rpc.GetAdditionalSecretOutputs(),
	}
	m.resources = append(m.resources, r)
	if !r.Custom {
		return "", resource.PropertyMap{}, nil
	}

	outputs := args.Inputs.Copy()
	if args.TypeToken == "random:index/randomPassword:RandomPassword" {
		outputs["result"] = resource.MakeSecret(resource.NewProperty(SecretKey))
		return args.Name + "-id", outputs, nil
	}
	if args.ReadRPC != nil { // the cluster's namespace, or a Secret that is managed elsewhere
		outputs["metadata"] = resource.NewProperty(resource.PropertyMap{
			"name": resource.NewProperty(args.ID),
			"uid":  resource.NewProperty(ClusterUID),
		})
		outputs["data"] = resource.MakeSecret(resource.NewProperty(Kept))
	}
	if m.preview && !strings.HasPrefix(args.TypeToken, "minio:index/iamUser") {
		return "", resource.PropertyMap{}, nil
	}
	return args.Name + "-id", outputs, nil
}

func (m *monitor) Call(pulumi.MockCallArgs) (resource.PropertyMap, error) {
	return resource.PropertyMap{}, nil
}
