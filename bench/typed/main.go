//go:build bench

// Command typed is picluster with the SDK's types of the objects that it creates, beside
// its own release: what they would cost to compile.
package main

import (
	"github.com/picluster/picluster/stacks"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

var (
	_ = corev1.NewNamespace
	_ = corev1.NewSecret
	_ = corev1.NewConfigMap
	_ = networkingv1.NewNetworkPolicy
)

func main() { pulumi.Run(stacks.Tracing) }
