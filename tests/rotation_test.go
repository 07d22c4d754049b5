package tests

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// watch tries the keys that running pods have, again and again. A container has the
// keys that its Secret held when it started; the lab's simulated pods have none, so
// that watch reads the Secret when it sees a pod for the first time.
type watch struct {
	harness
	secret string // its name
	cancel context.CancelFunc
	ended  chan struct{}

	mu       sync.Mutex
	keys     map[string]keys // by the pod's uid
	tried    int
	failures []string
}

// watching starts a watch.
func (h harness) watching() *watch { return h.watchingSecret("tempo-minio-secret") }

func (h harness) watchingSecret(name string) *watch {
	ctx, cancel := context.WithCancel(h.Context())
	w := &watch{harness: h, secret: name, cancel: cancel, ended: make(chan struct{}), keys: map[string]keys{}}
	go func() {
		defer close(w.ended)
		for ctx.Err() == nil {
			w.look(ctx)
		}
	}()
	return w
}

// look tries the keys of each pod that has not ended, terminating ones included.
func (w *watch) look(ctx context.Context) {
	var pods struct {
		Items []struct {
			Metadata struct {
				Name, UID   string
				Annotations map[string]string
			}
			Status struct{ Phase string }
		}
	}
	text, err := w.Kubectl(ctx, "get", "pods", "--namespace=tempo", "--selector=app.kubernetes.io/instance=tempo", "--output=json")
	if err != nil || json.Unmarshal(text, &pods) != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, pod := range pods.Items {
		if pod.Metadata.Annotations["picluster/keys"] == "" || pod.Status.Phase != "Running" {
			continue
		}
		k, seen := w.keys[pod.Metadata.UID]
		if !seen {
			k = w.keysIn("tempo", w.secret)
			w.keys[pod.Metadata.UID] = k
		}
		_, err := w.s3(k).BucketExists(ctx, "k3s-tempo")
		if ctx.Err() != nil {
			return
		}
		w.tried++
		if err == nil {
			continue
		}
		// A pod that has ended meanwhile needs no key; one of a StatefulSet has the name
		// of the one before.
		uid, _ := w.Kubectl(ctx, "get", "pod", "--namespace=tempo", pod.Metadata.Name, "--output=jsonpath={.metadata.uid}")
		if string(uid) == pod.Metadata.UID {
			w.failures = append(w.failures, fmt.Sprintf("%s has the key of %s: %v", pod.Metadata.Name, k.access, err))
		}
	}
}

// hasSeenPods returns whether the watch has the keys of running pods.
func (w *watch) hasSeenPods() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.keys) > 0
}

// stop ends a watch; every key must have opened the bucket as long as a pod had it.
func (w *watch) stop() {
	w.T.Helper()
	w.cancel()
	<-w.ended
	assert.Empty(w.T, w.failures)
	assert.NotEmpty(w.T, w.keys, "it has seen no pod")
	assert.GreaterOrEqual(w.T, w.tried, len(w.keys), "it has not looked")
	w.Logf("%d pods, %d tries of their keys, %d failures", len(w.keys), w.tried, len(w.failures))
}

// TestRotationOverlaps rotates under a watch: no pod may have a key that does not
// work, and the key before must not work in the end.
func TestRotationOverlaps(t *testing.T) {
	h := start(t)
	h.set("profile", "pi")
	h.up()

	h.sub("undisturbed", func(h harness) {
		before := h.secretKeys()
		w := h.watching()
		h.rotates()
		w.stop()
		after := h.secretKeys()
		assert.Equal(h, "tempo.v2", after.access)
		assert.NotEqual(h, before.secret, after.secret)
		_, err := h.s3(before).BucketExists(h.Context(), "k3s-tempo")
		assert.Error(h, err, "the key before opens the bucket still")
		assert.Contains(h, h.kubectl("get", "pods", "--namespace=tempo", "--output=yaml"), "picluster/keys")
		h.mustStack("preview", noChanges)
	})
	h.sub("a pod that does not end", podThatStays)
	h.sub("with drift beside it", func(h harness) {
		h.patch("secret/tempo-minio-secret", `{"stringData":{"MINIO_SECRET_ACCESS_KEY":"wrong"}}`)
		h.rotates()
		table, code := h.picluster(nil, "drift")
		assert.Equal(h, exitSame, code, table)
		keyOpensBucket(h)
	})
	h.sub("from an older checkout", func(h harness) {
		before := h.secretKeys()
		h.unset("keyVersion") // a rotation that was not committed
		h.rotates()
		assert.NotEqual(h, before, h.secretKeys())
		keyOpensBucket(h)
	})
	h.sub("of another project's name", func(h harness) {
		out, code := h.picluster(nil, "rotate", "--stack", "organization/picluster/lab", "--yes")
		require.Zero(h, code, lastLines(out, 20))
	})
	h.sub("by raising the key version alone", func(h harness) {
		h.set("keyVersion", "20")
		w := h.watching()
		h.up()
		w.stop()
		assert.Equal(h, "tempo.v20", h.secretKeys().access)
	})
	h.sub("back to an earlier version", func(h harness) {
		h.unset("keyVersion")
		w := h.watching()
		h.up()
		w.stop()
		assert.Equal(h, "tempo", h.secretKeys().access)
		keyOpensBucket(h)
	})
}

// rotates runs rotate.
func (h harness) rotates() {
	h.T.Helper()
	out, code := h.picluster(nil, "rotate", "--yes")
	require.Zero(h, code, lastLines(out, 20))
}

// podThatStays has a pod with the old key not end. Its key must work. The rotation fails after
// its timeout and says so, and the next up completes it.
func podThatStays(h harness) {
	h.set("timeout", "30")
	name := strings.Fields(h.kubectl("get", "pods", "--namespace=tempo", "--selector=app.kubernetes.io/component=querier", "--output=jsonpath={.items[*].metadata.name}"))[0]
	h.kubectl("patch", "pod", "--namespace=tempo", name, "--type=merge", `--patch={"metadata":{"finalizers":["example.com/held"]}}`)
	before := h.secretKeys()
	out, code := h.picluster(nil, "rotate", "--yes")
	assert.Equal(h, 1, code, lastLines(out, 20))
	assert.Contains(h, out, "still have the previous key after 30s: "+name+". Their user is not deleted. Fix: wait for "+name+" to end")
	assert.Contains(h, out, "the next up continues")
	_, err := h.s3(before).BucketExists(h.Context(), "k3s-tempo")
	assert.NoError(h, err, "the key of a running pod was revoked")
	h.kubectl("patch", "pod", "--namespace=tempo", name, "--type=merge", `--patch={"metadata":{"finalizers":null}}`)
	h.unset("timeout")
	h.converges()
	_, err = h.s3(before).BucketExists(h.Context(), "k3s-tempo")
	assert.Error(h, err, "the key before opens the bucket still")
}

// TestRotationIsKilled kills a rotation at five moments. No key that a pod has may be
// dead then, and the next up ends the rotation.
func TestRotationIsKilled(t *testing.T) {
	h := start(t)
	h.set("profile", "pi")
	h.up()
	h.put("precious")
	// Each is the first line that Pulumi prints of what is under way.
	for _, moment := range []string{
		"IamUser tempo-user-%d creating",
		"IamUserPolicyAttachment tempo-attachment-%d created",
		"Secret tempo-secret updated",
		"Release tempo-release updating",
		"IamUserPolicyAttachment tempo-attachment%[2]s deleting",
	} {
		h.sub(strings.NewReplacer("-%d", "", "%[2]s", "").Replace(moment), func(h harness) {
			var state struct{ version int }
			_, err := fmt.Sscanf(strings.TrimPrefix(h.secretKeys().access, "tempo"), ".v%d", &state.version)
			if err != nil {
				state.version = 1
			}
			suffix := ""
			if state.version > 1 {
				suffix = fmt.Sprintf("-%d", state.version)
			}
			next := state.version + 1
			h.set("keyVersion", fmt.Sprint(next))
			line := moment
			if strings.Contains(moment, "%") {
				line = strings.ReplaceAll(strings.ReplaceAll(moment, "%[2]s", suffix), "%d", fmt.Sprint(next))
			}
			w := h.watching()
			h.killedAt(line)
			h.unlocked()
			h.rollsBackIfPending()
			h.converges()
			w.stop()
			h.has("precious")
			assert.Equal(h, fmt.Sprintf("tempo.v%d", next), h.secretKeys().access)
			users, err := h.admin(h.administrator()).ListUsers(h.Context())
			require.NoError(h, err)
			assert.Len(h, users, 1, "a user is left over")
		})
	}
}

// TestRotationIsKilledAfterADeletion has MinIO delete the previous user, and Pulumi not
// learn of it: the state has a user that is gone.
func TestRotationIsKilledAfterADeletion(t *testing.T) {
	h := start(t)
	h.set("profile", "pi")
	h.up()
	h.put("precious")
	h.set("keyVersion", "2")
	h.killedAt("IamUser tempo-user deleting")
	h.unlocked()
	err := h.admin(h.administrator()).RemoveUser(t.Context(), "tempo") // if it is still there
	if err != nil {
		require.ErrorContains(t, err, "does not exist")
	}

	out, code := h.picluster(nil, "up", "--yes")
	if code != 0 {
		assert.Contains(t, out, "Fix: make repair;")
		out, code = h.picluster(nil, "drift")
		require.Equal(t, exitDrifted, code, out)
		out, code = h.repair(out, "user tempo ", "is gone")
		require.Zero(t, code, out)
	}
	h.converges()
	h.has("precious")
	users, err := h.admin(h.administrator()).ListUsers(t.Context())
	require.NoError(t, err)
	assert.Len(t, users, 1, "a user is left over")
	assert.Contains(t, users, "tempo.v2")
}

// killedAt runs an up, and kills it and its plugins when it has printed a text.
func (h harness) killedAt(text string) {
	h.T.Helper()
	ctx, cancel := context.WithTimeout(h.Context(), commandTimeout)
	defer cancel()
	cmd := h.StackCommand(ctx, "up", "--yes", "--skip-preview")
	out := h.startPrinting(cmd)
	eventually(h, func() bool { return strings.Contains(out.String(), text) }, commandTimeout, 5*time.Millisecond,
		"it has not come to %q:\n%s", text, out)
	h.killAll(cmd)
}

// rollsBackIfPending does as the way out says for an operation of Helm that was
// interrupted.
func (h harness) rollsBackIfPending() {
	h.T.Helper()
	if h.kubectl("get", "secrets", "--namespace=tempo", "--selector=owner=helm,status=pending-upgrade", "--output=name") != "" {
		h.helm("rollback", "tempo", "--namespace=tempo")
	}
}

// buffer is what a command prints, to be read while it does.
type buffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// startPrinting starts a command, and returns what it prints.
func (h harness) startPrinting(cmd *exec.Cmd) *buffer {
	h.T.Helper()
	out := &buffer{}
	cmd.Stdout, cmd.Stderr = out, out
	require.NoError(h, cmd.Start())
	return out
}
