package stacks_test

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/picluster/picluster/components/componenttest"
	"github.com/picluster/picluster/internal/helm"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// caFile returns the path of a certificate in PEM.
func caFile(t *testing.T) string {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	certificate, err := x509.CreateCertificate(nil, template, template, public, private)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "ca.crt")
	require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}), 0o600))
	return path
}

// onS3 is a stack whose bucket is on another S3 server: without any key of minio:.
func onS3(pairs ...string) map[string]string {
	config := map[string]string{
		"picluster:objectStore": "existing",
		"picluster:credentials": "existing",
		"picluster:secretName":  "tempo-s3",
		"picluster:s3Endpoint":  "s3.example.com:9000",
	}
	for i := 0; i < len(pairs); i += 2 {
		config["picluster:"+pairs[i]] = pairs[i+1]
	}
	return config
}

// A bucket on another S3 server needs nothing of MinIO, and all else is as before.
func TestExistingObjectStore(t *testing.T) {
	for name, config := range map[string]map[string]string{
		"one stack": onS3(),
		"tenants":   onS3("tenants", `[{"name":"a"},{"name":"b","install":false,"bucket":"own","secretName":"own"}]`),
	} {
		t.Run(name, func(t *testing.T) {
			resources := render(t, config)
			for _, r := range resources {
				assert.False(t, strings.HasPrefix(r.Type, "minio:") || strings.HasPrefix(r.Provider, "pulumi:providers:minio"), "%s %s", r.Type, r.Name)
			}
		})
	}
	resources := render(t, onS3("s3Region", "garage"))
	s3 := values(t, resources, "tempo-release")["storage"].(map[string]any)["trace"].(map[string]any)["s3"]
	assert.Equal(t, map[string]any{
		"bucket": "k3s-tempo", "endpoint": "s3.example.com:9000", "region": "garage", "insecure": false,
		"access_key": "${MINIO_ACCESS_KEY_ID}", "secret_key": "${MINIO_SECRET_ACCESS_KEY}",
	}, s3)
	secret := componenttest.Find(t, resources, "kubernetes:core/v1:Secret", "tempo-secret")
	assert.Equal(t, "tempo/tempo-s3", secret.ID, "it is read")
	release := componenttest.Find(t, resources, helm.ReleaseToken, "tempo-release")
	annotations := release.Inputs["values"].ObjectValue()["distributor"].ObjectValue()["podAnnotations"].ObjectValue()
	assert.True(t, annotations.HasValue("picluster/keys"), "pods do not restart for other keys")
}
