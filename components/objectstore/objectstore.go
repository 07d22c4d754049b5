// Package objectstore makes a MinIO bucket and the one user who may use it.
package objectstore

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"github.com/minio/minio-go/v7/pkg/s3utils"
	"github.com/picluster/picluster/internal/problems"
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
	// SecretKey is the user's secret key. Nil: one is made at random. One that
	// MinIO or Tempo cannot take is an error once it is known.
	SecretKey pulumi.StringInput
	// KeyGeneration has another random key made whenever it is another.
	KeyGeneration int
	// BucketOnly leaves the user and the policy to somebody else.
	BucketOnly bool
	// Unprotected lets the bucket go, or be replaced by another. Default: whatever
	// would do that stops with an error.
	Unprotected bool
	// DeleteBucket has the bucket deleted, empty as it must be then, when the
	// component goes. Default: the bucket and its objects stay.
	DeleteBucket bool
	// DeleteObjects has its objects deleted with it. It goes with DeleteBucket.
	DeleteObjects bool
}

// ObjectStore is a bucket, and the keys that open it and nothing else.
type ObjectStore struct {
	pulumi.ResourceState

	// Bucket is the bucket's name.
	Bucket pulumi.StringOutput `pulumi:"bucket"`
	// AccessKey is the user's name, known once the user may use the bucket; empty
	// with BucketOnly.
	AccessKey pulumi.StringOutput `pulumi:"accessKey"`
	// SecretKey is the user's secret key, a Pulumi secret; empty with BucketOnly.
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

	store := &ObjectStore{
		AccessKey: pulumi.String("").ToStringOutput(),
		SecretKey: pulumi.String("").ToStringOutput(),
	}
	if err := ctx.RegisterComponentResource("picluster:objectstore:ObjectStore", name, store, opts...); err != nil {
		return nil, err
	}

	bucketArgs := &minio.S3BucketArgs{
		Bucket: pulumi.String(a.Bucket),
		Acl:    pulumi.String("private"),
	}
	if a.DeleteObjects {
		bucketArgs.ForceDestroy = pulumi.Bool(true)
	}
	bucket, err := minio.NewS3Bucket(ctx, name+"-bucket", bucketArgs,
		pulumi.Parent(store), pulumi.Protect(!a.Unprotected), pulumi.RetainOnDelete(!a.DeleteBucket))
	if err != nil {
		return nil, err
	}

	store.Bucket = bucket.Bucket

	if !a.BucketOnly {
		if err := store.newUser(ctx, name, a); err != nil {
			return nil, err
		}
	}
	return store, ctx.RegisterResourceOutputs(store, pulumi.Map{
		"bucket":    store.Bucket,
		"accessKey": store.AccessKey,
		"secretKey": store.SecretKey,
	})
}

// newUser makes the user, with a policy for the bucket, and sets the store's keys.
func (store *ObjectStore) newUser(ctx *pulumi.Context, name string, a Args) error {
	parent := pulumi.Parent(store)

	if a.SecretKey == nil {
		// Letters and digits alone: Tempo puts the key as raw text into its
		// configuration before it reads that as YAML.
		secretKey, err := random.NewRandomPassword(ctx, name+"-secret-key", &random.RandomPasswordArgs{
			Length:  pulumi.Int(secretKeyLength),
			Special: pulumi.Bool(false),
			Keepers: pulumi.StringMap{"generation": pulumi.String(strconv.Itoa(a.KeyGeneration))},
		}, parent)
		if err != nil {
			return err
		}
		a.SecretKey = secretKey.Result
	}
	checked := a.SecretKey.ToStringOutput().ApplyT(func(key string) (string, error) {
		return key, ValidateSecretKey(key)
	})
	store.SecretKey = pulumi.ToSecret(checked).(pulumi.StringOutput)

	// ForceDestroy and UpdateSecret stay unset: the provider would delete the
	// user, or make a key that nobody is told of, at every later update.
	user, err := minio.NewIamUser(ctx, name+"-user", &minio.IamUserArgs{
		Name:   pulumi.String(a.User),
		Secret: store.SecretKey,
	}, parent)
	if err != nil {
		return err
	}

	policy, err := minio.NewIamPolicy(ctx, name+"-policy", &minio.IamPolicyArgs{
		Name:   pulumi.String(a.Policy),
		Policy: store.Bucket.ApplyT(PolicyDocument).(pulumi.StringOutput),
	}, parent)
	if err != nil {
		return err
	}

	attachment, err := minio.NewIamUserPolicyAttachment(ctx, name+"-attachment", &minio.IamUserPolicyAttachmentArgs{
		UserName:   user.Name,
		PolicyName: policy.Name,
	}, parent)
	if err != nil {
		return err
	}
	store.AccessKey = attachment.UserName
	return nil
}

// iamName is narrower than what MinIO takes: "=", "," and white space, which
// its own commands refuse or split at, are out.
var iamName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@+-]{2,127}$`)

// ValidateBucket says what is wrong with a bucket's name, or nil.
func ValidateBucket(name string) error { return s3utils.CheckValidBucketNameStrict(name) }

// secretKey is what MinIO takes, and what Tempo reads as one YAML value.
var secretKey = regexp.MustCompile(fmt.Sprintf(`^[A-Za-z0-9]{16,%d}$`, secretKeyLength))

// ValidateSecretKey says what is wrong with a secret key, or nil. It never says
// the key.
func ValidateSecretKey(key string) error {
	if !secretKey.MatchString(key) {
		return fmt.Errorf("the secret key must be 16 to %d letters and digits", secretKeyLength)
	}
	return nil
}

// ValidateIAMName says what is wrong with the name of a user or a policy, or nil.
func ValidateIAMName(name string) error {
	if !iamName.MatchString(name) {
		return errors.New("must be 3 to 128 letters, digits or any of . _ @ + -, a letter or digit first")
	}
	return nil
}

func (a Args) validate() error {
	var p problems.List
	p.Check("Bucket", a.Bucket, ValidateBucket(a.Bucket))
	if a.DeleteObjects && !a.DeleteBucket {
		p.Add("DeleteObjects: goes with DeleteBucket; without it the bucket stays with its objects")
	}
	if !a.BucketOnly {
		p.Check("User", a.User, ValidateIAMName(a.User))
		p.Check("Policy", a.Policy, ValidateIAMName(a.Policy))
	}
	return p.Err()
}
