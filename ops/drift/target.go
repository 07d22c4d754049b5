package drift

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/picluster/picluster/internal/command"
	"github.com/picluster/picluster/ops/cluster"
	"github.com/picluster/picluster/ops/engine"
	"github.com/picluster/picluster/ops/object"
	"github.com/picluster/picluster/ops/objectstore"
	"golang.org/x/sync/errgroup"
	"helm.sh/helm/v3/pkg/release"
)

// Cluster is the part of *cluster.Cluster that a Target uses.
type Cluster interface {
	Server() string
	Context() string
	UID(ctx context.Context) (string, error)
	Get(ctx context.Context, manifest *object.Object) (*object.Object, error)
	Replace(ctx context.Context, object *object.Object, dryRun bool) error
	Record(namespace, name string) (*release.Release, error)
	Objects(record *release.Release) ([]*object.Object, error)
	Render(ctx context.Context, r cluster.Release) ([]*object.Object, error)
}

// Store is the part of *objectstore.Store that a Target uses.
type Store interface {
	Kind() string
	Endpoint() string
	Ping(ctx context.Context) error
	HasBucket(ctx context.Context, bucket string) (bool, error)
	BucketPolicy(ctx context.Context, bucket string) (string, error)
	DeleteBucketPolicy(ctx context.Context, bucket string) error
	User(ctx context.Context, name string) (*objectstore.User, error)
	SetUser(ctx context.Context, name, secretKey string) error
	Attach(ctx context.Context, user, policy string) error
	Detach(ctx context.Context, user, policy string) error
	RemoveFromGroup(ctx context.Context, user, group string) error
	Policy(ctx context.Context, name string) (string, error)
	SetPolicy(ctx context.Context, name, document string) error
	Opens(ctx context.Context, accessKey, secretKey, bucket string) (objectstore.Denial, error)
}

// Target is what a stack's state says it has created, and the servers where that is.
type Target struct {
	state   *engine.State
	store   Store
	cluster Cluster
	ignores []object.Ignore
	fields  engine.SecretFields // of each tenant's Secret
	// commands are those that findings and errors suggest.
	commands command.Names

	mu      sync.Mutex
	ignored []Finding
}

// Empty returns whether the stack has created nothing yet.
func (t *Target) Empty() bool { return IsEmpty(t.state) }

// IsEmpty returns whether a state has nothing that can drift: no bucket, no namespace and no
// release.
func IsEmpty(state *engine.State) bool {
	return len(state.Of(engine.BucketType)) == 0 && len(state.Of(engine.NamespaceType)) == 0 && len(state.Of(engine.ReleaseType)) == 0
}

// look looks at a part of the target.
type look func(context.Context) ([]Finding, error)

// atOnce is how many looks there are at a time: enough to hide the time that an
// answer takes, few enough for a MinIO on a small board.
const atOnce = 16

// together runs looks side by side, and returns what they find in their order.
func (t *Target) together(ctx context.Context, looks []look) ([]Finding, error) {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	found := make([][]Finding, len(looks))
	for i, look := range looks {
		group.Go(func() error {
			return safely(func() (err error) { found[i], err = look(ctx); return err })
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var findings []Finding
	for _, f := range found {
		findings = append(findings, f...)
	}
	return findings, nil
}

// safely runs do, and returns a panic as an error, because Go ends a program that panics with
// exit code 2, which is drift's code for drift.
func safely(do func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return do()
}

// direct looks at the cluster and at MinIO themselves, at all that the state says
// is there. next returns the steps that the next up would take.
func (t *Target) direct(ctx context.Context, next func() []engine.Step) (findings, ignored []Finding, err error) {
	looks := append(t.objects(next), t.releases(next)...)
	looks = append(looks, t.buckets()...)
	looks = append(looks, t.policies()...)
	looks = append(looks, t.users()...)
	findings, err = t.together(ctx, looks)
	if err != nil {
		return nil, nil, err
	}
	found, err := t.together(ctx, t.secrets(findings))
	if err != nil {
		return nil, nil, err
	}
	findings = append(findings, found...)
	var report []Finding
	for _, f := range findings {
		if t.ignoresObject(f.What) {
			t.ignored = append(t.ignored, f)
		} else {
			report = append(report, f)
		}
	}
	return sorted(report), sorted(t.ignored), nil
}

func (t *Target) ignoresObject(name string) bool {
	for _, ignore := range t.ignores {
		if ignore.MatchesObject(name) {
			return true
		}
	}
	return false
}

// Open looks whether the S3 server and the cluster of the state respond and accept the
// credentials in it, and whether it is the stack's own cluster: a refresh takes what
// does not respond, or another cluster, for deleted. The error is one line.
func Open(ctx context.Context, state *engine.State, config engine.Config) (*Target, error) {
	t, err := newTarget(state, config)
	if err != nil {
		return nil, err
	}
	if t.Empty() {
		return t, nil
	}
	var store *objectstore.Store
	if uses(state, minioProvider) {
		store, err = objectstore.New(settingsIn(state, minioProvider))
	} else { // a refresh asks none, and the state names none
		store, err = storeOf(config)
	}
	store, cluster, err := servers(ctx, store, err, settingsIn(state, kubernetesProvider))
	if err != nil {
		return nil, err
	}
	t.store, t.cluster = store, cluster
	return t, t.identify(ctx, cluster)
}

// Ready looks whether the S3 server and the cluster of the configuration respond and accept
// its credentials, and whether it is the stack's own cluster: that is what an up
// talks to. It says whether the state has the same settings, so that a refresh
// would talk to them too.
func Ready(ctx context.Context, state *engine.State, config engine.Config) (same bool, err error) {
	t, err := newTarget(state, config)
	if err != nil {
		return false, err
	}
	store, cluster, err := Servers(ctx, config)
	if err != nil {
		return false, err
	}
	if store == nil {
		return false, t.identify(ctx, cluster)
	}
	return t.sameSettings(config), t.identify(ctx, cluster)
}

func newTarget(state *engine.State, config engine.Config) (*Target, error) {
	ignores, err := object.ParseIgnores(config.Own("driftIgnore", "[]"))
	if err != nil {
		return nil, err
	}
	return &Target{state: state, ignores: ignores, fields: state.SecretFields(config), commands: config.Commands}, nil
}

// OtherClusterError is the error of a cluster that is not the one of the stack's last up.
type OtherClusterError struct {
	// Context and Server are the ones that were reached, with the UID Is; the
	// stack's has the UID Want.
	Context, Server, Is, Want string
	// Accept is the command that accepts the cluster as the stack's.
	Accept string
}

func (e *OtherClusterError) Error() string {
	return fmt.Sprintf("this is another cluster: context %q at %s has the UID %s. The last up of the stack was on the cluster with the UID %s. "+
		"Fix: pulumi config set kubernetes:context NAME; or, if the cluster was rebuilt on purpose: %s",
		e.Context, e.Server, e.Is, e.Want, e.Accept)
}

// identify compares a cluster with the one that the stack was brought up on, if the
// state has recorded that.
func (t *Target) identify(ctx context.Context, cluster Cluster) error {
	want := t.state.ClusterUID()
	if want == "" {
		return nil
	}
	is, err := cluster.UID(ctx)
	if err != nil {
		return unanswered("Kubernetes", cluster.Server(), err)
	}
	if is != want {
		return &OtherClusterError{cluster.Context(), cluster.Server(), is, want, t.commands.Picluster("up --other-cluster")}
	}
	return nil
}

// IsOtherCluster returns whether an error is an OtherClusterError.
func IsOtherCluster(err error) bool {
	var other *OtherClusterError
	return errors.As(err, &other)
}
