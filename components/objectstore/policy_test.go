package objectstore_test

import (
	"testing"

	"github.com/picluster/picluster/components/objectstore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPolicyDocumentIsTheHowTos(t *testing.T) {
	got, err := objectstore.PolicyDocument("k3s-tempo")
	require.NoError(t, err)
	assert.JSONEq(t, `{
		"Version": "2012-10-17",
		"Statement": [
			{
				"Sid": "TempoPermissions",
				"Effect": "Allow",
				"Action": [
					"s3:PutObject",
					"s3:GetObject",
					"s3:ListBucket",
					"s3:DeleteObject",
					"s3:GetObjectTagging",
					"s3:PutObjectTagging"
				],
				"Resource": [
					"arn:aws:s3:::k3s-tempo/*",
					"arn:aws:s3:::k3s-tempo"
				]
			}
		]
	}`, got)
}
