package tests

import (
	"testing"

	"github.com/minio/madmin-go/v3"
	"github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestAdopt imports what was created manually, as the guide has it, with traces in the
// bucket. Nothing of it is lost, and the next up changes the rest.
func TestAdopt(t *testing.T) {
	h := start(t)
	h.set("profile", "pi")
	h.set("protectBucket", "true")
	old := keys{"tempo", "madeByHand0123456789"}
	h.byHand(old, "tempo")
	h.put("precious")
	namespace := h.kubectl("get", "namespace", "tempo", "--output=jsonpath={.metadata.uid}")
	service := h.kubectl("get", "service", "--namespace=tempo", "tempo-query-frontend", "--output=jsonpath={.metadata.uid}")

	const flush = "bin/lab run kubectl get --raw /api/v1/namespaces/tempo/pods/tempo-ingester-0:3200/proxy/shutdown\n"
	out := h.adopt("bucket k3s-tempo", "user tempo", "policy tempo", "Namespace tempo", "Secret tempo/tempo-minio-secret", "release tempo/tempo")
	assert.Contains(t, out, flush, "the guide's ingesters lose traces when they end")
	h.has("precious")
	_, err := h.s3(old).BucketExists(t.Context(), "k3s-tempo")
	require.NoError(t, err, "the taking in alone has changed something")

	// The pods' key works until none of them has it: without a second user it would be
	// revoked first.
	h.unset("keyVersion")
	out, code := h.picluster(nil, "up", "--yes")
	require.Equal(t, 1, code, lastLines(out, 30))
	assert.Contains(t, out, "Fix: pulumi config set --stack lab keyVersion 2")
	out, code = h.picluster(nil, "adopt", "--yes")
	require.Zero(t, code, lastLines(out, 30))
	assert.Contains(t, out, "keyVersion is 2 now")

	out, code = h.picluster(nil, "up", "--yes")
	require.Zero(t, code, lastLines(out, 30))
	assert.Contains(t, out, flush)
	assert.Equal(t, "tempo.v2", h.secretKeys().access)
	h.has("precious")
	_, err = h.s3(h.secretKeys()).BucketExists(t.Context(), "k3s-tempo")
	require.NoError(t, err, "the key in the Secret does not open the bucket")
	_, err = h.s3(old).BucketExists(t.Context(), "k3s-tempo")
	assert.Error(t, err, "the key made by hand opens the bucket still")
	assert.Equal(t, namespace, h.kubectl("get", "namespace", "tempo", "--output=jsonpath={.metadata.uid}"), "the namespace is another")
	assert.Equal(t, service, h.kubectl("get", "service", "--namespace=tempo", "tempo-query-frontend", "--output=jsonpath={.metadata.uid}"), "the release was installed anew")
	h.mustStack("preview", noChanges)
	out, code = h.picluster(nil, "drift")
	assert.Zero(t, code, out)
	out, code = h.picluster(nil, "up", "--yes")
	require.Zero(t, code, lastLines(out, 30))
	assert.NotContains(t, out, "proxy/shutdown", "picluster's own release keeps them")
	out, err = h.stack("destroy", "--yes")
	require.Error(t, err, "the bucket is not protected")
	assert.Contains(t, out, "protect")
	assert.Empty(t, foundIn(h.pulumi("stack", "export"), old.secret), "the old key stands in the state")

	out, code = h.picluster(nil, "adopt", "--yes")
	require.Zero(t, code, out)
	assert.Contains(t, out, "nothing exists that it would create")
}

// TestAdoptMonolithic imports a release of chart tempo. Its StatefulSet is updated in place.
func TestAdoptMonolithic(t *testing.T) {
	h := start(t)
	h.monolithic()
	h.set("profile", "pi")
	old := keys{"tempo", "madeByHand0123456789"}
	h.byHand(old, "tempo")
	h.put("precious")
	uid := func() string {
		return h.kubectl("get", "statefulset", "--namespace=tempo", "tempo", "--output=jsonpath={.metadata.uid}")
	}
	before := uid()
	h.adopt("bucket k3s-tempo", "user tempo", "release tempo/tempo")
	out, code := h.picluster(nil, "up", "--yes")
	require.Zero(t, code, lastLines(out, 30))
	assert.Equal(t, before, uid(), "the StatefulSet was recreated")
	h.has("precious")
	assert.Equal(t, "tempo.v2", h.secretKeys().access)
	h.mustStack("preview", noChanges)
}

// TestAdoptARejectedName has adopt reject a release whose pods an up would delete, and follows
// docs/adopt.md from there: another release beside it, on the same bucket.
func TestAdoptARejectedName(t *testing.T) {
	h := start(t)
	h.monolithic()
	h.set("profile", "pi")
	h.set("release", "my-tempo")
	old := keys{"tempo", "madeByHand0123456789"}
	h.byHand(old, "my-tempo")
	h.put("precious")
	out, code := h.picluster(nil, "adopt", "--yes")
	require.Equal(t, 1, code, lastLines(out, 30))
	assert.Contains(t, out, `release tempo/my-tempo: got a StatefulSet whose selector has app.kubernetes.io/name "tempo"; want "my-tempo"`)
	assert.NotContains(t, h.pulumi("stack", "export"), "k3s-tempo", "something was imported")

	h.set("release", "tracing")
	h.set("user", "tracing")
	h.adopt("bucket k3s-tempo", "Namespace tempo")
	out, code = h.picluster(nil, "up", "--yes")
	require.Zero(t, code, lastLines(out, 30))
	h.kubectl("get", "statefulset", "--namespace=tempo", "my-tempo", "tracing")
	for _, k := range []keys{old, h.secretKeys()} {
		_, err := h.s3(k).BucketExists(t.Context(), "k3s-tempo")
		require.NoError(t, err, k.access)
	}
	h.helm("uninstall", "my-tempo", "--namespace=tempo")
	h.has("precious")
	h.mustStack("preview", noChanges)
}

// adopt imports what exists already.
func (h harness) adopt(what ...string) (out string) {
	h.T.Helper()
	out, code := h.picluster(nil, "adopt", "--yes")
	require.Zero(h, code, lastLines(out, 30))
	for _, row := range what {
		assert.True(h, hasRow(out, row, "exists already"), "%s is not taken in\n%s", row, out)
	}
	return out
}

// byHand creates what the guide does, with a policy that allows too much.
func (h harness) byHand(k keys, release string) {
	h.T.Helper()
	ctx, admin := h.Context(), h.admin(h.administrator())
	require.NoError(h, h.s3(h.administrator()).MakeBucket(ctx, "k3s-tempo", minio.MakeBucketOptions{}))
	require.NoError(h, admin.AddUser(ctx, k.access, k.secret))
	require.NoError(h, admin.AddCannedPolicy(ctx, "tempo", []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*"],"Resource":["arn:aws:s3:::*"]}]}`)))
	_, err := admin.AttachPolicy(ctx, madmin.PolicyAssociationReq{Policies: []string{"tempo"}, User: k.access})
	require.NoError(h, err)
	h.kubectl("create", "namespace", "tempo")
	h.kubectl("create", "secret", "generic", "--namespace=tempo", "tempo-minio-secret",
		"--from-literal=MINIO_ACCESS_KEY_ID="+k.access, "--from-literal=MINIO_SECRET_ACCESS_KEY="+k.secret)
	chart := h.setting("chart")
	h.helm("install", release, chart, "--namespace=tempo", "--wait")
}
