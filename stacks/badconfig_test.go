package stacks

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBadConfig(t *testing.T) {
	noPEM := filepath.Join(t.TempDir(), "ca.crt")
	require.NoError(t, os.WriteFile(noPEM, []byte("not PEM"), 0o644))
	aKey := filepath.Join(t.TempDir(), "ca.key")
	require.NoError(t, os.WriteFile(aKey, []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), 0o600))

	for name, test := range map[string]struct {
		config fake
		want   []string
	}{
		"nothing": {fake{}, []string{
			"has 4 problems",
			"minio:minioServer: is missing. Set it: pulumi config set minio:minioServer HOST:PORT",
			"minio:minioUser: is missing. Set it: pulumi config set minio:minioUser NAME",
			"minio:minioPassword: is missing. Set it: pulumi config set --secret minio:minioPassword",
			"minio:minioSsl: is not true",
		}},
		"several at once": {our("bucket", "B", "namespace", "N", "timeout", "?"), []string{
			"has 3 problems", "picluster:bucket", "picluster:namespace", "picluster:timeout",
		}},

		"unknown key":       {our("buckte", "x"), []string{"has 1 problem,", "picluster:buckte: is no key of this program; the nearest is picluster:bucket. Take it out: pulumi config rm buckte"}},
		"key in snake case": {our("loki_url", "http://loki"), []string{"the nearest is picluster:lokiUrl"}},

		"bucket in capitals":            {our("bucket", "K3S-Tempo"), []string{`picluster:bucket: "K3S-Tempo"`, "Set it: pulumi config set bucket k3s-tempo"}},
		"bucket too short":              {our("bucket", "k3"), []string{`picluster:bucket: "k3"`}},
		"bucket too long":               {our("bucket", strings.Repeat("b", 64)), []string{"picluster:bucket: "}},
		"bucket like an address":        {our("bucket", "10.0.0.11"), []string{`picluster:bucket: "10.0.0.11"`}},
		"bucket with two dots":          {our("bucket", "k3s..tempo"), []string{`picluster:bucket: "k3s..tempo"`}},
		"bucket of a variable":          {our("bucket", "${HOME}"), []string{`picluster:bucket: "${HOME}"`}},
		"bucket in unicode":             {our("bucket", "k3s-tempö"), []string{`picluster:bucket: "k3s-tempö"`}},
		"empty bucket":                  {our("bucket", ""), []string{`picluster:bucket: ""`}},
		"user with a space":             {our("user", "tem po"), []string{`picluster:user: "tem po"`}},
		"user too short":                {our("user", "me"), []string{`picluster:user: "me"`}},
		"a receiver that Tempo dropped": {our("chartVersion", "2.26.2", "receivers", `["otlpGrpc","opencensus"]`), []string{`picluster:receivers[1]: got "opencensus"; want a receiver that the stack's Tempo has: Tempo 2.10.6 dropped it. Fix: pulumi config rm --path 'receivers[1]'`}},
		"user like a version":           {our("user", "tempo.v2"), []string{`picluster:user: "tempo.v2" must not end with .v and a number`}},
		"policy with a comma":           {our("policy", "a,b,c"), []string{`picluster:policy: "a,b,c"`}},
		"manage neither":                {our("manageUser", "1.0"), []string{`picluster:manageUser: "1.0" is neither true nor false. Set it: pulumi config set manageUser true`}},
		"protect neither":               {our("protectBucket", "no!"), []string{`picluster:protectBucket: "no!" is neither true nor false`}},
		"objects of what stays":         {our("forceDestroy", "true"), []string{"picluster:forceDestroy: has no effect with picluster:retainBucket: true", "pulumi config rm forceDestroy"}},
		"retain neither":                {our("retainBucket", "yes"), []string{`picluster:retainBucket: "yes" is neither true nor false`}},

		"other Pod Security":    {our("podSecurity", "strict"), []string{`picluster:podSecurity: "strict" is none of restricted, baseline, privileged`}},
		"namespace in capitals": {our("namespace", "Tempo"), []string{`picluster:namespace: "Tempo"`}},
		"namespace with a dot":  {our("namespace", "a.b"), []string{`picluster:namespace: "a.b"`}},
		"namespace too long":    {our("namespace", strings.Repeat("n", 64)), []string{"no more than 63"}},
		"Secret with a slash":   {our("secretName", "a/b"), []string{`picluster:secretName: "a/b"`}},
		"other credentials":     {our("credentials", "vault"), []string{`picluster:credentials: "vault" is none of secret, inline, existing. Set it: pulumi config set credentials secret`}},
		"version of no key":     {our("credentials", "existing", "manageUser", "false", "keyVersion", "2"), []string{"picluster:keyVersion: has no effect with picluster:manageUser: false"}},
		"version of zero":       {our("keyVersion", "0"), []string{`picluster:keyVersion: "0" is less than 1`}},
		"an older key":          {our("keyGeneration", "2"), []string{"has 1 problem,", "picluster:keyGeneration: is replaced by keyVersion, and the key stays as it is. Fix: pulumi config rm keyGeneration"}},
		"restore of no release": {our("restore", `{"tempo/tmepo":1}`), []string{`picluster:restore: got "tempo/tmepo"; want one of the stack's releases: tempo/tempo. Fix: pulumi config rm --path 'restore["tempo/tmepo"]'`}},
		"restore of zero times": {our("restore", `{"tempo/tempo":0}`), []string{`picluster:restore["tempo/tempo"]: got 0; want 1 or more`}},
		"ignore of no object":   {our("driftIgnore", `[{"paths":["a"]}]`), []string{"picluster:driftIgnore[0].object: is missing"}},
		"ignore of no path":     {our("driftIgnore", `[{"object":"a","paths":[""]}]`), []string{"picluster:driftIgnore[0].paths[0]: is empty"}},
		"ignore with a typo":    {our("driftIgnore", `[{"object":"a","path":"b"}]`), []string{"picluster:driftIgnore:", `unknown field "path"`}},
		"no user, but its key":  {our("manageUser", "false"), []string{"picluster:manageUser: false goes with picluster:credentials: existing"}},

		"traces from nobody":      {our("networkPolicies", "true"), []string{"picluster:tracesFrom: is missing", "pulumi config set --path 'tracesFrom[0]' default"}},
		"traces from a capital":   {our("networkPolicies", "true", "tracesFrom", `["Apps"]`), []string{`picluster:tracesFrom[0]: "Apps"`}},
		"traces from anywhere":    {our("tracesFrom", `["apps"]`), []string{"picluster:tracesFrom: has no effect without picluster:networkPolicies"}},
		"tenants of no list":      {our("tenants", `{"a":1}`), []string{"picluster:tenants: is not a list of tenants", "pulumi config set --path 'tenants[0].name' NAME"}},
		"tenants with a typo":     {our("tenants", `[{"name":"a","buckte":"b"}]`), []string{`picluster:tenants: is not a list of tenants`, `unknown field "buckte"`}},
		"a tenant without a name": {our("tenants", `[{}]`), []string{`picluster:tenants[0].name: "-"`}},
		"two tenants of one name": {our("tenants", `[{"name":"a"},{"name":"a"}]`), []string{`has 5 problems`, `picluster:tenants[1].name: "a" is another tenant's too`, `picluster:tenants[1].bucket: "k3s-tempo-a" is another tenant's too`}},
		"two tenants' one bucket": {our("tenants", `[{"name":"a"},{"name":"b","bucket":"k3s-tempo-a"}]`), []string{`has 1 problem`, `picluster:tenants[1].bucket: "k3s-tempo-a" is another tenant's too. Set it: pulumi config set --path 'tenants[1].bucket' NAME`}},
		"a tenant in capitals":    {our("tenants", `[{"name":"A"}]`), []string{`picluster:tenants[0].name: "A"`, `picluster:tenants[0].namespace: "tempo-A"`}},
		"a tenant's bad Secret":   {our("tenants", `[{"name":"a","secretName":"a/b"}]`), []string{`picluster:tenants[0].secretName: "a/b"`}},
		"tenants and one Grafana": {our("tenants", `[{"name":"a"}]`, "datasources", "release"), []string{"picluster:tenants: cannot be with picluster:datasources: release", "pulumi config set datasources configmap"}},
		"release too long":        {our("release", strings.Repeat("r", 54)), []string{"no more than 53 characters"}},
		"release with underscore": {our("release", "my_tempo"), []string{`picluster:release: "my_tempo"`}},
		"repository not a URL":    {our("chartRepository", "grafana"), []string{`picluster:chartRepository: "grafana" is not a URL`}},
		"repository's password":   {our("chartRepository", "https://me:hunter3@x"), []string{"has a user in it"}},
		"repository of a path":    {our("chart", "./chart", "chartRepository", "https://x"), []string{"Take it out: pulumi config rm chartRepository"}},
		"other mode":              {our("mode", "scalable"), []string{`picluster:mode: "scalable" is none of microservices, monolithic`}},
		"monolithic, and large":   {our("mode", "monolithic", "profile", "ha", "replicas", `{"tempo":2}`), []string{"has 2 problems", `picluster:profile: "ha" is none of chart, pi, small`, "picluster:replicas: has no effect with picluster:mode: monolithic"}},
		"monolithic, in services": {our("mode", "monolithic", "resources", `{"querier":{}}`, "values", `{"tempo":{"receivers":{}},"persistence":{}}`), []string{"picluster:resources.querier: is none of tempo", "picluster:values.tempo.receivers: set receivers", "picluster:values.persistence: set persistence"}},
		"monolithic, of line 3":   {our("mode", "monolithic", "chartVersion", "3.0.0"), []string{`picluster:chartVersion: "3.0.0" is of line 3, and this program has values for 2.x of chart tempo. Set it: pulumi config set chartVersion 2.2.4`}},
		"Tempo 3":                 {our("tempoVersion", "3.0.3"), []string{`picluster:tempoVersion: "3.0.3" is not of Tempo 2, which the charts configure. Set it: pulumi config set tempoVersion 2.10.8`}},
		"Tempo by its tag":        {our("values", `{"tempo":{"image":{"tag":"2.9.0"}}}`), []string{"picluster:values.tempo.image.tag: set tempoVersion"}},
		"OpenCensus, patched":     {our("chartVersion", "1.61.3", "tempoVersion", "2.9.5", "receivers", `["opencensus"]`), []string{"Tempo 2.9.3 dropped it"}},
		"version of a range":      {our("chartVersion", "^1.61.0"), []string{`picluster:chartVersion: "^1.61.0" is not an exact version`}},
		"chart 3":                 {our("chartVersion", "3.3.0"), []string{`picluster:chartVersion: "3.3.0" deploys Tempo 3, whose microservices need Kafka and have no ingester or compactor`, "Set it: pulumi config set chartVersion 2.26.2"}},
		"chart 0":                 {our("chartVersion", "0.27.5"), []string{"is of line 0"}},
		"timeout not a number":    {our("timeout", "10m"), []string{`picluster:timeout: "10m" is not a whole number. Set it: pulumi config set timeout 600`}},
		"timeout of zero":         {our("timeout", "0"), []string{`picluster:timeout: "0" is less than 1`}},

		"endpoint with a scheme": {our("s3Endpoint", "https://s3.example.com"), []string{`picluster:s3Endpoint: "https://s3.example.com" is not a host:port`}},
		"endpoint with a path":   {our("s3Endpoint", "s3.example.com/x"), []string{"is not a host:port"}},
		"endpoint's port":        {our("s3Endpoint", "s3.example.com:70000"), []string{"has port 70000, which is not one of 1 to 65535"}},
		"endpoint of a template": {our("s3Endpoint", "{{.Values.x}}"), []string{"is not a host:port"}},
		"endpoint of a variable": {our("s3Endpoint", "${S3_SERVER}:9091"), []string{"is not a host:port"}},
		"region of a variable":   {our("s3Region", "${REGION}"), []string{"is not a region like eu-west-1"}},
		"server with a scheme":   {with("minio:minioServer", "https://s3.example.com"), []string{`minio:minioServer: "https://s3.example.com" is not a host:port`}},
		"TLS neither":            {with("minio:minioSsl", "on"), []string{`minio:minioSsl: "on" is neither true nor false`}},
		"the provider's region":  {with("minio:minioRegion", "eu west"), []string{`minio:minioRegion: "eu west" is not a region`}},
		"plain text by accident": {with("minio:minioSsl", "false"), []string{"has 1 problem,", "minio:minioSsl: is not true", "pulumi config set s3Insecure true"}},
		"plain text to TLS":      {our("s3Insecure", "true"), []string{"picluster:s3Insecure: is true, but minio:minioSsl is too"}},
		"CA that is not there":   {with("minio:minioCacertFile", "/nowhere"), []string{`minio:minioCacertFile: "/nowhere" cannot be read`}},
		"CA that is none":        {with("minio:minioCacertFile", noPEM), []string{"has no certificate in PEM"}},
		"CA's private key":       {with("minio:minioCacertFile", aKey), []string{"has a PRIVATE KEY in it"}},
		"CA without TLS":         {with("minio:minioCacertFile", noPEM, "minio:minioSsl", "false", "picluster:s3Insecure", "true"), []string{"has no effect without TLS"}},

		"other profile":           {our("profile", "raspberry"), []string{`picluster:profile: "raspberry" is none of chart, ha, pi, small`}},
		"replicas not a map":      {our("replicas", "3"), []string{"picluster:replicas: is not a map", "pulumi config set --path replicas.querier 2"}},
		"replicas of nobody":      {our("replicas", `{"queriers":2}`), []string{"picluster:replicas.queriers: is none of", "pulumi config rm --path replicas.queriers"}},
		"replicas in words":       {our("replicas", `{"querier":"two"}`), []string{"picluster:replicas: is not a map"}},
		"no replicas":             {our("replicas", `{"querier":0}`), []string{"picluster:replicas.querier: 0 is less than 1"}},
		"too few ingesters":       {our("replicas", `{"ingester":2}`), []string{"2 ingesters cannot hold the 3 copies of each span", "pulumi config set profile pi"}},
		"resources of nobody":     {our("resources", `{"queriers":{}}`), []string{"picluster:resources.queriers: is none of"}},
		"resources of what":       {our("resources", `{"querier":{"limit":{"cpu":"1"}}}`), []string{"picluster:resources.querier.limit: is neither requests nor limits"}},
		"resources of disks":      {our("resources", `{"querier":{"limits":{"disk":"1Gi"}}}`), []string{"is of disk, which is none of cpu, memory"}},
		"resources in megabytes":  {our("resources", `{"querier":{"limits":{"memory":"1GB"}}}`), []string{`picluster:resources.querier.limits.memory: "1GB" is not a quantity`}},
		"negative resources":      {our("resources", `{"querier":{"limits":{"memory":"-1Gi"}}}`), []string{"is not more than zero"}},
		"volume's size":           {our("persistenceSize", "big"), []string{`picluster:persistenceSize: "big" is not a quantity`}},
		"retention in days":       {our("retention", "14d"), []string{`picluster:retention: "14d" is not a duration like 336h or 90m`}},
		"retention of no time":    {our("retention", "10s"), []string{"is less than an hour"}},
		"receivers not a list":    {our("receivers", "otlp"), []string{"picluster:receivers: is not a list of words", "pulumi config set --path 'receivers[0]'"}},
		"unknown receiver":        {our("receivers", `["otlp","zipkin"]`), []string{`picluster:receivers[0]: "otlp" is none of`, "pulumi config set --path 'receivers[0]' otlpGrpc"}},
		"receiver twice":          {our("receivers", `["zipkin","zipkin"]`), []string{`picluster:receivers[1]: "zipkin" is there twice`}},
		"metrics of no generator": {our("metricsGenerator", "false", "serviceGraphs", "true", "prometheusRemoteWriteUrl", "http://p"), []string{"picluster:metricsGenerator: is false"}},
		"metrics for nobody":      {our("spanMetrics", "true"), []string{"picluster:prometheusRemoteWriteUrl: is missing"}},
		"no metrics to write":     {our("prometheusRemoteWriteUrl", "http://p"), []string{"picluster:prometheusRemoteWriteUrl: has no effect"}},
		"values not a map":        {our("values", "[1]"), []string{"picluster:values: is not a map"}},
		"values with a key":       {our("values", `{"storage":{"trace":{"s3":{"secret_key":"hunter3"}}}}`), []string{"picluster:values.storage.trace.s3.secret_key: a credential", "pulumi config rm --path 'values.storage.trace.s3.secret_key'"}},
		"values of two evils":     {our("values", `{"minio":{"enabled":true},"config":"x"}`), []string{"has 2 problems", "picluster:values.minio.enabled", "picluster:values.config"}},

		"Loki not a URL":           {our("lokiUrl", "loki:3100"), []string{`picluster:lokiUrl: "loki:3100" is not a URL`}},
		"Loki by FTP":              {our("lokiUrl", "ftp://loki"), []string{"is not a URL that starts with http"}},
		"empty Loki uid":           {our("lokiUid", ""), []string{`picluster:lokiUid: "" is not a uid`}},
		"uid of a template":        {our("lokiUid", "{{x}}"), []string{"is not a uid"}},
		"uid of Tempo":             {our("lokiUid", "tempo"), []string{"must differ"}},
		"tenant of no Loki":        {our("lokiTenant", "team"), []string{"picluster:lokiTenant: has no effect without picluster:lokiUrl"}},
		"other datasources":        {our("datasources", "sidecar"), []string{`picluster:datasources: "sidecar" is none of values, configmap, release`}},
		"Grafana's namespace":      {our("grafanaNamespace", "Monitoring"), []string{`picluster:grafanaNamespace: "Monitoring"`}},
		"Grafana's version":        {our("grafanaChartVersion", "latest"), []string{`picluster:grafanaChartVersion: "latest" is not an exact version`}},
		"Grafana's repository":     {our("grafanaChart", "oci://x/y", "grafanaChartRepository", "https://x"), []string{"pulumi config rm grafanaChartRepository"}},
		"Grafana's values, unused": {our("grafanaChartValues", `{"a":1}`), []string{"picluster:grafanaChartValues: has no effect with picluster:datasources: values"}},
		"Grafana's own sources":    {our("datasources", "release", "grafanaChartValues", `{"grafana":{"additionalDataSources":[]}}`), []string{"would replace the stack's own datasources"}},
		"exemplars by ConfigMap":   {our("datasources", "configmap", "exemplars", "true"), []string{"picluster:exemplars: cannot be with picluster:datasources: configmap"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(test.config)
			require.Error(t, err)
			for _, want := range test.want {
				assert.ErrorContains(t, err, want)
			}
			assert.NotContains(t, err.Error(), "hunter", "a password")
			assert.NotContains(t, err.Error(), "abcdefgh", "a secret key")
		})
	}
}

type encrypted struct{ fake }

func (encrypted) IsConfigSecret(string) bool { return true }

func TestEncryptedValueThatWouldBeShown(t *testing.T) {
	r := newReader(encrypted{our("values", `{"gateway":{"basicAuth":"hunter3"}}`)}, "picluster")
	load(r)
	err := r.err("test")
	assert.ErrorContains(t, err, "picluster:values: is encrypted, but it is no secret to this program")
	assert.NotContains(t, err.Error(), "hunter")
}

type plain struct{ fake }

func (plain) IsConfigSecret(string) bool { return false }

func TestPlainCredentialsAreRefused(t *testing.T) {
	r := newReader(plain{our()}, "picluster")
	load(r)
	err := r.err("test")
	assert.ErrorContains(t, err, "minio:minioPassword: stands in plain text. Encrypt it: pulumi config set --secret minio:minioPassword")
	assert.NotContains(t, err.Error(), "hunter2")
}
