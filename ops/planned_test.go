package main

import (
	"context"
	"errors"
	"testing"

	"github.com/picluster/picluster/internal/command"
	"github.com/picluster/picluster/ops/engine"
	"github.com/picluster/picluster/ops/object"
	"github.com/picluster/picluster/ops/objectstore"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// takenStore is a MinIO with another stack's user and policy "theirs", and with the users of a
// stack's own versions.
type takenStore struct{}

func (takenStore) HasBucket(context.Context, string) (bool, error) { return true, nil }

func (takenStore) User(_ context.Context, name string) (*objectstore.User, error) {
	if name == "theirs" || name == "tempo.v2" {
		return &objectstore.User{}, nil
	}
	return nil, nil
}

func (takenStore) Policy(_ context.Context, name string) (string, error) {
	if name == "theirs" {
		return "{}", nil
	}
	return "", nil
}

// takenCluster has the namespaces monitoring and, which is being deleted, ending.
type takenCluster struct{}

func (takenCluster) Get(_ context.Context, manifest *object.Object) (*object.Object, error) {
	live := manifest.DeepCopy()
	switch manifest.GetName() {
	case "monitoring", "their-secret":
		return live, nil
	case "ending":
		live.Object["metadata"].(map[string]any)["deletionTimestamp"] = "2026-01-01T00:00:00Z"
		return live, nil
	}
	return nil, nil
}

func TestPlanned(t *testing.T) {
	resource := func(kind, name string, inputs map[string]any) *engine.Resource {
		return &engine.Resource{URN: named(kind, name), Type: kind, Custom: true, Inputs: inputs}
	}
	namespaceOf := func(name string) *engine.Resource {
		return resource(engine.NamespaceType, "tempo-namespace", map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name}})
	}
	userOf := func(urnName, name string) *engine.Resource {
		return resource(engine.UserType, urnName, map[string]any{"name": name})
	}
	secretOf := func(name string) *engine.Resource {
		return resource(engine.SecretType, "tempo-secret", map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": name, "namespace": "tempo"}})
	}
	policyOf := func(name string) *engine.Resource {
		return resource(engine.PolicyType, "tempo-policy", map[string]any{"name": name})
	}
	bucketOf := func(name string) *engine.Resource {
		return resource(engine.BucketType, "tempo-bucket", map[string]any{"bucket": name})
	}
	releaseOf := func(name string) *engine.Resource {
		return resource(engine.ReleaseType, "tempo-release", map[string]any{"name": name, "namespace": "tempo"})
	}
	external := func(r *engine.Resource) *engine.Resource { r.External = true; return r }
	step := func(op apitype.OpType, r *engine.Resource) engine.Step {
		return engine.Step{Op: op, URN: r.URN, New: r}
	}
	create := func(r *engine.Resource) engine.Step { return step(apitype.OpCreate, r) }
	living := []*engine.Resource{bucketOf("traces"), userOf("tempo-user", "tempo"), policyOf("tempo"), namespaceOf("tempo")}
	const (
		taken     = "already, and this stack has not created that: the up would give another stack's user a new key. Fix: picluster adopt --stack s"
		namespace = `namespace: got "monitoring", which exists and which this stack has not created; want a new one, because a destroy deletes the stack's namespace with all that is in it. Fix: pulumi config set existingNamespace true; or, if it is this stack's, picluster adopt --stack s`
	)
	for name, test := range map[string]struct {
		state   []*engine.Resource
		pending []*engine.Resource
		steps   []engine.Step
		want    string
	}{
		"a first up":                        {nil, nil, []engine.Step{create(userOf("tempo-user", "tempo")), create(policyOf("tempo")), create(namespaceOf("tempo"))}, ""},
		"nothing new":                       {living, nil, []engine.Step{step(apitype.OpSame, bucketOf("traces")), step(apitype.OpUpdate, userOf("tempo-user", "tempo"))}, ""},
		"another stack's user":              {nil, nil, []engine.Step{create(userOf("tempo-user", "theirs"))}, "MinIO has user theirs " + taken},
		"and its policy":                    {nil, nil, []engine.Step{create(userOf("tempo-user", "theirs")), create(policyOf("theirs"))}, "MinIO has policy theirs and user theirs " + taken},
		"a user of a living stack":          {living, nil, []engine.Step{step(apitype.OpReplace, userOf("tempo-user", "theirs"))}, "MinIO has user theirs " + taken},
		"a policy of a living stack":        {living, nil, []engine.Step{step(apitype.OpReplace, policyOf("theirs"))}, "MinIO has policy theirs " + taken},
		"a new tenant":                      {living, nil, []engine.Step{create(userOf("tempo-a-user", "theirs"))}, "MinIO has user theirs " + taken},
		"a free name":                       {living, nil, []engine.Step{create(userOf("tempo-a-user", "tempo-a"))}, ""},
		"a rotation continued":              {living, []*engine.Resource{userOf("tempo-user-2", "tempo.v2")}, []engine.Step{create(userOf("tempo-user-2", "tempo.v2"))}, ""},
		"a rotation that was lost":          {living, nil, []engine.Step{create(userOf("tempo-user-2", "tempo.v2"))}, "keyVersion: got 2, whose user tempo.v2 MinIO has and this state does not know; want 3, because this up would replace the user's key, which pods can have. Fix: pulumi config set keyVersion 3"},
		"a user that was managed elsewhere": {[]*engine.Resource{bucketOf("traces"), releaseOf("tempo")}, nil, []engine.Step{create(userOf("tempo-user", "theirs"))}, "MinIO has user theirs " + taken},
		"a namespace given away":            {living, nil, []engine.Step{step(apitype.OpReadReplacement, namespaceOf("monitoring")), step(apitype.OpReplace, namespaceOf("monitoring"))}, ""},
		"another stack's Secret":            {living, nil, []engine.Step{create(secretOf("their-secret"))}, "Secret tempo/their-secret: exists, and this stack has not created it; want a name of its own, because this up would write over it. Fix: picluster adopt --stack s"},
		"a Secret of its own":               {living, nil, []engine.Step{create(secretOf("secret"))}, ""},
		"a first up continued":              {living[:1], nil, []engine.Step{create(userOf("tempo-user", "theirs"))}, ""},
		"a creation cut off":                {nil, []*engine.Resource{userOf("tempo-user", "theirs")}, []engine.Step{create(userOf("tempo-user", "theirs"))}, ""},
		"a namespace with others":           {nil, nil, []engine.Step{create(namespaceOf("monitoring"))}, namespace},
		"renamed to that":                   {living, nil, []engine.Step{step(apitype.OpReplace, namespaceOf("monitoring"))}, namespace},
		"only read until now":               {[]*engine.Resource{external(namespaceOf("monitoring"))}, nil, []engine.Step{step(apitype.OpReplace, namespaceOf("monitoring"))}, namespace},
		"back from an S3 server":            {[]*engine.Resource{namespaceOf("tempo")}, nil, []engine.Step{create(userOf("tempo-user", "theirs"))}, "MinIO has user theirs " + taken},
		"being deleted":                     {nil, nil, []engine.Step{create(namespaceOf("ending"))}, ""},
		"a namespace cut off":               {nil, []*engine.Resource{namespaceOf("monitoring")}, []engine.Step{create(namespaceOf("monitoring"))}, ""},
		"another one was cut off":           {nil, []*engine.Resource{namespaceOf("tempo")}, []engine.Step{create(namespaceOf("monitoring"))}, namespace},
		"another bucket": {living, nil, []engine.Step{step(apitype.OpReplace, bucketOf("new"))},
			`bucket: got "new"; want "traces", which the stack has, because this up would lock out pods that still write to it, and queries would not find its traces. Fix: pulumi config set bucket traces; to move the traces, see docs/object-store.md`},
		"the same bucket, replaced": {living, nil, []engine.Step{step(apitype.OpReplace, bucketOf("traces"))}, ""},
		"the bucket of a first up":  {nil, nil, []engine.Step{create(bucketOf("new"))}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := planned{commands: command.Names{Stack: "s"}, state: &engine.State{Resources: test.state, Pending: test.pending}, store: takenStore{}, cluster: takenCluster{}}
			err := errors.Join(p.checkBucket(test.steps), p.checkTaken(t.Context(), test.steps), p.checkObjects(t.Context(), test.steps))
			if test.want == "" {
				assert.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, test.want)
		})
	}
}

// An up does not use again what an interrupted one has left to be deleted by its name.
func TestDeleting(t *testing.T) {
	object := func(name, namespace string) *engine.Resource {
		return &engine.Resource{URN: named(engine.SecretType, "tempo-secret"), Type: engine.SecretType, Custom: true,
			Inputs: map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": name, "namespace": namespace}}}
	}
	user := func(name string) *engine.Resource {
		return &engine.Resource{URN: named(engine.UserType, "tempo-user"), Type: engine.UserType, Custom: true, Inputs: map[string]any{"name": name}}
	}
	release := func(name string) *engine.Resource {
		return &engine.Resource{URN: named(engine.ReleaseType, "tempo-release"), Type: engine.ReleaseType, Custom: true, Inputs: map[string]any{"name": name, "namespace": "tempo"}}
	}
	salt := &engine.Resource{URN: named(engine.PasswordType, "salt"), Type: engine.PasswordType, Custom: true}
	for name, test := range map[string]struct {
		deleting, planned *engine.Resource
		op                apitype.OpType
		want              string // empty: it goes on
	}{
		"the Secret":          {object("a", "tempo"), object("a", "tempo"), apitype.OpReplace, "Kubernetes Secret tempo/a"},
		"its update":          {object("a", "tempo"), object("a", "tempo"), apitype.OpUpdate, "Kubernetes Secret tempo/a"},
		"another Secret":      {object("a", "tempo"), object("b", "tempo"), apitype.OpReplace, ""},
		"another namespace":   {object("a", "other"), object("a", "tempo"), apitype.OpReplace, ""},
		"the user":            {user("tempo"), user("tempo"), apitype.OpReplace, "MinIO user tempo"},
		"another user":        {user("tempo"), user("tempo2"), apitype.OpReplace, ""},
		"the release":         {release("tempo"), release("tempo"), apitype.OpReplace, "Kubernetes release tempo/tempo"},
		"the deletion itself": {user("tempo"), user("tempo"), apitype.OpDeleteReplaced, ""},
		"what has no name":    {salt, salt, apitype.OpReplace, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := planned{commands: command.Names{Stack: "s"}, state: &engine.State{Deleting: []*engine.Resource{test.deleting}}}
			err := p.checkDeleting([]engine.Step{{Op: test.op, URN: test.planned.URN, New: test.planned}})
			if test.want == "" {
				assert.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.want+": an up that did not succeed has left it to be deleted")
			assert.ErrorContains(t, err, "run picluster up --stack s until it succeeds")
		})
	}
}
