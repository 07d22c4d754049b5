package objectstore_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/picluster/picluster/components/componenttest"
	"github.com/picluster/picluster/components/objectstore"
	"github.com/pulumi/pulumi-minio/sdk/go/minio"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	componentType  = "picluster:objectstore:ObjectStore"
	bucketType     = "minio:index/s3Bucket:S3Bucket"
	versioningType = "minio:index/s3BucketVersioning:S3BucketVersioning"
	lifecycleType  = "minio:index/ilmPolicy:IlmPolicy"
	userType       = "minio:index/iamUser:IamUser"
	policyType     = "minio:index/iamPolicy:IamPolicy"
	attachmentType = "minio:index/iamUserPolicyAttachment:IamUserPolicyAttachment"
	passwordType   = "random:index/randomPassword:RandomPassword"
)

// photos are the arguments of an application of one bucket, with changes.
func photos(changes ...func(*objectstore.Args)) *objectstore.Args {
	args := &objectstore.Args{Bucket: pulumi.String("photos"), User: pulumi.String("photographer")}
	for _, change := range changes {
		change(args)
	}
	return args
}

// create runs a program with one store, named app.
func create(t *testing.T, preview bool, args *objectstore.Args, opts ...pulumi.ResourceOption) ([]componenttest.Resource, error) {
	t.Helper()
	var own error
	resources, err := componenttest.Run(t, preview, nil, func(ctx *pulumi.Context) error {
		_, own = objectstore.New(ctx, "app", args, opts...)
		return own
	})
	componenttest.AssertParents(t, resources)
	return resources, cmp.Or(own, err)
}

// created is create of an update that must succeed.
func created(t *testing.T, args *objectstore.Args, opts ...pulumi.ResourceOption) []componenttest.Resource {
	t.Helper()
	resources, err := create(t, false, args, opts...)
	require.NoError(t, err)
	return resources
}

func TestNew(t *testing.T) {
	for _, preview := range []bool{false, true} {
		t.Run(fmt.Sprintf("preview=%t", preview), func(t *testing.T) {
			args := photos()
			outputs := make(chan []any, 1)
			secret := make(chan bool, 1)
			resources, err := componenttest.Run(t, preview, nil, func(ctx *pulumi.Context) error {
				store, err := objectstore.New(ctx, "app", args)
				if err != nil {
					return err
				}
				pulumi.All(store.Bucket, store.AccessKey, store.SecretKey).ApplyT(func(all []any) error {
					outputs <- all
					return nil
				})
				store.SecretKey.ApplyT(func(string) error {
					secret <- pulumi.IsSecret(store.SecretKey)
					return nil
				})
				return nil
			})
			require.NoError(t, err)
			componenttest.AssertParents(t, resources)
			assert.Equal(t, photos(), args, "the caller's args are changed")
			bucket := componenttest.Find(t, resources, bucketType, "app-bucket")
			assert.Equal(t, "photos", bucket.Inputs["bucket"].StringValue())
			assert.Equal(t, "private", bucket.Inputs["acl"].StringValue())
			for _, input := range []string{"forceDestroy", "quota"} {
				assert.False(t, componenttest.Has(bucket.Inputs, input), input)
			}

			password := componenttest.Find(t, resources, passwordType, "app-secret-key")
			assert.False(t, password.Inputs["special"].BoolValue(), "an application may read the key as raw text")
			assert.EqualValues(t, 40, password.Inputs["length"].NumberValue())
			assert.Contains(t, password.AdditionalSecretOutputs, "result")
			assert.Equal(t, []string{"keepers"}, password.IgnoreChanges, "the key of an earlier version stays")

			user := componenttest.Find(t, resources, userType, "app-user")
			assert.Equal(t, "photographer", user.Inputs["name"].StringValue())
			assert.Contains(t, user.AdditionalSecretOutputs, "secret")
			assert.False(t, componenttest.Has(user.Inputs, "forceDestroy"), "deletes the user at every update")
			assert.False(t, componenttest.Has(user.Inputs, "updateSecret"), "generates an unknown key at every update")

			policy := componenttest.Find(t, resources, policyType, "app-policy")
			attachment := componenttest.Find(t, resources, attachmentType, "app-attachment")
			if preview { // what follows waits for MinIO
				assert.False(t, componenttest.Has(user.Inputs, "secret"))
				assert.False(t, componenttest.Has(policy.Inputs, "policy"))
				assert.False(t, componenttest.Has(attachment.Inputs, "policyName"))
				assert.Empty(t, outputs)
				return
			}
			assert.True(t, <-secret, "the key is in plain text in the state")
			assert.Equal(t, componenttest.SecretKey, componenttest.Secret(t, user.Inputs["secret"]).StringValue())
			assert.Equal(t, "photographer", attachment.Inputs["userName"].StringValue())
			assert.Equal(t, "photographer", attachment.Inputs["policyName"].StringValue())
			assert.Equal(t, []any{"photos", "photographer", componenttest.SecretKey}, <-outputs)
		})
	}
}

// TestWaits has the whole wiring. The provider updates a user or a policy that exists: a bucket
// that is another stack's must end the run before.
func TestWaits(t *testing.T) {
	for name, test := range map[string]struct {
		args *objectstore.Args
		want map[string][]string
	}{
		"a generated key": {photos(), map[string][]string{
			"app-bucket":     {},
			"app-policy":     {"app-bucket"},
			"app-secret-key": {},
			"app-user":       {"app-bucket", "app-secret-key"},
			"app-attachment": {"app-policy", "app-user"},
		}},
		"a given key": {photos(func(a *objectstore.Args) { a.SecretKey = pulumi.String("givenSecretKey01") }), map[string][]string{
			"app-bucket":     {},
			"app-policy":     {"app-bucket"},
			"app-user":       {"app-bucket"},
			"app-attachment": {"app-policy", "app-user"},
		}},
		"an existing bucket": {photos(func(a *objectstore.Args) { a.ExistingBucket = true }), map[string][]string{
			"app-bucket":     {},
			"app-policy":     {"app-bucket"},
			"app-secret-key": {},
			"app-user":       {"app-bucket", "app-secret-key"},
			"app-attachment": {"app-policy", "app-user"},
		}},
		"versions and a lifecycle": {photos(func(a *objectstore.Args) {
			a.Versioning, a.ExpireDays, a.ExistingUser = true, 1, true
		}), map[string][]string{
			"app-bucket":     {},
			"app-versioning": {"app-bucket"},
			"app-lifecycle":  {"app-bucket"},
		}},
		"two versions of the key": {photos(func(a *objectstore.Args) { a.KeyVersion, a.KeepPrevious = 2, true }), map[string][]string{
			"app-bucket":       {},
			"app-policy":       {"app-bucket"},
			"app-secret-key":   {},
			"app-user":         {"app-bucket", "app-secret-key"},
			"app-attachment":   {"app-policy", "app-user"},
			"app-secret-key-2": {},
			"app-user-2":       {"app-bucket", "app-secret-key-2"},
			"app-attachment-2": {"app-policy", "app-user-2"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, componenttest.Waits(created(t, test.args)))
		})
	}
}

// TestAccessKeyWaitsForTheAttachment has what uses the access key wait until the user may use
// the bucket.
func TestAccessKeyWaitsForTheAttachment(t *testing.T) {
	resources, err := componenttest.Run(t, false, nil, func(ctx *pulumi.Context) error {
		store, err := objectstore.New(ctx, "app", photos())
		if err != nil {
			return err
		}
		for name, output := range map[string]pulumi.StringOutput{"bucket": store.Bucket, "access-key": store.AccessKey, "secret-key": store.SecretKey} {
			if _, err := minio.NewS3Object(ctx, "of-"+name, &minio.S3ObjectArgs{BucketName: output, ObjectName: pulumi.String("x")}); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, err)
	waits := componenttest.Waits(resources)
	assert.Equal(t, []string{"app-bucket"}, waits["of-bucket"])
	assert.Contains(t, waits["of-access-key"], "app-attachment")
	assert.Equal(t, []string{"app-secret-key"}, waits["of-secret-key"])
}

// TestProtection asks for each way to lose the bucket by itself. A bucket that Args does not
// protect or retain inherits the component's option.
func TestProtection(t *testing.T) {
	off, on := pulumi.BoolRef(false), pulumi.BoolRef(true)
	for name, test := range map[string]struct {
		change          func(*objectstore.Args)
		opts            []pulumi.ResourceOption
		protect, retain *bool
		force           bool
	}{
		"by default":      {func(*objectstore.Args) {}, nil, on, on, false},
		"asked for":       {func(a *objectstore.Args) { a.Protect, a.RetainOnDelete = on, on }, nil, on, on, false},
		"not protected":   {func(a *objectstore.Args) { a.Protect = off }, nil, nil, on, false},
		"not retained":    {func(a *objectstore.Args) { a.RetainOnDelete = off }, nil, on, nil, false},
		"with its object": {func(a *objectstore.Args) { a.RetainOnDelete, a.ForceDestroy = off, true }, nil, on, nil, true},
		"the component is protected": {
			func(a *objectstore.Args) { a.Protect, a.RetainOnDelete = off, off }, []pulumi.ResourceOption{pulumi.Protect(true)}, on, nil, false,
		},
		"the component is retained": {
			func(a *objectstore.Args) { a.Protect, a.RetainOnDelete = off, off }, []pulumi.ResourceOption{pulumi.RetainOnDelete(true)}, nil, on, false,
		},
		"the component is neither": {
			func(*objectstore.Args) {}, []pulumi.ResourceOption{pulumi.Protect(false), pulumi.RetainOnDelete(false)}, on, on, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			resources := created(t, photos(test.change, func(a *objectstore.Args) { a.Versioning, a.ExpireDays = true, 1 }), test.opts...)
			bucket := componenttest.Find(t, resources, bucketType, "app-bucket")
			for _, r := range []componenttest.Resource{
				bucket,
				componenttest.Find(t, resources, versioningType, "app-versioning"),
			} {
				assert.Equal(t, test.protect, r.Protect, "protect of %s", r.Name)
				assert.Equal(t, test.retain, r.RetainOnDelete, "retainOnDelete of %s", r.Name)
			}
			assert.Equal(t, test.force, componenttest.Has(bucket.Inputs, "forceDestroy"))
			if len(test.opts) == 0 {
				expiry := componenttest.Find(t, resources, lifecycleType, "app-lifecycle")
				assert.Nil(t, expiry.RetainOnDelete, "a removed rule would go on deleting objects")
			}
		})
	}
}

// everything has each kind of resource that the component creates.
func everything(a *objectstore.Args) {
	a.Versioning, a.ExpireDays, a.KeyVersion, a.KeepPrevious = true, 30, 2, true
}

func TestOptionsReachEveryChild(t *testing.T) {
	children := componenttest.AssertOptions(t, func(ctx *pulumi.Context, opts ...pulumi.ResourceOption) error {
		_, err := objectstore.New(ctx, "app", photos(everything), opts...)
		return err
	})
	assert.Len(t, children, 10)
}

// Each version has a user, a key and an attachment of its own, so that the one before works
// until Pulumi deletes what is no longer in the program.
func TestKeyVersion(t *testing.T) {
	for name, test := range map[string]struct {
		version int
		keep    bool
		users   map[string]string // by the resource's name
		access  string
	}{
		"none":                          {0, false, map[string]string{"app-user": "photographer"}, "photographer"},
		"the first":                     {1, false, map[string]string{"app-user": "photographer"}, "photographer"},
		"a later one":                   {3, false, map[string]string{"app-user-3": "photographer.v3"}, "photographer.v3"},
		"the first, none before":        {1, true, map[string]string{"app-user": "photographer"}, "photographer"},
		"the second and the one before": {2, true, map[string]string{"app-user": "photographer", "app-user-2": "photographer.v2"}, "photographer.v2"},
	} {
		t.Run(name, func(t *testing.T) {
			keys := make(chan string, 1)
			resources, err := componenttest.Run(t, false, nil, func(ctx *pulumi.Context) error {
				store, err := objectstore.New(ctx, "app", photos(func(a *objectstore.Args) {
					a.KeyVersion, a.KeepPrevious = test.version, test.keep
				}))
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
			assert.Equal(t, test.access, <-keys)
			assert.Equal(t, test.access, objectstore.UserName("photographer", test.version))
			for user := range users {
				suffix := strings.TrimPrefix(user, "app-user")
				componenttest.Find(t, resources, passwordType, "app-secret-key"+suffix)
				attachment := componenttest.Find(t, resources, attachmentType, "app-attachment"+suffix)
				assert.Equal(t, users[user], attachment.Inputs["userName"].StringValue())
			}
		})
	}
}

// A given key belongs to the version that it is given with: the user of the version before
// keeps its own.
func TestGivenSecretKey(t *testing.T) {
	secret := make(chan bool, 1)
	resources, err := componenttest.Run(t, false, nil, func(ctx *pulumi.Context) error {
		store, err := objectstore.New(ctx, "app", photos(func(a *objectstore.Args) {
			a.KeyVersion, a.KeepPrevious, a.SecretKey = 2, true, pulumi.String("givenSecretKey01")
		}))
		if err != nil {
			return err
		}
		store.SecretKey.ApplyT(func(string) error { secret <- pulumi.IsSecret(store.SecretKey); return nil })
		return nil
	})
	require.NoError(t, err)
	assert.True(t, <-secret, "the key is in plain text in the state")
	user := componenttest.Find(t, resources, userType, "app-user-2")
	assert.Equal(t, "givenSecretKey01", componenttest.Secret(t, user.Inputs["secret"]).StringValue())
	assert.Empty(t, user.IgnoreChanges)
	assert.Equal(t, []string{"secret"}, componenttest.Find(t, resources, userType, "app-user").IgnoreChanges)
	for _, r := range resources {
		assert.NotEqual(t, passwordType, r.Type, "a key is generated all the same")
	}
}

// The policy has the user's name by default. One that exists keeps its name: earlier versions
// called it tempo whatever the user is.
func TestPolicyName(t *testing.T) {
	policy := componenttest.Find(t, created(t, photos()), policyType, "app-policy")
	assert.Equal(t, "photographer", policy.Inputs["name"].StringValue())
	assert.Equal(t, []string{"name"}, policy.IgnoreChanges)

	// A name that the caller gives is the caller's to change.
	given := photos(func(a *objectstore.Args) { a.Policy = pulumi.String("photo-policy") })
	policy = componenttest.Find(t, created(t, given), policyType, "app-policy")
	assert.Equal(t, "photo-policy", policy.Inputs["name"].StringValue())
	assert.Empty(t, policy.IgnoreChanges)
}

// statement is what MinIO gets of a statement.
type statement struct {
	Sid, Effect      string
	Action, Resource []string
}

func statementsOf(t *testing.T, resources []componenttest.Resource) []statement {
	t.Helper()
	var document struct {
		Version   string
		Statement []statement
	}
	policy := componenttest.Find(t, resources, policyType, "app-policy")
	require.NoError(t, json.Unmarshal([]byte(policy.Inputs["policy"].StringValue()), &document))
	assert.Equal(t, "2012-10-17", document.Version)
	return document.Statement
}

func TestStatements(t *testing.T) {
	bucket, objects := "arn:aws:s3:::photos", "arn:aws:s3:::photos/*"
	for name, test := range map[string]struct {
		change func(*objectstore.Args)
		want   []statement
	}{
		"by default": {
			func(*objectstore.Args) {},
			[]statement{{"AppPermissions", "Allow", objectstore.ReadWriteActions(), []string{objects, bucket}}},
		},
		"actions": {
			func(a *objectstore.Args) { a.Actions = []string{"s3:GetObject", "s3:List*", "s3:*"} },
			[]statement{{"AppPermissions", "Allow", []string{"s3:GetObject", "s3:List*", "s3:*"}, []string{objects, bucket}}},
		},
		"statements": {
			func(a *objectstore.Args) {
				a.Statements = []objectstore.Statement{
					{Actions: []string{"s3:GetObject"}, Paths: []string{"public/*"}},
					{Sid: "NoDelete", Deny: true, Actions: []string{"s3:DeleteObject"}},
					{Sid: "List", Actions: []string{"s3:ListBucket"}, Paths: []string{""}},
					{Sid: "AppPermissions2", Actions: []string{"s3:GetObject"}},
					{Actions: []string{"s3:PutObject"}},
				}
			},
			[]statement{
				{"AppPermissions", "Allow", []string{"s3:GetObject"}, []string{"arn:aws:s3:::photos/public/*"}},
				{"NoDelete", "Deny", []string{"s3:DeleteObject"}, []string{objects, bucket}},
				{"List", "Allow", []string{"s3:ListBucket"}, []string{bucket}},
				{"AppPermissions2", "Allow", []string{"s3:GetObject"}, []string{objects, bucket}},
				{"AppPermissions3", "Allow", []string{"s3:PutObject"}, []string{objects, bucket}},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, statementsOf(t, created(t, photos(test.change))))
		})
	}
}

// The Sid comes from the component's name, and has letters and digits alone.
func TestDefaultSid(t *testing.T) {
	for name, want := range map[string]string{
		"tempo": "TempoPermissions", "photo-app_2": "PhotoApp2Permissions", "größe": "GrEPermissions", "-": "Permissions",
	} {
		resources, err := componenttest.Run(t, false, nil, func(ctx *pulumi.Context) error {
			_, err := objectstore.New(ctx, name, photos())
			return err
		})
		require.NoError(t, err)
		policy := componenttest.Find(t, resources, policyType, name+"-policy").Inputs["policy"].StringValue()
		assert.Contains(t, policy, `"Sid":"`+want+`"`)
	}
}

func TestExistingBucket(t *testing.T) {
	for _, preview := range []bool{false, true} {
		resources, err := create(t, preview, photos(func(a *objectstore.Args) { a.ExistingBucket = true }))
		require.NoError(t, err)
		bucket := componenttest.Find(t, resources, bucketType, "app-bucket")
		assert.Equal(t, "photos", bucket.ID, "it is read")
		assert.Contains(t, statementsOf(t, resources)[0].Resource, "arn:aws:s3:::photos", "a preview knows it")
	}
}

func TestExistingUser(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*objectstore.Args)
		want   []any
	}{
		"with its key":    {func(a *objectstore.Args) { a.SecretKey = pulumi.String("givenSecretKey01") }, []any{"photographer", "givenSecretKey01"}},
		"without its key": {func(*objectstore.Args) {}, []any{"photographer", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			keys := make(chan []any, 1)
			secret := make(chan bool, 1)
			resources, err := componenttest.Run(t, false, nil, func(ctx *pulumi.Context) error {
				store, err := objectstore.New(ctx, "app", photos(func(a *objectstore.Args) { a.ExistingUser = true }, test.change))
				if err != nil {
					return err
				}
				pulumi.All(store.AccessKey, store.SecretKey).ApplyT(func(all []any) error {
					keys <- all
					secret <- pulumi.IsSecret(store.SecretKey)
					return nil
				})
				return nil
			})
			require.NoError(t, err)
			assert.Equal(t, test.want, <-keys)
			assert.True(t, <-secret)
			assert.Len(t, resources, 2, "the component and the bucket")
		})
	}
}

func TestExisting(t *testing.T) {
	for _, preview := range []bool{false, true} {
		outputs := make(chan []any, 1)
		resources, err := componenttest.Run(t, preview, nil, func(ctx *pulumi.Context) error {
			store, err := objectstore.New(ctx, "app", photos(func(a *objectstore.Args) {
				a.Existing, a.SecretKey = true, pulumi.String("given/Secret+Key=")
			}))
			if err != nil {
				return err
			}
			pulumi.All(store.Bucket, store.AccessKey, store.SecretKey, pulumi.Bool(pulumi.IsSecret(store.SecretKey))).ApplyT(func(all []any) error {
				outputs <- all
				return nil
			})
			return nil
		})
		require.NoError(t, err)
		assert.Equal(t, []any{"photos", "photographer", "given/Secret+Key=", true}, <-outputs)
		assert.Len(t, resources, 1, "the component alone")
	}
	everything := photos(everything, func(a *objectstore.Args) {
		a.Existing, a.KeyVersion, a.KeepPrevious, a.User = true, 2, true, nil
		a.Actions, a.Statements = []string{"s3:GetObject"}, []objectstore.Statement{{Actions: []string{"s3:GetObject"}}}
		a.Policy, a.Quota, a.ForceDestroy, a.ExpireNoncurrentDays = pulumi.String("photos"), 1, true, 1
	})
	const elsewhere = "want nothing with Existing, whose bucket and user are managed elsewhere"
	assertLines(t, []string{
		"ForceDestroy: got true; want false with Existing, whose bucket is managed elsewhere",
		"KeyVersion: got 2; want 1 with Existing, whose key is rotated elsewhere",
		"User: got nothing; want a text that is not empty",
		"Versioning: " + elsewhere,
		"Quota: " + elsewhere,
		"ExpireDays: " + elsewhere,
		"ExpireNoncurrentDays: " + elsewhere,
		"KeepPrevious: " + elsewhere,
		"Policy: " + elsewhere,
		"Actions: " + elsewhere,
		"Statements: " + elsewhere,
	}, everything.Validate().Error())
}

func TestBucketSettings(t *testing.T) {
	resources := created(t, photos(func(a *objectstore.Args) {
		a.Quota, a.Versioning, a.ExpireDays, a.ExpireNoncurrentDays = 1<<30, true, 30, 7
	}))
	assert.EqualValues(t, 1<<30, componenttest.Find(t, resources, bucketType, "app-bucket").Inputs["quota"].NumberValue())
	versioning := componenttest.Find(t, resources, versioningType, "app-versioning").Inputs
	assert.Equal(t, "photos", versioning["bucket"].StringValue())
	assert.Equal(t, "Enabled", versioning["versioningConfiguration"].ObjectValue()["status"].StringValue())
	lifecycle := componenttest.Find(t, resources, lifecycleType, "app-lifecycle").Inputs
	assert.Equal(t, "photos", lifecycle["bucket"].StringValue())
	rule := lifecycle["rules"].ArrayValue()[0].ObjectValue()
	assert.Equal(t, "30d", rule["expiration"].StringValue())
	assert.EqualValues(t, 7, rule["noncurrentVersionExpirationDays"].NumberValue())

	// One of the two alone.
	resources = created(t, photos(func(a *objectstore.Args) { a.ExpireDays = 1 }))
	rule = componenttest.Find(t, resources, lifecycleType, "app-lifecycle").Inputs["rules"].ArrayValue()[0].ObjectValue()
	assert.Equal(t, "1d", rule["expiration"].StringValue())
	assert.False(t, componenttest.Has(rule, "noncurrentVersionExpirationDays"))
	resources = created(t, photos(func(a *objectstore.Args) { a.Versioning, a.ExpireNoncurrentDays = true, 1 }))
	rule = componenttest.Find(t, resources, lifecycleType, "app-lifecycle").Inputs["rules"].ArrayValue()[0].ObjectValue()
	assert.False(t, componenttest.Has(rule, "expiration"))
	assert.EqualValues(t, 1, rule["noncurrentVersionExpirationDays"].NumberValue())
}

// Two stores fit in one program, each on a server of its own.
func TestTwoOnTwoServers(t *testing.T) {
	resources, err := componenttest.Run(t, false, nil, func(ctx *pulumi.Context) error {
		for _, name := range []string{"one", "two"} {
			provider, err := minio.NewProvider(ctx, name, &minio.ProviderArgs{MinioServer: pulumi.String(name + ".example.com")})
			if err != nil {
				return err
			}
			if _, err := objectstore.New(ctx, name, photos(everything), pulumi.Providers(provider)); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, err)
	for _, r := range resources {
		if strings.HasPrefix(r.Type, "minio:") {
			name, _, _ := strings.Cut(r.Name, "-")
			assert.Contains(t, r.Provider, "::"+name+"::", r.Name)
		}
	}
	for name, waits := range componenttest.Waits(resources) {
		for _, other := range waits {
			assert.Equal(t, name[:3], other[:3], "%s waits for %s", name, other)
		}
	}
}

// badKey is a secret key that is bad, which no error may show.
const badKey = "pass/word+ofAnother="

func TestBadArgs(t *testing.T) {
	const bucketRule, userRule = "a bucket's name by the rules of S3", "3 to 128 letters, digits or any of . _ @ + -, with a letter or digit first"
	for name, test := range map[string]struct {
		change func(*objectstore.Args)
		want   []string
	}{
		"empty": {func(a *objectstore.Args) { *a = objectstore.Args{} }, []string{
			"Bucket: got nothing; want " + bucketRule, "User: got nothing; want " + userRule,
		}},
		"several": {
			func(a *objectstore.Args) {
				*a = objectstore.Args{
					Bucket: pulumi.String("K3S"), ForceDestroy: true, Quota: -1, ExpireDays: -1, ExpireNoncurrentDays: -1,
					KeyVersion: -1, User: pulumi.String("a b"), SecretKey: pulumi.String(badKey), Policy: pulumi.String("x=y"), Actions: []string{"GetObject"},
				}
			},
			[]string{
				`Bucket: got "K3S"; want ` + bucketRule,
				"ForceDestroy: got true; want false with RetainOnDelete: true, which keeps the bucket and its objects",
				"Quota: got -1; want bytes, or 0 for none",
				"ExpireDays: got -1; want days, or 0 for never",
				"ExpireNoncurrentDays: got -1; want days, or 0 for never",
				"KeyVersion: got -1; want 1 or more",
				`User: got "a b"; want ` + userRule,
				"SecretKey: want 16 to 40 letters and digits",
				`Policy: got "x=y"; want ` + userRule,
				`Actions: got "GetObject"; want an action of S3, such as s3:GetObject`,
			},
		},
		"a user like a version": {
			func(a *objectstore.Args) { a.User = pulumi.String("photographer.v2") },
			[]string{`User: got "photographer.v2"; want a name that does not end with .v and a number, as the users of later key versions do`},
		},
		"a user that is too long with its version": {
			func(a *objectstore.Args) { a.User, a.KeyVersion = pulumi.String(strings.Repeat("u", 126)), 2 },
			[]string{`User: got "` + strings.Repeat("u", 100) + `…"; want ` + userRule},
		},
		"two dots":   {func(a *objectstore.Args) { a.Bucket = pulumi.String("k3s..tempo") }, []string{`Bucket: got "k3s..tempo"; want ` + bucketRule}},
		"an address": {func(a *objectstore.Args) { a.Bucket = pulumi.String("10.0.0.11") }, []string{`Bucket: got "10.0.0.11"; want ` + bucketRule}},
		"old versions of none": {
			func(a *objectstore.Args) { a.ExpireNoncurrentDays = 1 },
			[]string{"ExpireNoncurrentDays: got 1; want 0 without Versioning, which keeps previous versions"},
		},
		"a version of an existing user": {
			func(a *objectstore.Args) { a.ExistingUser, a.KeyVersion = true, 2 },
			[]string{"KeyVersion: got 2; want 1 with ExistingUser, whose key is rotated elsewhere"},
		},
		"a version of an existing bucket": {
			func(a *objectstore.Args) {
				*a = objectstore.Args{Bucket: pulumi.String("photos"), User: pulumi.String("app"), Existing: true, SecretKey: a.SecretKey, KeyVersion: -1}
			},
			[]string{"KeyVersion: got -1; want 1 with Existing, whose key is rotated elsewhere"},
		},
		"an existing user without a name": {
			func(a *objectstore.Args) { a.ExistingUser, a.User = true, nil },
			[]string{"User: got nothing; want a text that is not empty"},
		},
		"a policy of an existing user": {
			func(a *objectstore.Args) {
				a.ExistingUser, a.KeepPrevious, a.Policy = true, true, pulumi.String("photos")
				a.Actions, a.Statements = []string{"s3:GetObject"}, []objectstore.Statement{{Actions: []string{"s3:GetObject"}}}
			},
			[]string{
				"KeepPrevious: want nothing with ExistingUser, whose key and policy are managed elsewhere",
				"Policy: want nothing with ExistingUser, whose key and policy are managed elsewhere",
				"Actions: want nothing with ExistingUser, whose key and policy are managed elsewhere",
				"Statements: want nothing with ExistingUser, whose key and policy are managed elsewhere",
			},
		},
		"actions beside statements": {
			func(a *objectstore.Args) {
				a.Actions, a.Statements = []string{"s3:GetObject"}, []objectstore.Statement{{Actions: []string{"s3:GetObject"}}}
			},
			[]string{"Statements: want no Actions beside them"},
		},
		"a statement of nothing": {
			func(a *objectstore.Args) { a.Statements = []objectstore.Statement{{}} },
			[]string{"Statements[0].Actions: got nothing; want one or more"},
		},
		"actions of another service": {
			func(a *objectstore.Args) {
				a.Statements = []objectstore.Statement{{Actions: []string{"s3:GetObject", "admin:*", "s3:Get*Object"}}}
			},
			[]string{
				`Statements[0].Actions: got "admin:*"; want an action of S3, such as s3:GetObject`,
				`Statements[0].Actions: got "s3:Get*Object"; want an action of S3, such as s3:GetObject`,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			args := photos(test.change)
			resources, err := create(t, false, args)
			require.Error(t, err)
			assert.Empty(t, resources, "something is registered")
			assert.NotContains(t, err.Error(), badKey)
			assertLines(t, test.want, strings.TrimPrefix(err.Error(), `objectstore "app": `))
			assertLines(t, test.want, args.Validate().Error())
		})
	}
	for _, change := range []func(*objectstore.Args){
		func(a *objectstore.Args) { a.ForceDestroy, a.RetainOnDelete = true, pulumi.BoolRef(false) },
		func(a *objectstore.Args) { a.Versioning = true },
		func(a *objectstore.Args) { a.Quota = 1 },
		func(a *objectstore.Args) { a.ExpireDays = 1 },
	} {
		args := photos(change, func(a *objectstore.Args) { a.ExistingBucket = true })
		assert.EqualError(t, args.Validate(), "ExistingBucket: got true; want false with ForceDestroy, Versioning, Quota or ExpireDays, which change the bucket")
	}
	_, err := create(t, false, nil)
	assert.ErrorContains(t, err, "objectstore: args are missing")
	assert.NoError(t, photos().Validate())
}

// assertLines asserts that an error has the lines in this order, each with nothing but a
// detail in round brackets after it.
func assertLines(t *testing.T, want []string, got string) {
	t.Helper()
	lines := strings.Split(got, "\n")
	for i, line := range lines {
		if line, _, cut := strings.Cut(line, " ("); cut && !slices.Contains(want, lines[i]) {
			lines[i] = line
		}
	}
	assert.Equal(t, want, lines)
}

// TestOutputsAreChecked gives the component another resource's output: it is checked once it is
// known, and what depends on it is not created.
func TestOutputsAreChecked(t *testing.T) {
	output := func(value string) pulumi.StringOutput { return pulumi.String(value).ToStringOutput() }
	for name, test := range map[string]struct {
		change  func(*objectstore.Args)
		want    string
		without []string
	}{
		"bucket": {func(a *objectstore.Args) { a.Bucket = output("Photos") }, `Bucket: got "Photos"; want`, []string{bucketType, userType, policyType}},
		"existing bucket": {
			func(a *objectstore.Args) { a.ExistingBucket, a.Bucket = true, output("Photos") },
			`Bucket: got "Photos"; want`, []string{bucketType, userType, policyType},
		},
		"user":    {func(a *objectstore.Args) { a.User = output("x y") }, `User: got "x y"; want`, []string{userType, attachmentType}},
		"version": {func(a *objectstore.Args) { a.User = output("photographer.v1") }, `User: got "photographer.v1"; want`, []string{userType, attachmentType}},
		"policy":  {func(a *objectstore.Args) { a.Policy = output("x=y") }, `Policy: got "x=y"; want`, []string{policyType, attachmentType}},
		"key":     {func(a *objectstore.Args) { a.SecretKey = output(badKey) }, "SecretKey: want 16 to 40 letters and digits", []string{userType, attachmentType}},
	} {
		for _, preview := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, preview=%t", name, preview), func(t *testing.T) {
				args := photos(test.change)
				require.NoError(t, args.Validate(), "what is not known yet is no problem")
				resources, err := create(t, preview, args)
				assert.ErrorContains(t, err, test.want)
				assert.NotContains(t, fmt.Sprint(err), badKey)
				for _, r := range resources {
					assert.NotContains(t, test.without, r.Type)
				}
			})
		}
	}

	// A good one does.
	resources := created(t, photos(func(a *objectstore.Args) {
		a.Bucket, a.User, a.Policy, a.SecretKey = output("photos"), output("photographer"), output("policy"), output("givenSecretKey01")
		a.KeyVersion = 2
	}))
	assert.Equal(t, "photographer.v2", componenttest.Find(t, resources, userType, "app-user-2").Inputs["name"].StringValue())
}

// TestNames has the rules at their limits.
func TestNames(t *testing.T) {
	for _, name := range []string{"abc", strings.Repeat("b", 63), "a.b-c"} {
		assert.NoError(t, objectstore.ValidateBucket(name), name)
	}
	for _, name := range []string{"", "ab", strings.Repeat("b", 64), "B23", "a_b", "../x", "10.0.0.1"} {
		assert.Error(t, objectstore.ValidateBucket(name), name)
	}
	for _, name := range []string{"abc", strings.Repeat("u", 128), "a.b_c@d+e-f", "tempo.version", "tempo.v", "tempo.v2x"} {
		assert.NoError(t, objectstore.ValidateUser(name), name)
	}
	for _, name := range []string{"", "ab", strings.Repeat("u", 129), ".abc", "-abc", "a b", "a,b", "tempo.v2", "tempo.v10"} {
		assert.Error(t, objectstore.ValidateUser(name), name)
	}
	assert.NoError(t, objectstore.ValidateIAMName("tempo.v2"), "the user of a later version")
	for _, key := range []string{strings.Repeat("k", 16), strings.Repeat("K", 40), componenttest.SecretKey} {
		assert.NoError(t, photos(func(a *objectstore.Args) { a.SecretKey = pulumi.String(key) }).Validate(), key)
	}
	for _, key := range []string{"", strings.Repeat("k", 15), strings.Repeat("k", 41), "has-a-dash-in-it-all", "$123456789abcdef0", "sixteen chars ok\n"} {
		err := photos(func(a *objectstore.Args) { a.SecretKey = pulumi.String(key) }).Validate()
		assert.EqualError(t, err, "SecretKey: want 16 to 40 letters and digits")
	}
}

// TestRegisteredOutputs has what a program in another language, and the state, see.
func TestRegisteredOutputs(t *testing.T) {
	resources, err := componenttest.Run(t, false, nil, func(ctx *pulumi.Context) error {
		_, err := objectstore.New(ctx, "app", photos())
		return err
	}, componenttest.Outputs(bucketType, func(componenttest.Resource) resource.PropertyMap {
		return resource.PropertyMap{"bucket": resource.NewProperty("as-created")}
	}))
	require.NoError(t, err)
	outputs := componenttest.Find(t, resources, componentType, "app").Outputs
	assert.Equal(t, "as-created", outputs["bucket"].StringValue())
	assert.Equal(t, "photographer", outputs["accessKey"].StringValue())
	assert.Equal(t, componenttest.SecretKey, componenttest.Secret(t, outputs["secretKey"]).StringValue())
}
