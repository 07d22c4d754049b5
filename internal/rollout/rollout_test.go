package rollout_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/picluster/picluster/internal/command"
	"github.com/picluster/picluster/internal/rollout"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
)

type m = map[string]any

// cluster is an API server that has some objects of release tempo/tempo: one Deployment
// that is ready, unless a test sets others.
type cluster struct {
	*httptest.Server

	mu       sync.Mutex
	objects  map[string][]m // by the resource
	log      string
	failures int // of the next requests
	denied   bool
	queries  []string
}

func newCluster(t *testing.T) *cluster {
	c := &cluster{objects: map[string][]m{"deployments": {workload(1, 1, 1, 1)}}}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queries = append(c.queries, r.URL.Query().Encode())
	if c.failures > 0 {
		c.failures--
		w.WriteHeader(http.StatusServiceUnavailable)
		_ = json.NewEncoder(w).Encode(m{"kind": "Status", "message": "etcd is away"})
		return
	}
	if c.denied {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	if strings.HasSuffix(r.URL.Path, "/log") {
		_, _ = w.Write([]byte(c.log))
		return
	}
	for _, resource := range []string{"deployments", "statefulsets", "pods"} {
		if strings.HasSuffix(r.URL.Path, "/namespaces/tempo/"+resource) {
			_ = json.NewEncoder(w).Encode(m{"items": c.objects[resource]})
			return
		}
	}
	w.WriteHeader(http.StatusNotFound)
}

func (c *cluster) set(resource string, objects ...m) *cluster {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.objects[resource] = objects
	return c
}

// fail has the next requests fail.
func (c *cluster) fail(requests int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures = requests
}

func (c *cluster) await(t *testing.T, timeout time.Duration) error {
	t.Helper()
	return c.awaitContext(t.Context(), t, timeout, func(string) {})
}

func (c *cluster) awaitContext(ctx context.Context, t *testing.T, timeout time.Duration, report func(string)) error {
	t.Helper()
	client, err := rollout.NewClient(&rest.Config{Host: c.URL})
	require.NoError(t, err)
	return rollout.Await(ctx, client, rollout.Release{
		Namespace: "tempo", Name: "tempo", Annotation: "keys", Keys: "new", Keyed: []string{"ingester"}, Secrets: []string{"hunter2"},
		Commands: command.Names{Stack: "s"}.In(func(name string) string { return map[string]string{"context": "pi"}[name] }),
	}, timeout, report)
}

// workload is a Deployment or StatefulSet of the component "querier".
func workload(replicas, updated, ready int, maxUnavailable any) m {
	return m{
		"metadata": m{"name": "tempo-querier", "generation": 2},
		"spec": m{
			"replicas": replicas,
			"selector": m{"matchLabels": m{"app.kubernetes.io/component": "querier"}},
			"strategy": m{"rollingUpdate": m{"maxUnavailable": maxUnavailable}},
		},
		"status": m{"observedGeneration": 2, "replicas": updated, "updatedReplicas": updated, "readyReplicas": ready},
	}
}

// pod is a pod of the component "querier", with changes.
func pod(name string, changes ...func(metadata, status m)) m {
	metadata := m{"name": name, "namespace": "tempo", "annotations": m{"keys": "new"}, "labels": m{"app.kubernetes.io/component": "querier"}}
	status := m{"phase": "Running"}
	for _, change := range changes {
		change(metadata, status)
	}
	return m{"metadata": metadata, "status": status}
}

func keys(hash string) func(metadata, status m) {
	return func(metadata, _ m) { metadata["annotations"] = m{"keys": hash} }
}

func component(name string) func(metadata, status m) {
	return func(metadata, _ m) {
		delete(metadata, "annotations")
		metadata["labels"] = m{"app.kubernetes.io/component": name}
	}
}

func terminating(metadata, _ m) { metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z" }

func containers(c m) func(metadata, status m) {
	c["name"] = "tempo"
	return func(_, status m) { status["containerStatuses"] = []m{c} }
}

// short is the timeout of a wait that cannot succeed. It is long enough for one look on a busy
// machine.
const short = time.Second

func TestAwaitKeys(t *testing.T) {
	for name, test := range map[string]struct {
		pods []m
		err  string
	}{
		"no pod":                      {nil, ""},
		"the new":                     {[]m{pod("a")}, ""},
		"none, and needs none":        {[]m{pod("a", component("memcached"))}, ""},
		"none, as before an adoption": {[]m{pod("a", component("ingester"))}, "still have the previous key after 1s: a. Their user is not deleted."},
		"two with the old": {[]m{pod("b", keys("old")), pod("a", keys("old")), pod("c")},
			"still have the previous key after 1s: a, b. Their user is not deleted. Fix: kubectl --context pi delete pod --namespace tempo a b; if they have that key again, a template was changed outside Pulumi: picluster repair --stack s. Then run pulumi up again"},
		"terminating": {[]m{pod("a", keys("old"), terminating)},
			"a. Their user is not deleted. Fix: wait for a to end; if its node is gone, kubectl --context pi delete pod --force --grace-period=0 --namespace tempo a. Then run pulumi up again"},
	} {
		t.Run(name, func(t *testing.T) {
			err := newCluster(t).set("pods", test.pods...).await(t, short)
			if test.err == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, test.err)
			}
		})
	}
}

func TestAwaitReady(t *testing.T) {
	generation := workload(1, 1, 1, 1)
	generation["metadata"].(m)["generation"] = 3
	beside := workload(1, 1, 1, "25%") // the old pod is Ready, and the new one is not
	beside["status"].(m)["replicas"] = 2
	for name, test := range map[string]struct {
		kind     string
		workload m
		ready    bool
	}{
		"ready":                          {"deployments", workload(1, 1, 1, 1), true},
		"none wanted":                    {"deployments", workload(0, 0, 0, 1), true},
		"its one replica is not":         {"deployments", workload(1, 1, 0, 1), false},
		"its one replica is the old one": {"deployments", workload(1, 0, 1, 1), false},
		"one of three may be missing":    {"deployments", workload(3, 2, 2, 1), true},
		"by a percentage":                {"deployments", workload(4, 3, 3, "25%"), true},
		"more than may be":               {"deployments", workload(3, 3, 1, 1), false},
		"all may be missing":             {"deployments", workload(2, 0, 0, "100%"), false},
		"not seen by its controller":     {"deployments", generation, false},
		"an old one beside it":           {"deployments", beside, false},
		"one of two is the old one":      {"deployments", func() m { w := workload(2, 1, 2, 1); w["status"].(m)["replicas"] = 2; return w }(), false},
		"one is on a node that is down":  {"statefulsets", workload(3, 3, 2, nil), true},
		"two are":                        {"statefulsets", workload(3, 3, 1, nil), false},
		"one StatefulSet's one pod":      {"statefulsets", workload(1, 1, 0, nil), false},
		"a StatefulSet":                  {"statefulsets", workload(3, 3, 3, nil), true},
	} {
		t.Run(name, func(t *testing.T) {
			err := newCluster(t).set(test.kind, test.workload).await(t, short)
			if test.ready {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, "release tempo/tempo is deployed, but not ready after 1s:")
			}
		})
	}
}

// What does not become ready is named, with its cause.
func TestAwaitSaysTheCause(t *testing.T) {
	crashed := m{"reason": "Error", "exitCode": 1}
	for name, test := range map[string]struct {
		pods []m
		want []string
	}{
		"no pod": {nil, []string{"Deployment tempo-querier: it has no pod; see kubectl --context pi describe deployment --namespace tempo tempo-querier"}},
		"no node": {[]m{pod("a", func(_, status m) {
			status["conditions"] = []m{{"type": "PodScheduled", "status": "False", "message": "0/2 nodes are available"}}
		})}, []string{"pod a has no node: 0/2 nodes are available"}},
		"no image": {[]m{pod("a", containers(m{"state": m{"waiting": m{"reason": "ImagePullBackOff", "message": "not found"}}}))},
			[]string{"pod a, container tempo: ImagePullBackOff: not found"}},
		"it crashes": {[]m{pod("a", containers(m{"restartCount": 3, "state": m{"waiting": m{"reason": "CrashLoopBackOff"}}, "lastState": m{"terminated": crashed}}))},
			[]string{"pod a, container tempo: CrashLoopBackOff: ended with Error, exit code 1, and was restarted 3 times\n    unknown type: opencensus\n    key [secret]"}},
		"it has just crashed": {[]m{pod("a", containers(m{"state": m{"terminated": crashed}}))}, []string{"ended with Error, exit code 1, and was restarted 0 times\n    unknown"}},
		"its probe fails":     {[]m{pod("a", containers(m{"state": m{"running": m{}}}))}, []string{"it runs, but its readiness probe fails\n    unknown"}},
		"one is ready":        {[]m{pod("a", containers(m{"ready": true})), pod("b", containers(m{}))}, []string{"pod b"}},
		"its node is down": {[]m{pod("a", func(_, status m) {
			status["conditions"] = []m{{"type": "Ready", "status": "False"}}
		}, containers(m{"ready": true}))}, []string{"pod a on node  is not Ready"}},
		"terminating":        {[]m{pod("a", terminating)}, []string{"pod a is terminating on node"}},
		"another workload's": {[]m{pod("a", component("memcached"), containers(m{}))}, []string{"it has no pod"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t).set("deployments", workload(1, 1, 0, 1)).set("pods", test.pods...)
			c.log = "unknown type: opencensus\nkey hunter2\n"
			err := c.await(t, short)
			for _, want := range append(test.want, "Fix: correct the cause, or set the previous value in the configuration; then run pulumi up again") {
				assert.ErrorContains(t, err, want)
			}
			assert.NotContains(t, err.Error(), "pod a, container tempo: \n")
		})
	}
}

// A StatefulSet waits for a pod that is not Ready before it replaces it, so that no up
// corrects it.
func TestAwaitNamesThePodThatAStatefulSetWaitsFor(t *testing.T) {
	w := workload(1, 0, 0, nil)
	w["status"].(m)["updateRevision"] = "new"
	hash := func(metadata, _ m) { metadata["labels"].(m)["controller-revision-hash"] = "old" }
	c := newCluster(t).set("deployments").set("statefulsets", w).set("pods", pod("tempo-0", hash, containers(m{"state": m{"waiting": m{"reason": "CrashLoopBackOff"}}})))
	assert.ErrorContains(t, c.await(t, short), "Fix: kubectl --context pi delete pod --namespace tempo tempo-0")
	w["status"].(m)["updateRevision"] = "old"
	assert.NotContains(t, c.await(t, short).Error(), "delete pod")
}

// A release whose objects have other labels is not taken for one that is ready.
func TestAwaitWithoutWorkloads(t *testing.T) {
	c := newCluster(t).set("deployments")
	assert.ErrorContains(t, c.await(t, short), "no Deployment or StatefulSet in namespace tempo has the label app.kubernetes.io/instance=tempo")
}

// What the API server denies it denies in 10 minutes too.
func TestAwaitEndsWhenItIsDenied(t *testing.T) {
	c := newCluster(t)
	c.denied = true
	assert.ErrorContains(t, c.await(t, time.Hour), "403 Forbidden")
}

func TestDiagnose(t *testing.T) {
	client, err := rollout.NewClient(&rest.Config{Host: newCluster(t).URL})
	require.NoError(t, err)
	release := rollout.Release{Namespace: "tempo", Name: "tempo"}
	assert.Empty(t, rollout.Diagnose(t.Context(), client, release))

	c := newCluster(t).set("deployments", workload(1, 1, 0, 1)).set("pods", pod("a", containers(m{"state": m{"waiting": m{"reason": "ImagePullBackOff"}}})))
	client, err = rollout.NewClient(&rest.Config{Host: c.URL})
	require.NoError(t, err)
	assert.Equal(t, "release tempo/tempo is not ready:\n  Deployment tempo-querier: pod a, container tempo: ImagePullBackOff", rollout.Diagnose(t.Context(), client, release))
	c.fail(3)
	assert.Contains(t, rollout.Diagnose(t.Context(), client, release), "its pods cannot be read")
}

// A container that waits to be started again has its log in the run before.
func TestAwaitReadsTheLogOfTheRunThatEnded(t *testing.T) {
	c := newCluster(t).set("deployments", workload(1, 1, 0, 1)).
		set("pods", pod("a", containers(m{"state": m{"waiting": m{"reason": "CrashLoopBackOff"}}, "lastState": m{"terminated": m{"exitCode": 1}}})))
	require.Error(t, c.await(t, short))
	assert.Contains(t, c.queries, "container=tempo&previous=true&tailLines=5")
}

// Only pods that may still use their keys are read: one that was evicted stays listed.
func TestAwaitReadsTheReleasesRunningPods(t *testing.T) {
	c := newCluster(t)
	require.NoError(t, c.await(t, time.Second))
	assert.Contains(t, c.queries, "fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed&labelSelector=app.kubernetes.io%2Finstance%3Dtempo")
	assert.Contains(t, c.queries, "labelSelector=app.kubernetes.io%2Finstance%3Dtempo")
}

func TestAwaitWaits(t *testing.T) {
	c := newCluster(t).set("pods", pod("a", keys("old"))).set("deployments", workload(1, 1, 0, 1))
	var reports []string
	require.NoError(t, c.awaitContext(t.Context(), t, 30*time.Second, func(text string) {
		reports = append(reports, text)
		c.set("pods").set("deployments", workload(1, 1, 1, 1))
	}))
	assert.Equal(t, []string{"waiting for Deployment tempo-querier, the end of pod a", ""}, reports)
}

func TestAwaitSurvivesAnOutage(t *testing.T) {
	c := newCluster(t)
	c.fail(1)
	assert.NoError(t, c.await(t, 30*time.Second))
	c.fail(1_000_000)
	assert.ErrorContains(t, c.await(t, short), "release tempo/tempo: its pods cannot be read: GET "+c.URL+"/apis/apps/v1/namespaces/tempo/")
}

// A look that the end of the wait cuts off does not hide what the one before has seen.
func TestAwaitNamesThePodsAfterAnOutage(t *testing.T) {
	c := newCluster(t).set("pods", pod("a", keys("old")))
	err := c.awaitContext(t.Context(), t, 1500*time.Millisecond, func(string) { c.fail(1_000_000) })
	assert.ErrorContains(t, err, "still have the previous key after 1.5s: a.")
}

func TestAwaitEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := newCluster(t).set("pods", pod("a", keys("old")))
	assert.ErrorIs(t, c.awaitContext(ctx, t, time.Minute, func(string) {}), context.Canceled)
}
