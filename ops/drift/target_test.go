package drift

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/picluster/picluster/internal/command"
	"github.com/picluster/picluster/ops/engine"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestUnanswered(t *testing.T) {
	wrapped := func(err error) error {
		return &url.Error{Op: "Get", URL: "https://s3", Err: fmt.Errorf("tls: %w", err)}
	}
	for name, test := range map[string]struct {
		who  string
		err  error
		want string
	}{
		"down":                {"MinIO", wrapped(&net.OpError{Op: "dial", Err: errors.New("refused")}), "MinIO at s3:9000 is not reachable. Fix: start it, or set minio:minioServer: "},
		"the other down":      {"Kubernetes", wrapped(&net.OpError{Op: "dial", Err: errors.New("refused")}), "Kubernetes at s3:9000 is not reachable. Fix: start it, or set kubernetes:kubeconfig or kubernetes:context: "},
		"an S3 server down":   {"S3 server", wrapped(&net.OpError{Op: "dial", Err: errors.New("refused")}), "S3 server at s3:9000 is not reachable. Fix: start it, or set s3Endpoint: "},
		"slow":                {"MinIO", wrapped(context.DeadlineExceeded), "MinIO at s3:9000 is not reachable. Fix: start it, or set minio:minioServer: "},
		"denies":              {"MinIO", errors.New("Access Denied"), "MinIO at s3:9000 rejects the credentials. Fix: set minio:minioUser, and pulumi config set --secret minio:minioPassword: Access Denied"},
		"unknown CA":          {"MinIO", wrapped(x509.UnknownAuthorityError{}), "MinIO at s3:9000 has a certificate of a CA that is not known here. Fix: set minio:minioCacertFile"},
		"expired certificate": {"MinIO", wrapped(x509.CertificateInvalidError{Reason: x509.Expired}), "MinIO at s3:9000 has a certificate that has expired. Fix: renew it there"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Contains(t, unanswered(test.who, "s3:9000", test.err).Error(), test.want)
		})
	}
}

func TestIdentify(t *testing.T) {
	down := &url.Error{Op: "Get", URL: "https://k:6443", Err: &net.OpError{Op: "dial", Err: errors.New("refused")}}
	for name, test := range map[string]struct {
		recorded any
		cluster  *kubernetes
		other    bool
		err      string
	}{
		"the same":      {"one", &kubernetes{uid: "one"}, false, ""},
		"another":       {"one", &kubernetes{uid: "two"}, true, `this is another cluster: context "lab" at https://k:6443 has the UID two. The last up of the stack was on the cluster with the UID one. Fix: pulumi config set kubernetes:context NAME; or, if the cluster was rebuilt on purpose: picluster up --stack s --other-cluster`},
		"none recorded": {nil, &kubernetes{uid: "two", err: down}, false, ""},
		"not reachable": {"one", &kubernetes{err: down}, false, "Kubernetes at https://k:6443 is not reachable. Fix: start it"},
	} {
		t.Run(name, func(t *testing.T) {
			state := &engine.State{Resources: []*engine.Resource{system(test.recorded)}}
			err := (&Target{state: state, commands: command.Names{Stack: "s"}}).identify(t.Context(), test.cluster)
			assert.Equal(t, test.other, IsOtherCluster(err))
			assert.Equal(t, test.other, IsOtherCluster(fmt.Errorf("wrapped: %w", err)))
			if test.err == "" {
				require.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, test.err)
			}
		})
	}
	assert.False(t, IsOtherCluster(nil))
}

func TestEmpty(t *testing.T) {
	for name, test := range map[string]struct {
		resources []*engine.Resource
		empty     bool
	}{
		"never up":          {[]*engine.Resource{outputs(nil)}, true},
		"a bucket":          {[]*engine.Resource{resource(engine.BucketType, nil)}, false},
		"a namespace":       {[]*engine.Resource{resource(engine.NamespaceType, nil)}, false},
		"a release alone":   {[]*engine.Resource{resource(engine.ReleaseType, nil)}, false},
		"managed elsewhere": {[]*engine.Resource{{Type: engine.NamespaceType, External: true}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			target := &Target{state: &engine.State{Resources: test.resources}}
			assert.Equal(t, test.empty, target.Empty())
			if test.empty {
				_, err := target.Find(t.Context(), nil)
				assert.ErrorIs(t, err, ErrEmpty)
			}
		})
	}
}

func TestTogether(t *testing.T) {
	var looks []look
	var now, most atomic.Int32
	full := make(chan struct{})
	for i := range 5 * atOnce {
		looks = append(looks, func(context.Context) ([]Finding, error) {
			defer now.Add(-1)
			n := now.Add(1)
			for {
				before := most.Load()
				if n <= before || most.CompareAndSwap(before, n) {
					break
				}
			}
			if n == atOnce {
				select {
				case <-full:
				default:
					close(full)
				}
			}
			select { // hold on until as many run as may
			case <-full:
			case <-time.After(10 * time.Second):
			}
			return []Finding{{What: fmt.Sprint(i)}}, nil
		})
	}
	findings, err := (&Target{}).together(t.Context(), looks)
	require.NoError(t, err)
	assert.Equal(t, int32(atOnce), most.Load())
	require.Len(t, findings, len(looks))
	for i, f := range findings {
		assert.Equal(t, fmt.Sprint(i), f.What)
	}
}

func TestTogetherEndsWithAnError(t *testing.T) {
	down := errors.New("down")
	waits := func(ctx context.Context) ([]Finding, error) {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(10 * time.Second):
			return nil, errors.New("the look was not ended")
		}
	}
	findings, err := (&Target{}).together(t.Context(), []look{
		waits,
		func(context.Context) ([]Finding, error) { return []Finding{{What: "a"}}, nil },
		func(context.Context) ([]Finding, error) { return nil, down },
	})
	assert.Empty(t, findings)
	assert.ErrorIs(t, err, down)
}

// Steps of what the stack only reads are no drift of its own.
func TestOwn(t *testing.T) {
	external := resource(engine.UserType, nil)
	external.External = true
	bucket := resource(engine.BucketType, nil)
	target := &Target{state: &engine.State{Resources: []*engine.Resource{external, bucket}}}
	steps := []engine.Step{{Op: apitype.OpRead, URN: external.URN}, {Op: apitype.OpUpdate, URN: bucket.URN}, {Op: apitype.OpCreate, URN: "urn:new"}}
	var own []urn.URN
	for _, s := range target.own(steps) {
		own = append(own, s.URN)
	}
	assert.Equal(t, []urn.URN{bucket.URN, "urn:new"}, own)
}

// configOf returns a configuration, read with a Pulumi that prints it.
func configOf(t *testing.T, values map[string]string) engine.Config {
	t.Helper()
	printed := map[string]any{}
	for key, value := range values {
		printed[key] = map[string]any{"value": value, "secret": false}
	}
	text, err := json.Marshal(printed)
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "config"), text, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Pulumi.yaml"), []byte("name: p\nruntime: go\n"), 0o600))
	script := "#!/bin/sh\ncase $1 in version) echo v3.216.0 ;; config) cat " + dir + "/config ;; *) exit 1 ;; esac\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "pulumi"), []byte(script), 0o755))
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv(command.MakeVariable, "") // which make test sets
	t.Chdir(dir)
	stack, err := engine.Open(t.Context(), "s", "")
	require.NoError(t, err)
	config, err := stack.Config(t.Context())
	require.NoError(t, err)
	return config
}

// lab is a MinIO and a Kubernetes that respond to the first requests that are made.
type lab struct {
	minio, kubernetes *httptest.Server

	mu    sync.Mutex
	asked []string
}

func newLab(t *testing.T, uid string) *lab {
	t.Helper()
	l := &lab{}
	serve := func(name, path, body string) *httptest.Server {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			l.mu.Lock()
			l.asked = append(l.asked, name)
			l.mu.Unlock()
			if r.URL.Path != path {
				http.NotFound(w, r)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, body)
		}))
		t.Cleanup(server.Close)
		return server
	}
	l.minio = serve("MinIO", "/minio/admin/v3/accountinfo", "{}")
	l.kubernetes = serve("Kubernetes", "/api/v1/namespaces/kube-system", `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"kube-system","uid":"`+uid+`"}}`)
	return l
}

// settings returns what names the servers of l, in a configuration.
func (l *lab) settings(extra ...string) map[string]string {
	kubeconfig := fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"lab","clusters":[{"name":"lab","cluster":{"server":%q}}],"contexts":[{"name":"lab","context":{"cluster":"lab"}}]}`, l.kubernetes.URL)
	values := map[string]string{
		"minio:minioServer": strings.TrimPrefix(l.minio.URL, "http://"), "minio:minioUser": "admin", "minio:minioPassword": "password",
		"kubernetes:kubeconfig": kubeconfig,
	}
	for i := 0; i < len(extra); i += 2 {
		values[extra[i]] = extra[i+1]
	}
	return values
}

// stateOf returns a state whose providers have some settings, with a bucket and a
// namespace.
func stateOf(values map[string]string, uid string) *engine.State {
	state := &engine.State{Resources: []*engine.Resource{system(uid)}}
	for provider, kind := range map[string]string{"minio": engine.BucketType, "kubernetes": engine.NamespaceType} {
		settings := map[string]any{}
		for key, value := range values {
			if name, found := strings.CutPrefix(key, provider+":"); found {
				settings[name] = value
			}
		}
		name := urn.URN("urn:pulumi:s::p::pulumi:providers:" + provider + "::default")
		r := resource(kind, nil)
		r.Provider = string(name) + "::id"
		state.Resources = append(state.Resources, &engine.Resource{URN: name, Type: "pulumi:providers:" + provider, ID: "id", Inputs: settings}, r)
	}
	return state
}

func TestSameSettings(t *testing.T) {
	servers := newLab(t, "one")
	for name, test := range map[string]struct {
		state, config map[string]string
		same          bool
	}{
		"the same":           {servers.settings(), servers.settings(), true},
		"other settings too": {servers.settings("minio:skipBucketTagging", "true"), servers.settings("picluster:bucket", "b"), true},
		"another server":     {servers.settings(), servers.settings("minio:minioServer", "s3:9000"), false},
		"another password":   {servers.settings(), servers.settings("minio:minioPassword", "other"), false},
		"a context":          {servers.settings(), servers.settings("kubernetes:context", "lab"), false},
		"a region before":    {servers.settings("minio:minioRegion", "eu"), servers.settings(), false},
	} {
		t.Run(name, func(t *testing.T) {
			target := &Target{state: stateOf(test.state, "")}
			assert.Equal(t, test.same, target.sameSettings(configOf(t, test.config)))
		})
	}
}

func TestOpenAndReady(t *testing.T) {
	servers := newLab(t, "one")
	stopped := httptest.NewServer(nil)
	stopped.Close()
	down := strings.TrimPrefix(stopped.URL, "http://")
	for name, test := range map[string]struct {
		state             *engine.State
		config            map[string]string
		same              bool
		readyErr, openErr string
		other             bool
	}{
		"the same":             {state: stateOf(servers.settings(), "one"), config: servers.settings(), same: true},
		"other settings":       {state: stateOf(servers.settings(), "one"), config: servers.settings("minio:minioRegion", "eu")},
		"another cluster":      {state: stateOf(servers.settings(), "two"), config: servers.settings(), same: true, readyErr: "has the UID one. The last up of the stack was on the cluster with the UID two. Fix: pulumi config set kubernetes:context NAME; or, if the cluster was rebuilt on purpose: picluster up --stack s --other-cluster", openErr: "has the UID one", other: true},
		"MinIO not reachable":  {state: stateOf(servers.settings("minio:minioServer", down), "one"), config: servers.settings(), openErr: "MinIO at " + down + " is not reachable. Fix: start it, or set minio:minioServer"},
		"settings not usable":  {state: stateOf(servers.settings(), "one"), config: servers.settings("minio:minioServer", "http://s3"), same: false},
		"bad driftIgnore":      {state: stateOf(servers.settings(), "one"), config: servers.settings("p:driftIgnore", "{"), readyErr: "driftIgnore: ", openErr: "driftIgnore: "},
		"a stack never up":     {state: &engine.State{}, config: servers.settings()},
		"configuration's down": {state: stateOf(servers.settings(), "one"), config: servers.settings("minio:minioServer", down), readyErr: "MinIO at " + down + " is not reachable"},
	} {
		t.Run(name, func(t *testing.T) {
			config := configOf(t, test.config)
			same, err := Ready(t.Context(), test.state, config)
			check(t, test.readyErr, err)
			assert.Equal(t, test.other, IsOtherCluster(err))
			if test.readyErr == "" {
				assert.Equal(t, test.same, same)
			}
			target, err := Open(t.Context(), test.state, config)
			check(t, test.openErr, err)
			assert.Equal(t, test.other, IsOtherCluster(err))
			if test.openErr == "" {
				require.NotNil(t, target)
			}
		})
	}
	servers.mu.Lock()
	defer servers.mu.Unlock()
	assert.True(t, slices.Contains(servers.asked, "MinIO") && slices.Contains(servers.asked, "Kubernetes"))
}

func check(t *testing.T, want string, err error) {
	t.Helper()
	if want == "" {
		assert.NoError(t, err)
	} else {
		assert.ErrorContains(t, err, want)
	}
}

func TestOpenBothNotReachable(t *testing.T) {
	servers := newLab(t, "one")
	settings := servers.settings()
	servers.minio.Close()
	servers.kubernetes.Close()
	_, err := Open(t.Context(), stateOf(settings, "one"), engine.Config{})
	assert.ErrorContains(t, err, "MinIO at ")
	assert.ErrorContains(t, err, "; Kubernetes at ")
}

func TestOpenEnds(t *testing.T) {
	servers := newLab(t, "one")
	ended := errors.New("terminated")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(ended)
	_, err := Open(ctx, stateOf(servers.settings(), "one"), engine.Config{})
	assert.ErrorIs(t, err, ended)
}
