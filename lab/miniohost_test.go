package lab

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMinIOHost(t *testing.T) {
	for value, want := range map[string]string{"": "127.0.0.1", "127.0.0.1": "127.0.0.1"} {
		t.Setenv(MinIOHostVariable, value)
		got, err := minioHost()
		require.NoError(t, err, value)
		assert.Equal(t, want, got)
	}
	for _, value := range []string{"localhost", "0.0.0.0", "::", "127.0.0.1:9000", "192.0.2.1"} {
		t.Setenv(MinIOHostVariable, value)
		_, err := minioHost()
		assert.ErrorContains(t, err, `LAB_MINIO_HOST: got "`+value+`"; want an IP address of this machine. Fix: unset LAB_MINIO_HOST`)
	}
}
