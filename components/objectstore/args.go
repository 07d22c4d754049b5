package objectstore

import (
	"cmp"
	"fmt"
	"regexp"

	"github.com/picluster/picluster/internal/field"
	"github.com/picluster/picluster/internal/rule"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Args describes the bucket and its user.
type Args struct {
	// Bucket is the bucket's name, by the rules of S3. Required.
	Bucket pulumi.StringInput `pulumi:"bucket"`
	// Existing refers to a bucket and a user of any S3 server, which are managed elsewhere:
	// nothing is created or read, no MinIO provider is needed, and the outputs are Bucket, User
	// and SecretKey. It cannot be combined with what creates or changes a bucket or a user.
	// Protect and RetainOnDelete have no effect.
	Existing bool `pulumi:"existing,optional"`
	// ExistingBucket refers to a bucket that is managed elsewhere: it is read, and never
	// changed. It is an error if the server has none of the name.
	ExistingBucket bool `pulumi:"existingBucket,optional"`
	// Protect has an update fail that would delete the bucket or its versioning, or replace
	// the bucket by another. It does not protect the expiry. Default: true, also if the option
	// of the component is false. If Protect is false, the bucket inherits that option.
	Protect *bool `pulumi:"protect,optional"`
	// RetainOnDelete keeps the bucket and its objects on the server when the component is
	// deleted. Its versioning stays as well, also if Versioning is removed: turn it off on the
	// server then. Default: true, also if the option of the component is false. If
	// RetainOnDelete is false, the bucket inherits that option.
	RetainOnDelete *bool `pulumi:"retainOnDelete,optional"`
	// ForceDestroy deletes the bucket's objects with the bucket. It requires
	// RetainOnDelete: false.
	ForceDestroy bool `pulumi:"forceDestroy,optional"`
	// Versioning keeps the previous versions of objects.
	Versioning bool `pulumi:"versioning,optional"`
	// Quota is the bucket's size limit in bytes. Default: none.
	Quota float64 `pulumi:"quota,optional"`
	// ExpireDays deletes objects this many days after they were written. Default: never.
	ExpireDays int `pulumi:"expireDays,optional"`
	// ExpireNoncurrentDays deletes previous versions of objects after this many days. It
	// requires Versioning. Default: never.
	ExpireNoncurrentDays int `pulumi:"expireNoncurrentDays,optional"`

	// User is the user's name, which is its access key too. Required.
	User pulumi.StringInput `pulumi:"user"`
	// ExistingUser refers to a user that is managed elsewhere: neither a user nor a key nor
	// a policy is created, and the outputs are User and SecretKey. It cannot be combined with
	// KeepPrevious, Policy, Actions and Statements.
	ExistingUser bool `pulumi:"existingUser,optional"`
	// SecretKey is the user's secret key: 16 to 40 letters and digits. Default: a random
	// one is generated.
	SecretKey pulumi.StringInput `pulumi:"secretKey,optional"`
	// KeyVersion is the version of the user and its key. Each version is a user of its
	// own. A new version creates its user first. Pulumi deletes the previous user at the end
	// of the update, so that both keys work in between. If SecretKey changes and KeyVersion
	// does not, the user gets the new key at once, and the previous key is revoked. Default: 1.
	KeyVersion int `pulumi:"keyVersion,optional"`
	// KeepPrevious keeps the user of the version before KeyVersion, for pods whose
	// restart this program does not see.
	KeepPrevious bool `pulumi:"keepPrevious,optional"`

	// Policy is the name of the user's policy. Default: the user's name.
	Policy pulumi.StringInput `pulumi:"policy,optional"`
	// Actions are what the user may do in the bucket, such as s3:GetObject. Default:
	// ReadWriteActions.
	Actions []string `pulumi:"actions,optional"`
	// Statements are the policy's statements in place of Actions.
	Statements []Statement `pulumi:"statements,optional"`
}

// withDefaults returns the arguments with what is empty filled in, but for Policy.
func (a Args) withDefaults() Args {
	a.KeyVersion = cmp.Or(a.KeyVersion, 1)
	if !a.Existing && !a.ExistingUser && len(a.Actions) == 0 && len(a.Statements) == 0 {
		a.Actions = ReadWriteActions()
	}
	return a
}

// action is what a policy takes as an action of S3.
var action = regexp.MustCompile(`^s3:(\*|[A-Za-z]+\*?)$`)

// Validate returns an error with every field that has a bad value. Outputs of other
// resources are checked once they are known.
func (a Args) Validate() error { return a.withDefaults().problems().Err() }

func (a Args) problems() (errs field.Errors) {
	errs.CheckInput("Bucket", a.Bucket, ValidateBucket)
	if a.ForceDestroy && retain(a.RetainOnDelete) && !a.Existing {
		errs.Add("ForceDestroy", true, "false with RetainOnDelete: true, which keeps the bucket and its objects")
	}
	if a.Quota < 0 {
		errs.Add("Quota", a.Quota, "bytes, or 0 for none")
	}
	if a.ExpireDays < 0 {
		errs.Add("ExpireDays", a.ExpireDays, "days, or 0 for never")
	}
	switch {
	case a.ExpireNoncurrentDays < 0:
		errs.Add("ExpireNoncurrentDays", a.ExpireNoncurrentDays, "days, or 0 for never")
	case a.ExpireNoncurrentDays > 0 && !a.Versioning && !a.Existing:
		errs.Add("ExpireNoncurrentDays", a.ExpireNoncurrentDays, "0 without Versioning, which keeps previous versions")
	}
	if a.Existing {
		return append(errs, a.existingProblems()...)
	}
	if a.ExistingBucket && (a.ForceDestroy || a.Versioning || a.Quota > 0 || a.ExpireDays > 0) {
		errs.Add("ExistingBucket", true, "false with ForceDestroy, Versioning, Quota or ExpireDays, which change the bucket")
	}
	return append(errs, a.userProblems()...)
}

// existingProblems returns what Existing cannot be combined with.
func (a Args) existingProblems() (errs field.Errors) {
	if a.ForceDestroy {
		errs.Add("ForceDestroy", true, "false with Existing, whose bucket is managed elsewhere")
	}
	if a.KeyVersion != 1 {
		errs.Add("KeyVersion", a.KeyVersion, "1 with Existing, whose key is rotated elsewhere")
	}
	errs.CheckInput("User", a.User, rule.ValidateNotEmpty)
	rejectSet(&errs, "nothing with Existing, whose bucket and user are managed elsewhere", []given{
		{"Versioning", a.Versioning},
		{"Quota", a.Quota > 0},
		{"ExpireDays", a.ExpireDays > 0},
		{"ExpireNoncurrentDays", a.ExpireNoncurrentDays > 0},
		{"KeepPrevious", a.KeepPrevious},
		{"Policy", a.Policy != nil},
		{"Actions", len(a.Actions) > 0},
		{"Statements", len(a.Statements) > 0},
	})
	return errs
}

// given is a field, and whether it is set.
type given struct {
	path string
	is   bool
}

// rejectSet adds a problem for each field that is set.
func rejectSet(errs *field.Errors, want string, fields []given) {
	for _, f := range fields {
		if f.is {
			errs.Add(f.path, nil, "%s", want)
		}
	}
}

func (a Args) userProblems() (errs field.Errors) {
	if a.KeyVersion < 1 {
		errs.Add("KeyVersion", a.KeyVersion, "1 or more")
	}
	if a.ExistingUser {
		if a.KeyVersion > 1 {
			errs.Add("KeyVersion", a.KeyVersion, "1 with ExistingUser, whose key is rotated elsewhere")
		}
		errs.CheckInput("User", a.User, rule.ValidateNotEmpty)
		rejectSet(&errs, "nothing with ExistingUser, whose key and policy are managed elsewhere", []given{
			{"KeepPrevious", a.KeepPrevious},
			{"Policy", a.Policy != nil},
			{"Actions", len(a.Actions) > 0},
			{"Statements", len(a.Statements) > 0},
		})
		return errs
	}
	errs.CheckInput("User", a.User, a.validateUser)
	if a.SecretKey != nil {
		errs.CheckInput("SecretKey", a.SecretKey, validateSecretKey)
		for i := range errs {
			if errs[i].Path == "SecretKey" {
				errs[i].Got = nil // never show it
			}
		}
	}
	if a.Policy != nil {
		errs.CheckInput("Policy", a.Policy, ValidateIAMName)
	}
	if len(a.Statements) > 0 && len(a.Actions) > 0 {
		errs.Add("Statements", nil, "no Actions beside them")
	}
	for i, s := range a.statements("") {
		path := "Actions"
		if len(a.Statements) > 0 {
			path = fmt.Sprintf("Statements[%d].Actions", i)
		}
		if len(s.Actions) == 0 {
			errs.Add(path, field.Nothing, "one or more")
		}
		for _, name := range s.Actions {
			if !action.MatchString(name) {
				errs.Add(path, name, "an action of S3, such as s3:GetObject")
			}
		}
	}
	return errs
}

// validateUser returns an error unless name can be the user of the key version.
func (a Args) validateUser(name string) error {
	return cmp.Or(ValidateUser(name), ValidateIAMName(UserName(name, a.KeyVersion)))
}

// retain returns the value of an option whose default is true.
func retain(option *bool) bool { return option == nil || *option }
