package drift

import (
	"context"
	"fmt"
	"slices"
	"strings"

	awspolicy "github.com/hashicorp/awspolicyequivalence"
	"github.com/picluster/picluster/ops/engine"
	"github.com/picluster/picluster/ops/objectstore"
)

// minio looks at the buckets, policies and users of the state, on MinIO itself.
func (t *Target) minio(ctx context.Context) ([]Finding, error) {
	var findings []Finding
	for _, look := range []func(context.Context) ([]Finding, error){t.buckets, t.policies, t.users} {
		found, err := look(ctx)
		if err != nil {
			return nil, unanswered("MinIO", t.store.Endpoint(), err)
		}
		findings = append(findings, found...)
	}
	return findings, nil
}

func (t *Target) buckets(ctx context.Context) ([]Finding, error) {
	var findings []Finding
	for _, r := range t.state.Of(engine.BucketType) {
		where, what := Called(r)
		name := r.Text("bucket")
		exists, err := t.store.HasBucket(ctx, name)
		if err != nil {
			return nil, err
		}
		if !exists {
			findings = append(findings, Finding{Where: where, What: what, Is: "is gone, with its objects"})
			continue
		}
		policy, err := t.store.Opened(ctx, name)
		if err != nil {
			return nil, err
		}
		if policy != "" {
			findings = append(findings, Finding{Where: where, What: what, Is: "is open to others than its user, by a policy of its own",
				mend: func(ctx context.Context) error { return t.store.Close(ctx, name) }})
		}
	}
	return findings, nil
}

func (t *Target) policies(ctx context.Context) ([]Finding, error) {
	var findings []Finding
	for _, r := range t.state.Of(engine.PolicyType) {
		where, what := Called(r)
		name, want := r.Text("name"), r.Text("policy")
		have, err := t.store.Policy(ctx, name)
		if err != nil {
			return nil, err
		}
		is := "is gone"
		if have != "" {
			same, err := awspolicy.PoliciesAreEquivalent(have, want)
			if err != nil {
				return nil, fmt.Errorf("policy %s: %w", name, err)
			}
			if same {
				continue
			}
			is = "allows other than it should: " + strings.Join(strings.Fields(have), " ")
		}
		findings = append(findings, Finding{Where: where, What: what, Is: is,
			mend: func(ctx context.Context) error { return t.store.SetPolicy(ctx, name, want) }})
	}
	return findings, nil
}

// users looks at each user's status, key and policies.
func (t *Target) users(ctx context.Context) ([]Finding, error) {
	var findings []Finding
	for _, r := range t.state.Of(engine.UserType) {
		where, what := Called(r)
		name, secretKey := r.Text("name"), r.Text("secret")
		note := func(is string, mend func(context.Context) error) {
			findings = append(findings, Finding{Where: where, What: what, Is: is, mend: mend})
		}
		setUser := func(ctx context.Context) error { return t.store.SetUser(ctx, name, secretKey) }
		if secretKey == "" {
			setUser = nil // it was taken in, and the next up gives it its key
		}

		user, err := t.store.User(ctx, name)
		if err != nil {
			return nil, err
		}
		switch {
		case user == nil:
			note("is gone", setUser)
			user = &objectstore.User{}
		case !user.Enabled:
			note("is disabled", setUser)
		case secretKey != "":
			denial, err := t.store.Opens(ctx, name, secretKey, t.bucket())
			if err != nil {
				return nil, err
			}
			if denial == objectstore.WrongKey {
				note("has another secret key", setUser)
			}
		}

		policies := t.policiesOf(name)
		for _, policy := range policies {
			if !slices.Contains(user.Policies, policy) {
				note("is without its policy "+policy, func(ctx context.Context) error { return t.store.Attach(ctx, name, policy) })
			}
		}
		for _, policy := range user.Policies {
			if !slices.Contains(policies, policy) {
				note("has a policy too many: "+policy, func(ctx context.Context) error { return t.store.Detach(ctx, name, policy) })
			}
		}
		for _, group := range user.Groups {
			note("has what the group "+group+" may", func(ctx context.Context) error { return t.store.Leave(ctx, name, group) })
		}
	}
	return findings, nil
}

// policiesOf returns the policies that the state attaches to a user.
func (t *Target) policiesOf(user string) []string {
	var policies []string
	for _, r := range t.state.Of(engine.AttachmentType) {
		if r.Text("userName") == user {
			policies = append(policies, r.Text("policyName"))
		}
	}
	return policies
}

// bucket is the bucket of the traces.
func (t *Target) bucket() string {
	for _, r := range t.state.Of(engine.BucketType) {
		return r.Text("bucket")
	}
	return ""
}
