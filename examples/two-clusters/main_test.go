package main

import (
	"strings"
	"testing"

	"github.com/picluster/picluster/components/componenttest"
)

// TestProgram runs the program on mocks, as a preview and as an update.
func TestProgram(t *testing.T) {
	passwords := map[string]string{"picluster:northMinioPassword": "north", "picluster:southMinioPassword": "south"}
	for _, preview := range []bool{true, false} {
		resources, err := componenttest.Run(t, preview, passwords, program)
		if err != nil {
			t.Fatal(err)
		}
		for _, cluster := range []string{"north", "south"} {
			release := componenttest.Find(t, resources, "kubernetes:helm.sh/v3:Release", cluster+"-release")
			bucket := componenttest.Find(t, resources, "minio:index/s3Bucket:S3Bucket", cluster+"-bucket")
			for _, resource := range []componenttest.Resource{release, bucket} {
				if !strings.Contains(resource.Provider, "::"+cluster+"::") {
					t.Errorf("preview=%t: %s has the provider %q", preview, resource.Name, resource.Provider)
				}
			}
		}
	}
}
