package lab

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestACertificateThatWasCutOff starts MinIO where an earlier start could not write the key. The
// CA, whose existence is trusted later, is written last. So the next start generates all again.
func TestACertificateThatWasCutOff(t *testing.T) {
	l, _ := inDir(t)
	l.TLS = true
	l.state.MinIO = "127.0.0.1:1" // nothing listens there
	key := filepath.Join(l.objectStore().certs(), keyFile)
	require.NoError(t, os.MkdirAll(filepath.Join(key, "directory"), 0o700))
	require.ErrorContains(t, l.objectStore().start(t.Context()), keyFile)
	assert.NoFileExists(t, l.CA())

	require.NoError(t, os.RemoveAll(key))
	require.ErrorContains(t, l.objectStore().start(t.Context()), "bin/minio: no such file", "the lab has no program")
	pair, err := tls.LoadX509KeyPair(filepath.Join(l.objectStore().certs(), certificateFile), key)
	require.NoError(t, err)
	transport, err := l.Transport()
	require.NoError(t, err)
	_, err = pair.Leaf.Verify(x509.VerifyOptions{Roots: transport.TLSClientConfig.RootCAs})
	assert.NoError(t, err)
}
