//go:build !linux

package lab

import "syscall"

func newNamespaces() *syscall.SysProcAttr { return nil }

func (m machine) enter(func() error, ...string) error { return SupportsRealNodes() }
