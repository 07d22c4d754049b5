// Command pulumi-resource-minio serves the Terraform MinIO provider through
// Pulumi's bridge, under the tokens of the published pulumi-minio SDK.
//
// It stands in for pulumi-minio 0.16.3, whose plugin is published as a binary
// alone and wraps provider 1.20.1; this one wraps a newer line of the same
// provider.
package main

import (
	"github.com/aminueza/terraform-provider-minio/v2/minio"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge/tokens"
	shimv2 "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim/sdk-v2"
)

// version is what the program's SDK asks for, set by the linker.
var version string

func main() {
	info := tfbridge.ProviderInfo{
		P:              shimv2.NewProvider(minio.Provider()),
		Name:           "minio",
		ResourcePrefix: "minio",
		Version:        version,
	}
	info.MustComputeTokens(tokens.SingleModule("minio_", "index", tokens.MakeStandard("minio")))
	info.SetAutonaming(255, "-")

	// The engine asks a plugin for its schema only when it generates code or
	// runs a YAML program, neither of which the lab does.
	tfbridge.Main("minio", version, info, []byte(`{"name":"minio"}`))
}
