package pods_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/picluster/picluster/internal/pods"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/metadata/fake"
	clienttesting "k8s.io/client-go/testing"
)

func pod(name, release string, annotations map[string]string) *metav1.PartialObjectMetadata {
	return &metav1.PartialObjectMetadata{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: "tempo", Annotations: annotations,
			Labels: map[string]string{"app.kubernetes.io/instance": release},
		},
	}
}

func terminating(name string) *metav1.PartialObjectMetadata {
	p := pod(name, "tempo", map[string]string{"keys": "old"})
	now := metav1.Now()
	p.DeletionTimestamp, p.Finalizers = &now, []string{"example.com/held"}
	return p
}

func client(t *testing.T, objects ...runtime.Object) *fake.FakeMetadataClient {
	t.Helper()
	scheme := fake.NewTestScheme()
	require.NoError(t, metav1.AddMetaToScheme(scheme))
	return fake.NewSimpleMetadataClient(scheme, objects...)
}

func await(ctx context.Context, c *fake.FakeMetadataClient, timeout time.Duration) error {
	return pods.Await(ctx, c, "tempo", "tempo", "keys", "new", timeout)
}

func TestAwait(t *testing.T) {
	keys := func(hash string) map[string]string { return map[string]string{"keys": hash} }
	for name, test := range map[string]struct {
		pods []runtime.Object
		err  string
	}{
		"no pod":                {nil, ""},
		"a pod with the new":    {[]runtime.Object{pod("a", "tempo", keys("new"))}, ""},
		"a pod without keys":    {[]runtime.Object{pod("a", "tempo", nil)}, ""},
		"a pod of another's":    {[]runtime.Object{pod("a", "loki", keys("old"))}, ""},
		"two pods with the old": {[]runtime.Object{pod("b", "tempo", keys("old")), pod("a", "tempo", keys("old")), pod("c", "tempo", keys("new"))}, "still have the previous key after 10ms: a, b. The key stays valid. Fix: kubectl rollout restart of what created a, b; if its template was changed outside Pulumi, picluster repair. Then run pulumi up again"},
		"a pod that terminates": {[]runtime.Object{terminating("a")}, "a. The key stays valid. Fix: wait for a to end; if its node is gone, kubectl delete pod --force --grace-period=0 --namespace tempo a. Then run pulumi up again"},
	} {
		t.Run(name, func(t *testing.T) {
			err := await(t.Context(), client(t, test.pods...), 10*time.Millisecond)
			if test.err == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, test.err)
			}
		})
	}
}

// Only pods that may still use their keys are asked for: a pod that was evicted
// stays listed, and would be waited for without end.
func TestAwaitAsksForRunningPods(t *testing.T) {
	c := client(t)
	require.NoError(t, await(t.Context(), c, time.Second))
	require.Len(t, c.Actions(), 1)
	restrictions := c.Actions()[0].(clienttesting.ListAction).GetListRestrictions()
	assert.Equal(t, "status.phase!=Failed,status.phase!=Succeeded", restrictions.Fields.String())
	assert.Equal(t, "app.kubernetes.io/instance=tempo", restrictions.Labels.String())
}

func TestAwaitWaits(t *testing.T) {
	c := client(t, pod("a", "tempo", map[string]string{"keys": "old"}))
	resource := schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	time.AfterFunc(100*time.Millisecond, func() { _ = c.Tracker().Delete(resource, "tempo", "a") })
	assert.NoError(t, await(t.Context(), c, 30*time.Second))
}

func TestAwaitSurvivesAnOutage(t *testing.T) {
	c, failures := client(t), 1
	c.PrependReactor("list", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		failures--
		return failures >= 0, nil, errors.New("unreachable")
	})
	assert.NoError(t, await(t.Context(), c, 30*time.Second))
	failures = 1_000_000
	assert.ErrorContains(t, await(t.Context(), c, 10*time.Millisecond), "pods of release tempo/tempo: unreachable")
}

// A look that the end of the wait cuts off does not hide what the one before has seen.
func TestAwaitNamesThePodsAfterAnOutage(t *testing.T) {
	c, looks := client(t, pod("a", "tempo", map[string]string{"keys": "old"})), 0
	c.PrependReactor("list", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		looks++
		return looks > 1, nil, errors.New("cut off")
	})
	assert.ErrorContains(t, await(t.Context(), c, 1500*time.Millisecond), "still have the previous key after 1.5s: a.")
	assert.Greater(t, looks, 1)
}

func TestAwaitEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := client(t, pod("a", "tempo", map[string]string{"keys": "old"}))
	assert.ErrorIs(t, await(ctx, c, time.Minute), context.Canceled)
}
