package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"github.com/picluster/picluster/ops/object"
)

// State is a stack's state, with its secrets in plain text. It is for memory
// alone.
type State struct {
	Resources []*Resource
	// Secrets are the texts that the state keeps encrypted.
	Secrets []string
}

// Resource is one resource of a state or of a step.
type Resource struct {
	URN    URN    `json:"urn"`
	Type   string `json:"type"`
	ID     string `json:"id"`
	Custom bool   `json:"custom"`
	// External is a resource that somebody else keeps, and the stack only reads.
	External bool `json:"external"`
	// Parent is the URN of the component that it is in.
	Parent  URN            `json:"parent"`
	Inputs  map[string]any `json:"inputs"`
	Outputs map[string]any `json:"outputs"`
	// Provider is the URN of the resource's provider, "::" and its ID.
	Provider string `json:"provider"`
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

// ProviderVersion is the version of the resource's provider, which the name of a
// default provider has, like default_4_24_0; empty if it is none.
func (r *Resource) ProviderVersion() string {
	_, name, _ := strings.Cut(r.Provider, "::default_")
	version, _, _ := strings.Cut(name, "::")
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

// URN is a resource's name in Pulumi:
// urn:pulumi:<stack>::<project>::<type>$<type>::<name>.
type URN string

// Name is the last part of the URN.
func (u URN) Name() string {
	return string(u[strings.LastIndex(string(u), "::")+2:])
}

// Type is the resource's own type, without its parents'.
func (u URN) Type() string {
	parts := strings.Split(string(u), "::")
	if len(parts) < 3 {
		return ""
	}
	return parts[2][strings.LastIndex(parts[2], "$")+1:]
}

// State reads the stack's state. A stack that has never been up has no resources.
func (s Stack) State(ctx context.Context) (*State, error) {
	cmd := exec.CommandContext(ctx, "pulumi", "stack", "export", "--stack", s.Name, "--show-secrets")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		text := strings.TrimSpace(stderr.String())
		return nil, fmt.Errorf("pulumi stack export: %w: %s", err, strings.TrimSpace(text+"\n"+wayOut([]string{text})))
	}
	return parseState(stdout.Bytes())
}

func parseState(text []byte) (*State, error) {
	var export struct {
		Deployment struct {
			Resources []*Resource `json:"resources"`
		} `json:"deployment"`
	}
	if err := json.Unmarshal(text, &export); err != nil {
		return nil, fmt.Errorf("pulumi stack export: %w", err)
	}
	state := &State{Resources: export.Deployment.Resources}
	for _, r := range state.Resources {
		for _, properties := range []map[string]any{r.Inputs, r.Outputs} {
			for key, value := range properties {
				// Providers' own notes, as a whole, repeat what stands elsewhere.
				if strings.HasPrefix(key, "__") {
					delete(properties, key)
					continue
				}
				properties[key] = state.reveal(value)
			}
		}
	}
	slices.Sort(state.Secrets)
	state.Secrets = slices.Compact(state.Secrets)
	return state, nil
}

// The mark of a secret in a state, from Pulumi's sdk/go/common/resource/sig.
const (
	signature = "4dabf18193072939515e22adb298388d"
	secret    = "1b47061264138c4ac30d75fd1eb44270"
)

// reveal returns a value with its secrets in plain text, and notes them.
func (s *State) reveal(value any) any {
	switch value := value.(type) {
	case map[string]any:
		if value[signature] == secret {
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

// Of returns the resources of a type.
func (s *State) Of(kind string) []*Resource {
	return slices.DeleteFunc(slices.Clone(s.Resources), func(r *Resource) bool { return r.Type != kind })
}

// Provider returns the settings of a resource's provider.
func (s *State) Provider(of *Resource) *Resource {
	for _, r := range s.Resources {
		if of.Provider == string(r.URN)+"::"+r.ID {
			return r
		}
	}
	return &Resource{}
}
