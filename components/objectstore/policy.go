package objectstore

import "encoding/json"

// policyVersion is the version of the policy language, not of a document; MinIO
// and S3 know no newer one.
const policyVersion = "2012-10-17"

type policyDocument struct {
	Version   string
	Statement []policyStatement
}

type policyStatement struct {
	Sid      string
	Effect   string
	Action   []string
	Resource []string
}

// policyActions is what Tempo does in its bucket: no more, so that a leaked key
// can neither list nor read any other bucket.
// Source: https://grafana.com/docs/tempo/latest/configuration/hosted-storage/s3/
var policyActions = []string{
	"s3:PutObject",
	"s3:GetObject",
	"s3:ListBucket",
	"s3:DeleteObject",
	"s3:GetObjectTagging",
	"s3:PutObjectTagging",
}

// PolicyDocument returns the access policy, as JSON, of a user who keeps traces
// in bucket and may reach nothing else.
func PolicyDocument(bucket string) (string, error) {
	document, err := json.Marshal(policyDocument{
		Version: policyVersion,
		Statement: []policyStatement{{
			Sid:    "TempoPermissions",
			Effect: "Allow",
			Action: policyActions,
			Resource: []string{
				"arn:aws:s3:::" + bucket + "/*",
				"arn:aws:s3:::" + bucket,
			},
		}},
	})
	return string(document), err
}
