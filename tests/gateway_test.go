package tests

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/picluster/picluster/lab"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// gateway is an S3 server that is not MinIO: Versity's, on a directory. The user with keys owns
// the bucket, and other is another user.
type gateway struct {
	harness
	endpoint    string // host:port
	keys, other keys
	program     string
	root        keys
}

// gatewayBucket is the bucket that the gateway has.
const gatewayBucket = "traces"

// gateway starts the server, which ends with the test.
func (h harness) gateway() *gateway {
	h.T.Helper()
	parts, err := h.Build(h.Context(), []lab.Part{gatewayPart})
	require.NoError(h, err)
	// Of other forms than MinIO's: an access key that is no name, and + and / in a secret key.
	g := &gateway{harness: h, program: parts["versitygw"], endpoint: h.freeAddress(),
		root: keys{"administrator", "rootSecretKey0123456789"}, keys: keys{"GK31c2f218a2e44f485b94239e", "s3/cret+Key/0123456789="}, other: keys{"another", "anotherSecretKey01234"}}
	dir := h.TempDir()
	for _, name := range []string{"data", "users"} {
		require.NoError(h, os.Mkdir(filepath.Join(dir, name), 0o700))
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	require.NoError(h, err)
	cmd := h.Command(context.WithoutCancel(h.Context()), g.program, "--port", g.endpoint, "--iam-dir", filepath.Join(dir, "users"), "--health", "/health",
		"posix", filepath.Join(dir, "data"))
	cmd.Env = append(cmd.Env, "ROOT_ACCESS_KEY="+g.root.access, "ROOT_SECRET_KEY="+g.root.secret)
	cmd.Stdout, cmd.Stderr = log, log
	require.NoError(h, cmd.Start())
	h.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
		if text, _ := os.ReadFile(log.Name()); h.Failed() {
			h.Logf("--- the end of versitygw's log\n%s", lastLines(string(text), 20))
		}
	})
	transport, err := h.Transport()
	require.NoError(h, err)
	eventually(h, func() bool {
		response, err := (&http.Client{Transport: transport}).Get("http://" + g.endpoint + "/health")
		return err == nil && response.Body.Close() == nil && response.StatusCode == http.StatusOK
	}, 20*time.Second, 50*time.Millisecond, "versitygw does not respond")
	for _, user := range []keys{g.keys, g.other} {
		g.admin("create-user", "--access", user.access, "--secret", user.secret, "--role", "user")
	}
	g.admin("create-bucket", "--bucket", gatewayBucket, "--owner", g.keys.access)
	return g
}

// on returns the gateway for a subtest.
func (g *gateway) on(f func(*gateway)) func(harness) {
	return func(h harness) {
		own := *g
		own.harness = h
		f(&own)
	}
}

// freeAddress returns where a server can listen that the pods reach: beside MinIO.
func (h harness) freeAddress() string {
	h.T.Helper()
	if h.RealNodes {
		endpoint, _, _ := h.MinIO()
		host, _, err := net.SplitHostPort(endpoint)
		require.NoError(h, err)
		return net.JoinHostPort(host, "7070") // its ports are the lab's own
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(h, err)
	defer listener.Close()
	return listener.Addr().String()
}

// admin runs a command of the gateway's administrator.
func (g *gateway) admin(args ...string) {
	g.T.Helper()
	cmd := g.Command(g.Context(), g.program, append([]string{"admin", "--endpoint-url", "http://" + g.endpoint}, args...)...)
	cmd.Env = append(cmd.Env, "ADMIN_ACCESS_KEY_ID="+g.root.access, "ADMIN_SECRET_ACCESS_KEY="+g.root.secret)
	out, err := output(cmd)
	require.NoError(g, err, "versitygw admin %s\n%s", strings.Join(args, " "), out)
}

// client is the gateway's S3 API as the user of keys.
func (g *gateway) client(k keys) *minio.Client {
	g.T.Helper()
	transport, err := g.Transport()
	require.NoError(g, err)
	client, err := minio.New(g.endpoint, &minio.Options{Creds: credentials.NewStaticV4(k.access, k.secret, ""), Region: "us-east-1", Transport: transport})
	require.NoError(g, err)
	return client
}

// secret puts keys into the Secret of the stack on the gateway.
func (g *gateway) secret(k keys) {
	g.T.Helper()
	g.kubectl("delete", "secret", "--namespace=tempo", "--ignore-not-found", "tempo-s3")
	g.kubectl("create", "secret", "generic", "--namespace=tempo", "tempo-s3",
		"--from-literal=MINIO_ACCESS_KEY_ID="+k.access, "--from-literal=MINIO_SECRET_ACCESS_KEY="+k.secret)
}

// configured has the stack use the gateway, without any setting of MinIO's.
func (g *gateway) configured(pairs ...string) {
	g.T.Helper()
	g.configure(func(config map[string]any) {
		for key := range config {
			if strings.HasPrefix(key, "minio:") {
				delete(config, key)
			}
		}
		for key, value := range map[string]any{
			"objectStore": "existing", "credentials": "existing", "secretName": "tempo-s3", "bucket": gatewayBucket,
			"s3Endpoint": g.endpoint, "s3Insecure": true,
		} {
			config["picluster:"+key] = value
		}
	})
	if len(pairs) > 0 {
		g.setAll(pairs...)
	}
}

// objectsOf returns the names of a bucket's objects.
func (h harness) objectsOf(client *minio.Client, bucket string) []string {
	h.T.Helper()
	var names []string
	for object := range client.ListObjects(h.Context(), bucket, minio.ListObjectsOptions{Recursive: true}) {
		require.NoError(h, object.Err)
		names = append(names, object.Key)
	}
	return names
}

// noTrace asserts that a stack is without anything of MinIO's provider.
func (g *gateway) noTrace() {
	g.T.Helper()
	state := g.pulumi("stack", "export", "--show-secrets")
	assert.NotContains(g, state, `"type": "minio:`)
	assert.NotContains(g, state, "pulumi:providers:minio")
}

// killedAt starts a command of picluster, and kills it once a line of its standard error is
// what progress expects. It returns that line.
func killedAt(h harness, cmd *exec.Cmd, progress func(line string) bool) string {
	h.T.Helper()
	lines := make(chan string)
	cmd.Stdout, cmd.Stderr = nil, lineWriter(func(line string) {
		select {
		case lines <- line:
		case <-h.Context().Done():
		}
	})
	require.NoError(h, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case line := <-lines:
			if !progress(line) {
				continue
			}
			require.NoError(h, cmd.Process.Kill())
			go func() {
				for range lines { // what it has written until then
				}
			}()
			<-ended
			return line
		case err := <-ended:
			require.Fail(h, "it has ended before", "%v", err)
		}
	}
}

// lineWriter calls itself with each line, which is written as a whole.
type lineWriter func(line string)

func (w lineWriter) Write(p []byte) (int, error) {
	for line := range strings.Lines(string(p)) {
		w(strings.TrimSpace(line))
	}
	return len(p), nil
}
