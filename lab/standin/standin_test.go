package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"encoding/pem"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fakeS3 is as much of an S3 server as the stand-in uses, with one key at a time.
type fakeS3 struct {
	*httptest.Server
	caFile string

	mu      sync.Mutex
	key     string
	objects map[string][]byte
	rejects string // the end of the names of objects that it does not store; empty: none
}

func newFakeS3(t *testing.T) *fakeS3 {
	s := &fakeS3{key: "good", objects: map[string][]byte{}}
	s.Server = httptest.NewUnstartedServer(s)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of clients that do not trust it
	s.StartTLS()
	t.Cleanup(s.Close)
	s.caFile = filepath.Join(t.TempDir(), "ca.crt")
	require.NoError(t, os.WriteFile(s.caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600))
	return s
}

func (s *fakeS3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fail := func(status int, code string) {
		w.WriteHeader(status)
		_ = xml.NewEncoder(w).Encode(struct {
			XMLName xml.Name `xml:"Error"`
			Code    string
		}{Code: code})
	}
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case !strings.Contains(r.Header.Get("Authorization"), "Credential="+s.key+"/"):
		fail(http.StatusForbidden, "InvalidAccessKeyId")
	case bucket != "traces":
		fail(http.StatusNotFound, "NoSuchBucket")
	case r.Method == http.MethodPut && s.rejects != "" && strings.HasSuffix(key, s.rejects):
		fail(http.StatusForbidden, "AccessDenied")
	case r.Method == http.MethodPut:
		s.objects[key], _ = io.ReadAll(r.Body)
		w.Header().Set("ETag", `"x"`)
	case key != "":
		content, found := s.objects[key]
		if !found {
			fail(http.StatusNotFound, "NoSuchKey")
			return
		}
		w.Header().Set("ETag", `"x"`)
		http.ServeContent(w, r, key, time.Unix(1, 0), bytes.NewReader(content))
	default:
		type object struct{ Key string }
		var list struct {
			XMLName  xml.Name `xml:"ListBucketResult"`
			Contents []object
		}
		for _, key := range slices.Sorted(maps.Keys(s.objects)) {
			if strings.HasPrefix(key, r.FormValue("prefix")) {
				list.Contents = append(list.Contents, object{key})
			}
		}
		_ = xml.NewEncoder(w).Encode(list)
	}
}

// accept has the server know this access key and no other.
func (s *fakeS3) accept(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.key = key
}

// reject has the server store no object whose name ends so.
func (s *fakeS3) reject(end string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rejects = end
}

// blocks returns the blocks of a tenant, by the names of their meta.json.
func (s *fakeS3) blocks(t *testing.T, tenant string) map[string]blockMeta {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	found := map[string]blockMeta{}
	for key, content := range s.objects {
		if !strings.HasPrefix(key, tenant+"/") || !strings.HasSuffix(key, "/meta.json") {
			continue
		}
		var meta blockMeta
		require.NoError(t, json.Unmarshal(content, &meta), key)
		found[key] = meta
	}
	return found
}

// stored returns the names of the objects with a prefix.
func (s *fakeS3) stored(prefix string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Sorted(maps.Keys(s.objects)), func(key string) bool { return !strings.HasPrefix(key, prefix) })
}

// cluster is a release whose pods are processes of the test, each at an address of
// its own on loopback, with names for the release's Services.
type cluster struct {
	*testing.T
	s3     *fakeS3
	config string // what is added to the configuration of each pod
	edit   func(string) string
	volume string // the directory of write-ahead logs; empty for one of each pod's own
	ports  map[string]int

	network string // the addresses of its pods begin with this

	mu   sync.Mutex
	pods map[string]*pod // those that run, by address
	next int
}

func newCluster(t *testing.T, config string) *cluster {
	c := &cluster{T: t, s3: newFakeS3(t), config: config, network: ownNetwork(t), pods: map[string]*pod{}}
	c.ports = map[string]int{"http": 3200, "grpc": 9095, "gossip": 7946, "otlp-grpc": 4317, "otlp-http": 4318, "zipkin": 9411}
	return c
}

// pod is a process that runs.
type pod struct {
	orgID  string // the tenant of requests; empty for none
	c      *cluster
	name   string
	target string
	ip     string
	log    *logBuffer
	term   func()
	kill   context.CancelFunc
	ended  chan error // has its error
	closed chan struct{}
}

type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// ownNetwork returns the first three parts of loopback addresses that no other cluster
// has until the test ends. The system gives ports below its ephemeral range to no
// client, so a pod's ports are free at an address of its own.
func ownNetwork(t *testing.T) string {
	for range 100 {
		network := fmt.Sprintf("127.%d.%d", 1+rand.IntN(254), rand.IntN(256))
		claim, err := net.Listen("tcp", network+".255:3200")
		if err == nil {
			t.Cleanup(func() { claim.Close() })
			return network
		}
	}
	require.FailNow(t, "no free loopback addresses")
	return ""
}

// lookup is the cluster's DNS.
func (c *cluster) lookup(_ context.Context, host string) ([]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []string
	for ip, p := range c.pods {
		if host == "tempo-gossip-ring" || host == "tempo-"+p.target+"-discovery" {
			found = append(found, ip)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("lookup %s: no such host", host)
	}
	slices.Sort(found)
	return found, nil
}

// render writes the configuration of a pod.
func (c *cluster) render(ip string) string {
	text := fmt.Sprintf(`
usage_report: {reporting_enabled: false}
server: {http_listen_address: %[1]s, http_listen_port: %[2]d, grpc_listen_address: %[1]s, grpc_listen_port: %[3]d}
distributor:
  log_received_spans: {enabled: true}
  receivers:
    otlp: {protocols: {grpc: {endpoint: "%[1]s:%[4]d"}, http: {endpoint: "%[1]s:%[5]d"}}}
    zipkin: {endpoint: "%[1]s:%[6]d"}
storage:
  trace:
    backend: s3
    wal: {path: %[9]q}
    s3: {bucket: traces, endpoint: "%[7]s", region: eu-west-1, access_key: "${KEY}", secret_key: secret, tls_ca_path: %[8]q}
`, ip, c.ports["http"], c.ports["grpc"], c.ports["otlp-grpc"], c.ports["otlp-http"], c.ports["zipkin"],
		c.s3.Listener.Addr(), c.s3.caFile, cmp.Or(c.volume, c.TempDir())) + c.config
	text += fmt.Sprintf(`
memberlist: {bind_addr: [%s], bind_port: %d, join_members: ["dns+tempo-gossip-ring:%[2]d"]}
querier: {frontend_worker: {frontend_address: "tempo-query-frontend-discovery:%d"}}
`, ip, c.ports["gossip"], c.ports["grpc"])
	if c.edit != nil {
		text = c.edit(text)
	}
	return text
}

// start starts a pod with this access key.
func (c *cluster) start(target, key string) *pod {
	c.Helper()
	c.mu.Lock()
	c.next++
	p := &pod{
		c: c, target: target, name: fmt.Sprintf("tempo-%s-%d", target, c.next), ip: fmt.Sprintf("%s.%d", c.network, c.next),
		log: &logBuffer{}, ended: make(chan error, 1), closed: make(chan struct{}),
	}
	c.pods[p.ip] = p
	c.mu.Unlock()

	file := filepath.Join(c.TempDir(), "tempo.yaml")
	require.NoError(c, os.WriteFile(file, []byte(c.render(p.ip)), 0o600))
	args := []string{"-config.file=" + file, "-config.expand-env=true"}
	if target != all {
		args = append(args, "-target="+target)
	}
	var ctx context.Context
	ctx, p.kill = context.WithCancel(context.Background())
	stop := make(chan struct{})
	p.term = sync.OnceFunc(func() { close(stop) })
	var err error
	go func() {
		err = run(ctx, stop, args, environment{
			getenv:   func(name string) string { return map[string]string{"KEY": key, "STANDIN_VERSION": "2.10.7"}[name] },
			lookup:   c.lookup,
			name:     p.name,
			interval: 20 * time.Millisecond,
			log:      p.log,
		})
		c.mu.Lock()
		delete(c.pods, p.ip)
		c.mu.Unlock()
		p.ended <- err
		close(p.closed)
	}()
	c.Cleanup(func() {
		p.kill()
		<-p.closed
		if c.Failed() {
			c.Logf("log of %s, which ended with %v:\n%s", p.name, err, p.log)
		}
	})
	return p
}

// startReady starts a pod of each target, and waits until they are ready.
func (c *cluster) startReady(targets ...string) map[string]*pod {
	c.Helper()
	pods := map[string]*pod{}
	for _, target := range targets {
		pods[target] = c.start(target, "good")
	}
	for _, p := range pods {
		p.waitReady()
	}
	return pods
}

// end ends a pod by SIGTERM, and waits for it.
func (p *pod) end() {
	p.c.Helper()
	p.term()
	require.NoError(p.c, p.waitEnd())
}

// waitEnd waits until the pod has ended, and returns its error.
func (p *pod) waitEnd() error {
	p.c.Helper()
	select {
	case err := <-p.ended:
		return err
	case <-time.After(limit):
		require.FailNow(p.c, "the pod does not end", p.name)
		return nil
	}
}

// do sends a request of the pod's tenant, with a body in JSON.
func (p *pod) do(method, url, body string) (*http.Response, error) {
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if p.orgID != "" {
		request.Header.Set(orgIDHeader, p.orgID)
	}
	return http.DefaultClient.Do(request)
}

func (p *pod) get(path string) (int, string) {
	response, err := p.do(http.MethodGet, fmt.Sprintf("http://%s:%d%s", p.ip, p.c.ports["http"], path), "")
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(body)
}

// getJSON returns what a path has, which must be a JSON object.
func (p *pod) getJSON(path string) map[string]any {
	p.c.Helper()
	status, body := p.get(path)
	require.Equal(p.c, http.StatusOK, status, "%s: %s", path, body)
	var into map[string]any
	require.NoError(p.c, json.Unmarshal([]byte(body), &into), body)
	return into
}

func (p *pod) waitReady() {
	p.c.Helper()
	p.c.wait(func() error {
		if status, body := p.get("/ready"); status != http.StatusOK {
			return fmt.Errorf("%s: %d %s", p.name, status, body)
		}
		return nil
	})
}

// waitLog waits until the log has a text.
func (p *pod) waitLog(text string) {
	p.c.Helper()
	p.c.wait(func() error {
		if !strings.Contains(p.log.String(), text) {
			return errors.New("the log lacks " + text)
		}
		return nil
	})
}

// limit is how long what should happen may take.
const limit = 10 * time.Second

// wait calls try until it returns nil.
func (c *cluster) wait(try func() error) {
	c.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var err error
	every(ctx, 10*time.Millisecond, func(context.Context) {
		if err = try(); err == nil {
			cancel()
		}
	})
	require.NoError(c, err)
}

// traceJSON is a trace of one span, as OTLP's JSON.
func traceJSON(id, service, name string) string {
	now := time.Now().UnixNano()
	return fmt.Sprintf(`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":%q}}]},
		"scopeSpans":[{"spans":[{"traceId":%q,"spanId":"00000000000000a1","name":%q,"kind":2,
		"startTimeUnixNano":%d,"endTimeUnixNano":"%d"}]}]}]}`, service, id, name, now, now+5e6)
}

// send sends a trace by OTLP over HTTP in JSON.
func (p *pod) send(id, service, name string) (int, string) {
	response, err := p.do(http.MethodPost, fmt.Sprintf("http://%s:%d/v1/traces", p.ip, p.c.ports["otlp-http"]), traceJSON(id, service, name))
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(body)
}

// mustSend sends a trace that must be taken.
func (p *pod) mustSend(id string) {
	p.c.Helper()
	status, body := p.send(id, "shop", "pay")
	require.Equal(p.c, http.StatusOK, status, body)
}

// id returns the id of the n-th trace of a test.
func id(n int) string { return fmt.Sprintf("%032x", 0xabc000+n) }

func assertFound(t *testing.T, frontend *pod, id string, want int) {
	t.Helper()
	status, body := frontend.get("/api/traces/" + id)
	assert.Equal(t, want, status, body)
}
