package tests

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPreview reads the summaries that a pull request would get.
func TestPreview(t *testing.T) {
	h := start(t)
	h.set("profile", "pi")

	text := h.summary()
	assert.Contains(t, text, "### Stack `lab`: create ")
	assert.Contains(t, text, "| create | `tempo-bucket` | `minio:index/s3Bucket:S3Bucket` |")
	h.up()
	assert.Equal(t, "### Stack `lab`: no changes\n", h.summary())

	secret := h.secretKeys().secret
	h.sub("a value", func(h harness) {
		h.set("--path", "replicas.querier", "2")
		h.set("metricsGenerator", "false")
		text := h.summary()
		h.Log(text)
		assert.Contains(h, text, "### Stack `lab`: update 1\n")
		assert.Contains(h, text, "`values.querier.replicas`")
		assert.Contains(h, text, "- ⚠️ delete StatefulSet tempo/tempo-metrics-generator\n")
		assert.Contains(h, text, "<details><summary>update Deployment tempo/tempo-querier</summary>")
		assert.Contains(h, text, "-  replicas: 1\n+  replicas: 2\n")
		assert.NotContains(h, text, "tempo-memcached", "it does not change")
	})
	h.sub("a key that is not made yet", func(h harness) {
		h.set("keyVersion", "2")
		text := h.summary()
		assert.Contains(h, text, "### Stack `lab`: ⚠️ delete 3, update 2, create 3\n")
		assert.Contains(h, text, "picluster/keys: '[known after up]'")
		assert.Contains(h, text, "'[secret, changed]'")
		assert.Empty(h, foundIn(text, secret))
	})
	h.sub("a key in the old objects", func(h harness) {
		h.set("credentials", "inline")
		h.up()
		config := h.kubectl("get", "configmap", "--namespace=tempo", "tempo-config", "--output=yaml")
		key := h.stateSecret("tempo-user-2")
		require.NotEmpty(h, foundIn(config, key), "the ConfigMap does not have the key")
		h.set("logReceivedSpans", "false")
		text := h.summary()
		assert.Contains(h, text, "<details><summary>update ConfigMap tempo/tempo-config</summary>")
		assert.Contains(h, text, "secret_key: [secret]")
		assert.Empty(h, foundIn(text, key))
	})
}

// summary returns the summary of a preview, which must not change the state.
func (h harness) summary() string {
	h.T.Helper()
	state := h.pulumi("stack", "export")
	file := filepath.Join(h.TempDir(), "summary.md")
	out, code := h.picluster(nil, "preview", "--summary", file)
	require.Zero(h, code, out)
	text, err := os.ReadFile(file)
	require.NoError(h, err)
	assert.Equal(h, state, h.pulumi("stack", "export"), "preview has changed the state")
	return string(text)
}

// stateSecret returns the secret key that the state has for a user.
func (h harness) stateSecret(user string) string {
	h.T.Helper()
	var state struct {
		Deployment struct {
			Resources []struct {
				URN    string
				Inputs map[string]any
			}
		}
	}
	require.NoError(h, json.Unmarshal([]byte(h.pulumi("stack", "export", "--show-secrets")), &state))
	for _, r := range state.Deployment.Resources {
		if strings.HasSuffix(r.URN, "::"+user) {
			secret, _ := r.Inputs["secret"].(map[string]any)
			text, _ := secret["plaintext"].(string)
			var key string
			require.NoError(h, json.Unmarshal([]byte(text), &key))
			return key
		}
	}
	h.Fatalf("the state has no %s", user)
	return ""
}
