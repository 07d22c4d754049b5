package tests

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fault is a fault: how it comes about while the stack is to be brought up, what picluster says
// of it, and how its cause is removed.
type fault struct {
	name string
	// cause creates it; fix removes it.
	cause, fix func(h harness)
	// part and wayOut are in what `up` prints.
	part, wayOut string
}

// TestFaultsOfTheFirstUp has the first up fail. Once the cause is gone, one more
// converges. Each fault meets a stack that has created nothing yet.
func TestFaultsOfTheFirstUp(t *testing.T) {
	h := start(t)
	h.set("profile", "pi")
	for _, f := range []fault{
		{
			"MinIO down",
			func(h harness) { require.NoError(h, h.StopMinIO(h.Context())) },
			restart,
			"MinIO at ", "is not reachable. Fix: start it, or set minio:minioServer",
		},
		{
			"Kubernetes down",
			func(h harness) { require.NoError(h, h.StopKubernetes(h.Context())) },
			restart,
			"Kubernetes at ", "is not reachable. Fix: start it, or set kubernetes:kubeconfig",
		},
		{
			"a wrong password of MinIO",
			func(h harness) { h.set("--secret", "minio:minioPassword", "wrong-password") },
			func(h harness) {
				_, _, password := h.MinIO()
				h.set("--secret", "minio:minioPassword", password)
			},
			"MinIO at ", "rejects the credentials. Fix: set minio:minioUser, and pulumi config set --stack lab --secret minio:minioPassword",
		},
		{
			"an unknown administrator of MinIO",
			func(h harness) { h.set("minio:minioUser", "nobody") },
			func(h harness) { h.set("minio:minioUser", h.administrator().access) },
			"MinIO at ", "rejects the credentials. Fix: set minio:minioUser, and pulumi config set --stack lab --secret minio:minioPassword",
		},
		{
			"a namespace that is being deleted",
			func(h harness) {
				h.kubectl("create", "namespace", "tempo")
				h.kubectl("create", "configmap", "--namespace=tempo", "held")
				h.kubectl("patch", "configmap", "--namespace=tempo", "held", "--type=merge", `--patch={"metadata":{"finalizers":["example.com/held"]}}`)
				h.kubectl("delete", "namespace", "tempo", "--wait=false")
			},
			func(h harness) {
				h.kubectl("patch", "configmap", "--namespace=tempo", "held", "--type=merge", `--patch={"metadata":{"finalizers":null}}`)
				h.kubectl("wait", "namespace/tempo", "--for=delete", "--timeout=60s")
			},
			"tempo", "the namespace is still being deleted",
		},
		{
			"pods that nobody can place",
			func(h harness) { h.set("--path", "resources.ingester.requests.cpu", "1000000m"); h.hurry() },
			func(h harness) { h.unset("resources"); h.unset("timeout") },
			"pods of the release are not ready", "StatefulSet tempo-ingester: pod tempo-ingester-0 has no node: 0/",
		},
		minioKilled(),
		expiredCertificate(),
	} {
		h.sub(f.name, func(h harness) {
			h.survives(f, "first")
			h.mustStack("destroy", "--yes", "--skip-preview")
			require.NoError(h, h.s3(h.administrator()).RemoveBucket(h.Context(), "k3s-tempo"))
		})
	}
}

// TestFaults has later ups fail on a stack that is whole: what was there before is
// there after.
func TestFaults(t *testing.T) {
	h := start(t)
	h.set("profile", "pi")
	h.up()
	h.put("precious")
	for _, f := range []fault{
		{
			"etcd full",
			fillEtcd, emptyEtcd,
			"etcd", "compact and defragment it",
		},
		{
			"a quota of the namespace that refuses the pods",
			func(h harness) {
				h.kubectl("create", "quota", "none", "--namespace=tempo", "--hard=pods=0")
				h.hurry()
			},
			func(h harness) {
				h.kubectl("delete", "quota", "--namespace=tempo", "none")
				h.unset("timeout")
			},
			"release tempo/tempo is deployed, but not ready after 8s", "Deployment tempo-querier: it has no pod; see bin/lab run kubectl describe deployment",
		},
		{
			"a release in the middle of an operation",
			pendingRelease,
			func(h harness) { h.helm("rollback", "tempo", "--namespace=tempo") },
			"tempo-release", "helm rollback",
		},
	} {
		h.sub(f.name, func(h harness) { h.survives(f, "later") })
	}
	h.sub("Kubernetes killed in the middle", kubernetesKilled)
	h.sub("two at once", twoAtOnce)
	h.sub("killed in the middle", killed)
	h.sub("disk full under the state", diskFull)
	h.sub("the state is cut off", stateCutOff)
}

// survives has an up fail by a fault, and the next one converge.
func (h harness) survives(f fault, mark string) {
	h.T.Helper()
	f.cause(h)
	h.set("--path", "values.querier.podAnnotations.after", strings.ReplaceAll(f.name, " ", "-"))
	out, code := h.picluster(nil, "up", "--yes")
	f.fix(h)
	assert.Equal(h, 1, code, lastLines(out, 15))
	assert.True(h, strings.Contains(out, f.part), "it does not name %q:\n%s", f.part, lastLines(out, 15))
	assert.True(h, strings.Contains(out, f.wayOut), "it does not say %q:\n%s", f.wayOut, lastLines(out, 15))
	if mark == "later" {
		h.has("precious")
	}
	h.converges()
	h.Logf("what %s looks like:\n%s", f.name, lastLines(out, 6))
}

// converges runs an up, and fails the test unless the key opens the bucket and nothing has
// drifted.
func (h harness) converges() {
	h.T.Helper()
	out, code := h.picluster(nil, "up", "--yes")
	require.Zero(h, code, lastLines(out, 25))
	_, err := h.s3(h.secretKeys()).BucketExists(h.Context(), "k3s-tempo")
	assert.NoError(h, err, "the key in the Secret does not open the bucket")
	out, code = h.picluster(nil, "drift")
	assert.Equal(h, exitSame, code, out)
}

// hurry limits Helm's wait for pods to a few seconds.
func (h harness) hurry() { h.set("timeout", "8") }

// restart starts what was stopped, and keeps the stack's configuration.
func restart(h harness) {
	config, err := os.ReadFile(h.ConfigFile())
	require.NoError(h, err)
	require.NoError(h, h.Start(h.Context()))
	require.NoError(h, os.WriteFile(h.ConfigFile(), config, 0o600))
}

// etcd calls the cluster's etcd by its JSON gateway.
func etcd(h harness, path, body string) string {
	h.T.Helper()
	address, err := h.Etcd()
	require.NoError(h, err)
	response, err := http.Post("http://"+address+path, "application/json", strings.NewReader(body))
	require.NoError(h, err)
	defer response.Body.Close()
	text := readAll(h.T, response.Body)
	require.Equal(h, http.StatusOK, response.StatusCode, text)
	return text
}

// fillEtcd raises the alarm that etcd raises itself when its space is used up.
func fillEtcd(h harness) {
	etcd(h, "/v3/maintenance/alarm", `{"action":"ACTIVATE","memberID":"0","alarm":"NOSPACE"}`)
}

func emptyEtcd(h harness) {
	etcd(h, "/v3/maintenance/alarm", `{"action":"DEACTIVATE","memberID":"0","alarm":"NOSPACE"}`)
}

// upgrading starts an up, and returns while Helm waits for pods.
func upgrading(h harness) *exec.Cmd {
	h.T.Helper()
	h.set("--path", "resources.ingester.requests.cpu", "1000000m") // which no node has
	pending := func() string {
		return h.kubectl("get", "secrets", "--namespace=tempo", "--selector=owner=helm,status=pending-upgrade", "--output=name")
	}
	before := pending() // what was cut off earlier stays in Helm's history
	cmd := h.StackCommand(h.Context(), "up", "--yes", "--skip-preview")
	require.NoError(h, cmd.Start())
	eventually(h, func() bool { return pending() != before }, 60*time.Second, 100*time.Millisecond, "no upgrade has begun")
	h.unset("resources")
	return cmd
}

// pendingRelease leaves the release's record as an interrupted upgrade does.
func pendingRelease(h harness) {
	h.killAll(upgrading(h))
	h.pulumi("cancel", "--yes")
}

// kubernetesKilled has the API server go while Helm waits.
func kubernetesKilled(h harness) {
	h.hurry()
	cmd := upgrading(h)
	require.NoError(h, h.StopKubernetes(h.Context()))
	assert.Error(h, cmd.Wait())
	h.unset("timeout")
	restart(h)
	h.has("precious")
	// Helm could not record how the upgrade ended.
	out, code := h.picluster(nil, "drift")
	assert.Equal(h, exitDrifted, code, out)
	assert.True(h, hasRow(out, "release tempo/tempo", "helm rollback tempo --namespace tempo"), out)
	h.helm("rollback", "tempo", "--namespace=tempo")
	h.converges()
}

// killAll kills Pulumi and its plugins, so that Helm does not go on in one.
func (h harness) killAll(cmd *exec.Cmd) {
	h.T.Helper()
	_ = cmd.Process.Signal(syscall.SIGSTOP) // it would record that a plugin has ended
	for _, pid := range childrenOf(h.T, cmd.Process.Pid) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// childrenOf returns the processes that a process has started.
func childrenOf(t *testing.T, parent int) (pids []int) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	for _, file := range files {
		text, _ := os.ReadFile(file) // one that has ended meanwhile has none
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		// The name, in brackets, can have spaces; the state and the parent follow.
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			pids = append(pids, pid)
		}
	}
	require.NotEmpty(t, pids, "it has no plugins")
	return pids
}

// twoAtOnce has a second up meet the first.
func twoAtOnce(h harness) {
	h.set("--path", "values.querier.podAnnotations.after", "two")
	h.set("--path", "resources.ingester.requests.cpu", "1000000m") // the first waits
	h.set("timeout", "30")
	ctx, cancel := context.WithTimeout(h.Context(), commandTimeout)
	defer cancel()
	first := h.StackCommand(ctx, "up", "--yes", "--skip-preview")
	require.NoError(h, first.Start())
	eventually(h, func() bool {
		locks, _ := filepath.Glob(filepath.Join(h.Dir, "state", ".pulumi", "locks", "organization", "*", "*", "*.json"))
		return len(locks) > 0
	}, 30*time.Second, 50*time.Millisecond, "the first has no lock")
	out, code := h.picluster(nil, "up", "--yes")
	assert.Equal(h, exitLocked, code, "%s", lastLines(out, 15))
	assert.Contains(h, out, "currently locked")
	assert.Contains(h, out, "pulumi cancel")
	h.unset("resources")
	h.unset("timeout")
	out, code = h.picluster(nil, "up", "--yes", "--lock-timeout", "2m")
	require.Zero(h, code, lastLines(out, 15))
	assert.Contains(h, out, "another update has locked the stack; trying again until ")
	assert.Error(h, first.Wait(), "the first does not wait for pods that have no place")
	h.converges()
}

// killed kills Pulumi while Helm works.
func killed(h harness) {
	pendingRelease(h)
	out, code := h.picluster(nil, "drift")
	assert.Equal(h, exitDrifted, code, out)
	assert.True(h, hasRow(out, "release tempo/tempo", "helm rollback tempo --namespace tempo"), out)
	h.helm("rollback", "tempo", "--namespace=tempo")
	h.converges()
	h.has("precious")
}

// unknownCA has MinIO's certificate be of a CA that no setting names.
var unknownCA = fault{
	"an unknown CA",
	func(h harness) { h.unset("minio:minioCacertFile") },
	func(h harness) { h.set("minio:minioCacertFile", h.CA()) },
	"MinIO at ", "has a certificate of a CA that is not known here. Fix: set minio:minioCacertFile",
}

// minioKilled stops MinIO between two requests of one up: after the bucket is created, and before
// the user is.
func minioKilled() fault {
	var between *gate
	return fault{
		"MinIO killed in the middle",
		func(h harness) {
			endpoint, _, _ := h.MinIO()
			between = newGate(h.T, endpoint, "/minio/admin/v3/add-user", func() { assert.NoError(h, h.StopMinIO(h.Context())) })
			h.set("minio:minioServer", between.address)
		},
		func(h harness) {
			assert.True(h, between.closed(), "the up did not come to where MinIO is killed")
			config, err := os.ReadFile(h.ConfigFile())
			require.NoError(h, err)
			assert.Contains(h, string(config), between.address)
			restart(h)
			endpoint, _, _ := h.MinIO()
			h.set("minio:minioServer", endpoint)
			there, err := h.s3(h.administrator()).BucketExists(h.Context(), "k3s-tempo")
			assert.NoError(h, err)
			assert.True(h, there, "what was made before is not there")
		},
		"tempo-user", "nothing listens at that address",
	}
}

// expiredCertificate puts a server before MinIO whose certificate ended yesterday.
func expiredCertificate() fault {
	var server *httptest.Server
	return fault{
		"a certificate that has expired",
		func(h harness) {
			key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			require.NoError(h, err)
			template := &x509.Certificate{
				SerialNumber:          big.NewInt(1),
				NotBefore:             time.Now().AddDate(0, 0, -2),
				NotAfter:              time.Now().AddDate(0, 0, -1),
				IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
				IsCA:                  true,
				BasicConstraintsValid: true,
			}
			der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
			require.NoError(h, err)
			ca := filepath.Join(h.TempDir(), "ca.crt")
			require.NoError(h, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))

			server = httptest.NewUnstartedServer(http.NotFoundHandler())
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
			server.StartTLS()
			h.set("minio:minioServer", server.Listener.Addr().String())
			h.set("minio:minioSsl", "true")
			h.set("minio:minioCacertFile", ca)
			h.unset("s3Insecure")
		},
		func(h harness) {
			server.Close()
			endpoint, _, _ := h.MinIO()
			h.set("minio:minioServer", endpoint)
			h.set("minio:minioSsl", "false")
			h.unset("minio:minioCacertFile")
			h.set("s3Insecure", "true")
		},
		"MinIO at ", "has a certificate that has expired. Fix: renew it there",
	}
}

// diskFull has the disk under the state full while an up runs, on a small disk of
// its own, which only that up sees.
func diskFull(h harness) {
	h.set("--path", "values.querier.podAnnotations.after", "full")
	path, err := commands()
	require.NoError(h, err)
	after := h.TempDir()
	const script = `set -eu
cp -a "$STATE" "$AFTER/before"
mount -t tmpfs -o size=16m tmpfs "$STATE"
cp -a "$AFTER/before/." "$STATE"
cat /dev/zero >"$STATE/fill" 2>/dev/null || true
truncate -s -16K "$STATE/fill" # room for the up's lock
code=0
"$PICLUSTER" up --stack lab --yes || code=$?
rm "$STATE/fill"
cp -a "$STATE" "$AFTER/state"
exit $code`
	ctx, cancel := context.WithTimeout(h.Context(), commandTimeout)
	defer cancel()
	state := filepath.Join(h.Dir, "state")
	cmd := h.Command(ctx, "unshare", "--map-root-user", "--mount", "sh", "-c", script)
	cmd.Env = append(cmd.Env, "STATE="+state, "AFTER="+after, "PICLUSTER="+path)
	out, err := output(cmd)
	require.Error(h, err)
	require.DirExists(h, filepath.Join(after, "state"), "%s", out)
	assert.True(h, strings.Contains(out, "the disk is full. Fix: free some space"), lastLines(out, 15))
	h.Logf("what a full disk looks like:\n%s", lastLines(out, 6))

	require.NoError(h, os.RemoveAll(state))
	require.NoError(h, os.CopyFS(state, os.DirFS(filepath.Join(after, "state"))))
	h.unlocked()
	h.converges()
	h.has("precious")
}

// stateCutOff cuts the state off, as a full disk or a Pulumi that is killed can.
func stateCutOff(h harness) {
	path := filepath.Join(h.Dir, "state", ".pulumi", "stacks", "picluster", "lab.json")
	require.NoError(h, os.Truncate(path, 100))
	for _, command := range []string{"up", "drift"} {
		args := map[string][]string{"up": {"--yes"}}[command]
		out, code := h.picluster(nil, command, args...)
		assert.Equal(h, 1, code, out)
		assert.Contains(h, out, "the state is cut off")
		assert.Contains(h, out, "copy the state before over it: in a directory, cp .pulumi/stacks/picluster/lab.json.bak .pulumi/stacks/picluster/lab.json")
	}
	h.unlocked()
	h.converges()

	// The note beside it, which Pulumi does not write in one step.
	require.NoError(h, os.Truncate(path+".attrs", 0))
	out, code := h.picluster(nil, "up", "--yes")
	assert.Equal(h, 1, code, out)
	assert.Contains(h, out, "rm .pulumi/stacks/picluster/lab.json.attrs")
	h.unlocked()
	h.converges()
	h.has("precious")
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
