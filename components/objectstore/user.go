package objectstore

import (
	"github.com/picluster/picluster/internal/field"
	"github.com/picluster/picluster/internal/rule"
	"github.com/pulumi/pulumi-minio/sdk/go/minio"
	"github.com/pulumi/pulumi-random/sdk/v4/go/random"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// existingUser sets the keys of a user that is managed elsewhere.
func (store *ObjectStore) existingUser(a Args) {
	var secretKey pulumi.StringInput = pulumi.String("")
	if a.SecretKey != nil {
		secretKey = a.SecretKey
	}
	store.AccessKey = field.Checked("User", a.User, rule.ValidateNotEmpty)
	store.SecretKey = pulumi.ToSecret(secretKey).(pulumi.StringOutput)
}

// newUser creates the policy for the bucket and the user of the key version, and
// sets the store's keys.
//
// The policy and the user wait for the bucket, because the provider updates a policy
// or a user that exists already, which may be another stack's. If the bucket is that
// stack's too, its creation fails before anything is updated.
func (store *ObjectStore) newUser(ctx *pulumi.Context, name string, a Args, bucket *minio.S3Bucket) error {
	statements := a.statements(name)
	opts := []pulumi.ResourceOption{pulumi.Parent(store)}
	var policyName pulumi.StringOutput
	if a.Policy != nil {
		policyName = field.Checked("Policy", a.Policy, ValidateIAMName)
	} else {
		policyName = field.Checked("User", a.User, a.validateUser)
		// A policy that exists keeps its name. Earlier versions called it tempo whatever
		// the user is, and another name would replace the policy of a user in use.
		opts = append(opts, pulumi.IgnoreChanges([]string{"name"}))
	}
	policy, err := minio.NewIamPolicy(ctx, name+"-policy", &minio.IamPolicyArgs{
		Name: policyName,
		Policy: store.Bucket.ApplyT(func(bucket string) (string, error) {
			return PolicyDocument(bucket, statements...)
		}).(pulumi.StringOutput),
	}, opts...)
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
// back to a version whose user still exists finds that user, where a replacement
// would create a second user of its name and delete both.
func (store *ObjectStore) newKeys(ctx *pulumi.Context, name string, a Args, version int, bucket *minio.S3Bucket, policy *minio.IamPolicy, userOptions ...pulumi.ResourceOption) (accessKey, secretKey pulumi.StringOutput, err error) {
	parent := pulumi.Parent(store)
	secret := a.SecretKey
	if secret == nil {
		// Letters and digits alone: Tempo substitutes the key as raw text in its
		// configuration before the YAML is parsed. Earlier versions of this program set
		// keepers. Their removal is ignored, because it would generate another key.
		password, err := random.NewRandomPassword(ctx, versioned(name+"-secret-key", "-", version), &random.RandomPasswordArgs{
			Length:  pulumi.Int(secretKeyLength),
			Special: pulumi.Bool(false),
		}, parent, pulumi.IgnoreChanges([]string{"keepers"}))
		if err != nil {
			return accessKey, secretKey, err
		}
		secret = password.Result
	}
	checked := secret.ToStringOutput().ApplyT(func(key string) (string, error) {
		var errs field.Errors
		if err := validateSecretKey(key); err != nil {
			errs.Add("SecretKey", nil, "%s", err)
		}
		return key, errs.Err()
	})
	secretKey = pulumi.ToSecret(checked).(pulumi.StringOutput)

	userName := field.Checked("User", a.User, a.validateUser).ApplyT(func(user string) string {
		return UserName(user, version)
	}).(pulumi.StringOutput)
	// ForceDestroy and UpdateSecret stay unset: the provider would delete the
	// user, or generate a key that nothing receives, at every later update.
	user, err := minio.NewIamUser(ctx, versioned(name+"-user", "-", version), &minio.IamUserArgs{
		Name:   userName,
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
