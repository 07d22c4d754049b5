package main

import (
	"testing"

	"github.com/picluster/picluster/components/componenttest"
)

// TestProgram runs the program on mocks, as a preview and as an update.
func TestProgram(t *testing.T) {
	for _, preview := range []bool{true, false} {
		resources, err := componenttest.Run(t, preview, nil, program)
		if err != nil {
			t.Fatal(err)
		}
		componenttest.Find(t, resources, "minio:index/s3Bucket:S3Bucket", "registry-bucket")
		componenttest.Find(t, resources, "minio:index/iamUser:IamUser", "registry-user")
		secret := componenttest.Find(t, resources, "kubernetes:core/v1:Secret", "registry-secret")
		if preview {
			continue // the keys are not known yet
		}
		componenttest.Secret(t, secret.Inputs["stringData"])
	}
}
