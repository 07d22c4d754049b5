package tests

import (
	"context"
	"os/exec"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/picluster/picluster/lab"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestStateOnS3 keeps the state in a bucket of MinIO, not the stack's own, as the
// README has a team do.
func TestStateOnS3(t *testing.T) {
	h := start(t)
	h.set("profile", "pi")
	const bucket = "pulumi-state"
	client := h.s3(h.administrator())
	require.NoError(t, client.MakeBucket(t.Context(), bucket, minio.MakeBucketOptions{}))

	endpoint, user, password := h.MinIO()
	run := func(cmd *exec.Cmd) {
		t.Helper()
		cmd.Env = append(cmd.Env,
			"PULUMI_BACKEND_URL=s3://"+bucket+"?endpoint=http://"+endpoint+"&s3ForcePathStyle=true&region=eu-west-1",
			"AWS_ACCESS_KEY_ID="+user,
			"AWS_SECRET_ACCESS_KEY="+password)
		out, err := output(cmd)
		require.NoError(t, err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), commandTimeout)
	defer cancel()
	initialize := h.Pulumi(ctx, "stack", "init", lab.Stack, "--no-select")
	initialize.Dir = h.Dir // beside the stack's file, which has the salt already
	run(initialize)
	run(h.StackCommand(ctx, "up", "--yes", "--skip-preview"))
	run(h.StackCommand(ctx, "preview", noChanges))

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
