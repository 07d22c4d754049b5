package componenttest

import (
	"context"
	"net"
	"slices"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
)

// The SDK's own mocks lose what this one keeps: a secret that is unknown, the stack's outputs,
// and what the program logs.

// maxMessage is what a message may have in bytes: values of a large chart, and more.
const maxMessage = 64 << 20

// serve serves the engine for one program, and returns its address.
func (m *monitor) serve(t testing.TB) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := grpc.NewServer(grpc.MaxRecvMsgSize(maxMessage))
	pulumirpc.RegisterResourceMonitorServer(server, resourceMonitor{monitor: m})
	pulumirpc.RegisterEngineServer(server, engine{monitor: m})
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return listener.Addr().String()
}

type engine struct {
	pulumirpc.UnimplementedEngineServer
	*monitor
}

func (e engine) Log(_ context.Context, in *pulumirpc.LogRequest) (*emptypb.Empty, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.program != nil && in.GetSeverity() == pulumirpc.LogSeverity_WARNING {
		e.program.Warnings = append(e.program.Warnings, in.GetMessage())
	}
	return &emptypb.Empty{}, nil
}

func (e engine) GetRootResource(context.Context, *pulumirpc.GetRootResourceRequest) (*pulumirpc.GetRootResourceResponse, error) {
	return &pulumirpc.GetRootResourceResponse{Urn: e.rootURN()}, nil
}

func (e engine) SetRootResource(context.Context, *pulumirpc.SetRootResourceRequest) (*pulumirpc.SetRootResourceResponse, error) {
	return &pulumirpc.SetRootResourceResponse{}, nil
}

type resourceMonitor struct {
	pulumirpc.UnimplementedResourceMonitorServer
	*monitor
}

// features are those of the engine that the SDK asks for. Without outputValues an input is sent
// as its value, and its dependencies beside it.
var features = []string{"secrets", "resourceReferences", "aliasSpecs", "deletedWith", "replaceWith"}

func (m resourceMonitor) SupportsFeature(_ context.Context, in *pulumirpc.SupportsFeatureRequest) (*pulumirpc.SupportsFeatureResponse, error) {
	return &pulumirpc.SupportsFeatureResponse{HasSupport: slices.Contains(features, in.GetId())}, nil
}

func (m resourceMonitor) RegisterResource(_ context.Context, in *pulumirpc.RegisterResourceRequest) (*pulumirpc.RegisterResourceResponse, error) {
	if in.GetType() == string(resource.RootStackType) {
		return &pulumirpc.RegisterResourceResponse{Urn: m.rootURN()}, nil
	}
	inputs, err := unmarshal(in.GetObject())
	if err != nil {
		return nil, err
	}
	if err := checkURNs(in); err != nil {
		return nil, err
	}
	r := Resource{
		Type: in.GetType(), Name: in.GetName(), Parent: in.GetParent(), Custom: in.GetCustom(), Inputs: inputs,
		Provider: in.GetProvider(), Providers: in.GetProviders(),
		Protect: in.Protect, RetainOnDelete: in.RetainOnDelete,
		Dependencies:            slices.Sorted(slices.Values(in.GetDependencies())),
		PropertyDependencies:    map[string][]string{},
		Aliases:                 aliasesOf(in),
		IgnoreChanges:           in.GetIgnoreChanges(),
		ReplaceOnChanges:        in.GetReplaceOnChanges(),
		DeleteBeforeReplace:     in.GetDeleteBeforeReplace(),
		AdditionalSecretOutputs: in.GetAdditionalSecretOutputs(),
	}
	for property, dependencies := range in.GetPropertyDependencies() {
		r.PropertyDependencies[property] = slices.Sorted(slices.Values(dependencies.GetUrns()))
	}
	id, outputs, err := m.add(&r)
	return &pulumirpc.RegisterResourceResponse{Urn: r.URN, Id: id, Object: outputs}, err
}

// checkURNs returns the engine's error for a resource that waits for one without a URN: what is
// read by an ID that a preview does not know has none.
func checkURNs(in *pulumirpc.RegisterResourceRequest) error {
	urns := slices.Clone(in.GetDependencies())
	for _, of := range in.GetPropertyDependencies() {
		urns = append(urns, of.GetUrns()...)
	}
	if slices.Contains(urns, "") {
		return status.Errorf(codes.InvalidArgument, "%s %s: missing required URN", in.GetType(), in.GetName())
	}
	return nil
}

func (m resourceMonitor) ReadResource(_ context.Context, in *pulumirpc.ReadResourceRequest) (*pulumirpc.ReadResourceResponse, error) {
	inputs, err := unmarshal(in.GetProperties())
	if err != nil {
		return nil, err
	}
	r := Resource{
		Type: in.GetType(), Name: in.GetName(), Parent: in.GetParent(), Custom: true, ID: in.GetId(), Inputs: inputs,
		Provider:                in.GetProvider(),
		Dependencies:            slices.Sorted(slices.Values(in.GetDependencies())),
		AdditionalSecretOutputs: in.GetAdditionalSecretOutputs(),
	}
	_, outputs, err := m.add(&r)
	return &pulumirpc.ReadResourceResponse{Urn: r.URN, Properties: outputs}, err
}

func (m resourceMonitor) RegisterResourceOutputs(_ context.Context, in *pulumirpc.RegisterResourceOutputsRequest) (*emptypb.Empty, error) {
	outputs, err := unmarshal(in.GetOutputs())
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if in.GetUrn() == m.rootURN() {
		if m.program != nil {
			m.program.Outputs = outputs
		}
		return &emptypb.Empty{}, nil
	}
	for i := range m.resources {
		if m.resources[i].URN == in.GetUrn() {
			m.resources[i].Outputs = outputs
		}
	}
	return &emptypb.Empty{}, nil
}

func (m resourceMonitor) Invoke(context.Context, *pulumirpc.ResourceInvokeRequest) (*pulumirpc.InvokeResponse, error) {
	return &pulumirpc.InvokeResponse{Return: &structpb.Struct{}}, nil
}

func (m resourceMonitor) SignalAndWaitForShutdown(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

// add records a resource with its URN and what it inherits, and returns its id and outputs.
func (m *monitor) add(r *Resource) (id string, outputs *structpb.Struct, err error) {
	r.URN = m.urn(r.Parent, r.Type, r.Name)
	m.mu.Lock()
	for _, parent := range m.resources {
		if parent.URN == r.Parent {
			r.inherit(parent)
		}
	}
	m.resources = append(m.resources, *r)
	m.mu.Unlock()
	if !r.Custom || m.preview && r.ID == "" {
		return "", &structpb.Struct{}, nil
	}
	outputs, err = plugin.MarshalProperties(m.outputsOf(*r), plugin.MarshalOptions{KeepSecrets: true, KeepResources: true})
	return idOf(*r), outputs, err
}

// urn is the name that the engine has for a resource: of its parents it has the types alone.
func (m *monitor) urn(parent, token, name string) string {
	var parents tokens.Type
	if of := resource.URN(parent); of != "" && of.QualifiedType() != resource.RootStackType {
		parents = of.QualifiedType()
	}
	return string(resource.NewURN(tokens.QName(m.stack), tokens.PackageName(m.project), parents, tokens.Type(token), name))
}

func (m *monitor) rootURN() string {
	return m.urn("", string(resource.RootStackType), m.project+"-"+m.stack)
}

// unmarshal returns properties without what is unknown.
func unmarshal(properties *structpb.Struct) (resource.PropertyMap, error) {
	all, err := plugin.UnmarshalProperties(properties, plugin.MarshalOptions{KeepSecrets: true, KeepResources: true, KeepUnknowns: true})
	if err != nil {
		return nil, err
	}
	known, _ := withoutUnknown(resource.NewProperty(all))
	return known.ObjectValue(), nil
}

// withoutUnknown returns a value without what is unknown in it, and whether any is left.
func withoutUnknown(value resource.PropertyValue) (known resource.PropertyValue, left bool) {
	switch {
	case value.IsComputed(), value.IsOutput():
		return value, false
	case value.IsSecret():
		element, left := withoutUnknown(value.SecretValue().Element)
		return resource.MakeSecret(element), left
	case value.IsObject():
		object := resource.PropertyMap{}
		for key, entry := range value.ObjectValue() {
			if entry, left := withoutUnknown(entry); left {
				object[key] = entry
			}
		}
		return resource.NewProperty(object), true
	case value.IsArray():
		entries := []resource.PropertyValue{}
		for _, entry := range value.ArrayValue() {
			if entry, left := withoutUnknown(entry); left {
				entries = append(entries, entry)
			}
		}
		return resource.NewProperty(entries), true
	default:
		return value, true
	}
}

func aliasesOf(in *pulumirpc.RegisterResourceRequest) (aliases []Alias) {
	for _, urn := range in.GetAliasURNs() {
		aliases = append(aliases, Alias{URN: urn})
	}
	for _, alias := range in.GetAliases() {
		spec := alias.GetSpec()
		aliases = append(aliases, Alias{
			URN: alias.GetUrn(), Name: spec.GetName(), Type: spec.GetType(),
			Parent: spec.GetParentUrn(), NoParent: spec.GetNoParent(),
		})
	}
	return aliases
}
