package tests

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// operatorCRD names the environment variable for the file of the operator's
// CustomResourceDefinition of Stack.
const operatorCRD = "PICLUSTER_OPERATOR_CRD"

// TestOperator brings the stack up with the rights that the operator's manifest
// gives it, and no more.
func TestOperator(t *testing.T) {
	h := start(t)
	h.kubectl("create", "namespace", "picluster")
	h.kubectl("apply", "--filename="+filepath.Join("..", "deploy", "operator", "rbac.yaml"))
	if crd := os.Getenv(operatorCRD); crd != "" {
		h.kubectl("apply", "--server-side", "--filename="+crd)
		eventually(t, func() bool {
			_, err := h.Kubectl(t.Context(), "get", "stacks.pulumi.com", "--all-namespaces")
			return err == nil
		}, 30*time.Second, 200*time.Millisecond, "the API server does not serve the operator's kinds")
		h.kubectl("apply", "--dry-run=server", "--validate=strict", "--filename="+filepath.Join("..", "deploy", "operator", "stack.yaml"))
	} else {
		t.Logf("the Stack is not held against the operator's schema: %s is not set", operatorCRD)
	}

	h.set("profile", "pi")
	h.set("kubernetes:kubeconfig", h.kubeconfigOf("picluster", "picluster"))
	h.up()
	h.mustStack("preview", noChanges)
	out, code := h.picluster(nil, "drift")
	assert.Equal(t, exitSame, code, out)
	h.mustStack("destroy", "--yes", "--skip-preview")
	assert.NotContains(t, h.kubectl("get", "namespaces", "--output=name"), "namespace/tempo")
}

// kubeconfigOf returns the path of a kubeconfig for a service account.
func (h harness) kubeconfigOf(namespace, account string) string {
	h.T.Helper()
	path := filepath.Join(h.TempDir(), "kubeconfig")
	token := strings.TrimSpace(h.kubectl("create", "token", "--namespace="+namespace, account))
	admin := h.kubectl("config", "view", "--flatten", "--minify", "--output=json")
	var config map[string]any
	require.NoError(h, json.Unmarshal([]byte(admin), &config))
	user := config["users"].([]any)[0].(map[string]any)
	user["user"] = map[string]any{"token": token}
	text, err := json.Marshal(config)
	require.NoError(h, err)
	require.NoError(h, os.WriteFile(path, text, 0o600))
	return path
}
