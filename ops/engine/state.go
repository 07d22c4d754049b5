package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/picluster/picluster/ops/object"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/sig"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
)

// State is a stack's state, with its secrets in plain text. Never write it to a file.
type State struct {
	Resources []*Resource
	// Secrets are the texts that the state keeps encrypted.
	Secrets []string
	// Pending are the resources of operations that an interrupted update has begun.
	// Pulumi keeps the note of a creation also after a later update has done it.
	Pending []*Resource
	// Deleting are what a replacement has left to delete: the next update that ends does that, by
	// their names.
	Deleting []*Resource

	index  sync.Once
	byType map[string][]*Resource // without those that are only read
	byURN  map[urn.URN]*Resource
}

// Resource is one resource of a state or of a step.
type Resource struct {
	URN    urn.URN
	Type   string
	ID     string
	Custom bool
	// External is a resource that is managed elsewhere, and that the stack only reads.
	External bool
	// Parent is the URN of the component that it is in.
	Parent          urn.URN
	Inputs, Outputs map[string]any
	// Provider is the URN of the resource's provider, "::" and its ID.
	Provider string
}

// Text returns a text of the resource's: an output, or else an input. It is empty
// if there is none.
func (r *Resource) Text(key string) string {
	if text, ok := r.Outputs[key].(string); ok {
		return text
	}
	text, _ := r.Inputs[key].(string)
	return text
}

// ProviderURN returns the URN of the resource's provider.
func (r *Resource) ProviderURN() string {
	if at := strings.LastIndex(r.Provider, "::"); at >= 0 {
		return r.Provider[:at]
	}
	return ""
}

// ProviderName returns the name of the resource's provider, like default_4_24_0;
// empty if it is none.
func (r *Resource) ProviderName() string {
	if provider := r.ProviderURN(); provider != "" {
		return urn.URN(provider).Name()
	}
	return ""
}

// DefaultProviderVersion returns the version of the resource's provider, which the
// name of a default provider has; empty if it is an explicit one.
func (r *Resource) DefaultProviderVersion() string {
	version, found := strings.CutPrefix(r.ProviderName(), "default_")
	if !found {
		return ""
	}
	return strings.ReplaceAll(version, "_", ".")
}

// Object returns the manifest of a resource that is a Kubernetes object, or nil if
// it is none. The resource may be nil.
func (r *Resource) Object() *object.Object {
	if r == nil || !strings.HasPrefix(r.Type, "kubernetes:") || r.Inputs["apiVersion"] == nil || r.Inputs["kind"] == nil {
		return nil
	}
	return (&object.Object{Object: r.Inputs}).DeepCopy()
}

// State reads the stack's state. A stack that has never been up has no resources.
func (s *Stack) State(ctx context.Context) (*State, error) {
	export, err := s.api.Export(ctx)
	if err != nil {
		return nil, s.explained(ctx, err)
	}
	return parseState(export)
}

func parseState(export apitype.UntypedDeployment) (*State, error) {
	var deployment apitype.DeploymentV3
	if len(export.Deployment) > 0 {
		if err := json.Unmarshal(export.Deployment, &deployment); err != nil {
			return nil, fmt.Errorf("pulumi stack export: %w", err)
		}
	}
	state := &State{}
	read := func(r apitype.ResourceV3) *Resource {
		for _, properties := range []map[string]any{r.Inputs, r.Outputs} {
			for key, value := range properties {
				// Providers' own notes, as a whole, repeat what is stored elsewhere.
				if strings.HasPrefix(key, "__") {
					delete(properties, key)
					continue
				}
				properties[key] = state.reveal(value)
			}
		}
		return &Resource{
			URN: r.URN, Type: string(r.Type), ID: string(r.ID), Custom: r.Custom, External: r.External, Parent: r.Parent,
			Inputs: r.Inputs, Outputs: r.Outputs, Provider: r.Provider,
		}
	}
	for _, r := range deployment.Resources {
		if r.Delete {
			state.Deleting = append(state.Deleting, read(r))
			continue
		}
		state.Resources = append(state.Resources, read(r))
	}
	for _, operation := range deployment.PendingOperations {
		state.Pending = append(state.Pending, read(operation.Resource))
	}
	slices.Sort(state.Secrets)
	state.Secrets = slices.Compact(state.Secrets)
	return state, nil
}

// reveal returns a value with its secrets in plain text, and notes them. See
// apitype.SecretV1 for how a state that is exported with its secrets has them.
func (s *State) reveal(value any) any {
	switch value := value.(type) {
	case map[string]any:
		if value[sig.Key] == sig.Secret {
			var plain any
			text, _ := value["plaintext"].(string)
			if json.Unmarshal([]byte(text), &plain) != nil {
				return nil
			}
			s.note(plain)
			return plain
		}
		for key, child := range value {
			value[key] = s.reveal(child)
		}
	case []any:
		for i, child := range value {
			value[i] = s.reveal(child)
		}
	}
	return value
}

func (s *State) note(value any) {
	switch value := value.(type) {
	case string:
		s.Secrets = append(s.Secrets, value)
	case map[string]any:
		for _, child := range value {
			s.note(child)
		}
	case []any:
		for _, child := range value {
			s.note(child)
		}
	}
}

// Of returns the resources of a type that are the stack's own. The slice is the
// state's: do not change it.
func (s *State) Of(kind string) []*Resource {
	s.index.Do(s.buildIndex)
	return s.byType[kind]
}

// Find returns the resource of a URN, or nil.
func (s *State) Find(name urn.URN) *Resource {
	s.index.Do(s.buildIndex)
	return s.byURN[name]
}

// buildIndex indexes the resources, because a stack of hundreds of tenants would search all of
// them once a resource.
func (s *State) buildIndex() {
	s.byType, s.byURN = map[string][]*Resource{}, map[urn.URN]*Resource{}
	for _, r := range s.Resources {
		s.byURN[r.URN] = r
		if !r.External {
			s.byType[r.Type] = append(s.byType[r.Type], r)
		}
	}
}

// Output returns an output of the stack, or nil.
func (s *State) Output(name string) any {
	for _, stack := range s.Of("pulumi:pulumi:Stack") {
		return stack.Outputs[name]
	}
	return nil
}

// ClusterUID returns what identifies the cluster that the stack was brought up on: the
// UID of the namespace kube-system, which the program reads. It is empty for a stack
// that only earlier versions have brought up. The output clusterUid has it too, but
// an up that fails leaves a stack without outputs.
func (s *State) ClusterUID() string {
	for _, r := range s.Resources {
		if r.External && r.Type == NamespaceType && r.ID == "kube-system" {
			metadata, _ := r.Outputs["metadata"].(map[string]any)
			uid, _ := metadata["uid"].(string)
			return uid
		}
	}
	return ""
}

// Provider returns the provider of a resource; an empty Resource if the state has none.
func (s *State) Provider(of *Resource) *Resource {
	for _, r := range s.Resources {
		if of.Provider == string(r.URN)+"::"+r.ID {
			return r
		}
	}
	return &Resource{}
}

// KeyVersion returns the newest version of the bucket users' keys; 0 if there is none. From
// version 2 on, the names of the users' resources end with it.
func (s *State) KeyVersion() int {
	newest := 0
	for _, r := range s.Of(UserType) {
		version := 1
		if found := versionSuffix.FindStringSubmatch(r.URN.Name()); found != nil {
			version, _ = strconv.Atoi(found[1])
		}
		newest = max(newest, version)
	}
	return newest
}

var versionSuffix = regexp.MustCompile(`-user-(\d+)$`)

// Restored returns how many times a release, as NAMESPACE/RELEASE, was restored.
func (s *State) Restored(release string) int {
	for _, r := range s.Of(ReleaseType) {
		if r.Text("namespace")+"/"+r.Text("name") == release {
			description, _ := r.Inputs["description"].(string)
			n, _ := strconv.Atoi(strings.TrimPrefix(description, "restore "))
			return n
		}
	}
	return 0
}
