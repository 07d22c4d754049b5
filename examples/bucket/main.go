// Command bucket gives an application a bucket of its own, and its keys in a Secret.
package main

import (
	"github.com/picluster/picluster/components/kubernetes"
	"github.com/picluster/picluster/components/objectstore"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func main() { pulumi.Run(program) }

func program(ctx *pulumi.Context) error {
	namespace, err := kubernetes.NewNamespace(ctx, "registry", &kubernetes.NamespaceArgs{
		Name:     pulumi.String("registry"),
		Existing: true, // the application's team has it already
	})
	if err != nil {
		return err
	}
	store, err := objectstore.New(ctx, "registry", &objectstore.Args{
		Bucket: pulumi.String("container-registry"),
		User:   pulumi.String("registry"),
		// A registry uploads layers in parts.
		Actions: append(objectstore.ReadWriteActions(),
			"s3:GetBucketLocation", "s3:ListBucketMultipartUploads", "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload"),
		Versioning:           true,
		ExpireNoncurrentDays: 30,
	})
	if err != nil {
		return err
	}
	_, err = kubernetes.NewSecret(ctx, "registry", &kubernetes.SecretArgs{
		Name:      pulumi.String("registry-s3"),
		Namespace: namespace.Name,
		StringData: map[string]pulumi.StringInput{
			"REGISTRY_STORAGE_S3_ACCESSKEY": store.AccessKey,
			"REGISTRY_STORAGE_S3_SECRETKEY": store.SecretKey,
		},
	})
	ctx.Export("bucket", store.Bucket)
	return err
}
