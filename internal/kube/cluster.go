package kube

import (
	"errors"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// systemNamespace is in every cluster as long as the cluster lives, so that its UID
// identifies the cluster.
const systemNamespace = "kube-system"

// ClusterUID reads what identifies the cluster: the UID of its namespace
// kube-system.
func ClusterUID(ctx *pulumi.Context, opts ...pulumi.ResourceOption) (pulumi.StringOutput, error) {
	namespace, err := ReadObject(ctx, "v1", "Namespace", systemNamespace, pulumi.String(systemNamespace), nil, opts...)
	if err != nil {
		return pulumi.StringOutput{}, err
	}
	return namespace.Metadata.ApplyT(func(metadata map[string]any) (string, error) {
		uid, _ := metadata["uid"].(string)
		if uid == "" {
			return "", errors.New("namespace " + systemNamespace + " has no UID")
		}
		return uid, nil
	}).(pulumi.StringOutput), nil
}
