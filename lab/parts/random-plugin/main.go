// Command pulumi-resource-random serves the Terraform random provider through
// Pulumi's bridge, under the tokens of the published pulumi-random SDK, whose
// plugin is published as a binary alone.
package main

import (
	"context"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"
	bridge "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge/tokens"
	"github.com/terraform-providers/terraform-provider-random/shim"
)

// version is what the program's SDK asks for, set by the linker.
var version string

func main() {
	info := bridge.ProviderInfo{
		P:              tfbridge.ShimProvider(shim.New()),
		Name:           "random",
		ResourcePrefix: "random",
		Version:        version,
		MetadataInfo:   bridge.NewProviderMetadata([]byte("{}")),
	}
	// The SDK says RandomPassword where the bridge's standard says Password.
	standard := tokens.MakeStandard("random")
	info.MustComputeTokens(tokens.SingleModule("random_", "index", func(module, name string) (string, error) {
		return standard(module, "Random"+name)
	}))
	tfbridge.Main(context.Background(), "random", info, tfbridge.ProviderMetadata{PackageSchema: []byte(`{"name":"random"}`)})
}
