package tests

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/picluster/picluster/lab"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The states in testdata/states are `pulumi stack export` of stacks that the last version before
// the component Tracing created. A word in two curly brackets is what varies by lab.

// TestAStateOfAnEarlierVersion brings up a stack that an earlier version created: nothing is
// replaced or deleted, and what is created is components, and the salt of the keys' hash.
func TestAStateOfAnEarlierVersion(t *testing.T) {
	h := start(t, func(l *lab.Lab) { l.TLS = true })
	h.set("profile", "pi")
	h.set("user", "tracer")
	h.set("policy", "tempo") // its name then, whatever the user's is
	h.set("networkPolicies", "true")
	h.set("--path", "tracesFrom[0]", "apps")
	h.set("datasources", "configmap")
	h.set("lokiUrl", "http://loki")
	h.kubectl("create", "namespace", "monitoring")
	h.up()
	h.put("precious")
	before := h.secretKeys()
	h.importState("single", map[string]keys{"": before})
	h.unset("policy")

	h.comesAlong()
	h.has("precious")
	assert.Equal(t, before, h.secretKeys(), "the key is another than before")
	_, err := h.s3(before).BucketExists(t.Context(), "k3s-tempo")
	assert.NoError(t, err, "the key does not open the bucket")
	user, err := h.admin(h.administrator()).GetUserInfo(t.Context(), "tracer")
	require.NoError(t, err)
	assert.Equal(t, "tempo", user.PolicyName, "the policy has another name")
}

// TestTenantsOfAnEarlierVersion does so with two tenants, one of which has its release elsewhere.
func TestTenantsOfAnEarlierVersion(t *testing.T) {
	h := start(t)
	h.set("profile", "pi")
	h.set("datasources", "configmap")
	h.set("--path", "tenants[0].name", "a")
	h.set("--path", "tenants[1].name", "b")
	h.set("--path", "tenants[1].install", "false")
	h.kubectl("create", "namespace", "monitoring")
	h.up()
	tenants := func() map[string]keys {
		return map[string]keys{"-a": h.keysIn("tempo-a", "tempo-minio-secret"), "-b": h.keysIn("tempo-b", "tempo-minio-secret")}
	}
	before := tenants()
	h.importState("tenants", before)

	h.comesAlong()
	assert.Equal(t, before, tenants(), "a key is another than before")
}

// importState replaces the stack's state by one of testdata/states. users has the lab's own keys
// for it, by the suffix in the file.
func (h harness) importState(name string, users map[string]keys) {
	h.T.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "states", name+".json"))
	require.NoError(h, err)
	endpoint, _, password := h.MinIO()
	_, port, err := net.SplitHostPort(endpoint)
	require.NoError(h, err)
	words := []string{
		`"{{port}}"`, port,
		"{{endpoint}}", endpoint,
		"{{password}}", password,
		"{{dir}}", filepath.Dir(h.ConfigFile()),
		"{{chart}}", h.setting("chart"),
		"{{clusterUid}}", h.kubectl("get", "namespace", "kube-system", "--output=jsonpath={.metadata.uid}"),
	}
	if h.TLS {
		ca, err := os.ReadFile(h.CA())
		require.NoError(h, err)
		quoted, err := json.Marshal(string(ca))
		require.NoError(h, err)
		words = append(words, "{{ca}}", strings.Trim(string(quoted), `"`), "{{caHash}}", hashOfBefore(string(ca)))
	}
	for suffix, k := range users {
		words = append(words,
			"{{key"+suffix+"}}", k.secret,
			"{{key64"+suffix+"}}", base64.StdEncoding.EncodeToString([]byte(k.secret)),
			"{{keysHash"+suffix+"}}", hashOfBefore(k.access+"\n"+k.secret))
	}
	resources := strings.NewReplacer(words...).Replace(string(text))
	for _, word := range []string{"{{key", "{{ca", "{{dir"} {
		require.NotContains(h, resources, word)
	}

	// The manifest and the passphrase are those of the lab's own state.
	var export map[string]any
	require.NoError(h, json.Unmarshal([]byte(h.pulumi("stack", "export", "--show-secrets")), &export))
	export["deployment"].(map[string]any)["resources"] = json.RawMessage(resources)
	state, err := json.Marshal(export)
	require.NoError(h, err)
	h.imported(string(state))
}

// hashOfBefore is what the earlier version had in the pods' annotations.
func hashOfBefore(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}

// comesAlong previews the stack, brings it up, and previews it again.
func (h harness) comesAlong() {
	h.T.Helper()
	cmd := h.StackCommand(h.Context(), "preview", "--json")
	out, err := cmd.Output()
	require.NoError(h, err, string(out))
	var preview struct {
		Steps []struct {
			Op, URN string
		} `json:"steps"`
	}
	require.NoError(h, json.Unmarshal(out, &preview))
	require.NotEmpty(h, preview.Steps)
	for _, step := range preview.Steps {
		if step.Op != "same" {
			h.Logf("%s %s", step.Op, step.URN)
		}
		switch token := kindOf(step.URN); step.Op {
		case "same", "read", "refresh":
		case "create":
			salt := strings.HasSuffix(step.URN, "-keys-salt")
			assert.True(h, salt || strings.HasPrefix(token, "picluster:"), "created: %s", step.URN)
		case "update":
			// The annotation that restarts the pods has another hash, which is salted.
			assert.Equal(h, "kubernetes:helm.sh/v3:Release", token, "updated: %s", step.URN)
		default:
			assert.Fail(h, "neither replaced nor deleted", "%s: %s", step.Op, step.URN)
		}
	}
	printed := h.up()
	for _, word := range []string{"replaced", "deleted"} {
		assert.NotContains(h, printed, word)
	}
	h.mustStack("preview", noChanges)
	table, code := h.picluster(nil, "drift")
	assert.Equal(h, exitSame, code, table)
}

// kindOf returns the type of the resource of a URN, without its parents'.
func kindOf(urn string) string {
	parts := strings.Split(urn, "::")
	types := strings.Split(parts[2], "$")
	return types[len(types)-1]
}
