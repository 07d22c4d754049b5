package tests

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// With a namespace and a Secret that are managed elsewhere the first up has all that it
// needs, and destroy leaves both.
func TestExistingNamespace(t *testing.T) {
	h := start(t)
	h.set("profile", "pi")
	h.set("namespace", "team")
	h.set("existingNamespace", "true")
	h.set("credentials", "existing")
	h.set("secretName", "from-vault")
	out, code := h.picluster(nil, "up", "--yes")
	require.NotZero(t, code, "there is no such namespace")
	assert.Contains(t, out, "'team' does not exist", lastLines(out, 15))
	assert.NotContains(t, out, "created", "something was created before the namespace was looked at")

	h.kubectl("create", "namespace", "team")
	h.kubectl("label", "namespace", "team", "owner=them")
	h.kubectl("create", "secret", "generic", "--namespace=team", "from-vault",
		"--from-literal=MINIO_ACCESS_KEY_ID=tempo", "--from-literal=MINIO_SECRET_ACCESS_KEY=keptByVault0123456789")
	h.set("existingNamespace", "false")
	out, code = h.picluster(nil, "up", "--yes")
	require.NotZero(t, code, "the namespace becomes the stack's, and a destroy deletes it")
	assert.Contains(t, out, `namespace: got "team", which exists and which this stack has not created`)
	assert.Equal(t, "them", h.kubectl("get", "namespace", "team", "--output=jsonpath={.metadata.labels.owner}"))
	h.set("existingNamespace", "true")
	out, code = h.picluster(nil, "up", "--yes")
	require.Zero(t, code, lastLines(out, 15))
	_, err := h.s3(keys{"tempo", "keptByVault0123456789"}).BucketExists(t.Context(), "k3s-tempo")
	require.NoError(t, err, "the key in the Secret does not open the bucket")
	h.mustStack("preview", noChanges)
	table, code := h.picluster(nil, "drift")
	assert.Zero(t, code, table)

	// Its owner's changes are not drift.
	h.kubectl("label", "namespace", "team", "--overwrite", "owner=us")
	table, code = h.picluster(nil, "drift")
	assert.Zero(t, code, table)

	h.set("protectBucket", "false")
	h.up()
	h.mustStack("destroy", "--yes")
	assert.Equal(t, "us", h.kubectl("get", "namespace", "team", "--output=jsonpath={.metadata.labels.owner}"))
	h.kubectl("get", "secret", "--namespace=team", "from-vault")
}

// In a namespace that the stack creates the Secret cannot exist before the first up. The preview
// names the command, the first up creates the namespace, and the next one continues.
func TestFirstUpWithAnExistingSecret(t *testing.T) {
	h := start(t)
	h.set("profile", "pi")
	h.set("credentials", "existing")
	out, code := h.picluster(nil, "preview")
	require.Zero(t, code, lastLines(out, 15))
	const create = "bin/lab run kubectl create secret generic tempo-minio-secret --namespace tempo --from-literal=MINIO_ACCESS_KEY_ID="
	assert.Contains(t, out, "Fix: run the update; "+create+"tempo")

	out, code = h.picluster(nil, "up", "--yes")
	require.NotZero(t, code, "there is no such Secret")
	assert.Contains(t, out, "the Secret of credentials: existing does not exist. Fix: "+create, lastLines(out, 15))
	users, err := h.admin(h.administrator()).ListUsers(t.Context())
	require.NoError(t, err)
	assert.NotContains(t, users, "tempo", "the user has a key of which nothing is known")

	h.kubectl("create", "secret", "generic", "--namespace=tempo", "tempo-minio-secret",
		"--from-literal=MINIO_ACCESS_KEY_ID=tempo", "--from-literal=MINIO_SECRET_ACCESS_KEY=keptByVault0123456789")
	out, code = h.picluster(nil, "up", "--yes")
	require.Zero(t, code, lastLines(out, 15))
	assert.NotContains(t, out, "is not known in this preview")
	_, err = h.s3(keys{"tempo", "keptByVault0123456789"}).BucketExists(t.Context(), "k3s-tempo")
	require.NoError(t, err, "the key in the Secret does not open the bucket")
	h.mustStack("preview", noChanges)

	// The stack gives the namespace away: it stays, with all that is in it.
	const uid = "--output=jsonpath={.metadata.uid}"
	before := h.kubectl("get", "namespace", "tempo", uid)
	h.set("existingNamespace", "true")
	h.set("protectBucket", "false")
	out, code = h.picluster(nil, "up", "--yes")
	require.Zero(t, code, lastLines(out, 15))
	h.mustStack("destroy", "--yes")
	assert.Equal(t, before, h.kubectl("get", "namespace", "tempo", uid))
	h.kubectl("get", "secret", "--namespace=tempo", "tempo-minio-secret")
}
