package tests

import (
	"testing"

	"github.com/minio/madmin-go/v3"
	"github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The first up of a second stack leaves alone the user and the policy of another one in the
// same MinIO, and goes on with a user of its own.
func TestAnotherStacksUser(t *testing.T) {
	h := start(t)
	ctx, admin := t.Context(), h.admin(h.administrator())
	theirs := keys{"tempo", "anotherStacks0123456789"}
	require.NoError(t, h.s3(h.administrator()).MakeBucket(ctx, "theirs", minio.MakeBucketOptions{}))
	require.NoError(t, admin.AddUser(ctx, theirs.access, theirs.secret))
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:ListBucket"],"Resource":["arn:aws:s3:::theirs"]}]}`
	require.NoError(t, admin.AddCannedPolicy(ctx, "tempo", []byte(policy)))
	_, err := admin.AttachPolicy(ctx, madmin.PolicyAssociationReq{Policies: []string{"tempo"}, User: theirs.access})
	require.NoError(t, err)
	works := func() {
		t.Helper()
		_, err := h.s3(theirs).BucketExists(ctx, "theirs")
		require.NoError(t, err, "the other stack's key does not open its bucket")
		have, err := admin.InfoCannedPolicyV2(ctx, "tempo")
		require.NoError(t, err)
		assert.JSONEq(t, policy, string(have.Policy))
	}
	works()

	h.set("profile", "pi")
	out, code := h.picluster(nil, "up", "--yes")
	require.Equal(t, 1, code, lastLines(out, 15))
	assert.Contains(t, out, "MinIO has policy tempo and user tempo already, and this stack has not created that")
	assert.Contains(t, out, "Fix: make adopt,")
	assert.NotContains(t, out, "provider settings differ", "the first up has none to compare with")
	works()

	h.set("user", "tempo-second")
	out, code = h.picluster(nil, "up", "--yes")
	require.Zero(t, code, lastLines(out, 15))
	keyOpensBucket(h)
	works()
}
