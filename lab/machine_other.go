//go:build !linux

package lab

import (
	"context"
	"syscall"
)

func newNamespaces() *syscall.SysProcAttr { return nil }

func (m machine) kill(context.Context, int) error { return SupportsRealNodes() }

func (m machine) enter(func() error, ...string) error { return SupportsRealNodes() }

// memory is not known here.
func memory() float64 { return 0 }
