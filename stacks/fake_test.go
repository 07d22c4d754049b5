package stacks

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/picluster/picluster/components/tracing"
)

// fake is a stack's configuration. Every value whose key ends in Password is encrypted.
type fake map[string]string

func (f fake) GetConfig(key string) (string, bool) { value, ok := f[key]; return value, ok }
func (f fake) IsConfigSecret(key string) bool      { return strings.HasSuffix(key, "Password") }

// with is the least that a stack must set, and the pairs of keys and values.
func with(pairs ...string) fake {
	config := fake{
		"minio:minioServer":   "s3.example.com:9091",
		"minio:minioSsl":      "true",
		"minio:minioUser":     "admin",
		"minio:minioPassword": "hunter2",
	}
	for i := 0; i < len(pairs); i += 2 {
		config[pairs[i]] = pairs[i+1]
	}
	return config
}

// our is with for keys of this project.
func our(pairs ...string) fake {
	config := with()
	for i := 0; i < len(pairs); i += 2 {
		config["picluster:"+pairs[i]] = pairs[i+1]
	}
	return config
}

func read(config fake) (stack *tracing.Args, tenants []*tracing.Args, err error) {
	return load(config, "picluster", "test", slices.Collect(maps.Keys(config)))
}

func TestMain(m *testing.M) {
	for _, name := range []string{"MINIO_ENDPOINT", "MINIO_REGION", "MINIO_ENABLE_HTTPS", "MINIO_USER", "MINIO_PASSWORD", "MINIO_CACERT_FILE"} {
		os.Unsetenv(name)
	}
	os.Exit(m.Run())
}

// existing is the least that a stack must set whose bucket is on another S3 server, and the
// pairs of keys and values.
func existing(pairs ...string) fake {
	config := fake{
		"picluster:objectStore": "existing",
		"picluster:credentials": "existing",
		"picluster:s3Endpoint":  "s3.example.com:9000",
	}
	for i := 0; i < len(pairs); i += 2 {
		config["picluster:"+pairs[i]] = pairs[i+1]
	}
	return config
}
