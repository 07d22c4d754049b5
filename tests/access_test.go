package tests

import (
	"strings"

	"github.com/minio/madmin-go/v3"
	"github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// keyOpensNothingElse tries, as the user of the Secret, what a thief would.
func keyOpensNothingElse(h harness) {
	ctx, root := h.Context(), h.s3(h.administrator())
	const own, other, object = "k3s-tempo", "somebody-elses", "secret"
	require.NoError(h, root.MakeBucket(ctx, other, minio.MakeBucketOptions{}))
	_, err := root.PutObject(ctx, other, object, strings.NewReader("x"), 1, minio.PutObjectOptions{})
	require.NoError(h, err)

	user := h.s3(h.secretKeys())
	admin := h.admin(h.secretKeys())
	const anyPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*"],"Resource":["arn:aws:s3:::*"]}]}`
	for name, try := range map[string]func() error{
		"list another bucket": func() error {
			return (<-user.ListObjects(ctx, other, minio.ListObjectsOptions{})).Err
		},
		"get from another bucket": func() error {
			_, err := user.StatObject(ctx, other, object, minio.StatObjectOptions{})
			return err
		},
		"put into another bucket": func() error {
			_, err := user.PutObject(ctx, other, "mine", strings.NewReader("x"), 1, minio.PutObjectOptions{})
			return err
		},
		"delete from another bucket": func() error {
			return user.RemoveObject(ctx, other, object, minio.RemoveObjectOptions{})
		},
		"copy from another bucket": func() error {
			_, err := user.CopyObject(ctx, minio.CopyDestOptions{Bucket: own, Object: "stolen"}, minio.CopySrcOptions{Bucket: other, Object: object})
			return err
		},
		"make a bucket":          func() error { return user.MakeBucket(ctx, "a-new-one", minio.MakeBucketOptions{}) },
		"delete its bucket":      func() error { return user.RemoveBucket(ctx, own) },
		"delete another":         func() error { return user.RemoveBucket(ctx, other) },
		"make its bucket public": func() error { return user.SetBucketPolicy(ctx, own, anyPolicy) },
		"read its bucket's policy": func() error {
			_, err := user.GetBucketPolicy(ctx, own)
			return err
		},
		"turn versioning on": func() error { return user.EnableVersioning(ctx, own) },

		"admin: list users":      func() error { _, err := admin.ListUsers(ctx); return err },
		"admin: add a user":      func() error { return admin.AddUser(ctx, "thief", "longsecretkey") },
		"admin: remove a user":   func() error { return admin.RemoveUser(ctx, "somebody") },
		"admin: list policies":   func() error { _, err := admin.ListCannedPolicies(ctx); return err },
		"admin: add a policy":    func() error { return admin.AddCannedPolicy(ctx, "all", []byte(anyPolicy)) },
		"admin: remove a policy": func() error { return admin.RemoveCannedPolicy(ctx, "readwrite") },
		"admin: attach a policy": func() error {
			_, err := admin.AttachPolicy(ctx, madmin.PolicyAssociationReq{Policies: []string{"readwrite"}, User: "tempo"})
			return err
		},
		"admin: make a group": func() error {
			return admin.UpdateGroupMembers(ctx, madmin.GroupAddRemove{Group: "g", Members: []string{"tempo"}})
		},
		"admin: server info":  func() error { _, err := admin.ServerInfo(ctx); return err },
		"admin: storage info": func() error { _, err := admin.StorageInfo(ctx); return err },
		"admin: read config":  func() error { _, err := admin.GetConfig(ctx); return err },
		"admin: set a quota":  func() error { return admin.SetBucketQuota(ctx, own, &madmin.BucketQuota{Size: 1}) },
		"admin: data usage":   func() error { _, err := admin.DataUsageInfo(ctx); return err },
		"admin: another user's service account": func() error {
			_, err := admin.AddServiceAccount(ctx, madmin.AddServiceAccountReq{TargetUser: h.administrator().access})
			return err
		},
	} {
		assert.ErrorContains(h, try(), "Access Denied", name)
	}

	buckets, err := user.ListBuckets(ctx)
	require.NoError(h, err)
	for _, bucket := range buckets {
		assert.Equal(h, own, bucket.Name, "it sees another's bucket")
	}
}
