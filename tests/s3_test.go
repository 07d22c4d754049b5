package tests

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/picluster/picluster/lab"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestExistingObjectStore has the bucket on a server that is not MinIO, while MinIO is stopped.
// The subtests build on each other.
func TestExistingObjectStore(t *testing.T) {
	h := start(t)
	g := h.gateway()
	g.configured("profile=pi", "existingNamespace=true")
	require.NoError(t, h.StopMinIO(t.Context()))

	h.sub("keys that do not work are said before anything is created", g.on(keysFirst))
	out, code := h.picluster(nil, "up", "--yes")
	require.Zero(t, code, lastLines(out, 20))
	g.noTrace()
	assert.Empty(t, h.objectsOf(g.client(g.keys), gatewayBucket), "what the keys were tried with is left")
	h.mustStack("preview", noChanges)
	config := h.kubectl("get", "configmap", "--namespace=tempo", "tempo-config", `--output=jsonpath={.data.tempo\.yaml}`)
	assert.Contains(t, config, "endpoint: "+g.endpoint)
	for place, text := range map[string]string{
		"the up": out, "the state": h.pulumi("stack", "export"), "the outputs": h.pulumi("stack", "output", "--json", "--show-secrets"),
		"a preview": h.mustStack("preview", "--json"), "the configuration": config, "Helm's record": h.helmRecord(),
	} {
		assert.Empty(t, foundIn(text, g.keys.secret), "%s has the secret key", place)
	}
	h.sub("drift", g.on(driftOnS3))
	h.sub("what is MinIO's alone", func(h harness) {
		out, code := h.picluster(nil, "adopt", "--yes")
		require.Zero(h, code, out)
		assert.Contains(h, out, "nothing exists that it would create")
		out, code = h.picluster(nil, "rotate", "--yes")
		assert.Equal(h, 1, code)
		assert.Contains(h, out, "the key is managed elsewhere. Fix: see")
		out, code = h.picluster(nil, "refresh", "--yes")
		require.Zero(h, code, out)
	})
	h.sub("a key that is rotated elsewhere", func(h harness) {
		const next = "rotated/Elsewhere+0123456789"
		querier := h.podsOf("querier")
		g.admin("update-user", "--access", g.keys.access, "--secret", next)
		table, code := h.picluster(nil, "drift")
		assert.Equal(h, exitDrifted, code, table)
		assert.True(h, hasRow(table, "Secret tempo/tempo-s3", "its secret key is not the user's"), table)
		out, code := h.picluster(nil, "up", "--yes")
		assert.Equal(h, 1, code)
		assert.Contains(h, out, "list: SignatureDoesNotMatch")
		g.keys.secret = next
		g.secret(g.keys)
		out, code = h.picluster(nil, "up", "--yes")
		require.Zero(h, code, lastLines(out, 20))
		assert.NotEqual(h, querier, h.podsOf("querier"), "the pods read the old key still")
	})
	h.sub("a server that is away", func(h harness) {
		before := g.endpoint
		h.set("s3Endpoint", h.freeAddress())
		out, code := h.picluster(nil, "up", "--yes")
		assert.Equal(h, 1, code)
		assert.Contains(h, out, "nothing was changed: S3 server at ")
		assert.Contains(h, out, "is not reachable. Fix: start it, or set s3Endpoint")
		h.set("s3Endpoint", before)
	})
	h.sub("destroy leaves the bucket and its objects", func(h harness) {
		client := g.client(g.keys)
		_, err := client.PutObject(h.Context(), gatewayBucket, "single-tenant/block/data", strings.NewReader("spans"), 5, minio.PutObjectOptions{})
		require.NoError(h, err)
		h.mustStack("destroy", "--yes")
		assert.Equal(h, []string{"single-tenant/block/data"}, h.objectsOf(client, gatewayBucket))
		assert.Contains(h, h.kubectl("get", "secrets", "--namespace=tempo", "--output=name"), "secret/tempo-s3", "the Secret is not the stack's")
	})
}

// keysFirst has picluster try the keys before anything is created.
func keysFirst(g *gateway) {
	fails := func(want string) {
		g.T.Helper()
		for _, command := range [][]string{{"preview"}, {"up", "--yes"}} {
			out, code := g.picluster(nil, command[0], command[1:]...)
			assert.Equal(g, 1, code)
			assert.Contains(g, out, "nothing was changed: ")
			assert.Contains(g, out, want)
			assert.Empty(g, foundIn(out, g.keys.secret))
		}
		assert.NotContains(g, g.pulumi("stack", "export"), "picluster:tracing:Tracing", "something was created")
	}
	fails("secret tempo/tempo-s3: got nothing; want the keys of bucket traces. Fix: bin/lab run kubectl create namespace tempo; pulumi config set --stack lab existingNamespace true; bin/lab run kubectl create secret generic tempo-s3")
	g.kubectl("create", "namespace", "tempo")
	fails("secret tempo/tempo-s3: got nothing; want the keys of bucket traces. Fix: bin/lab run kubectl create secret generic tempo-s3 ")
	g.secret(keys{g.keys.access, "wrong"})
	fails(`bucket traces on the S3 server ` + g.endpoint + `: got "list: SignatureDoesNotMatch" with the keys in Secret tempo/tempo-s3`)
	g.secret(keys{"unknown", g.keys.secret})
	fails(`got "list: InvalidAccessKeyId"`)
	g.secret(g.other)
	fails(`got "list: AccessDenied, put: AccessDenied" with the keys in Secret tempo/tempo-s3; want list, put, get and delete. Fix: allow the user`)
	g.secret(g.keys)
	g.set("bucket", "another")
	fails(`got "list: NoSuchBucket" with the keys in Secret tempo/tempo-s3; want list, put, get and delete. Fix: create the bucket there`)
	g.set("bucket", gatewayBucket)
}

// driftOnS3 finds drift in Kubernetes and in the Secret.
func driftOnS3(g *gateway) {
	table, code := g.picluster(nil, "drift")
	assert.Equal(g, exitSame, code, table)
	g.kubectl("delete", "service", "--namespace=tempo", "tempo-querier")
	g.secret(keys{g.keys.access, "wrong"})
	table, code = g.picluster(nil, "drift")
	assert.Equal(g, exitDrifted, code, table)
	assert.True(g, hasRow(table, "Secret tempo/tempo-s3", "does not open the bucket traces: its secret key is not the user's"), table)
	g.secret(g.keys)
	table, code = g.picluster(nil, "drift")
	assert.Equal(g, exitDrifted, code, table)
	out, code := g.repair(table, "Service tempo/tempo-querier", "is gone")
	require.Zero(g, code, lastLines(out, 20))
	table, code = g.picluster(nil, "drift")
	assert.Equal(g, exitSame, code, table)
	g.unset("restore")
	g.set("--path", `restore["tempo/tempo"]`, "1")
}

// TestVerifyOnS3 has real pods, Tempo's own or the lab's stand-in for it, write to and read
// from a server that is not MinIO.
func TestVerifyOnS3(t *testing.T) {
	needRealNodes(t)
	h := start(t, func(l *lab.Lab) { l.RealNodes = true })
	t.Cleanup(h.explain)
	g := h.gateway()
	g.configured("profile=pi", "existingNamespace=true", "receivers[0]=otlpGrpc", "receivers[1]=otlpHttp")
	require.NoError(t, h.StopMinIO(t.Context()))
	h.kubectl("create", "namespace", "tempo")
	g.secret(g.keys)
	out, code := h.picluster(nil, "up", "--yes")
	require.Zero(t, code, lastLines(out, 20))
	h.rolledOut()
	results := h.verifies()
	for _, step := range []string{"pods", "key", "send otlpGrpc", "send otlpHttp", "read otlpGrpc", "read otlpHttp", "search", "rate", "size"} {
		assert.Equal(t, "ok", results[step], step)
	}
	// An ingester that ends writes what it has to the bucket.
	h.kubectl("rollout", "restart", "--namespace=tempo", "statefulset/tempo-ingester")
	h.rolledOut()
	blocks := slices.DeleteFunc(h.objectsOf(g.client(g.keys), gatewayBucket), func(name string) bool { return !strings.HasPrefix(name, "single-tenant/") })
	assert.NotEmpty(t, blocks, "Tempo has written no block")
	t.Logf("%d objects below single-tenant/, such as %s", len(blocks), blocks[:min(len(blocks), 3)])
	results = h.verifies()
	assert.Equal(t, "ok", results["size"])
	assert.Equal(t, "ok", results["key"])
}

// manyObjects is how many objects TestMigrateBucket copies, beside some in several parts.
const manyObjects = 10_000

// TestMigrateBucket moves a stack from MinIO to a server that is not MinIO, with its objects,
// while the copy is killed twice.
func TestMigrateBucket(t *testing.T) {
	h := start(t)
	h.set("profile", "pi")
	h.unset("protectBucket")                                                  // as a user's stack has it
	h.setAll("values.overrides.defaults.compaction.compaction_disabled=true") // as migrate-bucket says
	h.up()
	g := h.gateway()
	source, target := h.s3(h.administrator()), g.client(g.keys)
	fill(h, source)
	endpoint, user, password := h.MinIO()
	env := []string{"PICLUSTER_FROM_ACCESS_KEY=" + user, "PICLUSTER_FROM_SECRET_KEY=" + password,
		"PICLUSTER_TO_ACCESS_KEY=" + g.keys.access, "PICLUSTER_TO_SECRET_KEY=" + g.keys.secret}
	args := []string{"--from", "http://" + endpoint + "/k3s-tempo", "--to", "http://" + g.endpoint + "/" + gatewayBucket}
	migrates := func(args ...string) (string, int) {
		h.T.Helper()
		out, code := h.picluster(env, "migrate-bucket", args...)
		assert.Empty(h, slices.Concat(foundIn(out, password), foundIn(out, g.keys.secret)))
		return out, code
	}

	out, code := migrates(args...)
	assert.Equal(t, 1, code)
	assert.Contains(t, out, fmt.Sprintf("(%d objects, ", manyObjects+2))
	assert.Contains(t, out, "nothing was changed: not confirmed")
	assert.Contains(t, out, "pulumi config set --stack lab --path values.overrides.defaults.compaction.compaction_disabled true")
	assert.Empty(t, h.objectsOf(target, gatewayBucket))

	// The target has another object with a name of the source's.
	_, err := target.PutObject(t.Context(), gatewayBucket, object(7), strings.NewReader("another"), 7, minio.PutObjectOptions{})
	require.NoError(t, err)
	before := 1
	for range 2 {
		line := killedAt(h, withEnv(h.piclusterCommand("migrate-bucket", append(args, "--yes")...), env), func(line string) bool {
			number, found := strings.CutPrefix(line, "copied ")
			number, _, _ = strings.Cut(number, " ")
			n, err := strconv.Atoi(number)
			return found && err == nil && n > 500
		})
		there := len(h.objectsOf(target, gatewayBucket))
		t.Logf("killed at %q, with %d objects at the target", line, there)
		assert.Greater(t, there, before, "it does not continue")
		assert.Less(t, there, manyObjects, "it was killed too late")
		before = there
	}
	out, code = migrates(append(args, "--yes")...)
	t.Log(out)
	assert.Equal(t, 1, code, "what differs is no error")
	assert.Contains(t, out, fmt.Sprintf("copied: %d objects", manyObjects+2-before))
	assert.Contains(t, out, fmt.Sprintf("1 of %d objects differ at the target, and were not replaced. Fix: --overwrite", manyObjects+2))
	assert.Contains(t, out, strconv.Quote(object(7)))
	assert.Equal(t, "another", content(h, target, gatewayBucket, object(7)))
	out, code = migrates(append(args, "--yes", "--overwrite")...)
	require.Zero(t, code, lastLines(out, 10))
	assert.Contains(t, out, "copied: 1 objects")
	h.sub("every object is the same", func(h harness) { sameObjects(h, source, target) })
	out, code = migrates(args...)
	require.Zero(t, code, lastLines(out, 10))
	assert.Contains(t, out, "copied: 0 objects", "what is there is copied again")

	// The commands that it prints.
	for _, want := range []string{
		"pulumi config set-all --stack lab --plaintext protectBucket=false --plaintext retainBucket=true --plaintext forceDestroy=false; make up",
		"--plaintext objectStore=existing --plaintext credentials=existing --plaintext keyVersion=1 --plaintext secretName=NAME",
		"--plaintext s3Endpoint=" + g.endpoint + " --plaintext s3Insecure=true --plaintext bucket=" + gatewayBucket + "; make up",
		" make verify\n",
		"pulumi config rm --stack lab --path values.overrides.defaults.compaction.compaction_disabled; make up",
	} {
		assert.Contains(t, out, want)
	}
	h.sub("the switch", func(h harness) {
		g.secret(g.keys)
		before, err := os.ReadFile(h.ConfigFile())
		require.NoError(h, err)
		g.configured()
		out, err := h.stack("preview")
		require.Error(h, err, "the bucket leaves a stack that protects it")
		assert.Contains(h, out, "protect")
		require.NoError(h, os.WriteFile(h.ConfigFile(), before, 0o600))
		h.set("protectBucket", "false")
		out, code := h.picluster(nil, "up", "--yes")
		require.Zero(h, code, lastLines(out, 20))
		g.configured("protectBucket=false")
		out, code = h.picluster(nil, "up", "--yes")
		require.Zero(h, code, lastLines(out, 20))
		g.noTrace()
		h.mustStack("preview", noChanges)
		table, code := h.picluster(nil, "drift")
		assert.Equal(h, exitSame, code, table)
		assert.Len(h, h.objectsOf(source, "k3s-tempo"), manyObjects+2, "the source has lost objects")
		secrets := h.kubectl("get", "secrets", "--namespace=tempo", "--output=name")
		assert.Contains(h, secrets, "secret/tempo-s3")
	})
}

func withEnv(cmd *exec.Cmd, env []string) *exec.Cmd {
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

// object returns the name of an object: those of blocks, as Tempo has them.
func object(i int) string {
	return fmt.Sprintf("single-tenant/%08x/%s", i/4, []string{"meta.json", "data.parquet", "bloom-0", "index"}[i%4])
}

// fill writes objects of up to 4 KiB, and two in several parts.
func fill(h harness, client *minio.Client) {
	h.T.Helper()
	var all sync.WaitGroup
	var once sync.Once
	fail := func(err error) {
		if err != nil {
			once.Do(func() { assert.NoError(h, err) })
		}
	}
	numbers := make(chan int)
	for range 16 {
		all.Go(func() {
			for i := range numbers {
				text := bytes.Repeat([]byte(fmt.Sprintln("object", i)), i%300+1)
				_, err := client.PutObject(h.Context(), "k3s-tempo", object(i), bytes.NewReader(text), int64(len(text)),
					minio.PutObjectOptions{ContentType: "application/octet-stream"})
				fail(err)
			}
		})
	}
	for i := range manyObjects {
		numbers <- i
	}
	close(numbers)
	all.Wait()
	for i, size := range []int{17 << 20, 40 << 20} {
		random := make([]byte, size)
		_, _ = rand.Read(random)
		// Parts of another size than the copy's.
		_, err := client.PutObject(h.Context(), "k3s-tempo", fmt.Sprintf("single-tenant/large-%d/data.parquet", i), bytes.NewReader(random), int64(size), minio.PutObjectOptions{PartSize: 6 << 20})
		fail(err)
	}
	require.False(h, h.Failed())
}

func content(h harness, client *minio.Client, bucket, name string) string {
	h.T.Helper()
	reader, err := client.GetObject(h.Context(), bucket, name, minio.GetObjectOptions{})
	require.NoError(h, err)
	text, err := io.ReadAll(reader)
	require.NoError(h, err)
	return string(text)
}

// sameObjects compares the content of each object.
func sameObjects(h harness, source, target *minio.Client) {
	names := h.objectsOf(source, "k3s-tempo")
	require.Len(h, names, manyObjects+2)
	assert.ElementsMatch(h, names, h.objectsOf(target, gatewayBucket))
	var all sync.WaitGroup
	queue := make(chan string)
	var mu sync.Mutex
	var differ []string
	for range 16 {
		all.Go(func() {
			for name := range queue {
				one, err := source.GetObject(h.Context(), "k3s-tempo", name, minio.GetObjectOptions{})
				if err == nil {
					var other *minio.Object
					if other, err = target.GetObject(h.Context(), gatewayBucket, name, minio.GetObjectOptions{}); err == nil {
						a, errA := io.ReadAll(one)
						b, errB := io.ReadAll(other)
						if errA == nil && errB == nil && bytes.Equal(a, b) && len(a) > 0 {
							continue
						}
					}
				}
				mu.Lock()
				differ = append(differ, name)
				mu.Unlock()
			}
		})
	}
	for _, name := range names {
		queue <- name
	}
	close(queue)
	all.Wait()
	assert.Empty(h, differ)
}
