package tests

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/minio/madmin-go/v3"
	"github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestAdministrator runs a stack with an administrator of MinIO that has only the rights of
// deploy/minio/administrator.json.
func TestAdministrator(t *testing.T) {
	h := start(t)
	root, ctx := h.admin(h.administrator()), t.Context()
	policy, err := os.ReadFile(filepath.Join("..", "deploy", "minio", "administrator.json"))
	require.NoError(t, err)
	ours := keys{"picluster", "anAdministratorsKey"}
	require.NoError(t, root.AddUser(ctx, ours.access, ours.secret))
	require.NoError(t, root.AddCannedPolicy(ctx, "picluster", policy))
	_, err = root.AttachPolicy(ctx, madmin.PolicyAssociationReq{Policies: []string{"picluster"}, User: ours.access})
	require.NoError(t, err)

	h.set("profile", "pi")
	h.set("minio:minioUser", ours.access)
	h.set("--secret", "minio:minioPassword", ours.secret)
	out, code := h.picluster(nil, "up", "--yes")
	require.Zero(t, code, lastLines(out, 20))
	keyOpensBucket(h)

	h.sub("drift", func(h harness) {
		for _, together := range [][]kind{append(slices.Clone(ofMinIO), policyWidened), {policyDeleted, userDeleted}} {
			for _, k := range together {
				k.breakIt(h)
			}
			out, code := h.picluster(nil, "drift")
			assert.Equal(h, exitDrifted, code, out)
			h.repairAll()
			out, code = h.picluster(nil, "drift")
			assert.Equal(h, exitSame, code, out)
		}
	})
	h.sub("rotation", func(h harness) {
		out, code := h.picluster(nil, "rotate", "--yes")
		require.Zero(h, code, lastLines(out, 20))
		keyOpensBucket(h)
	})
	h.sub("nothing else", func(h harness) {
		user, admin := h.s3(ours), h.admin(ours)
		require.NoError(h, h.s3(h.administrator()).MakeBucket(ctx, "somebody-elses", minio.MakeBucketOptions{}))
		h.put("trace")
		for name, try := range map[string]func() error{
			"read a trace": func() error {
				_, err := user.StatObject(ctx, "k3s-tempo", "trace", minio.StatObjectOptions{})
				return err
			},
			"delete a trace":    func() error { return user.RemoveObject(ctx, "k3s-tempo", "trace", minio.RemoveObjectOptions{}) },
			"delete the bucket": func() error { return user.RemoveBucket(ctx, "k3s-tempo") },
			"list another bucket": func() error {
				return (<-user.ListObjects(ctx, "somebody-elses", minio.ListObjectsOptions{})).Err
			},
			"make another bucket": func() error { return user.MakeBucket(ctx, "another", minio.MakeBucketOptions{}) },
			"server info":         func() error { _, err := admin.ServerInfo(ctx); return err },
			"read the config":     func() error { _, err := admin.GetConfig(ctx); return err },
			"list users":          func() error { _, err := admin.ListUsers(ctx); return err },
			"restart the server":  func() error { return admin.ServiceRestartV2(ctx) },
		} {
			assert.ErrorContains(h, try(), "Access Denied", name)
		}
	})
	h.mustStack("destroy", "--yes", "--skip-preview")
}
