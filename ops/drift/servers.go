package drift

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/picluster/picluster/internal/kubeconfig"
	"github.com/picluster/picluster/ops/cluster"
	"github.com/picluster/picluster/ops/engine"
	"github.com/picluster/picluster/ops/objectstore"
)

// answerTimeout is how long the cluster and MinIO have to respond at all.
const answerTimeout = 10 * time.Second

// Providers whose settings are looked at.
const (
	minioProvider      = "minio"
	kubernetesProvider = "kubernetes"
)

// settings returns a setting of a provider by its name; empty if it is not set.
type settings = func(name string) string

// settingsIn returns the settings of a provider in a state: those of a resource
// that it has created.
func settingsIn(state *engine.State, provider string) settings {
	for _, r := range state.Resources {
		if r.Custom && strings.HasPrefix(r.Type, provider+":") {
			return state.Provider(r).Text
		}
	}
	return func(string) string { return "" }
}

// settingsOf returns the settings of a provider in a configuration.
func settingsOf(config engine.Config, provider string) settings {
	return func(name string) string { return config.Get(provider + ":" + name) }
}

// sameSettings returns whether the state has the provider settings of a configuration.
func (t *Target) sameSettings(config engine.Config) bool {
	for provider, names := range map[string][]string{minioProvider: objectstore.Names(), kubernetesProvider: kubeconfig.Names} {
		if provider == minioProvider && config.ExistingObjectStore() && !uses(t.state, minioProvider) {
			continue // what the configuration has of MinIO has no effect
		}
		for _, name := range names {
			if settingsIn(t.state, provider)(name) != settingsOf(config, provider)(name) {
				return false
			}
		}
	}
	return true
}

// Servers returns the S3 server and the cluster that a configuration names, if both are
// reachable and take its credentials. The first is nil, without an error, if its settings
// cannot be used: the program reports that with all else that is wrong.
func Servers(ctx context.Context, config engine.Config) (*objectstore.Store, *cluster.Cluster, error) {
	store, err := storeOf(config)
	if err != nil {
		cluster, err := ClusterOf(ctx, config)
		return nil, cluster, err
	}
	return servers(ctx, store, nil, settingsOf(config, kubernetesProvider))
}

// Addresses returns where a configuration says that the S3 server and the cluster are;
// empty for one that it does not say. It reaches neither.
func Addresses(ctx context.Context, config engine.Config) (store, kubernetes string) {
	if server, err := storeOf(config); err == nil {
		store = server.Endpoint()
	}
	if target, err := ClusterOf(ctx, config); err == nil {
		kubernetes = target.Server()
	}
	return store, kubernetes
}

// ClusterOf returns the cluster that a configuration names. It sends no request.
func ClusterOf(ctx context.Context, config engine.Config) (*cluster.Cluster, error) {
	return cluster.New(ctx, settingsOf(config, kubernetesProvider))
}

// storeOf returns the S3 server that a configuration names.
func storeOf(config engine.Config) (*objectstore.Store, error) {
	if !config.ExistingObjectStore() {
		return objectstore.New(settingsOf(config, minioProvider))
	}
	insecure, _ := strconv.ParseBool(config.Own("s3Insecure", "false")) // checked by the program
	return objectstore.NewS3(objectstore.Server{
		Endpoint: config.Own("s3Endpoint", ""), Region: config.Own("s3Region", "us-east-1"), // Tempo's default
		Insecure: insecure, CAFile: config.Own("s3CaFile", ""),
	})
}

// uses returns whether a state has resources of a provider.
func uses(state *engine.State, provider string) bool {
	return slices.ContainsFunc(state.Resources, func(r *engine.Resource) bool { return r.Custom && strings.HasPrefix(r.Type, provider+":") })
}

// servers returns store and the cluster of the settings kubernetes, if both respond. storeErr is
// why there is no store.
func servers(ctx context.Context, store *objectstore.Store, storeErr error, kubernetes settings) (*objectstore.Store, *cluster.Cluster, error) {
	look, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	if storeErr == nil {
		if err := store.Ping(look); err != nil {
			storeErr = unanswered(store.Kind(), store.Endpoint(), err)
		}
	}
	target, clusterErr := cluster.New(ctx, kubernetes)
	if clusterErr == nil {
		if _, err := target.UID(look); err != nil {
			clusterErr = unanswered("Kubernetes", target.Server(), err)
		}
	}
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	if storeErr != nil && clusterErr != nil {
		return nil, nil, fmt.Errorf("%w; %w", storeErr, clusterErr)
	}
	return store, target, cmp.Or(storeErr, clusterErr)
}

// keysOf are what to set when a server is not reached.
var keysOf = map[string]struct{ address, credentials, ca string }{
	"MinIO":      {"minio:minioServer", "minio:minioUser, and pulumi config set --secret minio:minioPassword", "minio:minioCacertFile"},
	"S3 server":  {"s3Endpoint", "the keys in the Secret", "s3CaFile"},
	"Kubernetes": {"kubernetes:kubeconfig or kubernetes:context", "kubernetes:kubeconfig or kubernetes:context", "kubernetes:kubeconfig"},
}

// unanswered returns an error of one line with the server that did not respond, or rejected the
// request, and the fix.
func unanswered(who, where string, err error) error {
	var (
		network     net.Error
		unknown     x509.UnknownAuthorityError
		certificate x509.CertificateInvalidError
		keys        = keysOf[who]
	)
	switch {
	case errors.As(err, &unknown):
		return fmt.Errorf("%s at %s has a certificate of a CA that is not known here. Fix: set %s", who, where, keys.ca)
	case errors.As(err, &certificate) && certificate.Reason == x509.Expired:
		return fmt.Errorf("%s at %s has a certificate that has expired. Fix: renew it there", who, where)
	case errors.As(err, &network):
		return fmt.Errorf("%s at %s is not reachable. Fix: start it, or set %s: %w", who, where, keys.address, err)
	}
	return fmt.Errorf("%s at %s rejects the credentials. Fix: set %s: %w", who, where, keys.credentials, err)
}
