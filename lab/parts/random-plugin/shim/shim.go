// Package shim hands out the Terraform random provider, whose own package is
// internal to its module.
package shim

import (
	"github.com/hashicorp/terraform-plugin-framework/provider"
	random "github.com/terraform-providers/terraform-provider-random/internal/provider"
)

// New returns the Terraform random provider.
func New() provider.Provider { return random.New() }
