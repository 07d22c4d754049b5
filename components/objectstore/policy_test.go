package objectstore_test

import (
	"testing"

	"github.com/picluster/picluster/components/objectstore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPolicyDocument(t *testing.T) {
	got, err := objectstore.PolicyDocument("k3s-tempo",
		objectstore.Statement{Sid: "One", Actions: []string{"s3:GetObject"}},
		objectstore.Statement{Sid: "Two", Deny: true, Actions: []string{"s3:ListBucket"}, Paths: []string{""}})
	require.NoError(t, err)
	assert.JSONEq(t, `{
		"Version": "2012-10-17",
		"Statement": [
			{
				"Sid": "One",
				"Effect": "Allow",
				"Action": ["s3:GetObject"],
				"Resource": ["arn:aws:s3:::k3s-tempo/*", "arn:aws:s3:::k3s-tempo"]
			},
			{
				"Sid": "Two",
				"Effect": "Deny",
				"Action": ["s3:ListBucket"],
				"Resource": ["arn:aws:s3:::k3s-tempo"]
			}
		]
	}`, got)
}
