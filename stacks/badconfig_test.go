package stacks

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/picluster/picluster/components/tracing"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// badConfigs are configurations with all that is wrong with each, in order. NOPEM and AKEY are
// files that are no certificate.
func badConfigs() map[string]badConfig {
	return map[string]badConfig{
		"nothing": {fake{}, []string{
			`minio:minioServer: got nothing; want the host:port of MinIO. Fix: pulumi config set minio:minioServer HOST:PORT`,
			`minio:minioUser: got nothing; want MinIO's administrator. Fix: pulumi config set minio:minioUser NAME`,
			`minio:minioPassword: got nothing; want the administrator's password. Fix: pulumi config set --secret minio:minioPassword`,
			`minio:minioSsl: got false; want true, because Tempo's traces and the signatures of its requests are in plain text without TLS. Fix: pulumi config set minio:minioSsl true; or accept it: pulumi config set s3Insecure true`,
		}},
		"several at once": {our("bucket", "B", "namespace", "N", "timeout", "?"), []string{
			`picluster:timeout: got "?"; want a whole number. Fix: pulumi config set timeout 600`,
			`picluster:bucket: got "B"; want a bucket's name by the rules of S3 (bucket name cannot be shorter than 3 characters). Fix: pulumi config set bucket k3s-tempo`,
			`picluster:namespace: got "N"; want 1 to 63 lower-case letters, digits or -, with a letter or digit first and last. Fix: pulumi config set namespace tempo`,
		}},
		"another object store": {our("objectStore", "aws"), []string{
			`picluster:objectStore: got "aws"; want one of minio, existing. Fix: pulumi config set objectStore minio`,
		}},
		"an existing object store without all it needs": {fake{"picluster:objectStore": "existing"}, []string{
			`picluster:credentials: got "secret"; want existing with objectStore: existing, whose key is not created here. Fix: pulumi config set credentials existing`,
			`picluster:s3Endpoint: got nothing; want a host that is a DNS name or an address. Fix: pulumi config set s3Endpoint HOST:PORT`,
		}},
		"an existing object store with what is MinIO's": {existing("policy", "tempo", "keyVersion", "2", "forceDestroy", "true"), []string{
			`picluster:forceDestroy: got true; want false with objectStore: existing, whose bucket is managed elsewhere. Fix: pulumi config set forceDestroy false`,
			`picluster:keyVersion: got 2; want 1 with objectStore: existing, whose key is rotated elsewhere. Fix: pulumi config set keyVersion 1`,
			`picluster:policy: want nothing with objectStore: existing, whose bucket and user are managed elsewhere. Fix: pulumi config rm policy`,
		}},
		"S3 server by its URL": {existing("s3Endpoint", "https://s3.example.com"), []string{
			`picluster:s3Endpoint: got "https://s3.example.com"; want a host:port without a scheme, a user or a path. Fix: pulumi config set s3Endpoint HOST:PORT`,
		}},
		"S3 server's CA that is none": {existing("s3CaFile", "NOPEM"), []string{
			`picluster:s3CaFile: got "NOPEM"; want a file with a certificate in PEM. Fix: pulumi config set s3CaFile FILE`,
		}},
		"S3 server's CA without TLS": {existing("s3CaFile", "NOPEM", "s3Insecure", "true"), []string{
			`picluster:s3CaFile: want nothing without TLS, because it has no effect. Fix: pulumi config set s3Insecure false`,
			`picluster:s3CaFile: got "NOPEM"; want a file with a certificate in PEM. Fix: pulumi config set s3CaFile FILE`,
		}},
		"unknown key": {our("buckte", "x"), []string{
			`picluster:buckte: unknown key; did you mean picluster:bucket? Fix: pulumi config rm buckte`,
		}},
		"key in snake case": {our("loki_url", "http://loki"), []string{
			`picluster:loki_url: unknown key; did you mean picluster:lokiUrl? Fix: pulumi config rm loki_url`,
		}},
		"bucket in capitals": {our("bucket", "K3S-Tempo"), []string{
			`picluster:bucket: got "K3S-Tempo"; want a bucket's name by the rules of S3 (bucket name contains invalid characters). Fix: pulumi config set bucket k3s-tempo`,
		}},
		"bucket too short": {our("bucket", "k3"), []string{
			`picluster:bucket: got "k3"; want a bucket's name by the rules of S3 (bucket name cannot be shorter than 3 characters). Fix: pulumi config set bucket k3s-tempo`,
		}},
		"bucket too long": {our("bucket", strings.Repeat("b", 64)), []string{
			`picluster:bucket: got "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"; want a bucket's name by the rules of S3 (bucket name cannot be longer than 63 characters). Fix: pulumi config set bucket k3s-tempo`,
		}},
		"bucket like an address": {our("bucket", "10.0.0.11"), []string{
			`picluster:bucket: got "10.0.0.11"; want a bucket's name by the rules of S3 (bucket name cannot be an ip address). Fix: pulumi config set bucket k3s-tempo`,
		}},
		"bucket with two dots": {our("bucket", "k3s..tempo"), []string{
			`picluster:bucket: got "k3s..tempo"; want a bucket's name by the rules of S3 (bucket name contains invalid characters). Fix: pulumi config set bucket k3s-tempo`,
		}},
		"bucket of a variable": {our("bucket", "${HOME}"), []string{
			`picluster:bucket: got "${HOME}"; want a bucket's name by the rules of S3 (bucket name contains invalid characters). Fix: pulumi config set bucket k3s-tempo`,
		}},
		"bucket in unicode": {our("bucket", "k3s-tempö"), []string{
			`picluster:bucket: got "k3s-tempö"; want a bucket's name by the rules of S3 (bucket name contains invalid characters). Fix: pulumi config set bucket k3s-tempo`,
		}},
		"empty bucket": {our("bucket", ""), []string{
			`picluster:bucket: got nothing; want a bucket's name by the rules of S3 (bucket name cannot be empty). Fix: pulumi config set bucket k3s-tempo`,
		}},
		"user with a space": {our("user", "tem po"), []string{
			`picluster:user: got "tem po"; want 3 to 128 letters, digits or any of . _ @ + -, with a letter or digit first. Fix: pulumi config set user tempo`,
		}},
		"user too short": {our("user", "me"), []string{
			`picluster:user: got "me"; want 3 to 128 letters, digits or any of . _ @ + -, with a letter or digit first. Fix: pulumi config set user tempo`,
		}},
		"a receiver that Tempo dropped": {our("chartVersion", "2.26.2", "receivers", `["otlpGrpc","opencensus"]`), []string{
			`picluster:receivers[1]: got "opencensus"; want a receiver that the chart's Tempo has: Tempo 2.10.6 dropped it. Fix: pulumi config rm --path 'receivers[1]'`,
		}},
		"user like a version": {our("user", "tempo.v2"), []string{
			`picluster:user: got "tempo.v2"; want a name that does not end with .v and a number, as the users of later key versions do. Fix: pulumi config set user tempo`,
		}},
		"policy with a comma": {our("policy", "a,b,c"), []string{
			`picluster:policy: got "a,b,c"; want 3 to 128 letters, digits or any of . _ @ + -, with a letter or digit first. Fix: pulumi config set policy tempo`,
		}},
		"manage neither": {our("manageUser", "1.0"), []string{
			`picluster:manageUser: got "1.0"; want true or false. Fix: pulumi config set manageUser true`,
		}},
		"protect neither": {our("protectBucket", "no!"), []string{
			`picluster:protectBucket: got "no!"; want true or false. Fix: pulumi config set protectBucket true`,
		}},
		"objects of what stays": {our("forceDestroy", "true"), []string{
			`picluster:forceDestroy: got true; want false with retainBucket: true, which keeps the bucket and its objects. Fix: pulumi config set forceDestroy false`,
		}},
		"retain neither": {our("retainBucket", "yes"), []string{
			`picluster:retainBucket: got "yes"; want true or false. Fix: pulumi config set retainBucket true`,
		}},
		"other Pod Security": {our("podSecurity", "strict"), []string{
			`picluster:podSecurity: got "strict"; want one of restricted, baseline, privileged. Fix: pulumi config set podSecurity restricted`,
		}},
		"namespace in capitals": {our("namespace", "Tempo"), []string{
			`picluster:namespace: got "Tempo"; want 1 to 63 lower-case letters, digits or -, with a letter or digit first and last. Fix: pulumi config set namespace tempo`,
		}},
		"namespace with a dot": {our("namespace", "a.b"), []string{
			`picluster:namespace: got "a.b"; want 1 to 63 lower-case letters, digits or -, with a letter or digit first and last. Fix: pulumi config set namespace tempo`,
		}},
		"namespace too long": {our("namespace", strings.Repeat("n", 64)), []string{
			`picluster:namespace: got "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"; want 1 to 63 lower-case letters, digits or -, with a letter or digit first and last. Fix: pulumi config set namespace tempo`,
		}},
		"Secret with a slash": {our("secretName", "a/b"), []string{
			`picluster:secretName: got "a/b"; want 1 to 253 lower-case letters, digits, - or ., with a letter or digit first and last in each part. Fix: pulumi config set secretName tempo-minio-secret`,
		}},
		"other credentials": {our("credentials", "vault"), []string{
			`picluster:credentials: got "vault"; want one of secret, inline, existing. Fix: pulumi config set credentials secret`,
		}},
		"version of no key": {our("credentials", "existing", "manageUser", "false", "keyVersion", "2"), []string{
			`picluster:keyVersion: got 2; want 1 with manageUser: false, whose key is rotated elsewhere. Fix: pulumi config set keyVersion 1`,
		}},
		"an older key": {our("keyGeneration", "2"), []string{
			`picluster:keyGeneration: got a key of an earlier version; want nothing: keyVersion is in its place, and the key stays as it is. Fix: pulumi config rm keyGeneration`,
		}},
		"restore of no release": {our("restore", `{"tempo/tmepo":1}`), []string{
			`picluster:restore: got "tempo/tmepo"; want one of the stack's releases: tempo/tempo. Fix: pulumi config rm --path 'restore["tempo/tmepo"]'`,
		}},
		"restore of zero times": {our("restore", `{"tempo/tempo":0}`), []string{
			`picluster:restore["tempo/tempo"]: got 0; want 1 or more. Fix: pulumi config rm --path 'restore["tempo/tempo"]'`,
		}},
		"ignore of no object": {our("driftIgnore", `[{"paths":["a"]}]`), []string{
			`picluster:driftIgnore[0].object: got nothing; want an object. Fix: pulumi config set --path 'driftIgnore[0].object' 'Deployment tempo/*'`,
		}},
		"ignore of no path": {our("driftIgnore", `[{"object":"a","paths":[""]}]`), []string{
			`picluster:driftIgnore[0].paths[0]: got nothing; want a path. Fix: pulumi config rm --path 'driftIgnore[0].paths[0]'`,
		}},
		"ignore with a typo": {our("driftIgnore", `[{"object":"a","path":"b"}]`), []string{
			`picluster:driftIgnore[0].path: unknown key; did you mean paths? Fix: pulumi config rm --path 'driftIgnore[0].path'`,
		}},
		"no user, but its key": {our("manageUser", "false"), []string{
			`picluster:credentials: got "secret"; want existing with manageUser: false, whose key is not created here. Fix: pulumi config set credentials existing`,
		}},
		"traces from no namespace": {our("networkPolicies", "true"), []string{
			`picluster:tracesFrom: got nothing; want one namespace or more. Fix: pulumi config set --path 'tracesFrom[0]' default`,
		}},
		"traces from a capital": {our("networkPolicies", "true", "tracesFrom", `["Apps"]`), []string{
			`picluster:tracesFrom[0]: got "Apps"; want 1 to 63 lower-case letters, digits or -, with a letter or digit first and last. Fix: pulumi config rm --path 'tracesFrom[0]'`,
		}},
		"metrics from anywhere": {our("scrapeFrom", `["monitoring"]`), []string{
			`picluster:scrapeFrom: want nothing without networkPolicies, because it has no effect. Fix: pulumi config set networkPolicies true`,
		}},
		"metrics from a capital": {our("networkPolicies", "true", "tracesFrom", `["apps"]`, "scrapeFrom", `["M"]`), []string{
			`picluster:scrapeFrom[0]: got "M"; want 1 to 63 lower-case letters, digits or -, with a letter or digit first and last. Fix: pulumi config rm --path 'scrapeFrom[0]'`,
		}},
		"monitoring by something else": {our("monitoring", "agent"), []string{
			`picluster:monitoring: got "agent"; want one of none, operator. Fix: pulumi config set monitoring operator`,
		}},
		"thresholds of no alert": {our("alertThresholds", `{"memoryPercent":80}`), []string{
			`picluster:alertThresholds: want nothing with monitoring: none, because it has no effect. Fix: pulumi config set monitoring operator`,
		}},
		"thresholds that there are not, and that nothing exceeds": {our("monitoring", "operator", "alertThresholds", `{"memory":80,"memoryPercent":100,"querySeconds":-1}`), []string{
			`picluster:alertThresholds.memory: got "memory"; want one of bucketGrowthPercent, lostSpansPercent, memoryPercent, outstandingBlocks, queryErrorPercent, querySeconds, s3ErrorPercent. Fix: pulumi config rm --path 'alertThresholds.memory'`,
			`picluster:alertThresholds.memoryPercent: got 100; want 0 to 99. Fix: pulumi config rm --path 'alertThresholds.memoryPercent'`,
			`picluster:alertThresholds.querySeconds: got -1; want 0 or more. Fix: pulumi config rm --path 'alertThresholds.querySeconds'`,
		}},
		"a threshold that is no number": {our("monitoring", "operator", "alertThresholds", `{"memoryPercent":"high"}`), []string{
			`picluster:alertThresholds.memoryPercent: got a text; want a whole number. Fix: pulumi config rm --path 'alertThresholds.memoryPercent'`,
		}},
		"monitoring of all that is wrong with Grafana": {our("monitoring", "operator", "release", "R", "grafanaNamespace", "N", "prometheusUid", "a b"), []string{
			`picluster:release: got "R"; want 1 to 63 lower-case letters, digits or -, with a letter or digit first and last. Fix: pulumi config set release tempo`,
			`picluster:prometheusUid: got "a b"; want a uid of 1 to 40 letters, digits, - or _. Fix: pulumi config set prometheusUid prometheus`,
			`picluster:grafanaNamespace: got "N"; want 1 to 63 lower-case letters, digits or -, with a letter or digit first and last. Fix: pulumi config set grafanaNamespace monitoring`,
		}},
		"monitoring of tenants": {our("monitoring", "operator", "grafanaNamespace", "N", "tenants", `[{"name":"a"}]`), []string{
			`picluster:grafanaNamespace: got "N"; want 1 to 63 lower-case letters, digits or -, with a letter or digit first and last. Fix: pulumi config set grafanaNamespace monitoring`,
		}},
		"monitoring with a label that is none": {our("monitoring", "operator", "grafanaRelease", "Stack!"), []string{
			`picluster:grafanaRelease: got "Stack!"; want a value of at most 63 letters, digits, -, _ or ., with a letter or digit first and last. Fix: pulumi config set grafanaRelease kube-prometheus-stack`,
		}},
		"traces from anywhere": {our("tracesFrom", `["apps"]`), []string{
			`picluster:tracesFrom: want nothing without networkPolicies, because it has no effect. Fix: pulumi config set networkPolicies true`,
		}},
		"tenants of no list": {our("tenants", `{"a":1}`), []string{
			`picluster:tenants: got what is no list of maps; want one. Fix: pulumi config rm tenants; and for each tenant: pulumi config set --path 'tenants[0].name' NAME`,
		}},
		"tenants with a typo": {our("tenants", `[{"name":"a","buckte":"b"}]`), []string{
			`picluster:tenants[0].buckte: unknown key; did you mean bucket? Fix: pulumi config rm --path 'tenants[0].buckte'`,
		}},
		"tenants with several typos": {our("tenants", `[{"name":"a","Bucket":"traces"},{"name":"b","user":1,"install":"no","a.b":1},"c"]`), []string{
			`picluster:tenants[2]: got what is no map; want one. Fix: pulumi config rm --path 'tenants[2]'`,
			`picluster:tenants[1]["a.b"]: unknown key; did you mean name? Fix: pulumi config rm --path 'tenants[1]["a.b"]'`,
			`picluster:tenants[1].install: got a text; want true or false. Fix: pulumi config rm --path 'tenants[1].install'`,
			`picluster:tenants[1].user: got a number; want a text. Fix: pulumi config rm --path 'tenants[1].user'`,
		}},
		"resources in numbers": {our("resources", `{"querier":{"limits":{"cpu":1},"requests":[]}}`), []string{
			`picluster:resources.querier.limits: got a number; want a map of words. Fix: pulumi config rm --path 'resources.querier.limits'`,
			`picluster:resources.querier.requests: got a list; want a map of words. Fix: pulumi config rm --path 'resources.querier.requests'`,
		}},
		"Secrets in numbers": {our("imagePullSecrets", `["pull",1,{}]`), []string{
			`picluster:imagePullSecrets[2]: got a map; want a text. Fix: pulumi config rm --path 'imagePullSecrets[2]'`,
			`picluster:imagePullSecrets[1]: got a number; want a text. Fix: pulumi config rm --path 'imagePullSecrets[1]'`,
		}},

		"a tenant without a name": {our("tenants", `[{}]`), []string{
			`picluster:tenants[0].name: got nothing; want 1 to 63 lower-case letters, digits or -, with a letter or digit first and last. Fix: pulumi config set --path 'tenants[0].name' NAME`,
			`picluster:tenants[0].bucket: got "k3s-tempo-"; want a bucket's name by the rules of S3 (bucket name contains invalid characters). Fix: pulumi config set --path 'tenants[0].bucket' NAME`,
			`picluster:tenants[0].namespace: got "tempo-"; want 1 to 63 lower-case letters, digits or -, with a letter or digit first and last. Fix: pulumi config set --path 'tenants[0].namespace' NAME`,
		}},
		"two tenants of one name": {our("tenants", `[{"name":"a"},{"name":"a"}]`), []string{
			`picluster:tenants[1].name: got "a"; want a name that no other tenant has. Fix: pulumi config set --path 'tenants[1].name' NAME`,
			`picluster:tenants[1].bucket: got "k3s-tempo-a"; want a name that no other tenant has. Fix: pulumi config set --path 'tenants[1].bucket' NAME`,
			`picluster:tenants[1].user: got "tempo-a"; want a name that no other tenant has. Fix: pulumi config set --path 'tenants[1].user' NAME`,
			`picluster:tenants[1].namespace: got "tempo-a"; want a name that no other tenant has. Fix: pulumi config set --path 'tenants[1].namespace' NAME`,
		}},
		"two tenants' one bucket": {our("tenants", `[{"name":"a"},{"name":"b","bucket":"k3s-tempo-a"}]`), []string{
			`picluster:tenants[1].bucket: got "k3s-tempo-a"; want a name that no other tenant has. Fix: pulumi config set --path 'tenants[1].bucket' NAME`,
		}},
		"a tenant's policy that is another's default": {our("tenants", `[{"name":"a","policy":"tempo-b"},{"name":"b"}]`), []string{
			`picluster:tenants[1].policy: got "tempo-b"; want a name that no other tenant has. Fix: pulumi config set --path 'tenants[1].policy' NAME`,
		}},
		"a tenant in capitals": {our("tenants", `[{"name":"A"}]`), []string{
			`picluster:tenants[0].name: got "A"; want 1 to 63 lower-case letters, digits or -, with a letter or digit first and last. Fix: pulumi config set --path 'tenants[0].name' NAME`,
			`picluster:tenants[0].bucket: got "k3s-tempo-A"; want a bucket's name by the rules of S3 (bucket name contains invalid characters). Fix: pulumi config set --path 'tenants[0].bucket' NAME`,
			`picluster:tenants[0].namespace: got "tempo-A"; want 1 to 63 lower-case letters, digits or -, with a letter or digit first and last. Fix: pulumi config set --path 'tenants[0].namespace' NAME`,
		}},
		"a tenant's bad Secret": {our("tenants", `[{"name":"a","secretName":"a/b"}]`), []string{
			`picluster:tenants[0].secretName: got "a/b"; want 1 to 253 lower-case letters, digits, - or ., with a letter or digit first and last in each part. Fix: pulumi config set --path 'tenants[0].secretName' NAME`,
		}},
		"release too long": {our("release", strings.Repeat("r", 54)), []string{
			`picluster:release: got "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"; want at most 53 characters. Fix: pulumi config set release tempo`,
		}},
		"release with underscore": {our("release", "my_tempo"), []string{
			`picluster:release: got "my_tempo"; want 1 to 63 lower-case letters, digits or -, with a letter or digit first and last. Fix: pulumi config set release tempo`,
		}},
		"repository not a URL": {our("chartRepository", "grafana"), []string{
			`picluster:chartRepository: got "grafana"; want a URL that starts with http:// or https:// and a host. Fix: pulumi config set chartRepository URL`,
		}},
		"repository's password": {our("chartRepository", "https://me:hunter3@x"), []string{
			`picluster:chartRepository: got "https://xxxxx@x"; want a URL without a user, whose password would be stored in plain text. Fix: pulumi config set chartRepository URL`,
		}},
		"repository of a path": {our("chart", "./chart", "chartRepository", "https://x"), []string{
			`picluster:chartRepository: got "https://x"; want nothing, because chart says where the chart is. Fix: pulumi config rm chartRepository`,
		}},
		"other mode": {our("mode", "scalable"), []string{
			`picluster:mode: got "scalable"; want one of microservices, monolithic. Fix: pulumi config set mode microservices`,
		}},
		"monolithic, and large": {our("mode", "monolithic", "profile", "ha", "replicas", `{"tempo":2}`), []string{
			`picluster:profile: got "ha"; want one of chart, pi, small. Fix: pulumi config set profile chart`,
			`picluster:replicas: want nothing with mode monolithic, which has one pod. Fix: pulumi config rm replicas`,
		}},
		"monolithic, in services": {our("mode", "monolithic", "resources", `{"querier":{}}`, "values", `{"tempo":{"receivers":{}},"persistence":{}}`), []string{
			`picluster:resources.querier: got "querier"; want one of tempo. Fix: pulumi config rm --path 'resources.querier'`,
			`picluster:values.persistence: want nothing here: set persistence. Fix: pulumi config rm --path 'values.persistence'`,
			`picluster:values.tempo.receivers: want nothing here: set receivers. Fix: pulumi config rm --path 'values.tempo.receivers'`,
		}},
		"monolithic, of line 3": {our("mode", "monolithic", "chartVersion", "3.0.0"), []string{
			`picluster:chartVersion: got "3.0.0"; want a version 2.x of chart tempo. Fix: pulumi config rm chartVersion`,
		}},
		"Tempo 3": {our("tempoVersion", "3.0.3"), []string{
			`picluster:tempoVersion: got "3.0.3"; want a version of Tempo 2, which the charts configure. Fix: pulumi config set tempoVersion 2.10.8`,
		}},
		"Tempo by its tag": {our("values", `{"tempo":{"image":{"tag":"2.9.0"}}}`), []string{
			`picluster:values.tempo.image.tag: want nothing here, because receivers depend on the version; set tempoVersion. Fix: pulumi config rm --path 'values.tempo.image.tag'`,
		}},
		"OpenCensus, patched": {our("chartVersion", "1.61.3", "tempoVersion", "2.9.5", "receivers", `["opencensus"]`), []string{
			`picluster:receivers[0]: got "opencensus"; want a receiver that the chart's Tempo has: Tempo 2.9.3 dropped it. Fix: pulumi config rm --path 'receivers[0]'`,
		}},
		"version of a range": {our("chartVersion", "^1.61.0"), []string{
			`picluster:chartVersion: got "^1.61.0"; want an exact version like 2.26.2. Fix: pulumi config rm chartVersion`,
		}},
		"chart 3": {our("chartVersion", "3.3.0"), []string{
			`picluster:chartVersion: got "3.3.0"; want a version below 3, because microservices of Tempo 3 require Kafka and have no ingester or compactor. Fix: pulumi config rm chartVersion`,
		}},
		"chart 0": {our("chartVersion", "0.27.5"), []string{
			`picluster:chartVersion: got "0.27.5"; want a version 1.x or 2.x of chart tempo-distributed. Fix: pulumi config rm chartVersion`,
		}},
		"timeout not a number": {our("timeout", "10m"), []string{
			`picluster:timeout: got "10m"; want a whole number. Fix: pulumi config set timeout 600`,
		}},
		"endpoint with a scheme": {our("s3Endpoint", "https://s3.example.com"), []string{
			`picluster:s3Endpoint: got "https://s3.example.com"; want a host:port without a scheme, a user or a path. Fix: pulumi config set s3Endpoint HOST:PORT`,
		}},
		"endpoint with a path": {our("s3Endpoint", "s3.example.com/x"), []string{
			`picluster:s3Endpoint: got "s3.example.com/x"; want a host:port without a scheme, a user or a path. Fix: pulumi config set s3Endpoint HOST:PORT`,
		}},
		"endpoint's port": {our("s3Endpoint", "s3.example.com:70000"), []string{
			`picluster:s3Endpoint: got "s3.example.com:70000"; want a port from 1 to 65535. Fix: pulumi config set s3Endpoint HOST:PORT`,
		}},
		"endpoint of a template": {our("s3Endpoint", "{{.Values.x}}"), []string{
			`picluster:s3Endpoint: got "{{.Values.x}}"; want a host:port without a scheme, a user or a path. Fix: pulumi config set s3Endpoint HOST:PORT`,
		}},
		"endpoint of a variable": {our("s3Endpoint", "${S3_SERVER}:9091"), []string{
			`picluster:s3Endpoint: got "${S3_SERVER}:9091"; want a host:port without a scheme, a user or a path. Fix: pulumi config set s3Endpoint HOST:PORT`,
		}},
		"region of a variable": {our("s3Region", "${REGION}"), []string{
			`picluster:s3Region: got "${REGION}"; want a region like eu-west-1. Fix: pulumi config set s3Region us-east-1`,
		}},
		"server with a scheme": {with("minio:minioServer", "https://s3.example.com"), []string{
			`minio:minioServer: got "https://s3.example.com"; want a host:port without a scheme, a user or a path. Fix: pulumi config set minio:minioServer HOST:PORT`,
		}},
		"TLS neither": {with("minio:minioSsl", "on"), []string{
			`minio:minioSsl: got "on"; want true or false. Fix: pulumi config set minio:minioSsl true`,
		}},
		"the provider's region": {with("minio:minioRegion", "eu west"), []string{
			`minio:minioRegion: got "eu west"; want a region like eu-west-1. Fix: pulumi config set minio:minioRegion us-east-1`,
		}},
		"plain text by accident": {with("minio:minioSsl", "false"), []string{
			`minio:minioSsl: got false; want true, because Tempo's traces and the signatures of its requests are in plain text without TLS. Fix: pulumi config set minio:minioSsl true; or accept it: pulumi config set s3Insecure true`,
		}},
		"plain text to TLS": {our("s3Insecure", "true"), []string{
			`picluster:s3Insecure: got true; want false, because minio:minioSsl is true and the server is the same. Fix: pulumi config set s3Insecure false`,
		}},
		"CA that is not there": {with("minio:minioCacertFile", "/nowhere"), []string{
			`minio:minioCacertFile: got "/nowhere"; want a file that can be read. Fix: pulumi config set minio:minioCacertFile FILE`,
		}},
		"CA that is none": {with("minio:minioCacertFile", "NOPEM"), []string{
			`minio:minioCacertFile: got "NOPEM"; want a file with a certificate in PEM. Fix: pulumi config set minio:minioCacertFile FILE`,
		}},
		"CA's private key": {with("minio:minioCacertFile", "AKEY"), []string{
			`minio:minioCacertFile: got "AKEY"; want certificates alone, without a PRIVATE KEY. Fix: pulumi config set minio:minioCacertFile FILE`,
		}},
		"CA without TLS": {with("minio:minioCacertFile", "NOPEM", "minio:minioSsl", "false", "picluster:s3Insecure", "true"), []string{
			`minio:minioCacertFile: got "NOPEM"; want a file with a certificate in PEM. Fix: pulumi config set minio:minioCacertFile FILE`,
			`minio:minioCacertFile: want nothing without TLS, because it has no effect. Fix: pulumi config set minio:minioSsl true`,
		}},
		"other profile": {our("profile", "raspberry"), []string{
			`picluster:profile: got "raspberry"; want one of chart, ha, pi, small. Fix: pulumi config set profile chart`,
		}},
		"replicas not a map": {our("replicas", "3"), []string{
			`picluster:replicas: got what is no map of whole numbers; want one. Fix: pulumi config rm replicas`,
		}},
		"replicas of no service": {our("replicas", `{"queriers":2}`), []string{
			`picluster:replicas.queriers: got "queriers"; want one of distributor, ingester, compactor, querier, queryFrontend, metricsGenerator, memcached. Fix: pulumi config rm --path 'replicas.queriers'`,
		}},
		"replicas in words": {our("replicas", `{"querier":"two"}`), []string{
			`picluster:replicas.querier: got a text; want a whole number. Fix: pulumi config rm --path 'replicas.querier'`,
		}},
		"no replicas": {our("replicas", `{"querier":0}`), []string{
			`picluster:replicas.querier: got 0; want 1 or more. Fix: pulumi config rm --path 'replicas.querier'`,
		}},
		"too few ingesters": {our("replicas", `{"ingester":2}`), []string{
			`picluster:replicas.ingester: got 2; want 3 or more, because profile chart stores 3 copies of each span. Fix: pulumi config rm --path 'replicas.ingester'`,
		}},
		"resources of no service": {our("resources", `{"queriers":{}}`), []string{
			`picluster:resources.queriers: got "queriers"; want one of distributor, ingester, compactor, querier, queryFrontend, metricsGenerator, memcached. Fix: pulumi config rm --path 'resources.queriers'`,
		}},
		"resources of what": {our("resources", `{"querier":{"limit":{"cpu":"1"}}}`), []string{
			`picluster:resources.querier.limit: unknown key; did you mean limits? Fix: pulumi config rm --path 'resources.querier.limit'`,
		}},
		"resources of disks": {our("resources", `{"querier":{"limits":{"disk":"1Gi"}}}`), []string{
			`picluster:resources.querier.limits.disk: got "disk"; want one of cpu, memory, ephemeral-storage. Fix: pulumi config rm --path 'resources.querier.limits.disk'`,
		}},
		"resources in megabytes": {our("resources", `{"querier":{"limits":{"memory":"1GB"}}}`), []string{
			`picluster:resources.querier.limits.memory: got "1GB"; want a quantity like 10Gi, 512Mi or 250m. Fix: pulumi config rm --path 'resources.querier.limits.memory'`,
		}},
		"negative resources": {our("resources", `{"querier":{"limits":{"memory":"-1Gi"}}}`), []string{
			`picluster:resources.querier.limits.memory: got "-1Gi"; want a quantity of more than zero. Fix: pulumi config rm --path 'resources.querier.limits.memory'`,
		}},
		"retention in days": {our("retention", "14d"), []string{
			`picluster:retention: got "14d"; want a duration like 336h or 90m. Fix: pulumi config set retention 336h`,
		}},
		"retention of no time": {our("retention", "10s"), []string{
			`picluster:retention: got "10s"; want a duration of 1h0m0s or more. Fix: pulumi config set retention 336h`,
		}},
		"receivers not a list": {our("receivers", "otlp"), []string{
			`picluster:receivers: got what is no list of words; want one. Fix: pulumi config rm receivers`,
		}},
		"unknown receiver": {our("receivers", `["otlp","zipkin"]`), []string{
			`picluster:receivers[0]: got "otlp"; want one of jaegerGrpc, jaegerThriftCompact, jaegerThriftHttp, otlpGrpc, otlpHttp, zipkin. Fix: pulumi config rm --path 'receivers[0]'`,
		}},
		"receiver twice": {our("receivers", `["zipkin","zipkin"]`), []string{
			`picluster:receivers[1]: got "zipkin"; want each receiver once. Fix: pulumi config rm --path 'receivers[1]'`,
		}},
		"metrics of no generator": {our("metricsGenerator", "false", "serviceGraphs", "true", "prometheusRemoteWriteUrl", "http://p"), []string{
			`picluster:metricsGenerator: got false; want true with serviceGraphs or spanMetrics. Fix: pulumi config set metricsGenerator true`,
		}},
		"metrics without a Prometheus": {our("spanMetrics", "true"), []string{
			`picluster:prometheusRemoteWriteUrl: got nothing; want the URL where Prometheus receives the metrics. Fix: pulumi config set prometheusRemoteWriteUrl URL`,
		}},
		"no metrics to write": {our("prometheusRemoteWriteUrl", "http://p"), []string{
			`picluster:prometheusRemoteWriteUrl: want nothing without serviceGraphs or spanMetrics. Fix: pulumi config rm prometheusRemoteWriteUrl`,
		}},
		"values not a map": {our("values", "[1]"), []string{
			`picluster:values: got what is no map of values; want one. Fix: pulumi config rm values`,
		}},
		"values with a key": {our("values", `{"storage":{"trace":{"s3":{"secret_key":"hunter3"}}}}`), []string{
			`picluster:values.storage.trace.s3.secret_key: want no credential, because Helm stores values in plain text; reference a Secret instead. Fix: pulumi config rm --path 'values.storage.trace.s3.secret_key'`,
		}},
		"values of two evils": {our("values", `{"minio":{"enabled":true},"config":"x"}`), []string{
			`picluster:values.config: want nothing here, because it replaces how the pods reach bucket; use tempo.structuredConfig. Fix: pulumi config rm --path 'values.config'`,
			`picluster:values.minio.enabled: want nothing here, because the traces are stored in bucket. Fix: pulumi config rm --path 'values.minio.enabled'`,
		}},
		"Loki not a URL": {our("lokiUrl", "loki:3100"), []string{
			`picluster:lokiUrl: got "loki:3100"; want a URL that starts with http:// or https:// and a host. Fix: pulumi config set lokiUrl URL`,
		}},
		"Loki by FTP": {our("lokiUrl", "ftp://loki"), []string{
			`picluster:lokiUrl: got "ftp://loki"; want a URL that starts with http:// or https:// and a host. Fix: pulumi config set lokiUrl URL`,
		}},
		"uid of a template": {our("lokiUid", "{{x}}"), []string{
			`picluster:lokiUid: got "{{x}}"; want a uid of 1 to 40 letters, digits, - or _. Fix: pulumi config set lokiUid loki`,
		}},
		"tenant of no Loki": {our("lokiTenant", "team"), []string{
			`picluster:lokiUrl: got nothing; want a URL with lokiTenant. Fix: pulumi config set lokiUrl URL`,
		}},
		"other datasources": {our("datasources", "sidecar"), []string{
			`picluster:datasources: got "sidecar"; want one of values, configmap, release, operator. Fix: pulumi config set datasources values`,
		}},
		"Grafana's version": {our("grafanaChartVersion", "latest"), []string{
			`picluster:grafanaChartVersion: got "latest"; want an exact version like 88.5.3. Fix: pulumi config set grafanaChartVersion 88.5.3`,
		}},
		"Grafana's values, unused": {our("grafanaChartValues", `{"a":1}`), []string{
			`picluster:grafanaChartValues: want nothing with datasources: values, because it has no effect. Fix: pulumi config set datasources release`,
		}},
		"Grafana's values with null": {our("datasources", "release", "grafanaChartValues", `{"grafana":null}`), []string{
			`picluster:grafanaChartValues.grafana: want a value, because the Kubernetes provider drops null; set what the chart takes for none, such as {}, [] or false. Fix: pulumi config rm --path 'grafanaChartValues.grafana'`,
		}},
		"exemplars by ConfigMap": {our("datasources", "configmap", "exemplars", "true"), []string{
			`picluster:exemplars: got true; want false with datasources: configmap, which cannot change Prometheus's own data source. Fix: pulumi config set exemplars false`,
		}},
		"several tenants' problems": {our("tenants", `[{"name":"a","bucket":"B"},{"name":"b","user":"x y","namespace":"N","policy":"p,q"}]`), []string{
			`picluster:tenants[0].bucket: got "B"; want a bucket's name by the rules of S3 (bucket name cannot be shorter than 3 characters). Fix: pulumi config set --path 'tenants[0].bucket' NAME`,
			`picluster:tenants[1].user: got "x y"; want 3 to 128 letters, digits or any of . _ @ + -, with a letter or digit first. Fix: pulumi config set --path 'tenants[1].user' NAME`,
			`picluster:tenants[1].policy: got "p,q"; want 3 to 128 letters, digits or any of . _ @ + -, with a letter or digit first. Fix: pulumi config set --path 'tenants[1].policy' NAME`,
			`picluster:tenants[1].namespace: got "N"; want 1 to 63 lower-case letters, digits or -, with a letter or digit first and last. Fix: pulumi config set --path 'tenants[1].namespace' NAME`,
		}},
		"a password in the server": {with("minio:minioServer", "https://admin:hunter3@s3.example.com"), []string{
			`minio:minioServer: got "https://xxxxx@s3.example.com"; want a host:port without a scheme, a user or a path. Fix: pulumi config set minio:minioServer HOST:PORT`,
		}},
		"a password in the endpoint": {our("s3Endpoint", "https://admin:hunter3@s3.example.com"), []string{
			`picluster:s3Endpoint: got "https://xxxxx@s3.example.com"; want a host:port without a scheme, a user or a path. Fix: pulumi config set s3Endpoint HOST:PORT`,
		}},
		"a password in a bad URL": {our("lokiUrl", "http://me:hunter3@[::1"), []string{
			`picluster:lokiUrl: got "http://xxxxx@[::1"; want a URL that starts with http:// or https:// and a host. Fix: pulumi config set lokiUrl URL`,
		}},
		"a password in the remote write": {our("spanMetrics", "true", "prometheusRemoteWriteUrl", "http://me:hunter3@prometheus"), []string{
			`picluster:prometheusRemoteWriteUrl: got "http://xxxxx@prometheus"; want a URL without a user, whose password would be stored in plain text. Fix: pulumi config set prometheusRemoteWriteUrl URL`,
		}},
		"an existing namespace, and no name": {our("existingNamespace", "true", "namespace", ""), []string{
			`picluster:namespace: got nothing; want 1 to 63 lower-case letters, digits or -, with a letter or digit first and last. Fix: pulumi config set namespace tempo`,
		}},
		"existing key of no Secret": {our("credentials", "existing", "secretName", ""), []string{
			`picluster:secretName: got nothing; want 1 to 253 lower-case letters, digits, - or ., with a letter or digit first and last in each part. Fix: pulumi config set secretName tempo-minio-secret`,
		}},
		"a Secret of keys inline": {our("credentials", "inline", "secretName", "keys", "accessKeyField", "ID"), []string{
			`picluster:secretName: got "keys"; want nothing with credentials: inline, because it has no effect without a Secret. Fix: pulumi config rm secretName`,
			`picluster:accessKeyField: got "ID"; want nothing with credentials: inline, because it has no effect without a Secret. Fix: pulumi config rm accessKeyField`,
		}},
		"a tenant's Secret of keys inline": {our("credentials", "inline", "tenants", `[{"name":"a","secretName":"keys"}]`), []string{
			`picluster:tenants[0].secretName: got "keys"; want nothing with credentials: inline, because it has no effect without a Secret. Fix: pulumi config rm --path 'tenants[0].secretName'`,
		}},
		"another span's bar": {our("spanBar", "tag"), []string{
			`picluster:spanBar: got "tag"; want one of "None", "Duration", "Tag". Fix: pulumi config set spanBar Duration`,
		}},
		"a span's bar of no tag": {our("spanBar", "Tag"), []string{
			`picluster:spanBarTag: got nothing; want a tag with spanBar "Tag". Fix: pulumi config set spanBarTag http.path`,
		}},
		"a tag that is not shown": {our("spanBarTag", "http.path"), []string{
			`picluster:spanBarTag: got "http.path"; want none unless spanBar is "Tag". Fix: pulumi config rm spanBarTag`,
		}},
		"a range with one end": {our("traceQueryEnd", "an hour"), []string{
			`picluster:traceQueryStart: got nothing; want a duration like -1h or 30m. Fix: pulumi config set traceQueryStart -- -1h`,
			`picluster:traceQueryEnd: got "an hour"; want a duration like -1h or 30m. Fix: pulumi config set traceQueryEnd 1h`,
		}},
		"a field of the Secret": {our("accessKeyField", "a b"), []string{
			`picluster:accessKeyField: got "a b"; want 1 to 253 letters, digits, -, _ or ., and not . or .. alone. Fix: pulumi config set accessKeyField MINIO_ACCESS_KEY_ID`,
		}},
		"a tenant's policy is another tenant's by default": {our("tenants", `[{"name":"a","policy":"tempo-b"},{"name":"b"}]`), []string{
			`picluster:tenants[1].policy: got "tempo-b"; want a name that no other tenant has. Fix: pulumi config set --path 'tenants[1].policy' NAME`,
		}},
		"a taint's operator": {our("tolerations", `[{"key":"a","operator":"Exist"}]`), []string{
			`picluster:tolerations[0].operator: got "Exist"; want one of Exists, Equal. Fix: pulumi config rm --path 'tolerations[0].operator'`,
		}},
		"a service with dots": {our("replicas", `{"a.b":2}`, "resources", `{"a.c":{}}`), []string{
			`picluster:replicas["a.b"]: got "a.b"; want one of distributor, ingester, compactor, querier, queryFrontend, metricsGenerator, memcached. Fix: pulumi config rm --path 'replicas["a.b"]'`,
			`picluster:resources["a.c"]: got "a.c"; want one of distributor, ingester, compactor, querier, queryFrontend, metricsGenerator, memcached. Fix: pulumi config rm --path 'resources["a.c"]'`,
		}},
		"one field for both keys": {our("accessKeyField", "X", "secretKeyField", "X"), []string{
			`picluster:secretKeyField: got "X"; want another field than accessKeyField. Fix: pulumi config set --plaintext secretKeyField MINIO_SECRET_ACCESS_KEY`,
		}},
		"a password in the chart's address": {our("chart", "oci://me:hunter2@x/y", "datasources", "release", "grafanaChart", "oci://me:hunter2@x/y"), []string{
			`picluster:chart: got "oci://xxxxx@x/y"; want a URL without a user, whose password would be stored in plain text. Fix: pulumi config set chart tempo-distributed`,
			`picluster:grafanaChart: got "oci://xxxxx@x/y"; want a URL without a user, whose password would be stored in plain text. Fix: pulumi config set grafanaChart kube-prometheus-stack`,
		}},
		"operator without labels": {our("datasources", "operator"), []string{
			`picluster:grafanaInstanceSelector: got nothing; want at least one label of the Grafana objects. Fix: pulumi config set --path 'grafanaInstanceSelector.dashboards' grafana`,
		}},
		"volume's size": {our("persistence", "true", "persistenceSize", "big"), []string{
			`picluster:persistenceSize: got "big"; want a quantity like 10Gi, 512Mi or 250m. Fix: pulumi config set persistenceSize 10Gi`,
		}},
		"uid of Tempo": {our("lokiUrl", "http://loki", "lokiUid", "tempo"), []string{
			`picluster:lokiUid: got "tempo"; want a uid that no other data source has. Fix: pulumi config set lokiUid loki`,
		}},
		"Grafana's namespace": {our("datasources", "configmap", "grafanaNamespace", "Monitoring"), []string{
			`picluster:grafanaNamespace: got "Monitoring"; want 1 to 63 lower-case letters, digits or -, with a letter or digit first and last. Fix: pulumi config set grafanaNamespace monitoring`,
		}},
		"Grafana's repository": {our("datasources", "release", "grafanaChart", "oci://x/y", "grafanaChartRepository", "https://x"), []string{
			`picluster:grafanaChartRepository: got "https://x"; want none, because grafanaChart is not a bare name. Fix: pulumi config rm grafanaChartRepository`,
		}},
		"a namespace that may query": {our("networkPolicies", "true", "tracesFrom", `["apps"]`, "grafanaNamespace", "N"), []string{
			`picluster:grafanaNamespace: got "N"; want 1 to 63 lower-case letters, digits or -, with a letter or digit first and last. Fix: pulumi config set grafanaNamespace monitoring`,
		}},
		"a timeout of two releases": {our("timeout", "-1", "datasources", "release"), []string{
			`picluster:timeout: got -1; want 0 to 86400 seconds. Fix: pulumi config set timeout 600`,
		}},
		"a release of two names": {our("release", "R", "datasources", "configmap"), []string{
			`picluster:release: got "R"; want 1 to 63 lower-case letters, digits or -, with a letter or digit first and last. Fix: pulumi config set release tempo`,
		}},
		"exemplars of several tenants": {our("exemplars", "true", "grafanaChartVersion", "70.0.0", "tenants", `[{"name":"a"},{"name":"b"}]`), []string{
			`picluster:exemplars: got true; want false with several Tempos, unless grafanaChartVersion is 77.12.1 or later. Fix: pulumi config set exemplars false`,
		}},
		"a Loki's uid that is another tenant's Tempo's": {our("lokiUrl", "http://loki", "lokiUid", "tempo-b", "tenants", `[{"name":"x","install":false},{"name":"a"},{"name":"b-a"}]`), []string{
			`picluster:lokiUid: got "tempo-b-a"; want a uid that no other data source has. Fix: pulumi config set lokiUid loki`,
		}},
		"no Pod Security Standard": {our("podSecurity", ""), []string{
			`picluster:podSecurity: got nothing; want a value. Fix: pulumi config set podSecurity restricted`,
		}},
		"a timeout of years": {our("timeout", "99999999999", "datasources", "release"), []string{
			`picluster:timeout: got 99999999999; want 0 to 86400 seconds. Fix: pulumi config set timeout 600`,
		}},
		"a namespace of Kubernetes": {our("namespace", "kube-system"), []string{
			`picluster:namespace: got "kube-system"; want a namespace that Kubernetes does not create, because podSecurity and its deletion would affect what else runs in it. Fix: pulumi config set namespace tempo`,
		}},
		"policies for a namespace of Kubernetes": {our("namespace", "kube-system", "existingNamespace", "true", "networkPolicies", "true", "tracesFrom", `["apps"]`), []string{
			`picluster:namespace: got "kube-system"; want a namespace that Kubernetes does not create, because networkPolicies would close it for what else runs in it. Fix: pulumi config set namespace tempo`,
		}},
		"no seconds": {our("timeout", "0"), []string{
			`picluster:timeout: got 0; want 1 or more. Fix: pulumi config set timeout 600`,
		}},
		"version zero": {our("keyVersion", "0"), []string{
			`picluster:keyVersion: got 0; want 1 or more. Fix: pulumi config set keyVersion 1`,
		}},
		"a tenant with a dot": {our("tenants", `[{"name":"a.b","namespace":"a"}]`), []string{
			`picluster:tenants[0].name: got "a.b"; want 1 to 63 lower-case letters, digits or -, with a letter or digit first and last. Fix: pulumi config set --path 'tenants[0].name' NAME`,
		}},
		"a taint's bad operator": {our("tolerations", `[{"key":"a","operator":"In"}]`), []string{
			`picluster:tolerations[0].operator: got "In"; want one of Exists, Equal. Fix: pulumi config rm --path 'tolerations[0].operator'`,
		}},
		"a taint of no key": {our("tolerations", `[{"value":"a"}]`), []string{
			`picluster:tolerations[0].key: got nothing; want the key of a taint, or the operator Exists. Fix: pulumi config set --path 'tolerations[0].key' VALUE`,
		}},
		"a bad label beside a good one": {our("nodeSelector", `{"disk":"ssd","_b":"c"}`), []string{
			`picluster:nodeSelector._b: got "_b"; want a key of 1 to 63 letters, digits, -, _ or ., with a letter or digit first and last, and a DNS subdomain and / before it if it has a prefix. Fix: pulumi config rm --path 'nodeSelector._b'`,
		}},
		"a label's name with dots": {our("nodeSelector", `{"kubernetes.io/arch":"b c"}`), []string{
			`picluster:nodeSelector["kubernetes.io/arch"]: got "b c"; want a value of at most 63 letters, digits, -, _ or ., with a letter or digit first and last. Fix: pulumi config rm --path 'nodeSelector["kubernetes.io/arch"]'`,
		}},
		"a credential under a name with dots": {our("values", `{"ingester":{"podAnnotations":{"example.com/password":"hunter3"}}}`), []string{
			`picluster:values.ingester.podAnnotations["example.com/password"]: want no credential, because Helm stores values in plain text; reference a Secret instead. Fix: pulumi config rm --path 'values.ingester.podAnnotations["example.com/password"]'`,
		}},
	}
}

type badConfig struct {
	config fake
	want   []string
}

func TestBadConfig(t *testing.T) {
	noPEM, aKey := notCertificates(t)
	files := strings.NewReplacer("NOPEM", noPEM, "AKEY", aKey)
	for name, test := range badConfigs() {
		t.Run(name, func(t *testing.T) {
			for key, value := range test.config {
				test.config[key] = files.Replace(value)
			}
			lines := problemsOf(t, test.config)
			var want []string
			for _, line := range test.want {
				want = append(want, files.Replace(line))
			}
			assert.Equal(t, want, lines)
			for _, line := range lines {
				assertForm(t, line)
			}
			assertFixed(t, test.config)
		})
	}
}

// A shell must read a path as one word, whatever a user has called a key.
func TestPathInACommand(t *testing.T) {
	assert.Equal(t, []string{
		`picluster:resources["a'; rm x"]: got "a'; rm x"; want one of distributor, ingester, compactor, querier, queryFrontend, metricsGenerator, memcached. Fix: pulumi config rm --path 'resources["a'\''; rm x"]'`,
		`picluster:restore: got "a'; rm x"; want one of the stack's releases: tempo/tempo. Fix: pulumi config rm --path 'restore["a'\''; rm x"]'`,
	}, problemsOf(t, our("resources", `{"a'; rm x":{}}`, "restore", `{"a'; rm x":1}`)))
}

func notCertificates(t *testing.T) (noPEM, aKey string) {
	t.Helper()
	noPEM, aKey = filepath.Join(t.TempDir(), "ca.crt"), filepath.Join(t.TempDir(), "ca.key")
	require.NoError(t, os.WriteFile(noPEM, []byte("not PEM"), 0o600))
	require.NoError(t, os.WriteFile(aKey, []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), 0o600))
	return noPEM, aKey
}

// problemsOf returns the lines of the error that a configuration causes.
func problemsOf(t *testing.T, config fake) []string {
	t.Helper()
	_, _, err := read(config)
	if err == nil {
		return nil
	}
	assert.NotContains(t, err.Error(), "hunter", "a password")
	lines := strings.Split(withoutStack(t, err), "\n")
	count := "1 problem,"
	if len(lines) > 2 {
		count = strconv.Itoa(len(lines)-1) + " problems,"
	}
	assert.Equal(t, "the configuration in Pulumi.test.yaml has "+count+" and nothing was touched:", lines[0])
	return lines[1:]
}

// configCommand is the start of a command that changes the configuration.
var configCommand = regexp.MustCompile(`pulumi config (set-all|set|rm)\b`)

// withoutStack returns an error without the stack that each command of it names.
func withoutStack(t *testing.T, err error) string {
	t.Helper()
	for _, command := range configCommand.FindAllStringIndex(err.Error(), -1) {
		assert.True(t, strings.HasPrefix(err.Error()[command[1]:], " --stack test "), "a command without the stack: %s", err)
	}
	return strings.ReplaceAll(err.Error(), " --stack test", "")
}

// form is what each problem looks like: the key, the value, the rule, and the command.
var form = regexp.MustCompile(`^((?:picluster|minio):[a-z]\S*): (got .+; want .+|want .+|unknown key; did you mean .+\?)(?:\.| )?(?: ?Fix: (pulumi config (?:set|rm) .+))$`)

// goField is a name of a component's field that no user knows.
var goField = regexp.MustCompile(`\b(ObjectStore|Tempo|Grafana|Namespace|Chart|Preset|Network|Persistence|Generator)\.[A-Z]|[a-z][A-Z][a-z]+\.[A-Z]`)

func assertForm(t *testing.T, line string) {
	t.Helper()
	assert.Regexp(t, form, line)
	assert.NotRegexp(t, goField, line)
}

// assertFixed runs the command of each problem alone, which must be gone then, and all of them
// until nothing is left to run. A command with a word in capitals is the reader's to fill in.
func assertFixed(t *testing.T, config fake) {
	t.Helper()
	open := 0
	for _, line := range problemsOf(t, config) {
		command := commandOf(line)
		if isPlaceholder(command) {
			open++
			continue
		}
		assert.NotContains(t, problemsOf(t, run(t, config, command)), line, "%s does not fix it", command)
	}
	for range 5 {
		for _, line := range problemsOf(t, config) {
			if command := commandOf(line); !isPlaceholder(command) {
				config = run(t, config, command)
			}
		}
	}
	for _, line := range problemsOf(t, config) {
		assert.True(t, open > 0 && isPlaceholder(commandOf(line)), "is left: %s", line)
	}
}

func commandOf(line string) string {
	_, command, _ := strings.Cut(line, "Fix: ")
	command, _, _ = strings.Cut(command, "; ")
	return command
}

var placeholder = regexp.MustCompile(` (NAME|URL|FILE|HOST:PORT|CLASS|TENANT|VALUE)$`)

func isPlaceholder(command string) bool {
	return placeholder.MatchString(command) || strings.Contains(command, "--secret") // it asks for the value
}

// word is a word of a shell's command.
var word = regexp.MustCompile(`'[^']*'|\S+`)

// run returns the configuration as a command of pulumi config leaves it.
func run(t *testing.T, from fake, command string) fake {
	t.Helper()
	var words []string
	for _, quoted := range word.FindAllString(command, -1) {
		words = append(words, strings.Trim(quoted, "'"))
	}
	require.Equal(t, []string{"pulumi", "config"}, words[:2], command)
	verb, words := words[2], words[3:]
	path := words[0] == "--path"
	if path || words[0] == "--plaintext" {
		words = words[1:]
	}
	words = slices.DeleteFunc(words, func(word string) bool { return word == "--" })
	name := words[0]
	if !strings.Contains(name, ":") || path {
		name = "picluster:" + name
	}
	// What the command itself does.
	stored := config.Map{}
	for key, value := range from {
		stored[config.MustParseKey(key)] = config.NewValue(value)
		if strings.HasPrefix(value, "{") || strings.HasPrefix(value, "[") {
			stored[config.MustParseKey(key)] = config.NewObjectValue(value)
		}
	}
	namespace, name, _ := strings.Cut(name, ":")
	key := config.MustMakeKey(namespace, name)
	if verb == "rm" {
		require.Len(t, words, 1, command)
		_, found, err := stored.Get(key, path)
		require.NoError(t, err, command)
		require.True(t, found, "%s removes nothing", command)
		require.NoError(t, stored.Remove(key, path), command)
	} else {
		require.Len(t, words, 2, command)
		require.NoError(t, stored.Set(key, config.NewValue(words[1]), path), command)
	}
	next := fake{}
	for key, value := range stored {
		text, err := value.Value(config.NopDecrypter)
		require.NoError(t, err)
		next[key.String()] = text
	}
	return next
}

// Problems have an order of their own, whatever the order of the maps.
func TestOrderOfProblems(t *testing.T) {
	config := our("bucket", "B", "replicas", `{"a":1,"b":2,"c":3,"d":4}`, "restore", `{"x/y":1,"a/b":1}`, "aaa", "1", "zzz", "1")
	first := problemsOf(t, config)
	assert.Len(t, first, 9)
	for range 20 {
		require.Equal(t, first, problemsOf(t, config))
	}
}

// withoutKey are the fields of tracing.Args that no key sets, and why.
var withoutKey = map[string]string{
	"ObjectStore.ExistingBucket":       "a stack has its bucket",
	"ObjectStore.Existing":             "objectStore: existing",
	"ObjectStore.Versioning":           "Tempo does not need it",
	"ObjectStore.Quota":                "the same",
	"ObjectStore.ExpireDays":           "retention is Tempo's",
	"ObjectStore.ExpireNoncurrentDays": "the same",
	"ObjectStore.SecretKey":            "it would be in plain text in the program's inputs; credentials: existing has one",
	"ObjectStore.KeepPrevious":         "of a tenant of install: false",
	"ObjectStore.Actions":              "Tempo's",
	"ObjectStore.Statements":           "the same",
	"Namespace.Labels":                 "existingNamespace has any",
	"Namespace.Annotations":            "the same",
	"ValuesOnly":                       "install of a tenant",

	"Tempo.Namespace":              "namespace, by tracing",
	"Tempo.Bucket":                 "bucket, by tracing",
	"Tempo.CAConfigMap":            "by tracing",
	"Tempo.SecretName":             "secretName, by tracing",
	"Tempo.AccessKey":              "by tracing",
	"Tempo.SecretKey":              "by tracing",
	"Tempo.Await":                  "always",
	"Tempo.Restore":                "restore, by the release's name",
	"Tempo.Network.AllowQueryFrom": "grafanaNamespace",
	"Tempo.ServiceMonitors":        "monitoring, by tracing",
	"Monitoring.Labels":            "grafanaRelease",
	"Monitoring.Dashboards":        "monitoring, with the keys of the data sources",

	"Grafana.TempoURL":                           "by tracing",
	"Grafana.Tenants":                            "tenants",
	"Grafana.Datasources":                        "Grafana has its own",
	"Grafana.Preset.Tenant":                      "name of a tenant",
	"Grafana.Preset.StreamOverHTTP":              "streamOverHttp, by tracing",
	"Grafana.Preset.ServiceMap":                  "serviceGraphs",
	"Grafana.Preset.TracesToMetrics":             "spanMetrics",
	"Grafana.ConfigMap":                          "datasources, with release and grafanaNamespace",
	"Grafana.Release.Timeout":                    "timeout",
	"Grafana.Release.Restore":                    "restore, by the release's name",
	"Grafana.Operator.Name":                      "the component's",
	"Grafana.Operator.Namespace":                 "grafanaNamespace",
	"Grafana.Operator.AllowCrossNamespaceImport": "the objects are in Grafana's namespace",
}

// fieldsOf returns the paths of the fields of a struct, down to those that a key sets or that
// are listed as none.
func fieldsOf(structure reflect.Type, prefix string, ends func(path string) bool) (paths []string) {
	for i := range structure.NumField() {
		f := structure.Field(i)
		of := f.Type
		if of.Kind() == reflect.Pointer {
			of = of.Elem()
		}
		path := prefix + f.Name
		if of.Kind() == reflect.Struct && !ends(path) {
			paths = append(paths, fieldsOf(of, path+".", ends)...)
			continue
		}
		paths = append(paths, path)
	}
	return paths
}

// Every field of the arguments has a key, or says why it has none: a new field that no stack
// can set is no field of a stack.
func TestEveryFieldHasAKey(t *testing.T) {
	p := &problems{project: "picluster", sections: newSettings().sections()}
	keyed := map[string]bool{}
	for _, section := range p.sections {
		for _, key := range section.Keys {
			keyed[key.path] = true
		}
	}
	fields := fieldsOf(reflect.TypeFor[tracing.Args](), "", func(path string) bool {
		return keyed[path] && path != "Tempo.Network" && path != "Tempo.Persistence" && path != "Tempo.Generator" || withoutKey[path] != ""
	})
	for _, path := range fields {
		assert.True(t, keyed[path] != (withoutKey[path] != ""), "%s has a key (%t) or a reason in withoutKey (%q)", path, keyed[path], withoutKey[path])
	}
	for path := range withoutKey {
		assert.Contains(t, fields, path, "is no field")
	}
	assert.Greater(t, len(fields), 80)
}

// Every field that a component reports has a key, or the error would show a field of Go.
func TestEveryPathIsAKey(t *testing.T) {
	p := &problems{project: "picluster", sections: newSettings().sections()}
	for _, section := range p.sections {
		for _, key := range section.Keys {
			if key.path == "" {
				continue
			}
			found, rest := p.find(key.path)
			if assert.NotNil(t, found, key.Name) {
				assert.Equal(t, key.Name, found.Name)
				assert.Empty(t, rest)
			}
			found, rest = p.find(key.path + "[3].x")
			if assert.NotNil(t, found, key.Name) {
				assert.Equal(t, "[3].x", rest)
			}
			want := key.Name
			if key.inverse() {
				want += ": false"
			}
			assert.Equal(t, "a "+want+" b", p.inKeys("Tempo.Values", "a "+key.path+" b"))
		}
	}
	assert.Equal(t, "Tempo 2 in Kubernetes", p.inKeys("Tempo.Values", "Tempo 2 in Kubernetes"), "what is no field stays")
}

// secrets are the keys that a source says are encrypted.
type secrets struct {
	fake
	encrypted bool
}

func (s secrets) IsConfigSecret(string) bool { return s.encrypted }

func TestEncryptedValueThatWouldBeShown(t *testing.T) {
	_, _, err := load(secrets{our("values", `{"gateway":{"basicAuth":"hunter3"}}`), true}, "picluster", "test", nil)
	assert.Contains(t, withoutStack(t, err), "picluster:values: got an encrypted value; want plain text, because previews and the state show it: "+
		"put credentials into a Secret of your own. Fix: pulumi config rm values")
	assert.NotContains(t, err.Error(), "hunter")
}

// A value that is encrypted is one problem, and not that of its default too.
func TestEncryptedValue(t *testing.T) {
	for key, fix := range map[string]string{
		"bucket": "set --plaintext bucket VALUE", "timeout": "set --plaintext timeout VALUE", "manageUser": "set --plaintext manageUser VALUE",
		"replicas": "rm replicas", "tenants": "rm tenants; and for each tenant: pulumi config set --path 'tenants[0].name' NAME",
	} {
		_, _, err := load(encryptedKey{our(key, "hunter2"), "picluster:" + key}, "picluster", "test", nil)
		assert.Equal(t, "the configuration in Pulumi.test.yaml has 1 problem, and nothing was touched:\npicluster:"+key+
			": got an encrypted value; want plain text, because previews and the state show it: put credentials into a Secret of your own. Fix: pulumi config "+fix, withoutStack(t, err))
	}
}

// encryptedKey is a source that says that a key is encrypted.
type encryptedKey struct {
	fake
	key string
}

func (e encryptedKey) IsConfigSecret(key string) bool {
	return key == e.key || e.fake.IsConfigSecret(key)
}

func TestPasswordInPlainText(t *testing.T) {
	_, _, err := load(secrets{our(), false}, "picluster", "test", nil)
	assert.EqualError(t, err, "the configuration in Pulumi.test.yaml has 1 problem, and nothing was touched:\n"+
		"minio:minioPassword: got plain text; want an encrypted value. Fix: pulumi config set --stack test --secret minio:minioPassword")
}
