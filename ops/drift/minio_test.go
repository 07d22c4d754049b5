package drift

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/picluster/picluster/ops/engine"
	"github.com/picluster/picluster/ops/object"
	"github.com/picluster/picluster/ops/objectstore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const document = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":["arn:aws:s3:::b/*"]}]}`

// inOrder returns a state with a bucket, its user and policy, and a MinIO that is as
// the state has it.
func inOrder() (*engine.State, *store) {
	state := &engine.State{Resources: []*engine.Resource{
		resource(engine.BucketType, map[string]any{"bucket": "b"}),
		resource(engine.UserType, map[string]any{"name": "u", "secret": "key"}),
		resource(engine.PolicyType, map[string]any{"name": "p", "policy": document}),
		resource(engine.AttachmentType, map[string]any{"userName": "u", "policyName": "p"}),
		{URN: named(engine.UserType, "other"), Type: engine.UserType, Custom: true, Parent: "other", External: true, Inputs: map[string]any{"name": "managed-elsewhere"}},
	}}
	return state, &store{
		buckets:  map[string]string{"b": ""},
		users:    map[string]*objectstore.User{"u": {Enabled: true, Policies: []string{"p"}}},
		policies: map[string]string{"p": document},
		denials:  map[string]objectstore.Denial{},
	}
}

func nothing() []engine.Step { return nil }

func TestMinIO(t *testing.T) {
	user, attachment := named(engine.UserType, "it"), named(engine.AttachmentType, "it")
	type want struct {
		what, is  string
		urn       string // of the resource
		enables   bool
		wrote     string // by Fix; empty if there is no Fix
		now, then string
	}
	for name, test := range map[string]struct {
		change func(state *engine.State, s *store)
		want   []want
	}{
		"in order": {func(*engine.State, *store) {}, nil},
		"user gone": {func(_ *engine.State, s *store) { delete(s.users, "u") }, []want{
			{what: "user u", is: "is gone", urn: string(user), wrote: "set user u:key, attach p to u", then: "the user, with the key of the state and its policies"},
		}},
		"user disabled": {func(_ *engine.State, s *store) { s.users["u"].Enabled = false }, []want{
			{what: "user u", is: "is disabled", urn: string(user), enables: true, wrote: "set user u:key", then: "the user enabled, with the key of the state"},
		}},
		"another secret key": {func(_ *engine.State, s *store) { s.denials["u:key@b"] = objectstore.WrongKey }, []want{
			{what: "user u", is: "has another secret key", urn: string(user), wrote: "set user u:key", then: "the key of the state"},
		}},
		"right key, denied": {func(_ *engine.State, s *store) { s.denials["u:key@b"] = objectstore.NotAllowed }, nil},
		"policy not attached": {func(_ *engine.State, s *store) { s.users["u"].Policies = nil }, []want{
			{what: "user u", is: "is without its policy p", urn: string(attachment), wrote: "attach p to u", then: "policy p attached"},
		}},
		"policies too many": {func(_ *engine.State, s *store) { s.users["u"].Policies = []string{"consoleAdmin", "p", "readwrite"} }, []want{
			{what: "user u", is: "has a policy too many: consoleAdmin", wrote: "detach consoleAdmin from u", then: "policy consoleAdmin detached"},
			{what: "user u", is: "has a policy too many: readwrite", wrote: "detach readwrite from u", then: "policy readwrite detached"},
		}},
		"groups": {func(_ *engine.State, s *store) { s.users["u"].Groups = []string{"admins", "staff"} }, []want{
			{what: "user u", is: "has what the group admins may", wrote: "remove u from admins", then: "the user removed from group admins"},
			{what: "user u", is: "has what the group staff may", wrote: "remove u from staff", then: "the user removed from group staff"},
		}},
		"imported user, gone": {func(state *engine.State, s *store) {
			delete(state.Resources[1].Inputs, "secret")
			delete(s.users, "u")
		}, []want{
			{what: "user u", is: "is gone", urn: string(user), then: "the user, with the key of the state and its policies"},
		}},
		"imported user, in order": {func(state *engine.State, s *store) {
			delete(state.Resources[1].Inputs, "secret")
			s.denials["u:@b"] = objectstore.WrongKey
		}, nil},
		"policy gone": {func(_ *engine.State, s *store) { delete(s.policies, "p") }, []want{
			{what: "policy p", is: "is gone", urn: string(named(engine.PolicyType, "it")), wrote: "set policy p: " + document, then: document},
		}},
		"policy with other rights": {func(_ *engine.State, s *store) { s.policies["p"] = "{\"Version\":\"2012-10-17\",\n  \"Statement\":[]}" }, []want{
			{what: "policy p", is: `allows other than it should: {"Version":"2012-10-17", "Statement":[]}`, urn: string(named(engine.PolicyType, "it")),
				wrote: "set policy p: " + document, now: "{\"Version\":\"2012-10-17\",\n  \"Statement\":[]}", then: document},
		}},
		"policy in another order": {func(_ *engine.State, s *store) {
			s.policies["p"] = `{"Statement":[{"Resource":"arn:aws:s3:::b/*","Action":["s3:PutObject","s3:GetObject"],"Effect":"Allow"}],"Version":"2012-10-17"}`
		}, nil},
		"bucket gone": {func(_ *engine.State, s *store) { delete(s.buckets, "b") }, []want{
			{what: "bucket b", is: "is gone, with its objects", urn: string(named(engine.BucketType, "it"))},
		}},
		"bucket with a policy of its own": {func(_ *engine.State, s *store) { s.buckets["b"] = "{}" }, []want{
			{what: "bucket b", is: "is open to others than its user, by a policy of its own", wrote: "delete the policy of bucket b", now: "{}", then: "no policy of its own"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			state, s := inOrder()
			test.change(state, s)
			target := &Target{state: state, store: s, cluster: &kubernetes{}}
			findings, ignored, err := target.direct(t.Context(), nothing)
			require.NoError(t, err)
			assert.Empty(t, ignored)
			var have []want
			for _, f := range findings {
				assert.Equal(t, inMinIO, f.Where)
				s.wrote = nil
				w := want{what: f.What, is: f.Is, urn: string(f.URN), enables: f.Enables, now: f.Now, then: f.Then}
				if f.Fix != nil {
					require.NoError(t, f.Fix(t.Context()))
					require.NotEmpty(t, s.wrote)
					w.wrote = strings.Join(s.wrote, ", ")
				}
				have = append(have, w)
			}
			assert.Equal(t, test.want, have)
		})
	}
}

// Looking writes nothing, also where everything is broken.
func TestFindWritesNothing(t *testing.T) {
	state, _ := inOrder()
	s := &store{buckets: map[string]string{"b": "{}"}, users: map[string]*objectstore.User{"u": {Policies: []string{"q"}, Groups: []string{"g"}}}}
	findings, _, err := (&Target{state: state, store: s, cluster: &kubernetes{}}).direct(t.Context(), nothing)
	require.NoError(t, err)
	assert.Len(t, findings, 6)
	assert.Empty(t, s.wrote)
}

func TestFixReturnsTheError(t *testing.T) {
	state, s := inOrder()
	s.users["u"].Enabled = false
	findings, _, err := (&Target{state: state, store: s, cluster: &kubernetes{}}).direct(t.Context(), nothing)
	require.NoError(t, err)
	require.Len(t, findings, 1)
	s.err = errors.New("denied")
	assert.ErrorIs(t, findings[0].Fix(t.Context()), s.err)
}

func TestMinIONotReachable(t *testing.T) {
	state, s := inOrder()
	s.err = errors.New("Access Denied")
	findings, _, err := (&Target{state: state, store: s, cluster: &kubernetes{}}).direct(t.Context(), nothing)
	assert.Empty(t, findings)
	assert.ErrorContains(t, err, "MinIO at s3:9000 rejects the credentials. Fix: set minio:minioUser")
}

func TestPolicyThatIsNoPolicy(t *testing.T) {
	state, s := inOrder()
	s.policies["p"] = "no JSON"
	findings, _, err := (&Target{state: state, store: s, cluster: &kubernetes{}}).direct(t.Context(), nothing)
	require.NoError(t, err)
	require.Len(t, findings, 1)
	assert.Equal(t, "allows other than it should: no JSON", findings[0].Is)
}

// The key of a user is tried on the bucket of its own component.
func TestKeyOfEachTenant(t *testing.T) {
	state := &engine.State{}
	s := &store{buckets: map[string]string{}, users: map[string]*objectstore.User{}, denials: map[string]objectstore.Denial{"two:key@b-two": objectstore.WrongKey}}
	for _, tenant := range []string{"one", "two"} {
		bucket, user := resource(engine.BucketType, map[string]any{"bucket": "b-" + tenant}), resource(engine.UserType, map[string]any{"name": tenant, "secret": "key"})
		bucket.Parent, user.Parent = named("t", tenant), named("t", tenant)
		state.Resources = append(state.Resources, bucket, user)
		s.buckets["b-"+tenant], s.users[tenant] = "", &objectstore.User{Enabled: true}
	}
	findings, _, err := (&Target{state: state, store: s, cluster: &kubernetes{}}).direct(t.Context(), nothing)
	require.NoError(t, err)
	assert.Equal(t, []string{"user two has another secret key: repair restores it"}, found(findings))
	slices.Sort(s.opened)
	assert.Equal(t, []string{"one:key@b-one", "two:key@b-two"}, s.opened)
}

// secretOf returns the Secret n/NAME with a tenant's keys.
func secretOf(name, accessKey, secretKey string) *object.Object {
	return objectOf(map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": name, "namespace": "n"},
		"data": map[string]any{"MINIO_ACCESS_KEY_ID": accessKey, "MINIO_SECRET_ACCESS_KEY": secretKey}})
}

func TestSecrets(t *testing.T) {
	one := map[string]any{"secretName": "keys", "namespace": "n", "bucket": "b"}
	two := map[string]any{"tenants": map[string]any{
		"one": map[string]any{"secretName": "keys", "namespace": "n", "bucket": "b"},
		"two": map[string]any{"secretName": "more", "namespace": "n", "bucket": "c"},
	}}
	for name, test := range map[string]struct {
		outputs map[string]any
		secrets []*object.Object
		denials map[string]objectstore.Denial
		ignores []object.Ignore
		found   []string
		opened  []string
	}{
		"opens":          {outputs: one, secrets: []*object.Object{secretOf("keys", "dQ==", "aw==")}, opened: []string{"u:k@b"}},
		"gone":           {outputs: one, found: []string{"Secret n/keys is gone: reported only"}},
		"wrong key":      {outputs: one, secrets: []*object.Object{secretOf("keys", "dQ==", "aw==")}, denials: map[string]objectstore.Denial{"u:k@b": objectstore.WrongKey}, opened: []string{"u:k@b"}, found: []string{"Secret n/keys does not open the bucket b: its secret key is not the user's: reported only"}},
		"no user":        {outputs: one, secrets: []*object.Object{secretOf("keys", "dQ==", "aw==")}, denials: map[string]objectstore.Denial{"u:k@b": objectstore.NoUser}, opened: []string{"u:k@b"}, found: []string{"Secret n/keys does not open the bucket b: its access key is of no user, or of one that is disabled: reported only"}},
		"not allowed":    {outputs: one, secrets: []*object.Object{secretOf("keys", "dQ==", "aw==")}, denials: map[string]objectstore.Denial{"u:k@b": objectstore.NotAllowed}, opened: []string{"u:k@b"}, found: []string{"Secret n/keys does not open the bucket b: its user may not: reported only"}},
		"no bucket":      {outputs: one, secrets: []*object.Object{secretOf("keys", "dQ==", "aw==")}, denials: map[string]objectstore.Denial{"u:k@b": objectstore.NoBucket}, opened: []string{"u:k@b"}, found: []string{"Secret n/keys does not open the bucket b: there is none: reported only"}},
		"inline keys":    {outputs: map[string]any{"namespace": "n", "bucket": "b"}},
		"of two tenants": {outputs: two, secrets: []*object.Object{secretOf("keys", "dQ==", "aw=="), secretOf("more", "dg==", "aw==")}, denials: map[string]objectstore.Denial{"v:k@c": objectstore.WrongKey}, opened: []string{"u:k@b", "v:k@c"}, found: []string{"Secret n/more does not open the bucket c: its secret key is not the user's: reported only"}},
		"ignored":        {outputs: one, ignores: []object.Ignore{{Object: "Secret n/*"}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &store{denials: test.denials}
			target := &Target{state: &engine.State{Resources: []*engine.Resource{outputs(test.outputs)}}, store: s, cluster: &kubernetes{objects: test.secrets}, ignores: test.ignores}
			findings, ignored, err := target.direct(t.Context(), nothing)
			require.NoError(t, err)
			assert.Equal(t, test.found, found(findings))
			assert.Len(t, ignored, len(test.ignores))
			slices.Sort(s.opened)
			assert.Equal(t, test.opened, s.opened)
		})
	}
}

// The configuration names the fields of the Secret.
func TestSecretFields(t *testing.T) {
	secret := objectOf(map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "keys", "namespace": "n"},
		"data": map[string]any{"ID": "dQ==", "KEY": "aw=="}})
	state := &engine.State{Resources: []*engine.Resource{outputs(map[string]any{"secretName": "keys", "namespace": "n", "bucket": "b"})}}
	s := &store{}
	target := &Target{state: state, store: s, cluster: &kubernetes{objects: []*object.Object{secret}}, fields: engine.SecretFields{AccessKey: "ID", SecretKey: "KEY"}}
	_, _, err := target.direct(t.Context(), nothing)
	require.NoError(t, err)
	assert.Equal(t, []string{"u:k@b"}, s.opened)
}

// What is wrong in MinIO, or with the Secret itself, is not reported a second time.
func TestSecretsAfterOtherFindings(t *testing.T) {
	target := &Target{state: &engine.State{Resources: []*engine.Resource{outputs(map[string]any{"secretName": "keys", "namespace": "n", "bucket": "b"})}}}
	assert.Len(t, target.secrets(nil), 1)
	assert.Len(t, target.secrets([]Finding{{Where: inKubernetes, What: "Secret n/other"}}), 1)
	assert.Empty(t, target.secrets([]Finding{{Where: inKubernetes, What: "Secret n/keys"}}))
	assert.Empty(t, target.secrets([]Finding{{Where: inMinIO, What: "user u"}}))
}

func TestSecretsWithoutServers(t *testing.T) {
	state := &engine.State{Resources: []*engine.Resource{outputs(map[string]any{"secretName": "keys", "namespace": "n", "bucket": "b"})}}
	down := errors.New("down")
	_, _, err := (&Target{state: state, store: &store{}, cluster: &kubernetes{err: down}}).direct(t.Context(), nothing)
	assert.ErrorIs(t, err, down)
	_, _, err = (&Target{state: state, store: &store{err: down}, cluster: &kubernetes{objects: []*object.Object{secretOf("keys", "dQ==", "aw==")}}}).direct(t.Context(), nothing)
	assert.ErrorContains(t, err, "MinIO at s3:9000 rejects the credentials")
}
