// Command pulumi-resource-kubernetes is Pulumi's Kubernetes provider, built
// from its published module. The module's own main embeds files that its
// release process generates and that the module therefore lacks; the lab makes
// them from the module's schema.json and terraform-mapping.json when it builds
// this folder.
package main

import (
	_ "embed"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
)

// version is what the program's SDK asks for, set by the linker.
var version string

//go:embed schema.json
var schema []byte

//go:embed terraform-mapping.json
var terraformMapping []byte

func main() {
	provider.Serve("kubernetes", version, schema, terraformMapping)
}
