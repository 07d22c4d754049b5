// Package objectstore makes a MinIO bucket and the one user who may use it.
package objectstore

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/minio/minio-go/v7/pkg/s3utils"
	"github.com/pulumi/pulumi-minio/sdk/go/minio"
	"github.com/pulumi/pulumi-random/sdk/v4/go/random"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// secretKeyLength is the longest secret key that MinIO takes.
// Source: github.com/minio/minio/internal/auth, secretKeyMaxLen.
const secretKeyLength = 40

// Args describes the bucket and its user.
type Args struct {
	// Bucket is the bucket's name, by S3's rules for names. Required.
	Bucket string
	// User is the user's name, which is its access key too. Required.
	User string
	// Policy is the name of the user's policy. Default: the user's name.
	Policy string
	// DeleteBucket has the bucket deleted, empty as it must be then, when the
	// component goes. Default: the bucket and its objects stay.
	DeleteBucket bool
}

// ObjectStore is a bucket, and the keys that open it and nothing else.
type ObjectStore struct {
	pulumi.ResourceState

	// Bucket is the bucket's name.
	Bucket pulumi.StringOutput `pulumi:"bucket"`
	// AccessKey is the user's name, known once the user may use the bucket.
	AccessKey pulumi.StringOutput `pulumi:"accessKey"`
	// SecretKey is the user's secret key: 40 letters and digits, a Pulumi secret.
	SecretKey pulumi.StringOutput `pulumi:"secretKey"`
}

// New makes the bucket, the user, its random secret key, its policy and the
// attachment of the policy. It returns one error that names every bad field.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*ObjectStore, error) {
	if args == nil {
		return nil, errors.New("objectstore: args are missing")
	}
	a := *args
	if a.Policy == "" {
		a.Policy = a.User
	}
	if err := a.validate(); err != nil {
		return nil, fmt.Errorf("objectstore %q: %w", name, err)
	}

	store := &ObjectStore{}
	if err := ctx.RegisterComponentResource("picluster:objectstore:ObjectStore", name, store, opts...); err != nil {
		return nil, err
	}
	parent := pulumi.Parent(store)

	bucket, err := minio.NewS3Bucket(ctx, name+"-bucket", &minio.S3BucketArgs{
		Bucket: pulumi.String(a.Bucket),
		Acl:    pulumi.String("private"),
	}, parent, pulumi.RetainOnDelete(!a.DeleteBucket))
	if err != nil {
		return nil, err
	}

	// Letters and digits alone: Tempo puts the key as raw text into its
	// configuration before it reads that as YAML.
	secretKey, err := random.NewRandomPassword(ctx, name+"-secret-key", &random.RandomPasswordArgs{
		Length:  pulumi.Int(secretKeyLength),
		Special: pulumi.Bool(false),
	}, parent)
	if err != nil {
		return nil, err
	}

	// ForceDestroy and UpdateSecret stay unset: the provider would delete the
	// user, or make a key that nobody is told of, at every later update.
	user, err := minio.NewIamUser(ctx, name+"-user", &minio.IamUserArgs{
		Name:   pulumi.String(a.User),
		Secret: secretKey.Result,
	}, parent)
	if err != nil {
		return nil, err
	}

	policy, err := minio.NewIamPolicy(ctx, name+"-policy", &minio.IamPolicyArgs{
		Name:   pulumi.String(a.Policy),
		Policy: bucket.Bucket.ApplyT(PolicyDocument).(pulumi.StringOutput),
	}, parent)
	if err != nil {
		return nil, err
	}

	attachment, err := minio.NewIamUserPolicyAttachment(ctx, name+"-attachment", &minio.IamUserPolicyAttachmentArgs{
		UserName:   user.Name,
		PolicyName: policy.Name,
	}, parent)
	if err != nil {
		return nil, err
	}

	store.Bucket = bucket.Bucket
	store.AccessKey = attachment.UserName
	store.SecretKey = secretKey.Result
	return store, ctx.RegisterResourceOutputs(store, pulumi.Map{
		"bucket":    store.Bucket,
		"accessKey": store.AccessKey,
		"secretKey": store.SecretKey,
	})
}

// iamName is narrower than what MinIO takes: "=", "," and white space, which
// its own commands refuse or split at, are out.
var iamName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@+-]{2,127}$`)

// ValidateBucket says what is wrong with a bucket's name, or nil.
func ValidateBucket(name string) error { return s3utils.CheckValidBucketNameStrict(name) }

// ValidateIAMName says what is wrong with the name of a user or a policy, or nil.
func ValidateIAMName(name string) error {
	if !iamName.MatchString(name) {
		return errors.New("must be 3 to 128 letters, digits or any of . _ @ + -, a letter or digit first")
	}
	return nil
}

func (a Args) validate() error {
	var problems []error
	check := func(field, value string, err error) {
		if err != nil {
			problems = append(problems, fmt.Errorf("%s %q: %w", field, value, err))
		}
	}
	check("Bucket", a.Bucket, ValidateBucket(a.Bucket))
	check("User", a.User, ValidateIAMName(a.User))
	check("Policy", a.Policy, ValidateIAMName(a.Policy))
	return errors.Join(problems...)
}
