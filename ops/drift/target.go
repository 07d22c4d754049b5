package drift

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/picluster/picluster/ops/cluster"
	"github.com/picluster/picluster/ops/engine"
	"github.com/picluster/picluster/ops/object"
	"github.com/picluster/picluster/ops/objectstore"
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

// NewTarget returns what a state says.
func NewTarget(state *engine.State) *Target { return &Target{state: state} }

// Open looks whether the cluster and the MinIO of the state answer, and take the
// credentials: a refresh would take what does not answer for deleted. The error is
// one line.
func (t *Target) Open(ctx context.Context) (err error) {
	t.store, t.cluster, err = look(ctx, t.settings(minioProvider), t.settings(kubernetesProvider), t.namespace())
	return err
}

// Ready looks whether what the configuration names answers, and takes its
// credentials: that is what an up talks to. It says whether the state has the
// same settings.
func (t *Target) Ready(ctx context.Context, config map[string]string) (same bool, err error) {
	same = true
	for provider, names := range map[string][]string{minioProvider: objectstore.Names(), kubernetesProvider: cluster.Names} {
		for _, name := range names {
			same = same && t.settings(provider)(name) == inConfig(config, provider)(name)
		}
	}
	if _, err := objectstore.New(inConfig(config, minioProvider)); err != nil {
		return false, nil // the program names it, with all else that is wrong
	}
	_, _, err = Servers(ctx, config)
	return same, err
}

// Servers returns the MinIO and the cluster that a configuration names, if both
// answer and take its credentials.
func Servers(ctx context.Context, config map[string]string) (*objectstore.Store, *cluster.Cluster, error) {
	return look(ctx, inConfig(config, minioProvider), inConfig(config, kubernetesProvider), cmp.Or(config["picluster:namespace"], "tempo"))
}

// inConfig returns the settings of a provider in a configuration.
func inConfig(config map[string]string, provider string) func(name string) string {
	return func(name string) string { return config[provider+":"+name] }
}

// Empty says whether the stack has made nothing yet.
func (t *Target) Empty() bool {
	return len(t.state.Of(engine.BucketType)) == 0 && len(t.state.Of(engine.NamespaceType)) == 0
}

// Providers whose settings are looked at.
const (
	minioProvider      = "minio"
	kubernetesProvider = "kubernetes"
)

// settings returns the settings of a provider in the state: those of a resource
// that it has made.
func (t *Target) settings(provider string) func(name string) string {
	for _, r := range t.state.Resources {
		if r.Custom && strings.HasPrefix(r.Type, provider+":") {
			return t.state.Provider(r).Text
		}
	}
	return func(string) string { return "" }
}

// namespace is the stack's, or one that need not be there.
func (t *Target) namespace() string {
	for _, r := range t.state.Of(engine.NamespaceType) {
		return r.ID
	}
	return "default"
}

// look returns the MinIO and the cluster of some settings, if both answer.
func look(ctx context.Context, minio, kubernetes func(name string) string, namespace string) (*objectstore.Store, *cluster.Cluster, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	store, storeErr := objectstore.New(minio)
	if storeErr == nil {
		if err := store.Answers(ctx); err != nil {
			storeErr = unanswered("MinIO", store.Endpoint(), err)
		}
	}
	target, clusterErr := cluster.New(kubernetes)
	if clusterErr == nil {
		if err := target.Answers(ctx, namespace); err != nil {
			clusterErr = unanswered("Kubernetes", target.Server(), err)
		}
	}
	if storeErr != nil && clusterErr != nil {
		return nil, nil, fmt.Errorf("%w; %w", storeErr, clusterErr)
	}
	return store, target, cmp.Or(storeErr, clusterErr)
}

// settingsOf are what to set when a server is not reached.
var settingsOf = map[string]struct{ address, credentials, ca string }{
	"MinIO":      {"minio:minioServer", "minio:minioUser, and pulumi config set --secret minio:minioPassword", "minio:minioCacertFile"},
	"Kubernetes": {"kubernetes:kubeconfig", "kubernetes:kubeconfig", "kubernetes:kubeconfig"},
}

// unanswered says in one line who did not answer, or refused, and the way out.
func unanswered(who, where string, err error) error {
	var (
		network     net.Error
		unknown     x509.UnknownAuthorityError
		certificate x509.CertificateInvalidError
		settings    = settingsOf[who]
	)
	switch {
	case errors.As(err, &unknown):
		return fmt.Errorf("%s at %s has a certificate of a CA that is not known here: set %s", who, where, settings.ca)
	case errors.As(err, &certificate) && certificate.Reason == x509.Expired:
		return fmt.Errorf("%s at %s has a certificate that has expired: renew it there", who, where)
	case errors.As(err, &network):
		return fmt.Errorf("%s at %s does not answer: start it, or set %s: %w", who, where, settings.address, err)
	}
	return fmt.Errorf("%s at %s refuses: set %s: %w", who, where, settings.credentials, err)
}

// Called is what people call a resource, and where it is.
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
		return inKubernetes, releaseName(r.Text("namespace"), r.Text("name"))
	}
	return inPulumi, r.URN.Type() + " " + r.URN.Name()
}

func releaseName(namespace, name string) string { return fmt.Sprintf("release %s/%s", namespace, name) }
