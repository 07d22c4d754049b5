package objectstore_test

import (
	"github.com/picluster/picluster/components/objectstore"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// A bucket of another application, with a user who reads and writes it.
func ExampleNew() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		photos, err := objectstore.New(ctx, "photos", &objectstore.Args{
			Bucket:               pulumi.String("photos"),
			User:                 pulumi.String("photos"),
			Versioning:           true,
			ExpireNoncurrentDays: 30,
		})
		if err != nil {
			return err
		}
		ctx.Export("accessKey", photos.AccessKey)
		ctx.Export("secretKey", photos.SecretKey) // encrypted in the state
		return nil
	})
}

// A user who may read one directory of a bucket that is managed elsewhere.
func ExampleNew_statements() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		_, err := objectstore.New(ctx, "reader", &objectstore.Args{
			Bucket:         pulumi.String("photos"),
			ExistingBucket: true,
			User:           pulumi.String("reader"),
			Statements: []objectstore.Statement{
				{Sid: "Read", Actions: []string{"s3:GetObject"}, Paths: []string{"public/*"}},
				{Sid: "List", Actions: []string{"s3:ListBucket"}, Paths: []string{""}},
			},
		})
		return err
	})
}
