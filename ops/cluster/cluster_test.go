package cluster_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/picluster/picluster/ops/cluster"
	"github.com/picluster/picluster/ops/object"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"helm.sh/helm/v3/pkg/release"
)

// discovery is what an API server says of its kinds.
var discovery = map[string]string{
	"/version":      `{"major":"1","minor":"33","gitVersion":"v1.33.0"}`,
	"/api":          `{"kind":"APIVersions","versions":["v1"]}`,
	"/apis":         `{"kind":"APIGroupList","apiVersion":"v1","groups":[{"name":"apps","versions":[{"groupVersion":"apps/v1","version":"v1"}],"preferredVersion":{"groupVersion":"apps/v1","version":"v1"}}]}`,
	"/api/v1":       `{"kind":"APIResourceList","groupVersion":"v1","resources":[{"name":"namespaces","namespaced":false,"kind":"Namespace"},{"name":"configmaps","namespaced":true,"kind":"ConfigMap"},{"name":"secrets","namespaced":true,"kind":"Secret"}]}`,
	"/apis/apps/v1": `{"kind":"APIResourceList","groupVersion":"apps/v1","resources":[{"name":"deployments","namespaced":true,"kind":"Deployment"}]}`,
	"/openapi/v2":   "", // protobuf without schemas
	systemNamespace: `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"kube-system","uid":"one"}}`,
}

const systemNamespace = "/api/v1/namespaces/kube-system"

// server is a Kubernetes API server with some paths.
type server struct {
	*httptest.Server
	blocked chan struct{} // a request of blocks has come

	mu    sync.Mutex
	wrote []string
}

// serve returns a server that responds to paths, and not at all to blocks.
func serve(t *testing.T, paths map[string]string, blocks ...string) *server {
	t.Helper()
	s := &server{blocked: make(chan struct{}, 1)}
	ended := make(chan struct{})
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			s.mu.Lock()
			s.wrote = append(s.wrote, r.Method+" "+r.URL.String())
			s.mu.Unlock()
		}
		for _, path := range blocks {
			if r.URL.Path == path {
				s.blocked <- struct{}{}
				<-ended
				return
			}
		}
		body, found := paths[r.URL.Path]
		if !found {
			body, found = discovery[r.URL.Path]
		}
		w.Header().Set("Content-Type", "application/json")
		if !found {
			w.WriteHeader(http.StatusNotFound)
			body = `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`
		}
		fmt.Fprint(w, body)
	}))
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(ended) })
	return s
}

// endWhileBlocked calls ask, calls end once a request of blocks has come, and returns
// what ask does.
func (s *server) endWhileBlocked(t *testing.T, ask func() error, end func()) error {
	t.Helper()
	returned := make(chan error, 1)
	go func() { returned <- ask() }()
	deadline := time.After(10 * time.Second)
	select {
	case <-s.blocked:
	case err := <-returned:
		t.Fatalf("the request has not reached the server: %v", err)
	case <-deadline:
		t.Fatal("the request has not reached the server")
	}
	end()
	select {
	case err := <-returned:
		return err
	case <-deadline:
		t.Fatal("the request has not ended")
		return nil
	}
}

// settings returns settings of the provider that name the server, by two contexts.
func (s *server) settings(extra ...string) func(string) string {
	values := map[string]string{"kubeconfig": fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"lab",
		"clusters":[{"name":"lab","cluster":{"server":%q}},{"name":"other","cluster":{"server":"https://other:6443"}}],
		"contexts":[{"name":"lab","context":{"cluster":"lab"}},{"name":"other","context":{"cluster":"other"}}]}`, s.URL)}
	for i := 0; i < len(extra); i += 2 {
		values[extra[i]] = extra[i+1]
	}
	return func(name string) string { return values[name] }
}

func open(t *testing.T, s *server) *cluster.Cluster {
	t.Helper()
	c, err := cluster.New(t.Context(), s.settings())
	require.NoError(t, err)
	return c
}

func TestNew(t *testing.T) {
	s := serve(t, nil)
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	for name, test := range map[string]struct {
		settings        func(string) string
		server, context string
		err             string
	}{
		"the current context": {s.settings(), s.URL, "lab", ""},
		"a context":           {s.settings("context", "other"), "https://other:6443", "", ""},
		"a cluster":           {s.settings("cluster", "other"), "https://other:6443", "lab", ""},
		"no such context":     {s.settings("context", "none"), "", "", `context "none" does not exist`},
		"no kubeconfig":       {s.settings("kubeconfig", "/nonexistent"), "", "", "kubernetes:kubeconfig: is neither a file nor a kubeconfig"},
		"none at all":         {func(string) string { return "" }, "", "", "kubernetes:kubeconfig, kubernetes:context: "},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := cluster.New(t.Context(), test.settings)
			if test.err != "" {
				assert.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.server, c.Server())
			if test.context != "" {
				assert.Equal(t, test.context, c.Context())
			}
		})
	}
}

func TestUID(t *testing.T) {
	uid, err := open(t, serve(t, nil)).UID(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "one", uid)

	stopped := serve(t, nil)
	stopped.Close()
	_, err = open(t, stopped).UID(t.Context())
	assert.ErrorContains(t, err, "connection refused")
}

func manifest(t *testing.T, text string) *object.Object {
	t.Helper()
	objects, err := object.Parse(text)
	require.NoError(t, err)
	require.Len(t, objects, 1)
	return objects[0]
}

func TestGet(t *testing.T) {
	s := serve(t, map[string]string{
		"/api/v1/namespaces/n/configmaps/c":        `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","namespace":"n","uid":"2"},"data":{"a":"b"}}`,
		"/apis/apps/v1/namespaces/n/deployments/d": `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d","namespace":"n","uid":"3"}}`,
	})
	for name, test := range map[string]struct{ manifest, uid string }{
		"found":             {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: \"n\"}", "2"},
		"of a group":        {"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, namespace: \"n\"}", "3"},
		"without namespace": {"apiVersion: v1\nkind: Namespace\nmetadata: {name: kube-system}", "one"},
		"not found":         {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: d, namespace: \"n\"}", ""},
		"unknown kind":      {"apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nmetadata: {name: c, namespace: \"n\"}", ""},
		"unknown version":   {"apiVersion: apps/v2\nkind: Deployment\nmetadata: {name: d, namespace: \"n\"}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			live, err := open(t, s).Get(t.Context(), manifest(t, test.manifest))
			require.NoError(t, err)
			if test.uid == "" {
				assert.Nil(t, live)
				return
			}
			require.NotNil(t, live)
			assert.Equal(t, test.uid, string(live.GetUID()))
		})
	}
	assert.Empty(t, s.wrote)
}

func TestGetNotReachable(t *testing.T) {
	s := serve(t, nil)
	s.Close()
	live, err := open(t, s).Get(t.Context(), manifest(t, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: \"n\"}"))
	assert.Nil(t, live)
	assert.Error(t, err)
}

// All that is asked of a cluster ends with the context of New, whatever context the
// call itself has.
func TestRequestsEndWithTheContextOfNew(t *testing.T) {
	configMap := manifest(t, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: \"n\"}")
	for name, test := range map[string]struct {
		path string
		ask  func(c *cluster.Cluster) error
	}{
		"UID":       {systemNamespace, func(c *cluster.Cluster) error { _, err := c.UID(context.Background()); return err }},
		"Get":       {"/api/v1/namespaces/n/configmaps/c", func(c *cluster.Cluster) error { _, err := c.Get(context.Background(), configMap); return err }},
		"discovery": {"/api", func(c *cluster.Cluster) error { _, err := c.Get(context.Background(), configMap); return err }},
		"Record":    {"/api/v1/namespaces/n/secrets", func(c *cluster.Cluster) error { _, err := c.Record("n", "r"); return err }},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, nil, test.path)
			terminated := errors.New("terminated")
			ctx, cancel := context.WithCancelCause(context.Background())
			defer cancel(nil)
			c, err := cluster.New(ctx, s.settings())
			require.NoError(t, err)
			assert.Error(t, s.endWhileBlocked(t, func() error { return test.ask(c) }, func() { cancel(terminated) }))
		})
	}
}

func TestReleaseOf(t *testing.T) {
	inputs := map[string]any{
		"name": "r", "namespace": "n", "chart": "tempo", "version": "1.2.3",
		"repositoryOpts": map[string]any{"repo": "https://charts", "username": "u", "password": "p", "caFile": "ca", "certFile": "cert", "keyFile": "key"},
		"values": map[string]any{
			"known": "x", "number": 3.0, "unknown": plugin.UnknownStringValue,
			"section": map[string]any{"a": plugin.UnknownStringValue},
			"list":    []any{"y", "http://" + plugin.UnknownStringValue + ":9000", map[string]any{"b": plugin.UnknownStringValue}},
		},
	}
	before, err := json.Marshal(inputs)
	require.NoError(t, err)
	assert.Equal(t, cluster.Release{
		Name: "r", Namespace: "n", Chart: "tempo", Version: "1.2.3",
		Repository: cluster.Repository{URL: "https://charts", Username: "u", Password: "p", CAFile: "ca", CertFile: "cert", KeyFile: "key"},
		Values: map[string]any{
			"known": "x", "number": 3.0, "unknown": cluster.NotKnown,
			"section": map[string]any{"a": cluster.NotKnown},
			"list":    []any{"y", "http://" + cluster.NotKnown + ":9000", map[string]any{"b": cluster.NotKnown}},
		},
	}, cluster.ReleaseOf(inputs))
	after, err := json.Marshal(inputs)
	require.NoError(t, err)
	assert.JSONEq(t, string(before), string(after), "the inputs were changed")

	r := cluster.ReleaseOf(inputs)
	r.Values["section"].(map[string]any)["a"] = "other"
	r.Values["list"].([]any)[0] = "other"
	after, err = json.Marshal(inputs)
	require.NoError(t, err)
	assert.JSONEq(t, string(before), string(after), "the values are those of the inputs")

	assert.Equal(t, cluster.Release{Chart: "oci://charts/tempo"}, cluster.ReleaseOf(map[string]any{"chart": "oci://charts/tempo", "values": plugin.UnknownStringValue}))
}

// secrets returns a list of Secrets, in each a record as Helm stores it. See
// helm.sh/helm/v3/pkg/storage/driver/util.go.
func secrets(t *testing.T, records ...*release.Release) string {
	t.Helper()
	var items []any
	for _, r := range records {
		plain, err := json.Marshal(r)
		require.NoError(t, err)
		var packed bytes.Buffer
		zip := gzip.NewWriter(&packed)
		_, err = zip.Write(plain)
		require.NoError(t, err)
		require.NoError(t, zip.Close())
		encoded := base64.StdEncoding.EncodeToString(packed.Bytes())
		items = append(items, map[string]any{
			"metadata": map[string]any{"name": fmt.Sprintf("sh.helm.release.v1.%s.v%d", r.Name, r.Version), "labels": map[string]any{"owner": "helm", "name": r.Name}},
			"data":     map[string]any{"release": base64.StdEncoding.EncodeToString([]byte(encoded))},
		})
	}
	list, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "SecretList", "items": items})
	require.NoError(t, err)
	return string(list)
}

const installed = `apiVersion: v1
kind: Namespace
metadata: {name: z}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c, namespace: other}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: m}
`

func recordOf(version int, status release.Status) *release.Release {
	return &release.Release{Name: "r", Namespace: "n", Version: version, Info: &release.Info{Status: status}, Manifest: installed}
}

func names(objects []*object.Object) []string {
	var list []string
	for _, o := range objects {
		list = append(list, object.Name(o))
	}
	return list
}

func TestRecord(t *testing.T) {
	s := serve(t, map[string]string{
		"/api/v1/namespaces/n/secrets":     secrets(t, recordOf(2, release.StatusDeployed), recordOf(10, release.StatusFailed), recordOf(1, release.StatusSuperseded)),
		"/api/v1/namespaces/empty/secrets": secrets(t),
	})
	c := open(t, s)
	record, err := c.Record("n", "r")
	require.NoError(t, err)
	require.NotNil(t, record)
	assert.Equal(t, 10, record.Version)
	assert.Equal(t, release.StatusFailed, record.Info.Status)

	objects, err := c.Objects(record)
	require.NoError(t, err)
	assert.Equal(t, []string{"ConfigMap other/c", "Deployment n/d", "Namespace z", "ServiceMonitor m"}, names(objects))

	record, err = c.Record("empty", "r")
	require.NoError(t, err)
	assert.Nil(t, record)
	assert.Empty(t, s.wrote)

	s.Close()
	_, err = c.Record("n", "r")
	assert.Error(t, err)
}

// chart returns the path of a chart with a ConfigMap, which has a value and the
// version of the cluster.
func chart(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tempo")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "templates"), 0o700))
	for name, text := range map[string]string{
		"Chart.yaml":             "apiVersion: v2\nname: tempo\nversion: 1.2.3\n",
		"values.yaml":            "a: default\n",
		"templates/config.yaml":  "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}-c}\ndata: {a: {{ .Values.a | quote }}, version: {{ .Capabilities.KubeVersion.Version }}, upgrade: \"{{ .Release.IsUpgrade }}\"}\n",
		"templates/apps.yaml":    "{{ if .Capabilities.APIVersions.Has \"apps/v1/Deployment\" }}apiVersion: v1\nkind: ConfigMap\nmetadata: {name: has-apps}\n{{ end }}",
		"templates/monitor.yaml": "{{ if .Capabilities.APIVersions.Has \"monitoring.coreos.com/v1\" }}apiVersion: v1\nkind: ConfigMap\nmetadata: {name: has-monitors}\n{{ end }}",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return dir
}

func TestRender(t *testing.T) {
	deployed := recordOf(1, release.StatusDeployed)
	deployed.Manifest = ""
	for name, test := range map[string]struct {
		secrets string
		upgrade string
	}{
		"installation": {secrets(t), "false"},
		"upgrade":      {secrets(t, deployed), "true"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, map[string]string{"/api/v1/namespaces/n/secrets": test.secrets})
			objects, err := open(t, s).Render(t.Context(), cluster.Release{Name: "r", Namespace: "n", Chart: chart(t), Values: map[string]any{"a": cluster.NotKnown}})
			require.NoError(t, err)
			require.Equal(t, []string{"ConfigMap n/has-apps", "ConfigMap n/r-c"}, names(objects))
			assert.Equal(t, map[string]any{"a": cluster.NotKnown, "version": "v1.33.0", "upgrade": test.upgrade}, objects[1].Object["data"])
			assert.Empty(t, s.wrote)
		})
	}
}

func TestRenderOfNoChart(t *testing.T) {
	s := serve(t, map[string]string{"/api/v1/namespaces/n/secrets": secrets(t)})
	_, err := open(t, s).Render(t.Context(), cluster.Release{Name: "r", Namespace: "n", Chart: "./nonexistent", Version: "1.2.3"})
	assert.ErrorContains(t, err, "chart ./nonexistent 1.2.3: ")
	dir := t.TempDir()
	_, err = open(t, s).Render(t.Context(), cluster.Release{Name: "r", Namespace: "n", Chart: dir})
	assert.ErrorContains(t, err, "chart "+dir+" : ")
}

// A registry that does not respond does not hold a command that ends.
func TestRenderEnds(t *testing.T) {
	s := serve(t, map[string]string{"/api/v1/namespaces/n/secrets": secrets(t)}, "/charts/index.yaml")
	terminated := errors.New("terminated")
	ctx, cancel := context.WithCancelCause(t.Context())
	c := open(t, s)
	t.Setenv("HELM_REPOSITORY_CACHE", t.TempDir())
	err := s.endWhileBlocked(t, func() error {
		_, err := c.Render(ctx, cluster.Release{Name: "r", Namespace: "n", Chart: "tempo", Repository: cluster.Repository{URL: s.URL + "/charts"}})
		return err
	}, func() { cancel(terminated) })
	assert.ErrorIs(t, err, terminated)
}

func TestObjectsOfNoManifest(t *testing.T) {
	c := open(t, serve(t, nil))
	_, err := c.Objects(&release.Release{Manifest: "a: b: c"})
	assert.Error(t, err)
	objects, err := c.Objects(&release.Release{Manifest: strings.Repeat("---\n", 3)})
	require.NoError(t, err)
	assert.Empty(t, objects)
}
