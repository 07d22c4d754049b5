package componenttest_test

import (
	"testing"

	"github.com/picluster/picluster/components/componenttest"
	"github.com/picluster/picluster/components/objectstore"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
)

// A test of a program of your own: the user waits for the bucket.
func ExampleRun() {
	test := func(t *testing.T) {
		resources, err := componenttest.Run(t, false, nil, func(ctx *pulumi.Context) error {
			_, err := objectstore.New(ctx, "photos", &objectstore.Args{
				Bucket: pulumi.String("photos"),
				User:   pulumi.String("photos"),
			})
			return err
		})
		assert.NoError(t, err)
		user := componenttest.Find(t, resources, "minio:index/iamUser:IamUser", "photos-user")
		assert.True(t, componenttest.WaitsFor(user, "photos-bucket"))
	}
	_ = test // `go test` calls it, as TestPhotos
}
