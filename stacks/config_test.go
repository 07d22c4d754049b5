package stacks

import (
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/picluster/picluster/components/grafana"
	"github.com/picluster/picluster/components/objectstore"
	"github.com/picluster/picluster/components/tempo"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// fake is a stack's configuration; the MinIO password is its one secret.
type fake map[string]string

func (f fake) GetConfig(key string) (string, bool) { value, ok := f[key]; return value, ok }
func (f fake) IsConfigSecret(key string) bool      { return key == "minio:minioPassword" }

// minimal is the least that a stack must say.
func minimal() fake {
	return fake{
		"minio:minioServer":   "s3.example.com:9091",
		"minio:minioUser":     "admin",
		"minio:minioPassword": "hunter2",
	}
}

func with(pairs ...string) fake {
	config := minimal()
	for i := 0; i < len(pairs); i += 2 {
		config[pairs[i]] = pairs[i+1]
	}
	return config
}

func read(source source) (*Config, *reader) {
	r := &reader{source: source, project: "picluster", declared: map[string]declaration{}}
	return load(r), r
}

func clearMinIOVariables(t *testing.T) {
	for _, name := range []string{"MINIO_ENDPOINT", "MINIO_REGION", "MINIO_ENABLE_HTTPS", "MINIO_USER", "MINIO_PASSWORD"} {
		t.Setenv(name, "")
	}
}

func TestDefaultsAreTheHowTos(t *testing.T) {
	clearMinIOVariables(t)
	config, r := read(minimal())
	require.NoError(t, r.err("test"))
	assert.Equal(t, &Config{
		ObjectStore: objectstore.Args{Bucket: "k3s-tempo", User: "tempo", Policy: "tempo"},
		Namespace:   "tempo",
		SecretName:  "tempo-minio-secret",
		Release:     "tempo",
		Chart:       tempo.Chart{Name: "tempo-distributed", Version: "1.61.3"},
		Timeout:     600,
		S3:          S3{Endpoint: "s3.example.com:9091", Region: "us-east-1", Insecure: true},
		Loki:        grafana.Loki{UID: "loki"},
	}, config)
}

func TestEveryKeyIsRead(t *testing.T) {
	clearMinIOVariables(t)
	config, r := read(with(
		"minio:minioSsl", "true",
		"minio:minioRegion", "eu-west-1",
		"picluster:bucket", "traces",
		"picluster:user", "tracer",
		"picluster:policy", "tracing",
		"picluster:retainBucket", "false",
		"picluster:namespace", "tracing",
		"picluster:secretName", "keys",
		"picluster:release", "traces",
		"picluster:chart", "tempo-distributed",
		"picluster:chartRepository", "https://charts.example.com",
		"picluster:chartVersion", "1.61.0",
		"picluster:timeout", "60",
		"picluster:s3Endpoint", "minio.storage.svc:9000",
		"picluster:s3Region", "eu-central-1",
		"picluster:lokiUrl", "http://loki",
		"picluster:lokiUid", "logs",
	))
	require.NoError(t, r.err("test"))
	assert.Equal(t, &Config{
		ObjectStore: objectstore.Args{Bucket: "traces", User: "tracer", Policy: "tracing", DeleteBucket: true},
		Namespace:   "tracing",
		SecretName:  "keys",
		Release:     "traces",
		Chart:       tempo.Chart{Name: "tempo-distributed", Repository: "https://charts.example.com", Version: "1.61.0"},
		Timeout:     60,
		S3:          S3{Endpoint: "minio.storage.svc:9000", Region: "eu-central-1"},
		Loki:        grafana.Loki{URL: "http://loki", UID: "logs"},
	}, config)
}

func TestTempoReachesS3AsTheProviderDoes(t *testing.T) {
	clearMinIOVariables(t)
	config, r := read(with("minio:minioSsl", "true", "minio:minioRegion", "eu-west-1"))
	require.NoError(t, r.err("test"))
	assert.Equal(t, S3{Endpoint: "s3.example.com:9091", Region: "eu-west-1"}, config.S3)
}

func TestProviderSettingsFromTheEnvironment(t *testing.T) {
	t.Setenv("MINIO_ENDPOINT", "s3.example.com:9091")
	t.Setenv("MINIO_REGION", "eu-west-1")
	t.Setenv("MINIO_ENABLE_HTTPS", "true")
	t.Setenv("MINIO_USER", "admin")
	t.Setenv("MINIO_PASSWORD", "hunter2")
	config, r := read(fake{})
	require.NoError(t, r.err("test"))
	assert.Equal(t, S3{Endpoint: "s3.example.com:9091", Region: "eu-west-1"}, config.S3)
}

func TestBadConfig(t *testing.T) {
	clearMinIOVariables(t)
	for name, test := range map[string]struct {
		config fake
		want   []string
	}{
		"nothing": {fake{}, []string{
			"Pulumi.test.yaml has 3 problems",
			"minio:minioServer: is missing. Set it: pulumi config set minio:minioServer HOST:PORT",
			"minio:minioUser: is missing. Set it: pulumi config set minio:minioUser NAME",
			"minio:minioPassword: is missing. Set it: pulumi config set --secret minio:minioPassword",
		}},
		"bucket in capitals": {with("picluster:bucket", "K3S-Tempo"), []string{
			"has 1 problem,", `picluster:bucket: "K3S-Tempo"`, "Set it: pulumi config set bucket k3s-tempo",
		}},
		"bucket too short":        {with("picluster:bucket", "k3"), []string{`picluster:bucket: "k3"`}},
		"bucket like an address":  {with("picluster:bucket", "10.0.0.11"), []string{`picluster:bucket: "10.0.0.11"`}},
		"bucket of a variable":    {with("picluster:bucket", "${HOME}"), []string{`picluster:bucket: "${HOME}"`}},
		"empty bucket":            {with("picluster:bucket", ""), []string{`picluster:bucket: ""`}},
		"user with a space":       {with("picluster:user", "tem po"), []string{`picluster:user: "tem po"`}},
		"policy with a comma":     {with("picluster:policy", "a,b,c"), []string{`picluster:policy: "a,b,c"`}},
		"namespace in capitals":   {with("picluster:namespace", "Tempo"), []string{`picluster:namespace: "Tempo"`}},
		"namespace with a dot":    {with("picluster:namespace", "a.b"), []string{`picluster:namespace: "a.b"`}},
		"Secret with a slash":     {with("picluster:secretName", "a/b"), []string{`picluster:secretName: "a/b"`}},
		"release too long":        {with("picluster:release", strings.Repeat("r", 54)), []string{"no more than 53 characters"}},
		"empty chart":             {with("picluster:chart", ""), []string{`picluster:chart: "" is empty`}},
		"repository not a URL":    {with("picluster:chartRepository", "grafana"), []string{`picluster:chartRepository: "grafana" is not a URL`}},
		"repository of a path":    {with("picluster:chart", "./chart", "picluster:chartRepository", "https://x"), []string{"Leave it out: pulumi config rm chartRepository"}},
		"empty version":           {with("picluster:chartVersion", ""), []string{`picluster:chartVersion: "" is empty`}},
		"timeout not a number":    {with("picluster:timeout", "10m"), []string{`picluster:timeout: "10m" is not a whole number. Set it: pulumi config set timeout 600`}},
		"timeout of zero":         {with("picluster:timeout", "0"), []string{`picluster:timeout: "0" is less than 1`}},
		"retain neither":          {with("picluster:retainBucket", "yes"), []string{`picluster:retainBucket: "yes" is neither true nor false. Set it: pulumi config set retainBucket true`}},
		"endpoint with a scheme":  {with("picluster:s3Endpoint", "https://s3.example.com"), []string{`picluster:s3Endpoint: "https://s3.example.com" is not a host:port`}},
		"endpoint with a path":    {with("picluster:s3Endpoint", "s3.example.com/x"), []string{`picluster:s3Endpoint: "s3.example.com/x" is not a host:port`}},
		"endpoint's port":         {with("picluster:s3Endpoint", "s3.example.com:70000"), []string{"has port 70000, which is not one of 1 to 65535"}},
		"endpoint of a template":  {with("picluster:s3Endpoint", "{{ .Values.x }}"), []string{`picluster:s3Endpoint: "{{ .Values.x }}" is not a host:port`}},
		"Loki not a URL":          {with("picluster:lokiUrl", "loki:3100"), []string{`picluster:lokiUrl: "loki:3100" is not a URL`}},
		"empty Loki uid":          {with("picluster:lokiUid", ""), []string{`picluster:lokiUid: "" is empty`}},
		"server with a scheme":    {with("minio:minioServer", "https://s3.example.com"), []string{`minio:minioServer: "https://s3.example.com" is not a host:port`}},
		"TLS neither":             {with("minio:minioSsl", "on"), []string{`minio:minioSsl: "on" is neither true nor false`}},
		"all problems in one run": {with("picluster:bucket", "B", "picluster:namespace", "N", "minio:minioSsl", "?"), []string{"has 3 problems", "picluster:bucket", "picluster:namespace", "minio:minioSsl"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, r := read(test.config)
			err := r.err("test")
			for _, want := range test.want {
				assert.ErrorContains(t, err, want)
			}
			if err != nil {
				assert.NotContains(t, err.Error(), "hunter2")
			}
		})
	}
}

type plain struct{ fake }

func (plain) IsConfigSecret(string) bool { return false }

func TestPlainPasswordIsRefused(t *testing.T) {
	clearMinIOVariables(t)
	_, r := read(plain{minimal()})
	err := r.err("test")
	assert.ErrorContains(t, err, "minio:minioPassword: stands in plain text. Encrypt it: pulumi config set --secret minio:minioPassword")
	assert.NotContains(t, err.Error(), "hunter2")
}

// Pulumi.yaml tells people, and `pulumi config`, what Go does.
func TestPulumiYAMLDeclaresEveryKey(t *testing.T) {
	text, err := os.ReadFile("../Pulumi.yaml")
	require.NoError(t, err)
	var project struct {
		Config map[string]any `json:"config"`
	}
	require.NoError(t, yaml.Unmarshal(text, &project))

	_, r := read(minimal())
	got := map[string]declaration{}
	for name, value := range project.Config {
		if strings.Contains(name, ":") {
			continue // a provider's own
		}
		declared := value.(map[string]any)
		assert.NotEmpty(t, declared["description"], name)
		kind, _ := declared["type"].(string)
		if kind == "" {
			kind = "string"
		}
		def := declared["default"]
		if n, ok := def.(float64); ok {
			def = int(n)
		}
		got[name] = declaration{kind: kind, def: def}
	}
	assert.Equal(t, maps.Collect(maps.All(r.declared)), got)
	assert.Equal(t, true, project.Config["kubernetes:enableSecretMutable"])
}
