// Package objectstore creates a MinIO bucket and the one user who may use it, for any
// application. The bucket can also be one that exists on another S3 server.
package objectstore

import (
	"errors"
	"fmt"

	"github.com/picluster/picluster/internal/field"
	"github.com/pulumi/pulumi-minio/sdk/go/minio"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// ObjectStore is a bucket, and the keys of the user who may use it.
type ObjectStore struct {
	pulumi.ResourceState

	// Bucket is the bucket's name, known once the bucket exists.
	Bucket pulumi.StringOutput `pulumi:"bucket"`
	// AccessKey is the user's name, which has the key version as its suffix after the
	// first. It is known once the user may use the bucket.
	AccessKey pulumi.StringOutput `pulumi:"accessKey"`
	// SecretKey is the user's secret key, a Pulumi secret; empty for an existing user
	// whose key was not given.
	SecretKey pulumi.StringOutput `pulumi:"secretKey"`
}

// New creates the bucket, the user, its secret key, its policy and the attachment of the
// policy; with Existing, none of them. It returns one error that names every bad field.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*ObjectStore, error) {
	if args == nil {
		return nil, errors.New("objectstore: args are missing")
	}
	a := args.withDefaults()
	if err := a.problems().Err(); err != nil {
		return nil, fmt.Errorf("objectstore %q: %w", name, err)
	}

	store := &ObjectStore{}
	if err := ctx.RegisterComponentResource("picluster:objectstore:ObjectStore", name, store, opts...); err != nil {
		return nil, err
	}
	if a.Existing {
		store.Bucket = field.Checked("Bucket", a.Bucket, ValidateBucket)
		store.existingUser(a)
	} else if err := store.create(ctx, name, a); err != nil {
		return nil, err
	}
	return store, ctx.RegisterResourceOutputs(store, pulumi.Map{
		"bucket":    store.Bucket,
		"accessKey": store.AccessKey,
		"secretKey": store.SecretKey,
	})
}

// create creates the bucket and its user, or reads existing ones.
func (store *ObjectStore) create(ctx *pulumi.Context, name string, a Args) error {
	bucket, err := store.newBucket(ctx, name, a)
	if err != nil {
		return err
	}
	store.Bucket = bucket.Bucket
	if a.ExistingUser {
		store.existingUser(a)
		return nil
	}
	return store.newUser(ctx, name, a, bucket)
}

// newBucket creates the bucket and what is set for it, or reads an existing one.
func (store *ObjectStore) newBucket(ctx *pulumi.Context, name string, a Args) (*minio.S3Bucket, error) {
	bucketName := field.Checked("Bucket", a.Bucket, ValidateBucket)
	parent := pulumi.Parent(store)
	if a.ExistingBucket {
		id := bucketName.ApplyT(func(name string) pulumi.ID { return pulumi.ID(name) }).(pulumi.IDOutput)
		return minio.GetS3Bucket(ctx, name+"-bucket", id, nil, parent)
	}
	bucketArgs := &minio.S3BucketArgs{Bucket: bucketName, Acl: pulumi.String("private")}
	if a.ForceDestroy {
		bucketArgs.ForceDestroy = pulumi.Bool(true)
	}
	if a.Quota > 0 {
		bucketArgs.Quota = pulumi.Float64(a.Quota)
	}
	opts := []pulumi.ResourceOption{parent}
	// An explicit false would undo what the caller's options say of the component, which
	// its children inherit.
	if retain(a.Protect) {
		opts = append(opts, pulumi.Protect(true))
	}
	if retain(a.RetainOnDelete) {
		opts = append(opts, pulumi.RetainOnDelete(true))
	}
	bucket, err := minio.NewS3Bucket(ctx, name+"-bucket", bucketArgs, opts...)
	if err != nil {
		return nil, err
	}
	if a.Versioning {
		_, err := minio.NewS3BucketVersioning(ctx, name+"-versioning", &minio.S3BucketVersioningArgs{
			Bucket:                  bucket.Bucket,
			VersioningConfiguration: minio.S3BucketVersioningVersioningConfigurationArgs{Status: pulumi.String("Enabled")},
		}, opts...)
		if err != nil {
			return nil, err
		}
	}
	return bucket, store.newLifecycle(ctx, name, a, bucket)
}

// newLifecycle has the server delete objects after some days, if the arguments say so. Protect
// and RetainOnDelete do not apply to this rule, because a rule that stays on the server
// continues to delete objects.
func (store *ObjectStore) newLifecycle(ctx *pulumi.Context, name string, a Args, bucket *minio.S3Bucket) error {
	if a.ExpireDays == 0 && a.ExpireNoncurrentDays == 0 {
		return nil
	}
	rule := minio.IlmPolicyRuleArgs{Id: pulumi.String("expire")}
	if a.ExpireDays > 0 {
		rule.Expiration = pulumi.Sprintf("%dd", a.ExpireDays)
	}
	if a.ExpireNoncurrentDays > 0 {
		rule.NoncurrentVersionExpirationDays = pulumi.Int(a.ExpireNoncurrentDays)
	}
	_, err := minio.NewIlmPolicy(ctx, name+"-lifecycle", &minio.IlmPolicyArgs{
		Bucket: bucket.Bucket,
		Rules:  minio.IlmPolicyRuleArray{rule},
	}, pulumi.Parent(store))
	return err
}
