package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// localBlocks is a configuration whose rates are counted.
const localBlocks = `
metrics_generator: {processor: {local_blocks: {flush_to_storage: true}}}
overrides: {defaults: {metrics_generator: {processors: [local-blocks]}}}
`

func replace(old, by string) func(string) string {
	return func(text string) string { return strings.Replace(text, old, by, 1) }
}

func request(t *testing.T, id string) *collector.ExportTraceServiceRequest {
	t.Helper()
	r := &collector.ExportTraceServiceRequest{}
	require.NoError(t, unmarshalJSON([]byte(traceJSON(id, "shop", "pay")), r))
	return r
}

// export sends a trace by OTLP over gRPC, compressed as exporters do.
func (p *pod) export(id string) error {
	conn, err := grpc.NewClient(fmt.Sprintf("%s:%d", p.ip, p.c.ports["otlp-grpc"]), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(p.c, err)
	defer conn.Close()
	ctx, cancel := context.WithTimeout(p.c.Context(), limit)
	defer cancel()
	if p.orgID != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, orgIDHeader, p.orgID)
	}
	_, err = collector.NewTraceServiceClient(conn).Export(ctx, request(p.c.T, id), grpc.UseCompressor("gzip"))
	return err
}

func TestTraceInAndOut(t *testing.T) {
	c := newCluster(t, localBlocks)
	pods := c.startReady(ingester, generator, compactor, queryFrontend, querier, distributor)
	frontend, in := pods[queryFrontend], pods[distributor]
	c.wait(func() error { // the generator too
		if _, body := in.get("/status"); !strings.Contains(body, "member: "+generator) {
			return fmt.Errorf("no generator: %s", body)
		}
		return nil
	})

	in.mustSend(id(1))
	require.NoError(t, in.export(id(2)))
	body, err := proto.Marshal(request(t, id(3)))
	require.NoError(t, err)
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, _ = w.Write(body)
	require.NoError(t, w.Close())
	post, err := http.NewRequest(http.MethodPost, fmt.Sprintf("http://%s:%d/v1/traces", in.ip, c.ports["otlp-http"]), &zipped)
	require.NoError(t, err)
	post.Header.Set("Content-Type", "application/x-protobuf")
	post.Header.Set("Content-Encoding", "gzip")
	response, err := http.DefaultClient.Do(post)
	require.NoError(t, err)
	response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode)
	code, text := in.send(id(4), "bank", "check")
	require.Equal(t, http.StatusOK, code, text)

	for n := 1; n <= 3; n++ {
		trace := frontend.getJSON("/api/traces/" + id(n))
		assert.Equal(t, trace, frontend.getJSON("/api/v2/traces/" + strings.ToUpper(strings.TrimLeft(id(n), "0")))["trace"])
		spans := trace["resourceSpans"].([]any)[0].(map[string]any)["scopeSpans"].([]any)[0].(map[string]any)["spans"].([]any)
		require.Len(t, spans, 1)
		span := spans[0].(map[string]any)
		assert.Equal(t, []any{id(n), "00000000000000a1", "pay", "SPAN_KIND_SERVER"},
			[]any{span["traceId"], span["spanId"], span["name"], span["kind"]})
	}
	assertFound(t, frontend, id(5), http.StatusNotFound)
	assertFound(t, frontend, "xyz", http.StatusBadRequest)

	for query, want := range map[string]int{
		"q=%7B%7D": 4, "q=%7Bresource.service.name%3D%22shop%22%7D": 3, "q=%7B+.service.name+%3D+%22bank%22+%7D": 1,
		"q=%7Bresource.service.name%3D%22none%22%7D": 0, "tags=service.name%3Dshop": 3, "tags=": 4, "q=%7B%7D&limit=2": 2,
		"q=%7B%7D&start=1&end=2": 0,
	} {
		assert.Len(t, frontend.getJSON("/api/search?" + query)["traces"], want, query)
	}
	found := frontend.getJSON("/api/search?tags=service.name%3Dbank")["traces"].([]any)[0].(map[string]any)
	assert.Equal(t, []any{id(4), "bank", "check", 5.0}, []any{found["traceID"], found["rootServiceName"], found["rootTraceName"], found["durationMs"]})
	status, _ := frontend.get("/api/search?q=%7Bname%3D%22x%22%7D")
	assert.Equal(t, http.StatusBadRequest, status)

	series := frontend.getJSON("/api/metrics/query_range?q=%7B%7D%7Crate()&since=1m&step=10s")["series"].([]any)
	require.Len(t, series, 1)
	sum := 0.0
	for _, sample := range series[0].(map[string]any)["samples"].([]any) {
		sum += sample.(map[string]any)["value"].(float64)
	}
	assert.InDelta(t, 4.0/10, sum, 1e-9)
	assert.Empty(t, frontend.getJSON("/api/metrics/query_range?q=%7B%7D%7Crate()&start=1000&end=2000")["series"])

	_, metrics := in.get("/metrics")
	assert.Contains(t, metrics, "tempo_distributor_spans_received_total{tenant=\"single-tenant\"} 4\n")
	for _, p := range pods {
		_, status := p.get("/status")
		assert.True(t, strings.HasPrefix(status, banner), status)
		first, _, _ := strings.Cut(p.log.String(), "\n")
		assert.Contains(t, first, banner)
		_, config := p.get("/status/config")
		assert.Contains(t, config, "access_key: good")
		assert.NotContains(t, config, "secret_key: secret")
	}
	assert.Contains(t, in.log.String(), "msg=received target=distributor traceid="+id(1)+" spanid=00000000000000a1 service_name=shop name=pay")
}

// A multi-tenant Tempo accepts and shows nothing without a tenant, and shows a tenant its
// own traces alone.
func TestMultiTenancy(t *testing.T) {
	c := newCluster(t, "multitenancy_enabled: true\ningester: {flush_all_on_shutdown: true}\n"+localBlocks)
	pods := c.startReady(ingester, generator, queryFrontend, querier, distributor)
	frontend, in := pods[queryFrontend], pods[distributor]
	code, text := in.send(id(1), "shop", "pay")
	assert.Equal(t, http.StatusServiceUnavailable, code)
	assert.Contains(t, text, "no org id")
	assert.ErrorContains(t, in.export(id(1)), "no org id")
	assertFound(t, frontend, id(1), http.StatusUnauthorized)
	status, text := frontend.get("/api/search?q=%7B%7D")
	assert.Equal(t, http.StatusUnauthorized, status)
	assert.Contains(t, text, "no org id")

	in.orgID = "a"
	in.mustSend(id(1))
	in.orgID = "b"
	require.NoError(t, in.export(id(2)))
	for orgID, own := range map[string]int{"a": 1, "b": 2} {
		frontend.orgID = orgID
		assertFound(t, frontend, id(own), http.StatusOK)
		assertFound(t, frontend, id(3-own), http.StatusNotFound)
		assert.Len(t, frontend.getJSON("/api/search?q=%7B%7D")["traces"], 1)
		_, text := frontend.get("/api/traces/" + id(own))
		assert.NotContains(t, text, tenantAttribute)
	}
	pods[ingester].end()
	assert.Len(t, c.s3.stored("a/"+id(1)+"/"), 1)
	assert.Len(t, c.s3.stored("b/"+id(2)+"/"), 1)
	for _, tenant := range []string{"a", "b"} {
		for _, block := range c.s3.blocks(t, tenant) {
			assert.Equal(t, tenant, block.TenantID)
		}
		assert.Len(t, c.s3.blocks(t, tenant), 1)
	}
	assert.Empty(t, c.s3.stored("single-tenant/"))
}

func TestRateNeedsLocalBlocks(t *testing.T) {
	for name, c := range map[string]struct {
		config string
		want   int
	}{
		"with":              {localBlocks, 1},
		"no generator":      {"", 0},
		"another processor": {strings.Replace(localBlocks, "[local-blocks]", "[span-metrics]", 1), 0},
		"no processor":      {"metrics_generator: {}", 0},
	} {
		cluster := newCluster(t, c.config)
		p := cluster.startReady(all)[all]
		p.mustSend(id(1))
		assertFound(t, p, id(1), http.StatusOK)
		assert.Len(t, p.getJSON("/api/metrics/query_range?q=%7B%7D%7Crate()")["series"], c.want, name)
	}
}

func TestRestartOfTheIngester(t *testing.T) {
	for name, c := range map[string]struct {
		config string
		want   int
	}{
		"default":               {"", http.StatusNotFound},
		"flush_all_on_shutdown": {"ingester: {flush_all_on_shutdown: true}", http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := newCluster(t, c.config)
			pods := cluster.startReady(ingester, queryFrontend, querier, distributor)
			pods[distributor].mustSend(id(1))
			assertFound(t, pods[queryFrontend], id(1), http.StatusOK)
			assert.Empty(t, cluster.s3.stored(""))
			pods[ingester].end()
			again := cluster.startReady(ingester)[ingester]
			cluster.wait(func() error {
				if _, body := pods[querier].get("/status"); !strings.Contains(body, again.name) || strings.Contains(body, pods[ingester].name+" ") {
					return fmt.Errorf("the querier knows %s", body)
				}
				return nil
			})
			assertFound(t, pods[queryFrontend], id(1), c.want)
			pods[distributor].mustSend(id(2)) // the new one takes spans
			assertFound(t, pods[queryFrontend], id(2), http.StatusOK)
		})
	}
}

// The order of a rotation: an ingester whose key is gone cannot write what it has.
func TestRotationBeforeTheFlush(t *testing.T) {
	c := newCluster(t, "ingester: {flush_all_on_shutdown: true}")
	pods := c.startReady(ingester, distributor)
	pods[distributor].mustSend(id(1))
	c.s3.accept("new")
	pods[ingester].term()
	pods[ingester].waitLog("ingester: flush: failed\" target=ingester code=InvalidAccessKeyId")
	status, _ := pods[ingester].get("/ready")
	assert.Equal(t, http.StatusServiceUnavailable, status)
	code, body := pods[distributor].send(id(2), "shop", "pay")
	assert.Equal(t, http.StatusServiceUnavailable, code, body)
	assert.Empty(t, c.s3.stored(""))
	select {
	case err := <-pods[ingester].ended:
		require.Fail(t, "it ended with spans that are not written", "%v", err)
	default:
	}

	c.s3.accept("good") // the key is back within the grace period
	require.NoError(t, pods[ingester].waitEnd())
	assert.Len(t, c.s3.stored("single-tenant/"+id(1)+"/"), 1)
}

// A log on a volume has what an ingester had that was killed, once the trace was idle.
func TestTheWriteAheadLog(t *testing.T) {
	c := newCluster(t, "ingester: {trace_idle_period: 10ms, flush_check_period: 10ms}")
	c.volume = t.TempDir()
	pods := c.startReady(ingester, queryFrontend, querier, distributor)
	pods[distributor].mustSend(id(1))
	logged := func() []string {
		files, err := filepath.Glob(filepath.Join(c.volume, "standin", "*"))
		require.NoError(t, err)
		return files
	}
	c.wait(func() error {
		if files := logged(); len(files) != 1 || filepath.Base(files[0]) != id(1)+".json" {
			return fmt.Errorf("the log has %q", files)
		}
		return nil
	})
	pods[ingester].kill()
	require.Error(t, pods[ingester].waitEnd())
	again := c.startReady(ingester)[ingester]
	again.waitLog("replayed the write-ahead log\" target=ingester traces=1")
	c.wait(func() error {
		if _, body := pods[querier].get("/status"); !strings.Contains(body, again.name) {
			return fmt.Errorf("the querier knows %s", body)
		}
		return nil
	})
	assertFound(t, pods[queryFrontend], id(1), http.StatusOK)

	c.config = "ingester: {flush_all_on_shutdown: true}"
	again.end() // without the flush: its spans are in the log still
	last := c.startReady(ingester)[ingester]
	last.end()
	assert.Len(t, c.s3.stored("single-tenant/"+id(1)+"/"), 1)
	assert.Empty(t, logged(), "what is in the bucket is in the log too")

	c.volume = "/proc/nothing"
	broken := c.start(ingester, "good")
	assert.ErrorContains(t, broken.waitEnd(), "failed to create WAL")
}

func TestFlushAtAnInterval(t *testing.T) {
	c := newCluster(t, `
ingester: {max_block_duration: 50ms, trace_idle_period: 10ms, flush_check_period: 10ms}
metrics_generator: {processor: {local_blocks: {flush_to_storage: true, max_block_duration: 50ms}}}
overrides: {defaults: {metrics_generator: {processors: [local-blocks]}}}`)
	p := c.startReady(all)[all]
	sent := time.Now().Truncate(time.Second)
	p.mustSend(id(1))
	c.wait(func() error {
		if a, b := c.s3.stored("single-tenant/"+id(1)+"/"), c.s3.stored("single-tenant/local-blocks/"+id(1)+"/"); len(a) != 1 || len(b) != 1 {
			return fmt.Errorf("stored: %q, %q", a, b)
		}
		if blocks := c.s3.blocks(t, "single-tenant"); len(blocks) != 2 {
			return fmt.Errorf("blocks: %v", blocks)
		}
		return nil
	})
	factors := map[int]bool{}
	for name, block := range c.s3.blocks(t, "single-tenant") {
		assert.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, block.BlockID)
		assert.Equal(t, "single-tenant/"+block.BlockID+"/meta.json", name)
		assert.Equal(t, 1, block.TotalObjects)
		assert.False(t, block.StartTime.Before(sent), "%s begins before %s", block.StartTime, sent)
		assert.False(t, block.EndTime.Before(block.StartTime))
		assert.WithinDuration(t, sent, block.EndTime, limit)
		factors[block.ReplicationFactor] = true
	}
	assert.Equal(t, map[int]bool{0: true, 1: true}, factors, "one of the ingester, and one of the generator")
	p.kill() // as by SIGKILL
	require.Error(t, p.waitEnd())
	again := c.startReady(all)[all]
	assertFound(t, again, id(1), http.StatusOK)
	assert.Len(t, again.getJSON("/api/search?q=%7Bresource.service.name%3D%22shop%22%7D")["traces"], 1)
	assert.Len(t, again.getJSON("/api/metrics/query_range?q=%7B%7D%7Crate()")["series"], 1)
}

// A block is in the bucket once it has its meta.json. Until then its traces are in memory.
func TestABlockThatIsCutOff(t *testing.T) {
	c := newCluster(t, "ingester: {max_block_duration: 10ms, trace_idle_period: 10ms, flush_check_period: 10ms}")
	c.s3.reject("/meta.json")
	p := c.startReady(all)[all]
	p.mustSend(id(1))
	p.waitLog(`"ingester: flush: failed" target=all code=AccessDenied`)
	assert.Empty(t, c.s3.blocks(t, "single-tenant"))
	assert.NotContains(t, p.log.String(), "msg=flushed")
	_, metrics := p.get("/metrics")
	assert.Contains(t, metrics, "tempo_ingester_failed_flushes_total")

	c.s3.reject("")
	p.waitLog("msg=flushed target=all traceid=" + id(1))
	assert.Len(t, c.s3.blocks(t, "single-tenant"), 1)
	assertFound(t, p, id(1), http.StatusOK)
}

func TestAnIngesterThatIsKilled(t *testing.T) {
	for name, c := range map[string]struct {
		config string
		all    bool // are all traces found that were sent before?
	}{
		"default":               {"", true},
		"replication_factor: 1": {"ingester: {lifecycler: {ring: {replication_factor: 1}}}", false},
	} {
		t.Run(name, func(t *testing.T) {
			const n = 16
			cluster := newCluster(t, c.config)
			first := cluster.start(ingester, "good")
			pods := cluster.startReady(ingester, queryFrontend, querier, distributor)
			first.waitReady()
			for _, target := range []string{distributor, querier} {
				cluster.wait(func() error {
					if _, body := pods[target].get("/status"); strings.Count(body, "member: ingester") != 2 {
						return fmt.Errorf("the %s knows %s", target, body)
					}
					return nil
				})
			}
			found := func() int {
				return len(pods[queryFrontend].getJSON("/api/search?q=%7B%7D&limit=100")["traces"].([]any))
			}
			for i := range n {
				pods[distributor].mustSend(id(i))
			}
			assert.Equal(t, n, found())
			first.kill()
			require.Error(t, first.waitEnd())
			for i := range n { // the distributor may still know the first
				pods[distributor].mustSend(id(n + i))
			}
			cluster.wait(func() error {
				if _, body := pods[querier].get("/status"); strings.Count(body, "member: ingester") != 1 {
					return fmt.Errorf("the querier knows %s", body)
				}
				return nil
			})
			if after := found() - n; c.all {
				assert.Equal(t, n, after)
			} else {
				assert.Less(t, after, n)
			}
		})
	}
}

func TestNoIngester(t *testing.T) {
	c := newCluster(t, "")
	p := c.start(distributor, "good")
	p.waitLog("msg=members")
	code, body := p.get("/ready")
	assert.Equal(t, http.StatusServiceUnavailable, code)
	assert.Contains(t, body, "no ingester is known")
	code, body = p.send(id(1), "shop", "pay")
	assert.Equal(t, http.StatusServiceUnavailable, code)
	assert.Contains(t, body, "no ingester is known")
	assert.Equal(t, codes.Unavailable, status.Code(p.export(id(1))))
	assert.Equal(t, codes.InvalidArgument, status.Code(p.export("abcd")), "an id that is too short")
	code, _ = p.send("abcd", "shop", "pay")
	assert.Equal(t, http.StatusBadRequest, code)
}

func TestNoQuerier(t *testing.T) {
	f := newFrontend()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	a := f.run(ctx, singleTenant, "/api/search")
	assert.Equal(t, http.StatusServiceUnavailable, a.Status)
	assert.Contains(t, string(a.Body), "no querier is connected")
}

// A query that fails must not read as a trace that is not there.
func TestQueryWithoutTheBucket(t *testing.T) {
	c := newCluster(t, "")
	p := c.startReady(all)[all]
	p.mustSend(id(1))
	c.s3.accept("new")
	assertFound(t, p, id(1), http.StatusOK) // from memory
	assertFound(t, p, id(2), http.StatusInternalServerError)
	p.waitLog(`"query failed" target=all path=/api/traces/` + id(2) + " code=InvalidAccessKeyId")
}

// A Tempo whose key is wrong ends when it starts, but for a distributor, which uses none.
func TestWrongKey(t *testing.T) {
	for _, target := range targets {
		t.Run(target, func(t *testing.T) {
			c := newCluster(t, "")
			p := c.start(target, "wrong")
			if target != distributor {
				require.ErrorContains(t, p.waitEnd(), "failed to create store: unexpected error from ListObjects on traces: The access key ID you provided does not exist")
				return
			}
			c.start(ingester, "good")
			p.waitReady()
			c.edit = replace("reporting_enabled: false", "reporting_enabled: true")
			require.ErrorContains(t, c.start(target, "wrong").waitEnd(), "The access key ID you provided does not exist")
		})
	}
}

// A key that is revoked later shows in the log, and the process stays Ready.
func TestRevokedKey(t *testing.T) {
	c := newCluster(t, "")
	pods := c.startReady(targets[1:]...)
	c.s3.accept("other")
	for target, p := range pods {
		if target == distributor {
			continue
		}
		p.waitLog("\"bucket traces: failed\" target=" + target + " code=InvalidAccessKeyId")
		p.waitReady()
	}
}

func TestWrongStore(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*cluster)
		error  string
	}{
		"bucket":         {func(c *cluster) { c.edit = replace("bucket: traces", "bucket: other") }, "The specified bucket does not exist"},
		"no CA":          {func(c *cluster) { c.s3.caFile = "" }, "x509: certificate signed by unknown authority"},
		"CA not mounted": {func(c *cluster) { c.s3.caFile = "/not/there" }, "tls_ca_path: open /not/there: no such file"},
		"S3 is closed":   {func(c *cluster) { c.s3.Close() }, "connection refused"},
		"backend":        {func(c *cluster) { c.edit = replace("backend: s3", "backend: local") }, `storage.trace.backend: got "local"`},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := newCluster(t, "")
			c.change(cluster)
			require.ErrorContains(t, cluster.start(compactor, "good").waitEnd(), c.error)
		})
	}
}

func TestReceiverThatTheVersionLacks(t *testing.T) {
	for _, target := range []string{distributor, ingester} {
		c := newCluster(t, "")
		c.edit = replace("    zipkin:", "    opencensus:")
		p := c.start(target, "good")
		if target == distributor {
			require.ErrorContains(t, p.waitEnd(), `failed parsing config: decoding failed due to the following error(s): 'receivers' unknown type: "opencensus"`)
			continue
		}
		p.waitReady() // only the distributor has receivers
	}
}

func TestReceiverByPortOnly(t *testing.T) {
	c := newCluster(t, "")
	p := c.startReady(all)[all]
	conn, err := net.Dial("tcp", net.JoinHostPort(p.ip, strconv.Itoa(c.ports["zipkin"])))
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(limit)))
	_, err = conn.Read(make([]byte, 1))
	assert.ErrorIs(t, err, io.EOF)
	p.waitLog("accepts only OTLP\" target=all receiver=zipkin")
}
