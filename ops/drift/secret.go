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

// denials say why keys do not open a bucket.
var denials = map[objectstore.Denial]string{
	objectstore.WrongKey:   "its secret key is not the user's",
	objectstore.NoUser:     "its access key is of no user, or of one that is disabled",
	objectstore.NotAllowed: "its user may not",
	objectstore.NoBucket:   "there is none",
}

// secrets returns looks at whether the keys in each tenant's Secret open its bucket: the stack's
// own Secret, or one that is managed elsewhere. After a finding in MinIO, or of the Secret
// itself, it does not look, because the keys would fail for the same reason.
func (t *Target) secrets(found []Finding) []look {
	if slices.ContainsFunc(found, func(f Finding) bool { return f.Where == inMinIO }) {
		return nil
	}
	var looks []look
	for _, tenant := range t.tenants() {
		text := func(name string) string { value, _ := tenant[name].(string); return value }
		if text("secretName") == "" {
			continue // the keys are inline
		}
		manifest := &object.Object{}
		manifest.SetAPIVersion("v1")
		manifest.SetKind("Secret")
		manifest.SetNamespace(text("namespace"))
		manifest.SetName(text("secretName"))
		name := object.Name(manifest)
		if slices.ContainsFunc(found, func(g Finding) bool { return g.What == name }) {
			continue
		}
		looks = append(looks, func(ctx context.Context) ([]Finding, error) { return t.secret(ctx, manifest, text("bucket")) })
	}
	return looks
}

// tenants returns the outputs of each tenant, or the stack's own if it has no tenants.
func (t *Target) tenants() []map[string]any {
	several, ok := t.state.Output("tenants").(map[string]any)
	if !ok {
		one := map[string]any{}
		for _, name := range []string{"secretName", "namespace", "bucket"} {
			one[name] = t.state.Output(name)
		}
		return []map[string]any{one}
	}
	var tenants []map[string]any
	for _, name := range slices.Sorted(maps.Keys(several)) {
		if outputs, ok := several[name].(map[string]any); ok {
			tenants = append(tenants, outputs)
		}
	}
	return tenants
}

// secret looks whether the keys in a Secret open a tenant's bucket.
func (t *Target) secret(ctx context.Context, manifest *object.Object, bucket string) ([]Finding, error) {
	f := Finding{Where: inKubernetes, What: object.Name(manifest)}
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
	fields := t.fields.OrDefault()
	denial, err := t.store.Opens(ctx, field(fields.AccessKey), field(fields.SecretKey), bucket)
	if err != nil {
		return nil, unanswered(t.store.Kind(), t.store.Endpoint(), err)
	}
	if denial == "" {
		return nil, nil
	}
	f.Is = "does not open the bucket " + bucket + ": " + denials[denial]
	return []Finding{f}, nil
}
