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
		read := componenttest.Find(t, resources, "kubernetes:core/v1:Secret", "tempo-secret")
		if read.ID != "tempo/tempo-minio-secret" {
			t.Errorf("preview=%t: the Secret %q is read", preview, read.ID)
		}
		user := componenttest.Find(t, resources, "minio:index/iamUser:IamUser", "tempo-user")
		if key := componenttest.Secret(t, user.Inputs["secret"]); key.StringValue() == componenttest.SecretKey {
			t.Errorf("preview=%t: the user has a generated key, and not the Secret's", preview)
		}
	}
}
