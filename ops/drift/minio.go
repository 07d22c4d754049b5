package drift

import (
	"context"
	"maps"
	"slices"

	awspolicy "github.com/hashicorp/awspolicyequivalence"
	"github.com/picluster/picluster/ops/engine"
	"github.com/picluster/picluster/ops/objectstore"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
)

// each returns a look at each resource of a type, on MinIO itself.
func (t *Target) each(kind string, see func(ctx context.Context, r *engine.Resource) ([]Finding, error)) []look {
	var looks []look
	for _, r := range t.state.Of(kind) {
		looks = append(looks, func(ctx context.Context) ([]Finding, error) {
			findings, err := see(ctx, r)
			if err != nil {
				return nil, unanswered("MinIO", t.store.Endpoint(), err)
			}
			return findings, nil
		})
	}
	return looks
}

// buckets returns looks at the stack's buckets.
func (t *Target) buckets() []look {
	return t.each(engine.BucketType, func(ctx context.Context, r *engine.Resource) ([]Finding, error) {
		f := finding(r)
		name := r.Text("bucket")
		exists, err := t.store.HasBucket(ctx, name)
		if err != nil {
			return nil, err
		}
		if !exists {
			f.Is = "is gone, with its objects"
			return []Finding{f}, nil
		}
		policy, err := t.store.BucketPolicy(ctx, name)
		if err != nil || policy == "" {
			return nil, err
		}
		f.Is, f.URN = "is open to others than its user, by a policy of its own", ""
		f.Now, f.Then = policy, "no policy of its own"
		f.Fix = func(ctx context.Context) error { return t.store.DeleteBucketPolicy(ctx, name) }
		return []Finding{f}, nil
	})
}

// finding returns a finding of a resource.
func finding(r *engine.Resource) Finding {
	where, what := Called(r)
	return Finding{Where: where, What: what, URN: r.URN}
}

// policies returns looks at the stack's policies.
func (t *Target) policies() []look {
	return t.each(engine.PolicyType, func(ctx context.Context, r *engine.Resource) ([]Finding, error) {
		f := finding(r)
		name, want := r.Text("name"), r.Text("policy")
		have, err := t.store.Policy(ctx, name)
		if err != nil {
			return nil, err
		}
		f.Is, f.Now, f.Then = "is gone", have, want
		if have != "" {
			// A document that cannot be compared is not the stack's.
			if same, err := awspolicy.PoliciesAreEquivalent(have, want); same && err == nil {
				return nil, nil
			}
			f.Is = "allows other than it should: " + oneLine(have)
		}
		f.Fix = func(ctx context.Context) error { return t.store.SetPolicy(ctx, name, want) }
		return []Finding{f}, nil
	})
}

// users returns looks at each user's status, key, policies and groups.
func (t *Target) users() []look {
	return t.each(engine.UserType, func(ctx context.Context, r *engine.Resource) ([]Finding, error) {
		var findings []Finding
		name, secretKey := r.Text("name"), r.Text("secret")
		note := func(is, then string, fix func(context.Context) error) *Finding {
			f := finding(r)
			f.Is, f.Then, f.Fix = is, then, fix
			findings = append(findings, f)
			return &findings[len(findings)-1]
		}
		setUser := func(ctx context.Context) error { return t.store.SetUser(ctx, name, secretKey) }
		if secretKey == "" {
			setUser = nil // it was imported, and the next up gives it its key
		}

		user, err := t.store.User(ctx, name)
		if err != nil {
			return nil, err
		}
		attachments := t.attachments(name)
		switch {
		case user == nil:
			note("is gone", "the user, with the key of the state and its policies", t.created(setUser, name, attachments))
			return findings, nil
		case !user.Enabled:
			note("is disabled", "the user enabled, with the key of the state", setUser).Enables = true
		case secretKey != "":
			denial, err := t.store.Opens(ctx, name, secretKey, t.bucketOf(name))
			if err != nil {
				return nil, err
			}
			if denial == objectstore.WrongKey {
				note("has another secret key", "the key of the state", setUser)
			}
		}

		for _, policy := range slices.Sorted(maps.Keys(attachments)) {
			if !slices.Contains(user.Policies, policy) {
				note("is without its policy "+policy, "policy "+policy+" attached",
					func(ctx context.Context) error { return t.store.Attach(ctx, name, policy) }).URN = attachments[policy]
			}
		}
		for _, policy := range user.Policies {
			if _, attached := attachments[policy]; !attached {
				note("has a policy too many: "+policy, "policy "+policy+" detached",
					func(ctx context.Context) error { return t.store.Detach(ctx, name, policy) }).URN = ""
			}
		}
		for _, group := range user.Groups {
			note("has what the group "+group+" may", "the user removed from group "+group,
				func(ctx context.Context) error { return t.store.RemoveFromGroup(ctx, name, group) }).URN = ""
		}
		return findings, nil
	})
}

// created returns a fix that creates a user and attaches its policies; nil if setUser is nil.
func (t *Target) created(setUser func(context.Context) error, user string, attachments map[string]urn.URN) func(context.Context) error {
	if setUser == nil {
		return nil
	}
	return func(ctx context.Context) error {
		if err := setUser(ctx); err != nil {
			return err
		}
		for _, policy := range slices.Sorted(maps.Keys(attachments)) {
			if err := t.store.Attach(ctx, user, policy); err != nil {
				return err
			}
		}
		return nil
	}
}

// attachments returns the attachments of a user in the state, by the policy.
func (t *Target) attachments(user string) map[string]urn.URN {
	attachments := map[string]urn.URN{}
	for _, r := range t.state.Of(engine.AttachmentType) {
		if r.Text("userName") == user {
			attachments[r.Text("policyName")] = r.URN
		}
	}
	return attachments
}

// bucketOf returns the bucket of a user's component, which the user's key should open.
func (t *Target) bucketOf(user string) string {
	for _, u := range t.state.Of(engine.UserType) {
		if u.Text("name") != user {
			continue
		}
		for _, r := range t.state.Of(engine.BucketType) {
			if r.Parent == u.Parent {
				return r.Text("bucket")
			}
		}
	}
	return ""
}
