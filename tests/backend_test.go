package tests

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/picluster/picluster/lab"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestStateOnS3 keeps the state in a bucket of MinIO that is not the stack's own, as
// docs/state.md describes for a team.
func TestStateOnS3(t *testing.T) {
	h := start(t)
	h.set("profile", "pi")
	const bucket = "pulumi-state"
	client := h.s3(h.administrator())
	require.NoError(t, client.MakeBucket(t.Context(), bucket, minio.MakeBucketOptions{}))

	endpoint, user, password := h.MinIO()
	onS3 := []string{
		"PULUMI_BACKEND_URL=s3://" + bucket + "?endpoint=http://" + endpoint + "&s3ForcePathStyle=true&region=eu-west-1",
		"AWS_ACCESS_KEY_ID=" + user,
		"AWS_SECRET_ACCESS_KEY=" + password,
	}
	ctx, cancel := context.WithTimeout(t.Context(), commandTimeout)
	defer cancel()
	initialize := h.Pulumi(ctx, "stack", "init", lab.Stack, "--no-select")
	initialize.Dir = h.Dir // beside the stack's file, which has the salt already
	initialize.Env = append(initialize.Env, onS3...)
	out, err := output(initialize)
	require.NoError(t, err, out)

	commands := func(want int, command string, args ...string) string {
		t.Helper()
		out, code := h.picluster(onS3, command, args...)
		require.Equal(t, want, code, "%s\n%s", command, lastLines(out, 20))
		return out
	}
	commands(0, "up", "--yes")
	commands(exitSame, "drift")
	file := filepath.Join(t.TempDir(), "summary.md")
	commands(0, "preview", "--summary", file)
	assert.FileExists(t, file)
	h.patch("secret/tempo-minio-secret", `{"stringData":{"MINIO_SECRET_ACCESS_KEY":"wrong"}}`)
	h.kubectl("delete", "service", "--namespace=tempo", "tempo-querier")
	table := commands(exitDrifted, "drift")
	assert.True(t, hasRow(table, "Secret tempo/tempo-minio-secret", byUp), table)
	assert.True(t, hasRow(table, "Service tempo/tempo-querier", byRepair), table)
	commands(0, "repair", "--yes", "--only", "1,2")
	commands(exitSame, "drift")
	assert.Contains(t, commands(0, "refresh", "--yes"), "nothing to accept")
	commands(0, "rotate", "--yes")
	commands(exitSame, "drift")
	assert.Contains(t, commands(0, "adopt", "--yes"), "nothing exists that it would create")

	var objects []string
	for info := range client.ListObjects(t.Context(), bucket, minio.ListObjectsOptions{Recursive: true}) {
		require.NoError(t, info.Err)
		objects = append(objects, info.Key)
	}
	assert.Contains(t, objects, ".pulumi/stacks/picluster/lab.json")
	secret := h.secretKeys().secret
	for _, object := range objects {
		reader, err := client.GetObject(t.Context(), bucket, object, minio.GetObjectOptions{})
		require.NoError(t, err)
		text := readAll(t, reader)
		assert.Empty(t, foundIn(text, secret), "%s has the secret key", object)
	}
}
