// Package objectstore makes a MinIO bucket and the one user who may use it.
package objectstore

import (
	"cmp"
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
	// KeyVersion is the version of the user and its key. Each version is a user of its
	// own: another version creates a user first, and deletes the one before at the end
	// of the update, so that both keys work in between. A SecretKey that changes without
	// it is set for the user at once, and the one before is dead. Default: 1.
	KeyVersion int
	// KeepPrevious keeps the user of the version before KeyVersion, for pods whose
	// restart the stack does not see.
	KeepPrevious bool
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
	// AccessKey is the user's name, which has the key version as its suffix after
	// the first. It is known once the user may use the bucket; empty with BucketOnly.
	AccessKey pulumi.StringOutput `pulumi:"accessKey"`
	// SecretKey is the user's secret key, a Pulumi secret; empty with BucketOnly.
	SecretKey pulumi.StringOutput `pulumi:"secretKey"`
}

// New creates the bucket, the user, its random secret key, its policy and the
// attachment of the policy. It returns one error that names every bad field.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*ObjectStore, error) {
	if args == nil {
		return nil, errors.New("objectstore: args are missing")
	}
	a := *args
	if a.Policy == "" {
		a.Policy = a.User
	}
	if a.KeyVersion == 0 {
		a.KeyVersion = 1
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
		if err := store.newUser(ctx, name, a, bucket); err != nil {
			return nil, err
		}
	}
	return store, ctx.RegisterResourceOutputs(store, pulumi.Map{
		"bucket":    store.Bucket,
		"accessKey": store.AccessKey,
		"secretKey": store.SecretKey,
	})
}

// newUser creates the policy for the bucket and the user of the key version, and
// sets the store's keys.
//
// All wait for the bucket: the provider updates a user or a policy that exists
// already, which may be another stack's, as the bucket would be.
func (store *ObjectStore) newUser(ctx *pulumi.Context, name string, a Args, bucket *minio.S3Bucket) error {
	policy, err := minio.NewIamPolicy(ctx, name+"-policy", &minio.IamPolicyArgs{
		Name:   pulumi.String(a.Policy),
		Policy: store.Bucket.ApplyT(PolicyDocument).(pulumi.StringOutput),
	}, pulumi.Parent(store))
	if err != nil {
		return err
	}
	if a.KeepPrevious && a.KeyVersion > 1 {
		// Its key is not a.SecretKey, which is the newer version's.
		keep := pulumi.IgnoreChanges([]string{"secret"})
		if _, _, err := store.newKeys(ctx, name, a, a.KeyVersion-1, bucket, policy, keep); err != nil {
			return err
		}
	}
	store.AccessKey, store.SecretKey, err = store.newKeys(ctx, name, a, a.KeyVersion, bucket, policy)
	return err
}

// newKeys creates the user of one key version.
//
// The version is in the names of the resources, not only in their inputs: going
// back to a version whose user is still there finds that user, where a replacement
// would create a second user of its name and delete both.
func (store *ObjectStore) newKeys(ctx *pulumi.Context, name string, a Args, version int, bucket *minio.S3Bucket, policy *minio.IamPolicy, userOptions ...pulumi.ResourceOption) (accessKey, secretKey pulumi.StringOutput, err error) {
	parent := pulumi.Parent(store)
	if a.SecretKey == nil {
		// Letters and digits alone: Tempo puts the key as raw text into its
		// configuration before it reads that as YAML. Earlier versions of this
		// program set keepers, and what has them keeps its key.
		password, err := random.NewRandomPassword(ctx, versioned(name+"-secret-key", "-", version), &random.RandomPasswordArgs{
			Length:  pulumi.Int(secretKeyLength),
			Special: pulumi.Bool(false),
		}, parent, pulumi.IgnoreChanges([]string{"keepers"}))
		if err != nil {
			return accessKey, secretKey, err
		}
		a.SecretKey = password.Result
	}
	checked := a.SecretKey.ToStringOutput().ApplyT(func(key string) (string, error) {
		return key, ValidateSecretKey(key)
	})
	secretKey = pulumi.ToSecret(checked).(pulumi.StringOutput)

	// ForceDestroy and UpdateSecret stay unset: the provider would delete the
	// user, or generate a key that nothing receives, at every later update.
	user, err := minio.NewIamUser(ctx, versioned(name+"-user", "-", version), &minio.IamUserArgs{
		Name:   pulumi.String(UserName(a.User, version)),
		Secret: secretKey,
	}, append(userOptions, parent, pulumi.DependsOn([]pulumi.Resource{bucket}))...)
	if err != nil {
		return accessKey, secretKey, err
	}
	attachment, err := minio.NewIamUserPolicyAttachment(ctx, versioned(name+"-attachment", "-", version), &minio.IamUserPolicyAttachmentArgs{
		UserName:   user.Name,
		PolicyName: policy.Name,
	}, parent)
	if err != nil {
		return accessKey, secretKey, err
	}
	return attachment.UserName, secretKey, nil
}

// UserName returns the name of the user of a key version: user itself for the
// first, and user.vVERSION for each later one. ValidateUser rejects such names, so
// that it cannot be another user's.
func UserName(user string, version int) string { return versioned(user, ".v", version) }

// versioned returns base for the first version, and base with the version as its
// suffix for a later one.
func versioned(base, separator string, version int) string {
	if version <= 1 {
		return base
	}
	return base + separator + strconv.Itoa(version)
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

// versionedName is how the name of a later version ends.
var versionedName = regexp.MustCompile(`\.v[0-9]+$`)

// ValidateUser returns an error unless name can be the user of the first key version.
func ValidateUser(name string) error {
	if versionedName.MatchString(name) {
		return errors.New("must not end with .v and a number, as the users of later key versions do")
	}
	return ValidateIAMName(name)
}

func (a Args) validate() error {
	var p problems.List
	p.Check("Bucket", a.Bucket, ValidateBucket(a.Bucket))
	if a.DeleteObjects && !a.DeleteBucket {
		p.Add("DeleteObjects: goes with DeleteBucket; without it the bucket stays with its objects")
	}
	if a.KeyVersion < 1 {
		p.Add("KeyVersion: got %d; want 1 or more", a.KeyVersion)
	}
	if !a.BucketOnly {
		p.Check("User", a.User, cmp.Or(ValidateUser(a.User), ValidateIAMName(UserName(a.User, a.KeyVersion))))
		p.Check("Policy", a.Policy, ValidateIAMName(a.Policy))
	}
	return p.Err()
}
