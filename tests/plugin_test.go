package tests

import (
	"debug/buildinfo"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// minioProvider returns the version of terraform-provider-minio that the lab's MinIO plugin is
// made of, whoever has compiled the plugin. Go notes a program's modules in it.
func (h harness) minioProvider() string {
	h.T.Helper()
	var home string
	for _, variable := range h.Env() {
		if value, found := strings.CutPrefix(variable, "PULUMI_HOME="); found {
			home = value
		}
	}
	plugins, err := filepath.Glob(filepath.Join(home, "plugins", "resource-minio-*", "pulumi-resource-minio"))
	require.NoError(h, err)
	require.Len(h, plugins, 1)
	info, err := buildinfo.ReadFile(plugins[0])
	require.NoError(h, err)
	for _, module := range info.Deps {
		if strings.HasPrefix(module.Path, "github.com/aminueza/terraform-provider-minio") {
			return module.Version
		}
	}
	require.Fail(h, "the plugin is not made of terraform-provider-minio", "%s: %s", plugins[0], info)
	return ""
}

// blindRefresh has Pulumi's own refresh of the bucket run while MinIO is stopped. It takes the
// bucket for deleted (docs/minio-plugin.md), as picluster's commands do not.
func blindRefresh(h harness) {
	before := h.pulumi("stack", "export", "--show-secrets")
	bucket := regexp.MustCompile(`"urn": "([^"]*minio:index/s3Bucket:S3Bucket::[^"]*)"`).FindStringSubmatch(before)
	require.NotNil(h, bucket)
	require.NoError(h, h.StopMinIO(h.Context()))
	out := h.mustStack("refresh", "--yes", "--skip-preview", "--suppress-outputs", "--target", bucket[1])
	h.Logf("provider %s:\n%s", h.minioProvider(), out)
	assert.NotContains(h, h.pulumi("stack", "export"), bucket[0])

	h.imported(before)
	restart(h)
	table, code := h.picluster(nil, "drift")
	assert.Equal(h, exitSame, code, table)
}
