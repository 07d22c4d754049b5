package drift

import (
	"fmt"

	"github.com/picluster/picluster/ops/engine"
	"github.com/picluster/picluster/ops/object"
)

// Called returns where a resource is, and its name in messages.
func Called(r *engine.Resource) (where, what string) {
	switch r.Type {
	case engine.BucketType:
		return inMinIO, "bucket " + r.Text("bucket")
	case engine.UserType:
		return inMinIO, "user " + r.Text("name")
	case engine.PolicyType:
		return inMinIO, "policy " + r.Text("name")
	case engine.AttachmentType:
		return inMinIO, "user " + r.Text("userName")
	}
	if o := r.Object(); o != nil {
		return inKubernetes, object.Name(o)
	}
	if r.Type == engine.ReleaseType {
		return inKubernetes, fmt.Sprintf("release %s/%s", r.Text("namespace"), r.Text("name"))
	}
	return inPulumi, fmt.Sprintf("%s %s", r.URN.Type(), r.URN.Name())
}
