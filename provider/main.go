// Command pulumi-resource-picluster is picluster's components as a Pulumi package, for
// programs in YAML, TypeScript, Python, .NET and Java.
package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"

	"github.com/pulumi/pulumi-go-provider"
)

// schema describes the package. `make schema` generates it from the components.
//
//go:embed schema.json
var schema string

func main() {
	components, err := newProvider()
	if err == nil {
		err = provider.RunProvider(context.Background(), name, version, components)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
