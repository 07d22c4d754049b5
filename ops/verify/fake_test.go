package verify

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/picluster/picluster/internal/command"
	"github.com/picluster/picluster/ops/objectstore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// world is a cluster, a Tempo, a Grafana and a MinIO on loopback ports, in which all
// steps succeed. A test changes what is to fail.
type world struct {
	t        *testing.T
	pods     []corev1.Pod
	services []corev1.Service
	secrets  map[string]map[string][]byte
	lines    map[string]string // of logs, by POD/CONTAINER/PREVIOUS
	backends map[string]string // addresses, by POD:PORT
	errs     map[string]error  // of the cluster's methods, by their names
	open     atomic.Int32      // connections

	store   *bucketStore
	tempo   *fakeTempo
	grafana *fakeGrafana
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, backends: map[string]string{}, errs: map[string]error{}, lines: map[string]string{}}
	w.tempo = newTempo(t)
	w.grafana = newGrafana(t, w.tempo)
	w.store = &bucketStore{objects: map[string]string{"single-tenant/old/meta.json": meta(time.Now().Add(-time.Hour), time.Now().Add(time.Hour))}}
	w.secrets = map[string]map[string][]byte{
		"n/keys":      {"MINIO_ACCESS_KEY_ID": []byte("access"), "MINIO_SECRET_ACCESS_KEY": []byte("secret")},
		"m/kps-admin": {"user": []byte("admin"), "password": []byte("p")},
	}
	instance := func(name, component string) map[string]string {
		return map[string]string{"app.kubernetes.io/instance": name, "app.kubernetes.io/component": component}
	}
	for _, component := range []string{"distributor", "query-frontend", "ingester"} {
		w.pods = append(w.pods, pod("n", "tempo-"+component+"-0", instance("tempo", component)))
	}
	w.pods[0].Spec.Containers[0].Ports = []corev1.ContainerPort{{Name: "grpc", ContainerPort: 14317}, {Name: "otlp-http", ContainerPort: 4318}}
	w.services = []corev1.Service{
		service("n", "tempo-distributor", instance("tempo", "distributor"), map[int32]intstr.IntOrString{4317: intstr.FromString("grpc"), 4318: {}}),
		service("n", "tempo-query-frontend", instance("tempo", "query-frontend"), map[int32]intstr.IntOrString{3200: intstr.FromInt32(13200)}),
	}
	grafana := pod("m", "kps-grafana-0", map[string]string{"app.kubernetes.io/name": "grafana", "app.kubernetes.io/instance": "kps"})
	from := func(key string) *corev1.EnvVarSource {
		return &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "kps-admin"}, Key: key}}
	}
	grafana.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "GF_SECURITY_ADMIN_USER", ValueFrom: from("user")}, {Name: "GF_SECURITY_ADMIN_PASSWORD", ValueFrom: from("password")}, {Name: "OTHER"}}
	w.pods = append(w.pods, grafana)
	w.services = append(w.services, service("m", "kps-grafana", grafana.Labels, map[int32]intstr.IntOrString{80: intstr.FromInt32(3000)}))

	w.backends["tempo-distributor-0:14317"] = w.tempo.grpc
	w.backends["tempo-distributor-0:4318"] = w.tempo.http
	w.backends["tempo-query-frontend-0:13200"] = w.tempo.http
	w.backends["kps-grafana-0:3000"] = strings.TrimPrefix(w.grafana.URL, "http://")
	t.Cleanup(func() {
		assert.Eventually(t, func() bool { return w.open.Load() == 0 }, 10*time.Second, time.Millisecond, "port forwards are left")
	})
	return w
}

// pod returns a pod that is Ready.
func pod(namespace, name string, labels map[string]string) corev1.Pod {
	return corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main"}}},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}},
	}
}

// notReady turns a pod into one whose container waits.
func notReady(p *corev1.Pod, reason string) {
	p.Status.Conditions[0].Status = corev1.ConditionFalse
	p.Status.Conditions[0].Message = "containers with unready status: [main]"
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "main"}}
	if reason != "" {
		p.Status.ContainerStatuses[0].State.Waiting = &corev1.ContainerStateWaiting{Reason: reason, Message: "of main"}
	}
}

// restarted turns a pod into one whose container has restarted some time ago.
func restarted(p *corev1.Pod, ago time.Duration) {
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "main", RestartCount: 3, LastTerminationState: corev1.ContainerState{
		Terminated: &corev1.ContainerStateTerminated{Reason: "OOMKilled", ExitCode: 137, FinishedAt: metav1.NewTime(time.Now().Add(-ago))},
	}}}
}

// initRestarted is restarted for an init container.
func initRestarted(p *corev1.Pod, ago time.Duration) {
	restarted(p, ago)
	p.Status.InitContainerStatuses, p.Status.ContainerStatuses = p.Status.ContainerStatuses, nil
	p.Status.InitContainerStatuses[0].Name = "init"
}

func service(namespace, name string, selector map[string]string, ports map[int32]intstr.IntOrString) corev1.Service {
	s := corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: selector}, Spec: corev1.ServiceSpec{Selector: selector}}
	for port, target := range ports {
		s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Port: port, TargetPort: target})
	}
	return s
}

func (w *world) Pods(_ context.Context, namespace, selector string) ([]corev1.Pod, error) {
	matches, err := labels.Parse(selector)
	require.NoError(w.t, err)
	var found []corev1.Pod
	for _, p := range w.pods {
		if p.Namespace == namespace && matches.Matches(labels.Set(p.Labels)) {
			found = append(found, p)
		}
	}
	return found, w.errs["Pods "+selector]
}

func (w *world) LastLine(_ context.Context, _, pod, container string, previous bool) (string, error) {
	return w.lines[fmt.Sprintf("%s/%s/%t", pod, container, previous)], w.errs["LastLine"]
}

func (w *world) Service(_ context.Context, namespace, name string) (*corev1.Service, error) {
	for _, s := range w.services {
		if s.Namespace == namespace && s.Name == name {
			return &s, w.errs["Service"]
		}
	}
	return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "services"}, name)
}

func (w *world) Services(_ context.Context, namespace, selector string) ([]corev1.Service, error) {
	matches, err := labels.Parse(selector)
	require.NoError(w.t, err)
	var found []corev1.Service
	for _, s := range w.services {
		if s.Namespace == namespace && matches.Matches(labels.Set(s.Labels)) {
			found = append(found, s)
		}
	}
	return found, w.errs["Services"]
}

func (w *world) Secret(_ context.Context, namespace, name string) (map[string][]byte, error) {
	data, found := w.secrets[namespace+"/"+name]
	if !found {
		return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, name)
	}
	return data, w.errs["Secret"]
}

func (w *world) Dial(ctx context.Context, _, pod string, port int) (net.Conn, error) {
	address, found := w.backends[fmt.Sprintf("%s:%d", pod, port)]
	if !found {
		return nil, fmt.Errorf("port %d of the pod: connection refused", port)
	}
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	w.open.Add(1)
	return &counted{Conn: c, open: &w.open}, nil
}

// counted is a connection that is counted while it is open.
type counted struct {
	net.Conn
	open *atomic.Int32
	once sync.Once
}

func (c *counted) Close() error {
	c.once.Do(func() { c.open.Add(-1) })
	return c.Conn.Close()
}

// bucketStore is a MinIO in memory whose keys are access and secret.
type bucketStore struct {
	mu      sync.Mutex
	objects map[string]string
	denial  objectstore.Denial
	err     error
	// eachErr, listErr and readErr are of Each, Prefixes and Read alone.
	eachErr, listErr, readErr error
	// written is called before a listing, and adds what was written meanwhile.
	written func(objects map[string]string)
}

func (s *bucketStore) Kind() string     { return "MinIO" }
func (s *bucketStore) Endpoint() string { return "s3:9000" }

func (s *bucketStore) Opens(_ context.Context, accessKey, secretKey, bucket string) (objectstore.Denial, error) {
	if accessKey+":"+secretKey != "access:secret" {
		return objectstore.WrongKey, s.err
	}
	if bucket != "traces" {
		return objectstore.NoBucket, s.err
	}
	return s.denial, s.err
}

func (s *bucketStore) Each(_ context.Context, _ objectstore.Keys, _ string, do func(string, int64, time.Time)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, text := range s.objects {
		do(name, int64(len(text)), time.Now().Add(-2*time.Hour))
	}
	return cmp.Or(s.eachErr, s.err)
}

func (s *bucketStore) Prefixes(_ context.Context, keys objectstore.Keys, bucket, prefix string) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if denial, err := s.Opens(context.Background(), keys.AccessKey, keys.SecretKey, bucket); denial != "" || err != nil {
		return nil, fmt.Errorf("%s%w", denial, err)
	}
	var found []string
	for name := range s.objects {
		block, isMeta := strings.CutSuffix(name, "meta.json")
		if isMeta && strings.HasPrefix(name, prefix) {
			found = append(found, block)
		}
	}
	if s.written != nil {
		s.written(s.objects) // is found by the next listing
	}
	return found, s.listErr
}

func (s *bucketStore) Read(_ context.Context, _ objectstore.Keys, _, name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, found := s.objects[name]
	if !found || text == "" {
		return nil, cmp.Or(s.readErr, s.err)
	}
	return []byte(text), cmp.Or(s.readErr, s.err)
}

// meta returns a meta.json of Tempo's.
func meta(start, end time.Time) string {
	text, _ := json.Marshal(map[string]any{"format": "vParquet4", "startTime": start, "endTime": end})
	return string(text)
}

// fakeTempo is a Tempo that has what it receives, in the JSON of Tempo 2.10.
type fakeTempo struct {
	collector.UnimplementedTraceServiceServer
	grpc, http string

	mu     sync.Mutex
	traces map[string]*otlp.TracesData // by id
	header http.Header                 // of the last trace by HTTP
	md     metadata.MD                 // of the last trace by gRPC
	// orgID is the tenant without which it accepts nothing; empty if it has no tenants.
	orgID string
	// refuse, by receiver; lose has all traces gone, late has a trace found from that
	// try on.
	refuse map[string]error
	lose   bool
	late   int
	tries  int
	// responses are other responses than Tempo's own, by path.
	responses map[string]func(http.ResponseWriter)
	// seriesFrom is the number of traces from which on the rate has a series.
	seriesFrom int
	// oldSeries, zeroSeries: the series is one of before, or one without a span.
	oldSeries, zeroSeries bool
}

func newTempo(t *testing.T) *fakeTempo {
	t.Helper()
	f := &fakeTempo{traces: map[string]*otlp.TracesData{}, refuse: map[string]error{}, responses: map[string]func(http.ResponseWriter){}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := grpc.NewServer()
	collector.RegisterTraceServiceServer(server, f)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	f.grpc = listener.Addr().String()
	web := httptest.NewServer(f)
	t.Cleanup(web.Close)
	f.http = strings.TrimPrefix(web.URL, "http://")
	return f
}

func (f *fakeTempo) Export(ctx context.Context, r *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	f.mu.Lock()
	f.md, _ = metadata.FromIncomingContext(ctx)
	f.mu.Unlock()
	if !slices.Contains(append(f.md.Get("x-scope-orgid"), ""), f.orgID) {
		return nil, errors.New("no org id")
	}
	return &collector.ExportTraceServiceResponse{}, f.receive(otlpGRPC, r)
}

func (f *fakeTempo) receive(receiver string, r *collector.ExportTraceServiceRequest) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.refuse[receiver]; err != nil {
		return err
	}
	f.traces[hex.EncodeToString(r.ResourceSpans[0].ScopeSpans[0].Spans[0].TraceId)] = &otlp.TracesData{ResourceSpans: r.ResourceSpans}
	return nil
}

func (f *fakeTempo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-Scope-OrgID") != f.orgID {
		http.Error(w, "no org id", http.StatusUnauthorized)
		return
	}
	if r.URL.Path == "/v1/traces" {
		body, _ := io.ReadAll(r.Body)
		request := &collector.ExportTraceServiceRequest{}
		if err := proto.Unmarshal(body, request); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if err := f.receive(otlpHTTP, request); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
		f.mu.Lock()
		f.header = r.Header
		f.mu.Unlock()
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tries++
	id, byID := strings.CutPrefix(r.URL.Path, "/api/v2/traces/")
	path := r.URL.Path
	if byID {
		path = "/api/v2/traces/"
	}
	if respond := f.responses[path]; respond != nil {
		respond(w)
		return
	}
	query := r.URL.Query()
	switch {
	case byID:
		data := f.traces[id]
		if data == nil || f.lose || f.tries < f.late {
			http.Error(w, "trace not found", http.StatusNotFound)
			return
		}
		text, _ := protojson.Marshal(data)
		fmt.Fprintf(w, `{"trace":%s}`, text)
	case path == "/api/search" && query.Get("q") == `{resource.service.name="picluster-verify"}` && query.Get("start") < query.Get("end"):
		traces := []any{}
		for id, data := range f.traces {
			if name := data.ResourceSpans[0].Resource.Attributes[0]; !f.lose && name.Key == "picluster.stack" || name.Value.GetStringValue() == "picluster-verify" {
				traces = append(traces, map[string]any{"traceID": strings.TrimLeft(id, "0")})
			}
		}
		if f.lose {
			traces = nil
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"traces": traces})
	case path == "/api/metrics/query_range" && query.Get("q") == `{resource.service.name="picluster-verify"}|rate()` && query.Get("start") < query.Get("end"):
		at := time.Now()
		if f.oldSeries {
			at = at.Add(-time.Minute) // of a verification before
		}
		if len(f.traces) < f.seriesFrom {
			fmt.Fprint(w, `{"series":[],"metrics":{}}`)
			return
		}
		value := 0.1
		if f.zeroSeries {
			value = 0
		}
		fmt.Fprintf(w, `{"series":[{"labels":[],"samples":[{"timestampMs":"%d"},{"timestampMs":"%d","value":%g}]}]}`, at.UnixMilli(), at.UnixMilli(), value)
	default:
		http.Error(w, "no such API: "+r.URL.String(), http.StatusNotFound)
	}
}

// fakeGrafana is a Grafana with the data sources of a stack.
type fakeGrafana struct {
	*httptest.Server
	tempo *fakeTempo

	mu             sync.Mutex
	requests, down int      // the number of requests, and of the one that fails
	authorizations []string // that it takes
	sources        map[string]Datasource
	respond        func(http.ResponseWriter) // in place of a data source
}

func newGrafana(t *testing.T, tempo *fakeTempo) *fakeGrafana {
	t.Helper()
	g := &fakeGrafana{tempo: tempo, authorizations: []string{"Basic YWRtaW46cA==", "Bearer token"}, sources: map[string]Datasource{"prometheus": {UID: "prometheus"}}}
	for _, d := range sources(t) {
		d.JSONData["own"] = "of Grafana"
		g.sources[d.UID] = d
	}
	g.Server = httptest.NewServer(g)
	t.Cleanup(g.Close)
	return g
}

func (g *fakeGrafana) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	allowed := false
	for _, a := range g.authorizations {
		allowed = allowed || r.Header.Get("Authorization") == a
	}
	uid, one := strings.CutPrefix(r.URL.Path, "/api/datasources/uid/")
	if rest, proxied := strings.CutPrefix(r.URL.Path, "/api/datasources/proxy/uid/"); proxied {
		uid, rest, _ = strings.Cut(rest, "/")
		r.URL.Path = "/" + rest
	} else if !one {
		http.NotFound(w, r)
		return
	}
	source, found := g.sources[uid]
	if one {
		g.requests++
	}
	switch {
	case one && g.respond != nil:
		g.respond(w)
	case one && g.requests == g.down:
		http.Error(w, "starts", http.StatusServiceUnavailable)
	case !allowed:
		http.Error(w, `{"message":"Unauthorized"}`, http.StatusUnauthorized)
	case !found:
		http.Error(w, `{"message":"Data source not found"}`, http.StatusNotFound)
	case one:
		_ = json.NewEncoder(w).Encode(source)
	default:
		if orgID := source.header("X-Scope-OrgID"); orgID != "" {
			r.Header.Set("X-Scope-OrgID", orgID)
		}
		g.tempo.ServeHTTP(w, r)
	}
}

// grafanaValues is the output of a stack with Loki and service graphs.
const grafanaValues = `
grafana:
  additionalDataSourcesString: |
    - name: Loki
      type: loki
      uid: loki
      access: proxy
      url: http://loki
      jsonData:
        derivedFields:
        - {datasourceUid: tempo, matcherRegex: trace_id, matcherType: label, name: TraceID, url: "$${__value.raw}"}
    - name: Tempo
      type: tempo
      uid: tempo
      access: proxy
      url: http://tempo-query-frontend.n.svc.cluster.local:3200
      jsonData:
        nodeGraph: {enabled: true}
        serviceMap: {datasourceUid: prometheus}
        tracesToLogsV2: {datasourceUid: loki, query: '{$${__tags}} | a="{{` + "`{{`" + `}} b"'}
`

func sources(t *testing.T) []Datasource {
	t.Helper()
	list, err := datasources(grafanaValues)
	require.NoError(t, err)
	return list
}

// ofS has the commands of a stack s in kubectl's current cluster.
var ofS = command.Names{Stack: "s"}.In(func(string) string { return "" })

// target is what the world has.
func target(t *testing.T) Target {
	t.Helper()
	return Target{
		Namespace: "n", Release: "tempo", Bucket: "traces", Secret: "keys", Generator: true, Retention: defaultRetention,
		Query: &Address{"n", "tempo-query-frontend", 3200}, OTLPGRPC: &Address{"n", "tempo-distributor", 4317}, OTLPHTTP: &Address{"n", "tempo-distributor", 4318},
		Datasources: sources(t), GrafanaRelease: &GrafanaRelease{"m", "kps"}, Delivered: true,
	}
}

// verify verifies a target with short times.
func (w *world) verify(change func(*Options), targets ...Target) *Report {
	w.t.Helper()
	v := &Verifier{Cluster: w, Store: w.store, Options: Options{Commands: ofS, Timeout: 2 * time.Second, Wait: 2 * time.Second}, every: 20 * time.Millisecond}
	if change != nil {
		change(&v.Options)
	}
	report, err := v.Run(w.t.Context(), targets)
	require.NoError(w.t, err)
	return report
}

// covered has the next listing of the bucket find a block of now.
func (w *world) covered() {
	w.store.written = func(objects map[string]string) {
		objects[fmt.Sprintf("single-tenant/new%d/meta.json", len(objects))] = meta(time.Now().Add(-time.Minute), time.Now().Add(time.Minute))
	}
}
