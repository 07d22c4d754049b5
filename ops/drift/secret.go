package drift

import (
	"context"
	"encoding/base64"
	"maps"
	"slices"

	"github.com/picluster/picluster/ops/object"
	"github.com/picluster/picluster/ops/objectstore"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Keys of the Secret that Tempo's pods read.
const (
	accessKeyField = "MINIO_ACCESS_KEY_ID"
	secretKeyField = "MINIO_SECRET_ACCESS_KEY" // #nosec G101 -- the name of a key
)

// secrets looks whether the keys in each tenant's Secret open its bucket: in the
// stack's own Secret, or in the one that somebody else keeps. What is found already
// is not told again.
func (t *Target) secrets(ctx context.Context, found []Finding) ([]Finding, error) {
	if slices.ContainsFunc(found, func(f Finding) bool { return f.Where == inMinIO }) {
		return nil, nil
	}
	var findings []Finding
	for _, tenant := range t.tenants() {
		secretName, _ := tenant["secretName"].(string)
		if secretName == "" {
			continue // the keys are inline
		}
		f, err := t.secret(ctx, tenant, secretName, found)
		if err != nil {
			return nil, err
		}
		findings = append(findings, f...)
	}
	return findings, nil
}

// tenants returns the outputs of each tenant: those of the stack, if it has one alone.
func (t *Target) tenants() []map[string]any {
	var tenants []map[string]any
	for _, stack := range t.state.Of("pulumi:pulumi:Stack") {
		several, ok := stack.Outputs["tenants"].(map[string]any)
		if !ok {
			return []map[string]any{stack.Outputs}
		}
		for _, name := range slices.Sorted(maps.Keys(several)) {
			if outputs, ok := several[name].(map[string]any); ok {
				tenants = append(tenants, outputs)
			}
		}
	}
	return tenants
}

// secret looks whether the keys in a Secret open a tenant's bucket.
func (t *Target) secret(ctx context.Context, tenant map[string]any, secretName string, found []Finding) ([]Finding, error) {
	namespace, _ := tenant["namespace"].(string)
	bucket, _ := tenant["bucket"].(string)
	manifest := &object.Object{}
	manifest.SetAPIVersion("v1")
	manifest.SetKind("Secret")
	manifest.SetNamespace(namespace)
	manifest.SetName(secretName)
	f := Finding{Where: inKubernetes, What: object.Name(manifest)}
	if slices.ContainsFunc(found, func(g Finding) bool { return g.What == f.What }) {
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
	denial, err := t.store.Opens(ctx, field(accessKeyField), field(secretKeyField), bucket)
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
	f.Is = "does not open the bucket " + bucket + ": " + reasons[denial]
	return []Finding{f}, nil
}
