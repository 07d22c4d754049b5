// Command picluster gives a Kubernetes cluster distributed tracing. `pulumi up`
// runs it.
package main

import (
	"github.com/picluster/picluster/stacks"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func main() { pulumi.Run(stacks.Tracing) }
