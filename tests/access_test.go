package tests

import (
	"net/http"
	"strings"

	"github.com/minio/madmin-go/v3"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// keyOpensNothingElse tries to reach what the keys in the Secret must not open.
func keyOpensNothingElse(h harness) {
	ctx, root := h.Context(), h.s3(h.administrator())
	const own, other, object = "k3s-tempo", "somebody-elses", "secret"
	require.NoError(h, root.MakeBucket(ctx, other, minio.MakeBucketOptions{}))
	_, err := root.PutObject(ctx, other, object, strings.NewReader("x"), 1, minio.PutObjectOptions{})
	require.NoError(h, err)

	user := h.s3(h.secretKeys())
	admin := h.admin(h.secretKeys())
	const anyPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*"],"Resource":["arn:aws:s3:::*"]}]}`
	denied := map[string]func() error{
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
		"list multipart uploads of another bucket": func() error {
			return (<-user.ListIncompleteUploads(ctx, other, "", true)).Err
		},
		"begin a multipart upload in another bucket": func() error {
			_, err := minio.Core{Client: user}.NewMultipartUpload(ctx, other, "mine", minio.PutObjectOptions{})
			return err
		},
		"read its bucket's lifecycle": func() error { _, err := user.GetBucketLifecycle(ctx, own); return err },
		"listen to another bucket": func() error {
			return (<-user.ListenBucketNotification(ctx, other, "", "", []string{"s3:ObjectCreated:*"})).Err
		},
		"as nobody: list its bucket": func() error {
			return (<-h.s3(keys{}).ListObjects(ctx, own, minio.ListObjectsOptions{})).Err
		},
		"as nobody: get from another bucket": func() error {
			_, err := h.s3(keys{}).StatObject(ctx, other, object, minio.StatObjectOptions{})
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
	}
	for name, try := range denied {
		assert.ErrorContains(h, try(), "Access Denied", name)
	}
	h.Logf("%d actions are denied", len(denied))

	// MinIO's STS gives the user a session of its own, with no more rights, whatever
	// role is asked for.
	endpoint, _, _ := h.MinIO()
	transport, err := h.Transport()
	require.NoError(h, err)
	assumed, err := credentials.NewSTSAssumeRole("http://"+endpoint, credentials.STSAssumeRoleOptions{
		AccessKey: h.secretKeys().access, SecretKey: h.secretKeys().secret,
		RoleARN: "arn:minio:iam:::role/" + h.administrator().access, RoleSessionName: "thief",
	})
	require.NoError(h, err)
	session, err := assumed.GetWithContext(&credentials.CredContext{Client: &http.Client{Transport: transport}})
	require.NoError(h, err)
	client, err := minio.New(endpoint, &minio.Options{Creds: credentials.NewStaticV4(session.AccessKeyID, session.SecretAccessKey, session.SessionToken)})
	require.NoError(h, err)
	_, err = client.PutObject(ctx, own, "by-session", strings.NewReader("x"), 1, minio.PutObjectOptions{})
	require.NoError(h, err, "the session does not work, so that what it is denied says nothing")
	require.NoError(h, client.RemoveObject(ctx, own, "by-session", minio.RemoveObjectOptions{}))
	_, err = client.StatObject(ctx, other, object, minio.StatObjectOptions{})
	assert.ErrorContains(h, err, "Access Denied", "assuming the administrator's role")

	buckets, err := user.ListBuckets(ctx)
	require.NoError(h, err)
	for _, bucket := range buckets {
		assert.Equal(h, own, bucket.Name, "it sees another's bucket")
	}
}
