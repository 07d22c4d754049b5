package drift

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/picluster/picluster/ops/cluster"
	"github.com/picluster/picluster/ops/engine"
	"github.com/picluster/picluster/ops/object"
	"github.com/picluster/picluster/ops/objectstore"
)

// Tokens of the resources that are looked at.
const (
	bucketType     = "minio:index/s3Bucket:S3Bucket"
	userType       = "minio:index/iamUser:IamUser"
	policyType     = "minio:index/iamPolicy:IamPolicy"
	attachmentType = "minio:index/iamUserPolicyAttachment:IamUserPolicyAttachment"
	releaseType    = "kubernetes:helm.sh/v3:Release"
)

// answerTimeout is how long the cluster and MinIO have to answer at all.
const answerTimeout = 10 * time.Second

// Target is what a stack's state says it has made, and where. The settings are
// those in the state: a refresh talks to these, whatever the configuration says.
type Target struct {
	state   *engine.State
	store   *objectstore.Store
	cluster *cluster.Cluster
}

// Open reads the state of a stack and looks whether its cluster and its MinIO
// answer, and take the credentials: a refresh would take what does not answer for
// deleted. The error is one line.
func Open(ctx context.Context, stack engine.Stack) (*Target, error) {
	state, err := stack.State(ctx)
	if err != nil {
		return nil, err
	}
	t := &Target{state: state}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	storeErr, clusterErr := t.openStore(ctx), t.openCluster(ctx)
	if storeErr != nil && clusterErr != nil {
		return nil, fmt.Errorf("%w; %w", storeErr, clusterErr)
	}
	return t, cmp.Or(storeErr, clusterErr)
}

// Empty says whether the stack has made nothing yet.
func (t *Target) Empty() bool { return t.store == nil && t.cluster == nil }

func (t *Target) openStore(ctx context.Context) error {
	buckets := t.state.Of(bucketType)
	if len(buckets) == 0 {
		return nil
	}
	provider := t.state.Provider(buckets[0])
	var err error
	if t.store, err = objectstore.New(provider.Text); err != nil {
		return err
	}
	if err := t.store.Answers(ctx); err != nil {
		return unanswered("MinIO", t.store.Endpoint(), err)
	}
	return nil
}

func (t *Target) openCluster(ctx context.Context) error {
	namespaces := t.state.Of("kubernetes:core/v1:Namespace")
	if len(namespaces) == 0 {
		return nil
	}
	provider := t.state.Provider(namespaces[0])
	var err error
	t.cluster, err = cluster.New(cluster.Settings{
		Kubeconfig: provider.Text("kubeconfig"),
		Context:    provider.Text("context"),
		Cluster:    provider.Text("cluster"),
	})
	if err != nil {
		return err
	}
	if err := t.cluster.Answers(ctx, namespaces[0].ID); err != nil {
		return unanswered("Kubernetes", t.cluster.Server(), err)
	}
	return nil
}

// unanswered says in one line who did not answer, or refused.
func unanswered(who, where string, err error) error {
	var network net.Error
	var operation *net.OpError
	if errors.As(err, &network) || errors.As(err, &operation) {
		return fmt.Errorf("%s at %s does not answer: %w", who, where, err)
	}
	return fmt.Errorf("%s at %s refuses: %w", who, where, err)
}

// called is what people call a resource, and where it is.
func called(r *engine.Resource) (where, what string) {
	switch r.Type {
	case bucketType:
		return inMinIO, "bucket " + r.Text("bucket")
	case userType:
		return inMinIO, "user " + r.Text("name")
	case policyType:
		return inMinIO, "policy " + r.Text("name")
	case attachmentType:
		return inMinIO, "user " + r.Text("userName")
	}
	if o := r.Object(); o != nil {
		return inKubernetes, object.Name(o)
	}
	if r.Type == releaseType {
		return inKubernetes, releaseName(r.Text("namespace"), r.Text("name"))
	}
	return inPulumi, r.URN.Type() + " " + r.URN.Name()
}

func releaseName(namespace, name string) string { return fmt.Sprintf("release %s/%s", namespace, name) }

// resource is the step's resource, as it is if it is there.
func resource(step engine.Step) *engine.Resource { return cmp.Or(step.Old, step.New) }
