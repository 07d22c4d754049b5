package drift

import (
	"context"
	"encoding/base64"
	"slices"

	"github.com/picluster/picluster/ops/engine"
	"github.com/picluster/picluster/ops/object"
	"github.com/picluster/picluster/ops/objectstore"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Keys of the Secret that Tempo's pods read.
const (
	accessKeyField = "MINIO_ACCESS_KEY_ID"
	secretKeyField = "MINIO_SECRET_ACCESS_KEY" // #nosec G101 -- the name of a key
)

// secret looks whether the keys in the Secret open the bucket: in the stack's own
// Secret, or in the one that somebody else keeps. What is found already is not
// told again.
func (t *Target) secret(ctx context.Context, found []Finding) ([]Finding, error) {
	stack := t.state.Of("pulumi:pulumi:Stack")
	releases := t.state.Of(engine.ReleaseType)
	if len(stack) == 0 || len(releases) == 0 || stack[0].Text("secretName") == "" {
		return nil, nil
	}
	manifest := &object.Object{}
	manifest.SetAPIVersion("v1")
	manifest.SetKind("Secret")
	manifest.SetNamespace(releases[0].Text("namespace"))
	manifest.SetName(stack[0].Text("secretName"))
	f := Finding{Where: inKubernetes, What: object.Name(manifest)}
	if slices.ContainsFunc(found, func(g Finding) bool { return g.Where == inMinIO || g.What == f.What }) {
		return nil, nil
	}

	live, err := t.cluster.Get(ctx, manifest)
	if err != nil {
		return nil, err
	}
	if live == nil {
		f.Is = "is gone"
		return []Finding{f}, nil
	}
	field := func(name string) string {
		text, _, _ := unstructured.NestedString(live.Object, "data", name)
		value, _ := base64.StdEncoding.DecodeString(text)
		return string(value)
	}
	denial, err := t.store.Opens(ctx, field(accessKeyField), field(secretKeyField), t.bucket())
	if err != nil {
		return nil, unanswered("MinIO", t.store.Endpoint(), err)
	}
	reasons := map[objectstore.Denial]string{
		objectstore.WrongKey:   "its secret key is not the user's",
		objectstore.NoUser:     "its access key is of no user, or of one that is disabled",
		objectstore.NotAllowed: "its user may not",
		objectstore.NoBucket:   "there is none",
	}
	if denial == "" {
		return nil, nil
	}
	f.Is = "does not open the bucket " + t.bucket() + ": " + reasons[denial]
	return []Finding{f}, nil
}
