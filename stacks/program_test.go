package stacks_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"testing"

	"github.com/picluster/picluster/components/componenttest"
	"github.com/picluster/picluster/stacks"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// program runs the stack's program, and returns what it exports and logs.
func program(t *testing.T, config map[string]string) (resources []componenttest.Resource, p componenttest.Program) {
	t.Helper()
	resources, err := componenttest.Run(t, false, config, stacks.Tracing, componenttest.Into(&p))
	require.NoError(t, err)
	componenttest.AssertParents(t, resources)
	return resources, p
}

// Keys in plain text are warned of at every run, and nothing else is.
func TestInlineWarning(t *testing.T) {
	_, p := program(t, howTo())
	assert.Empty(t, p.Warnings)
	_, p = program(t, howTo("credentials", "inline"))
	require.Len(t, p.Warnings, 1)
	assert.Contains(t, p.Warnings[0], `credentials is "inline"`)
	assert.Contains(t, p.Warnings[0], "Fix: pulumi config set credentials secret")
}

// A stack has an output only if it has what the output describes.
func TestStackOutputs(t *testing.T) {
	all := []string{"accessKey", "bucket", "clusterUid", "grafanaValues", "namespace", "otelCollectorValues", "otlpGrpc", "otlpHttp", "queryUrl", "secretName"}
	for name, test := range map[string]struct {
		config  map[string]string
		without []string
	}{
		"all":           {howTo(), nil},
		"inline":        {howTo("credentials", "inline"), []string{"secretName"}},
		"Zipkin alone":  {howTo("receivers", `["zipkin"]`), []string{"otelCollectorValues", "otlpGrpc", "otlpHttp"}},
		"gRPC alone":    {howTo("receivers", `["otlpGrpc"]`), []string{"otlpHttp"}},
		"HTTP alone":    {howTo("receivers", `["otlpHttp"]`), []string{"otelCollectorValues", "otlpGrpc"}},
		"existing user": {howTo("credentials", "existing", "manageUser", "false"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			want := map[string]bool{}
			for _, output := range all {
				want[output] = true
			}
			for _, output := range test.without {
				delete(want, output)
			}
			_, p := program(t, test.config)
			got := map[string]bool{}
			for output, value := range p.Outputs {
				got[string(output)] = true
				assert.NotEmpty(t, value.Mappable(), output)
				assert.False(t, value.ContainsSecrets() || componenttest.SecretKey == value.Mappable(), "%s is secret", output)
			}
			assert.Equal(t, want, got)
		})
	}
}

// With tenants the outputs are each tenant's, and the data sources are in one document.
func TestOutputsOfTenants(t *testing.T) {
	_, p := program(t, howTo("tenants", `[{"name":"a"},{"name":"b","install":false}]`))
	tenants := p.Outputs["tenants"].ObjectValue()
	assert.Len(t, tenants, 2)
	assert.Equal(t, "k3s-tempo-a", tenants["a"].ObjectValue()["bucket"].StringValue())
	assert.NotEmpty(t, tenants["b"].ObjectValue()["tempoValues"].StringValue())
	assert.Contains(t, p.Outputs["grafanaValues"].StringValue(), "tempo-a")
	assert.NotContains(t, p.Outputs["grafanaValues"].StringValue(), "tempo-b")
}

// TestAliases has each resource of a stack that an earlier version created under its name then.
func TestAliases(t *testing.T) {
	resources, _ := program(t, howTo())
	const namespace = "urn:pulumi:test::picluster::picluster:kube:Namespace::tempo"
	for token, want := range map[string]componenttest.Alias{
		"picluster:objectstore:ObjectStore": {NoParent: true},
		"picluster:kubernetes:Namespace":    {Type: "picluster:kube:Namespace", NoParent: true},
		"picluster:tempo:Tempo":             {NoParent: true},
		"picluster:grafana:Grafana":         {NoParent: true},
	} {
		assert.Equal(t, []componenttest.Alias{want}, componenttest.Find(t, resources, token, "tempo").Aliases, token)
	}
	secret := componenttest.Find(t, resources, "kubernetes:core/v1:Secret", "tempo-secret")
	assert.Equal(t, []componenttest.Alias{{Parent: namespace}, {Parent: underNamespace}}, secret.Aliases)
	for _, r := range resources {
		if r.Type == "picluster:tracing:Tracing" || r.Type == "kubernetes:helm.sh/v3:Release" {
			assert.Empty(t, r.Aliases, r.Name)
		}
	}
}

// underNamespace is the namespace in the state that a first update leaves if it is killed.
const underNamespace = "urn:pulumi:test::picluster::picluster:tracing:Tracing$picluster:kubernetes:Namespace::tempo"

// The CA of the MinIO provider reaches Tempo's pods, and is found under the name that it had in an
// earlier version.
func TestCA(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	file := filepath.Join(t.TempDir(), "ca.crt")
	require.NoError(t, os.WriteFile(file, ca, 0o600))

	config := howTo()
	config["minio:minioCacertFile"] = file
	resources, _ := program(t, config)
	configMap := componenttest.Find(t, resources, "kubernetes:core/v1:ConfigMap", "tempo-ca-configmap")
	assert.Equal(t, map[string]any{"ca.crt": string(ca)}, configMap.Inputs["data"].Mappable())
	assert.Equal(t, []componenttest.Alias{
		{Name: "tempo-config", Parent: "urn:pulumi:test::picluster::picluster:kube:Namespace::tempo"},
		{Name: "tempo-config", Parent: underNamespace},
	}, configMap.Aliases)
	assert.Contains(t, fmt.Sprint(values(t, resources, "tempo-release")), "tempo-minio-ca")

	// Without TLS there is nothing to check by it.
	config["picluster:s3Insecure"], config["picluster:s3Endpoint"] = "true", "minio.storage.svc:9000"
	for _, r := range first(program(t, config)) {
		assert.NotEqual(t, "kubernetes:core/v1:ConfigMap", r.Type)
	}
}

func first[A, B any](a A, _ B) A { return a }
