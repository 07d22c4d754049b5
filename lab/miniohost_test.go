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

// TestSameMinIOHost has a lab that was started before with another address.
func TestSameMinIOHost(t *testing.T) {
	for value, want := range map[string]string{
		"": "", "127.0.0.1": "", "::ffff:127.0.0.1": "",
		"192.0.2.1": `LAB_MINIO_HOST: got "192.0.2.1"; want 127.0.0.1, where this lab's MinIO listens. Fix: unset LAB_MINIO_HOST; or, for a new lab: make down`,
	} {
		t.Setenv(MinIOHostVariable, value)
		err := sameMinIOHost("127.0.0.1:9000")
		if want == "" {
			assert.NoError(t, err, value)
			continue
		}
		assert.EqualError(t, err, want)
	}
}
