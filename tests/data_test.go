package tests

import (
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestData tries to lose the bucket. The subtests build on each other.
func TestData(t *testing.T) {
	h := start(t)
	h.set("profile", "pi")
	h.set("protectBucket", "true")
	h.up()
	h.put("precious")

	h.sub("a destroy stops", func(h harness) {
		out, err := h.stack("destroy", "--yes") // without its preview, destroy would delete the rest first
		require.Error(h, err)
		assert.Contains(h, out, "protect")
		assert.Contains(h, out, "pulumi state unprotect", "the error does not say how to continue")
		h.mustStack("preview", noChanges)
		h.mustStack("refresh", "--preview-only", noChanges)
		h.has("precious")
	})
	h.sub("another name stops", func(h harness) {
		h.set("bucket", "another")
		out, code := h.picluster(nil, "up", "--yes")
		require.Equal(h, 1, code, out)
		assert.True(h, strings.Contains(out, "pulumi config set --stack lab protectBucket false"), lastLines(out, 15))
		there, err := h.s3(h.administrator()).BucketExists(h.Context(), "another")
		require.NoError(h, err)
		assert.False(h, there, "the other bucket was made all the same")
		h.set("bucket", "k3s-tempo")
		h.mustStack("preview", noChanges)
		h.has("precious")
	})
	h.sub("unprotected, it stays in MinIO", func(h harness) {
		h.set("protectBucket", "false")
		h.up()
		h.mustStack("destroy", "--yes", "--skip-preview")
		h.has("precious")
	})
	h.sub("not retained, it stays while there is something in it", func(h harness) {
		h.adopt("bucket k3s-tempo")
		h.set("retainBucket", "false")
		h.up()
		out, err := h.stack("destroy", "--yes", "--skip-preview")
		require.Error(h, err)
		assert.Contains(h, out, "not empty")
		h.has("precious")
	})
	h.sub("not retained and empty, it goes", func(h harness) {
		require.NoError(h, h.s3(h.administrator()).RemoveObject(h.Context(), "k3s-tempo", "precious", minio.RemoveObjectOptions{}))
		h.mustStack("destroy", "--yes", "--skip-preview")
		h.hasNoBucket()
	})
	h.sub("forced, it goes with its objects", func(h harness) {
		h.set("forceDestroy", "true")
		h.up()
		h.put("worthless")
		// The provider deletes objects and lists them at the same time, and now and
		// then ends itself when the bucket is gone before its list is.
		if out, err := h.stack("destroy", "--yes", "--skip-preview"); err != nil {
			require.Contains(h, out, "exited prematurely")
			h.mustStack("destroy", "--yes", "--skip-preview", "--refresh")
		}
		h.hasNoBucket()
	})
}

// put puts an object into the bucket.
func (h harness) put(object string) {
	h.T.Helper()
	_, err := h.s3(h.administrator()).PutObject(h.Context(), "k3s-tempo", object, strings.NewReader("span"), 4, minio.PutObjectOptions{})
	require.NoError(h, err)
}

// has looks for an object in the bucket.
func (h harness) has(object string) {
	h.T.Helper()
	info, err := h.s3(h.administrator()).StatObject(h.Context(), "k3s-tempo", object, minio.StatObjectOptions{})
	require.NoError(h, err, "%s is lost", object)
	assert.EqualValues(h, 4, info.Size)
}

func (h harness) hasNoBucket() {
	h.T.Helper()
	there, err := h.s3(h.administrator()).BucketExists(h.Context(), "k3s-tempo")
	require.NoError(h, err)
	assert.False(h, there)
}
