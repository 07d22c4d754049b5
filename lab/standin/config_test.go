package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestVersion(t *testing.T) {
	for version, openCensus := range map[string]bool{
		"2.8.2": true, "2.9.0": true, "2.9.2": true, "2.9.3": false, "2.9.5": false,
		"2.10.0": true, "2.10.5": true, "2.10.6": false, "2.10.7": false, "2.10.8": false,
		"3.0.0": false, "3.0.3": false, "v2.9.0": true, "2.9.0\n": true,
	} {
		got, err := readVersion(version, "")
		require.NoError(t, err, version)
		assert.Equal(t, openCensus, hasOpenCensus(got), version)
		assert.Equal(t, version[0] != '3', hasLocalBlocks(got), version)
	}
	for _, bad := range []string{"latest", "main-1234567", " "} {
		_, err := readVersion(bad, "")
		assert.ErrorContains(t, err, "want a version", bad)
	}
	file := filepath.Join(t.TempDir(), "version")
	_, err := readVersion("", file)
	assert.ErrorContains(t, err, "STANDIN_VERSION: got \"\"")
	require.NoError(t, os.WriteFile(file, []byte("2.10.7\n"), 0o600))
	got, err := readVersion("", file)
	require.NoError(t, err)
	assert.Equal(t, "v2.10.7", got)
}

func TestFlags(t *testing.T) {
	for name, c := range map[string]struct {
		args  []string
		want  flags
		error string
	}{
		"none": {nil, flags{target: all, configFile: "/conf/tempo.yaml"}, ""},
		"the chart's": {
			[]string{"-target=distributor", "-config.file=/conf/x.yaml", "-mem-ballast-size-mbs=64", "-config.expand-env=true"},
			flags{"distributor", "/conf/x.yaml", true, []string{"-mem-ballast-size-mbs=64"}}, "",
		},
		"apart, two dashes": {
			[]string{"--target", "querier", "-config.file", "a", "-config.expand-env"},
			flags{"querier", "a", true, nil}, "",
		},
		"expand-env off": {[]string{"-config.expand-env=false"}, flags{target: all, configFile: "/conf/tempo.yaml"}, ""},
		"unknown target": {[]string{"-target=live-store"}, flags{}, `-target: got "live-store"`},
		"unknown flag":   {[]string{"-no-such-flag"}, flags{}, "flag provided but not defined: -no-such-flag"},
		"no value":       {[]string{"-target"}, flags{}, "flag needs an argument"},
		"no bool":        {[]string{"-config.expand-env=maybe"}, flags{}, `got "maybe"`},
	} {
		got, err := parseFlags(c.args)
		if c.error != "" {
			assert.ErrorContains(t, err, c.error, name)
			continue
		}
		require.NoError(t, err, name)
		assert.Equal(t, c.want, got, name)
	}
}

func TestExpandEnv(t *testing.T) {
	getenv := func(name string) string { return map[string]string{"KEY": "abc", "BREAKS": "a: b: c"}[name] }
	for text, want := range map[string]string{
		"key: ${KEY}":             "key: abc",
		"url: ${KEY}:9091/${KEY}": "url: abc:9091/abc",
		"key: $KEY":               "key: $KEY",
		"key: ${GONE}":            "key: ",
		"key: ${GONE:-other}":     "key: other",
		"key: ${KEY:-other}":      "key: abc",
	} {
		assert.Equal(t, want, expandEnv(text, getenv), text)
	}

	file := filepath.Join(t.TempDir(), "tempo.yaml")
	require.NoError(t, os.WriteFile(file, []byte("storage:\n  trace:\n    s3:\n      access_key: ${KEY}\n      secret_key: ${BREAKS}\n"), 0o600))
	c, err := readConfig(file, false, getenv)
	require.NoError(t, err)
	assert.Equal(t, "${KEY}", c.Storage.Trace.S3.AccessKey, "not expanded")
	_, err = readConfig(file, true, getenv)
	require.ErrorContains(t, err, "failed parsing config", "a value is raw text")
	_, err = readConfig(file+"x", true, getenv)
	assert.ErrorContains(t, err, "failed to read configFile")
}

// rendered is what tempo-distributed 2.26.2 renders, as far as the stand-in reads it.
const rendered = `
cache: {caches: [{memcached: {host: tempo-memcached, service: memcached-client}, roles: [bloom]}]}
distributor:
  receivers:
    jaeger: {protocols: {thrift_compact: {endpoint: 0.0.0.0:6831}, thrift_http: {endpoint: 0.0.0.0:14268}}}
    zipkin: {endpoint: 0.0.0.0:9411}
    otlp: {protocols: {http: {endpoint: 0.0.0.0:4318}, grpc: null}}
    opencensus: {endpoint: 0.0.0.0:55678}
  log_received_spans: {enabled: true, filter_by_status_error: false}
ingester:
  lifecycler: {ring: {replication_factor: 1, kvstore: {store: memberlist}}}
  max_block_duration: 5m
  flush_all_on_shutdown: true
memberlist:
  bind_addr: []
  bind_port: 7946
  join_members: [dns+tempo-gossip-ring:7946]
metrics_generator: {processor: {local_blocks: {flush_to_storage: true}}}
overrides: {defaults: {metrics_generator: {processors: [local-blocks]}}}
querier: {frontend_worker: {frontend_address: "tempo-query-frontend-discovery:9095"}}
server: {http_listen_port: 3100}
storage:
  trace:
    backend: s3
    s3: {bucket: k3s-tempo, endpoint: "s3.example.com:9091", region: eu-west-1, access_key: "123", secret_key: hush, insecure: false, tls_ca_path: /ca.crt}
`

func TestConfig(t *testing.T) {
	c, err := parseConfig([]byte(rendered))
	require.NoError(t, err)
	assert.Equal(t, 3100, c.Server.HTTPPort)
	assert.Equal(t, 9095, c.Server.GRPCPort)
	assert.Equal(t, s3Config{
		Bucket: "k3s-tempo", Endpoint: "s3.example.com:9091", Region: "eu-west-1", AccessKey: "123", SecretKey: "hush", CAPath: "/ca.crt",
	}, c.Storage.Trace.S3)
	assert.Equal(t, []string{"tempo-gossip-ring"}, c.joinHosts())
	assert.Equal(t, flushing{age: 5 * time.Minute, idle: 5 * time.Second, check: 10 * time.Second}, c.ingesterFlush())
	assert.Equal(t, flushing{age: time.Minute, check: time.Second}, c.generatorFlush())
	assert.True(t, c.generates())
	assert.True(t, c.rates("v2.10.7"))
	assert.NotContains(t, c.text["storage"].(map[string]any)["trace"].(map[string]any)["s3"], "hush")
	assert.Equal(t, []endpoint{
		{"jaeger", "thrift_compact", "0.0.0.0:6831"}, {"jaeger", "thrift_http", "0.0.0.0:14268"},
		{"opencensus", "", "0.0.0.0:55678"},
		{"otlp", "grpc", "localhost:4317"}, {"otlp", "http", "0.0.0.0:4318"},
		{"zipkin", "", "0.0.0.0:9411"},
	}, endpoints(c.Distributor.Receivers))

	// The defaults.
	c, err = parseConfig([]byte("storage: {trace: {backend: s3, s3: {bucket: b}}}\noverrides: {defaults: {}}"))
	require.NoError(t, err)
	assert.Equal(t, []int{3200, 9095, 7946, 3}, []int{c.Server.HTTPPort, c.Server.GRPCPort, c.Memberlist.BindPort, c.Ingester.Lifecycler.Ring.ReplicationFactor})
	assert.Equal(t, flushing{age: 30 * time.Minute, idle: 5 * time.Second, check: 10 * time.Second}, c.ingesterFlush())
	assert.True(t, c.generatorFlush().never)
	assert.False(t, c.generates())
	assert.False(t, c.rates("v2.10.7"))
	assert.True(t, c.rates("v3.0.3"))
	assert.Empty(t, endpoints(c.Distributor.Receivers))
	assert.Equal(t, wal("/var/tempo/wal/standin"), c.walPath())

	for _, bad := range []string{
		"ingester: {max_block_duration: soon}", "ingester: {max_block_duration: 5}", "server: {http_listen_port: x}", "a: b: c",
	} {
		_, err := parseConfig([]byte(bad))
		assert.Error(t, err, bad)
	}
	_, err = parseConfig([]byte("storage: {trace: {s3: hush}}"))
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "hush")
}

func TestCheckReceivers(t *testing.T) {
	named := func(names ...string) map[string]receiver {
		receivers := map[string]receiver{}
		for _, name := range names {
			receivers[name] = receiver{}
		}
		return receivers
	}
	for name, c := range map[string]struct {
		receivers map[string]receiver
		version   string
		error     string
	}{
		"none":                 {nil, "v2.10.7", ""},
		"all before":           {named("jaeger", "opencensus", "otlp", "zipkin", "kafka", "otlp/2"), "v2.9.0", ""},
		"all but it":           {named("jaeger", "otlp", "zipkin", "kafka"), "v2.10.7", ""},
		"opencensus, 2.9.5":    {named("opencensus", "otlp"), "v2.9.5", `'receivers' unknown type: "opencensus"`},
		"opencensus, 2.10.7":   {named("opencensus"), "v2.10.7", `'receivers' unknown type: "opencensus"`},
		"opencensus, 2.10.5":   {named("opencensus"), "v2.10.5", ""},
		"opencensus, 3.0.3":    {named("opencensus"), "v3.0.3", `'receivers' unknown type: "opencensus"`},
		"named":                {named("opencensus/a"), "v3.0.3", `unknown type: "opencensus" for id: "opencensus/a"`},
		"a name that is wrong": {named("otpl"), "v2.9.0", `unknown type: "otpl"`},
		"a protocol that is wrong": {
			map[string]receiver{"otlp": {Protocols: map[string]*protocol{"grcp": nil}}}, "v2.9.0", "'protocols' has invalid keys: grcp",
		},
	} {
		if err := checkReceivers(c.receivers, c.version); c.error == "" {
			assert.NoError(t, err, name)
		} else {
			assert.ErrorContains(t, err, c.error, name)
		}
	}
}
