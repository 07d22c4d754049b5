package objectstore_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/picluster/picluster/components/objectstore"
	"github.com/picluster/picluster/internal/pulumitest"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	bucketType     = "minio:index/s3Bucket:S3Bucket"
	userType       = "minio:index/iamUser:IamUser"
	policyType     = "minio:index/iamPolicy:IamPolicy"
	attachmentType = "minio:index/iamUserPolicyAttachment:IamUserPolicyAttachment"
	passwordType   = "random:index/randomPassword:RandomPassword"
)

func TestObjectStore(t *testing.T) {
	for _, preview := range []bool{false, true} {
		t.Run(fmt.Sprintf("preview=%t", preview), func(t *testing.T) {
			args := &objectstore.Args{Bucket: "k3s-tempo", User: "tempo"}
			outputs := make(chan []any, 1)
			resources, err := pulumitest.Run(t, preview, nil, func(ctx *pulumi.Context) error {
				store, err := objectstore.New(ctx, "tempo", args)
				if err != nil {
					return err
				}
				pulumi.All(store.Bucket, store.AccessKey, store.SecretKey).ApplyT(func(all []any) error {
					outputs <- all
					return nil
				})
				return nil
			})
			require.NoError(t, err)
			assert.Equal(t, &objectstore.Args{Bucket: "k3s-tempo", User: "tempo"}, args, "the caller's args were written to")

			bucket := pulumitest.Find(t, resources, bucketType, "tempo-bucket")
			assert.Equal(t, "k3s-tempo", bucket.Inputs["bucket"].StringValue())
			assert.Equal(t, "private", bucket.Inputs["acl"].StringValue())
			assert.False(t, pulumitest.Has(bucket.Inputs, "forceDestroy"))
			assert.True(t, bucket.RetainOnDelete, "the bucket would go with the stack")

			password := pulumitest.Find(t, resources, passwordType, "tempo-secret-key")
			assert.False(t, password.Inputs["special"].BoolValue())
			assert.Contains(t, password.AdditionalSecretOutputs, "result")

			user := pulumitest.Find(t, resources, userType, "tempo-user")
			assert.Equal(t, "tempo", user.Inputs["name"].StringValue())
			assert.Contains(t, user.AdditionalSecretOutputs, "secret")
			assert.False(t, pulumitest.Has(user.Inputs, "forceDestroy"), "deletes the user at every update")
			assert.False(t, pulumitest.Has(user.Inputs, "updateSecret"), "makes an unknown key at every update")

			assert.Equal(t, pulumitest.SecretKey, pulumitest.Secret(t, user.Inputs["secret"]).StringValue())

			policy := pulumitest.Find(t, resources, policyType, "tempo-policy")
			assert.Equal(t, "tempo", policy.Inputs["name"].StringValue())
			attachment := pulumitest.Find(t, resources, attachmentType, "tempo-attachment")

			if preview { // what follows waits for what MinIO will say
				assert.False(t, pulumitest.Has(policy.Inputs, "policy"))
				assert.False(t, pulumitest.Has(attachment.Inputs, "policyName"))
				assert.Empty(t, outputs)
				return
			}
			want, err := objectstore.PolicyDocument("k3s-tempo")
			require.NoError(t, err)
			assert.JSONEq(t, want, policy.Inputs["policy"].StringValue())

			assert.Equal(t, "tempo", attachment.Inputs["userName"].StringValue())
			assert.Equal(t, "tempo", attachment.Inputs["policyName"].StringValue())

			assert.Equal(t, []any{"k3s-tempo", "tempo", pulumitest.SecretKey}, <-outputs)
		})
	}
}

func TestSecretKeyIsSecret(t *testing.T) {
	secret := make(chan bool, 1)
	_, err := pulumitest.Run(t, false, nil, func(ctx *pulumi.Context) error {
		store, err := objectstore.New(ctx, "tempo", &objectstore.Args{Bucket: "k3s-tempo", User: "tempo"})
		if err != nil {
			return err
		}
		store.SecretKey.ApplyT(func(string) error {
			secret <- pulumi.IsSecret(store.SecretKey)
			return nil
		})
		return nil
	})
	require.NoError(t, err)
	assert.True(t, <-secret)
}

// Each way to lose the bucket must be asked for by itself.
func TestBucketGoesOnlyIfAsked(t *testing.T) {
	for name, test := range map[string]struct {
		args                   objectstore.Args
		protect, retain, force bool
	}{
		"by default":       {objectstore.Args{}, true, true, false},
		"unprotected":      {objectstore.Args{Unprotected: true}, false, true, false},
		"deleted":          {objectstore.Args{DeleteBucket: true}, true, false, false},
		"deleted, objects": {objectstore.Args{DeleteBucket: true, DeleteObjects: true}, true, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			test.args.Bucket, test.args.User = "k3s-tempo", "tempo"
			resources, err := pulumitest.Run(t, false, nil, func(ctx *pulumi.Context) error {
				_, err := objectstore.New(ctx, "tempo", &test.args)
				return err
			})
			require.NoError(t, err)
			bucket := pulumitest.Find(t, resources, bucketType, "tempo-bucket")
			assert.Equal(t, test.protect, bucket.Protect)
			assert.Equal(t, test.retain, bucket.RetainOnDelete)
			assert.Equal(t, test.force, pulumitest.Has(bucket.Inputs, "forceDestroy"))
		})
	}
}

// Each version has a user, a key and an attachment of its own, so that the one
// before works until Pulumi deletes what is no longer in the program.
func TestKeyVersion(t *testing.T) {
	for name, test := range map[string]struct {
		version int
		keep    bool
		users   map[string]string // by the resource's name
	}{
		"none":                          {0, false, map[string]string{"tempo-user": "tempo"}},
		"the first":                     {1, false, map[string]string{"tempo-user": "tempo"}},
		"a later one":                   {3, false, map[string]string{"tempo-user-3": "tempo.v3"}},
		"the first, none before":        {1, true, map[string]string{"tempo-user": "tempo"}},
		"the second and the one before": {2, true, map[string]string{"tempo-user": "tempo", "tempo-user-2": "tempo.v2"}},
	} {
		t.Run(name, func(t *testing.T) {
			keys := make(chan string, 1)
			resources, err := pulumitest.Run(t, false, nil, func(ctx *pulumi.Context) error {
				store, err := objectstore.New(ctx, "tempo", &objectstore.Args{
					Bucket: "k3s-tempo", User: "tempo", KeyVersion: test.version, KeepPrevious: test.keep,
				})
				if err != nil {
					return err
				}
				store.AccessKey.ApplyT(func(key string) error { keys <- key; return nil })
				return nil
			})
			require.NoError(t, err)
			users := map[string]string{}
			for _, r := range resources {
				if r.Type == userType {
					users[r.Name] = r.Inputs["name"].StringValue()
				}
			}
			assert.Equal(t, test.users, users)
			assert.Equal(t, objectstore.UserName("tempo", test.version), <-keys)
			for user := range users {
				suffix := strings.TrimPrefix(user, "tempo-user")
				pulumitest.Find(t, resources, passwordType, "tempo-secret-key"+suffix)
				attachment := pulumitest.Find(t, resources, attachmentType, "tempo-attachment"+suffix)
				assert.Equal(t, users[user], attachment.Inputs["userName"].StringValue())
			}
		})
	}
}

// The provider updates a user or a policy that exists: a bucket that is another
// stack's must end the run before.
func TestUserAndPolicyWaitForTheBucket(t *testing.T) {
	resources, err := pulumitest.Run(t, false, nil, func(ctx *pulumi.Context) error {
		_, err := objectstore.New(ctx, "tempo", &objectstore.Args{Bucket: "k3s-tempo", User: "tempo"})
		return err
	})
	require.NoError(t, err)
	for kind, name := range map[string]string{userType: "tempo-user", "minio:index/iamPolicy:IamPolicy": "tempo-policy"} {
		assert.Contains(t, strings.Join(pulumitest.Find(t, resources, kind, name).Dependencies, " "), "::tempo-bucket", name)
	}
}

// Earlier versions gave the first key keepers, and a change of them would replace it.
func TestTheFirstKeyOfAnEarlierVersionStays(t *testing.T) {
	resources, err := pulumitest.Run(t, false, nil, func(ctx *pulumi.Context) error {
		_, err := objectstore.New(ctx, "tempo", &objectstore.Args{Bucket: "k3s-tempo", User: "tempo"})
		return err
	})
	require.NoError(t, err)
	assert.Equal(t, []string{"keepers"}, pulumitest.Find(t, resources, passwordType, "tempo-secret-key").IgnoreChanges)
}

func TestGivenSecretKey(t *testing.T) {
	resources, err := pulumitest.Run(t, false, nil, func(ctx *pulumi.Context) error {
		_, err := objectstore.New(ctx, "tempo", &objectstore.Args{
			Bucket:    "k3s-tempo",
			User:      "tempo",
			SecretKey: pulumi.String("givenSecretKey01"),
		})
		return err
	})
	require.NoError(t, err)
	user := pulumitest.Find(t, resources, userType, "tempo-user")
	assert.Equal(t, "givenSecretKey01", pulumitest.Secret(t, user.Inputs["secret"]).StringValue())
	assert.Len(t, resources, 5, "a key was made all the same")
}

// A given key belongs to the version that it is given with: the user of the version
// before keeps its own.
func TestGivenSecretKeyOfAVersion(t *testing.T) {
	resources, err := pulumitest.Run(t, false, nil, func(ctx *pulumi.Context) error {
		_, err := objectstore.New(ctx, "tempo", &objectstore.Args{
			Bucket: "k3s-tempo", User: "tempo", KeyVersion: 2, KeepPrevious: true, SecretKey: pulumi.String("givenSecretKey01"),
		})
		return err
	})
	require.NoError(t, err)
	user := pulumitest.Find(t, resources, userType, "tempo-user-2")
	assert.Equal(t, "tempo.v2", user.Inputs["name"].StringValue())
	assert.Equal(t, "givenSecretKey01", pulumitest.Secret(t, user.Inputs["secret"]).StringValue())
	assert.Empty(t, user.IgnoreChanges)
	assert.Equal(t, []string{"secret"}, pulumitest.Find(t, resources, userType, "tempo-user").IgnoreChanges)
}

func TestBucketOnly(t *testing.T) {
	resources, err := pulumitest.Run(t, false, nil, func(ctx *pulumi.Context) error {
		_, err := objectstore.New(ctx, "tempo", &objectstore.Args{Bucket: "k3s-tempo", BucketOnly: true})
		return err
	})
	require.NoError(t, err)
	pulumitest.Find(t, resources, bucketType, "tempo-bucket")
	assert.Len(t, resources, 2, "the component and the bucket")
}

func TestValidateSecretKey(t *testing.T) {
	assert.NoError(t, objectstore.ValidateSecretKey(pulumitest.SecretKey))
	for _, key := range []string{"", "tooShort", pulumitest.SecretKey + "1", "has-a-dash-in-it-all", "$" + pulumitest.SecretKey[1:], "sixteen chars ok\n"} {
		err := objectstore.ValidateSecretKey(key)
		require.ErrorContains(t, err, "16 to 40 letters and digits", key)
		if key != "" {
			assert.NotContains(t, err.Error(), key)
		}
	}
}

func TestTwoObjectStores(t *testing.T) {
	resources, err := pulumitest.Run(t, false, nil, func(ctx *pulumi.Context) error {
		for _, name := range []string{"one", "two"} {
			if _, err := objectstore.New(ctx, name, &objectstore.Args{Bucket: name + "-bucket", User: name}); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, err)
	pulumitest.Find(t, resources, userType, "one-user")
	pulumitest.Find(t, resources, userType, "two-user")
}

func TestBadArgs(t *testing.T) {
	for name, test := range map[string]struct {
		args *objectstore.Args
		want []string
	}{
		"nil":   {nil, []string{"args are missing"}},
		"empty": {&objectstore.Args{}, []string{`Bucket ""`, `User ""`, `Policy ""`}},
		"all bad": {
			&objectstore.Args{Bucket: "K3S", User: "a b", Policy: "x=y"},
			[]string{`Bucket "K3S"`, `User "a b"`, `Policy "x=y"`},
		},
		"a version of none": {&objectstore.Args{Bucket: "k3s-tempo", User: "tempo", KeyVersion: -1}, []string{"KeyVersion: got -1; want 1 or more"}},
		"two dots":          {&objectstore.Args{Bucket: "k3s..tempo", User: "tempo"}, []string{`Bucket "k3s..tempo"`}},
		"address":           {&objectstore.Args{Bucket: "10.0.0.11", User: "tempo"}, []string{`Bucket "10.0.0.11"`}},
	} {
		t.Run(name, func(t *testing.T) {
			resources, err := pulumitest.Run(t, false, nil, func(ctx *pulumi.Context) error {
				_, err := objectstore.New(ctx, "tempo", test.args)
				return err
			})
			for _, want := range test.want {
				assert.ErrorContains(t, err, want)
			}
			assert.Empty(t, resources, "something was registered")
		})
	}
}
