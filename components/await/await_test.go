package await_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/picluster/picluster/components/await"
	"github.com/picluster/picluster/components/componenttest"
	"github.com/picluster/picluster/components/tempo"
	"github.com/picluster/picluster/internal/command"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPodsIn asks the cluster of the named context, and not the configuration's.
func TestPodsIn(t *testing.T) {
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		items := "[]"
		if strings.HasSuffix(r.URL.Path, "/namespaces/traces/statefulsets") || strings.HasSuffix(r.URL.Path, "/statefulsets") {
			items = `[{"metadata":{"name":"idle"},"spec":{"replicas":0}}]`
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"kind":"List","apiVersion":"v1","metadata":{},"items":%s}`, items)
	}))
	defer server.Close()
	kubeconfig := fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"other",
		"clusters":[{"name":"mine","cluster":{"server":%q}},{"name":"other","cluster":{"server":"http://127.0.0.1:1"}}],
		"contexts":[{"name":"mine","context":{"cluster":"mine"}},{"name":"other","context":{"cluster":"other"}}]}`, server.URL)

	for name, test := range map[string]struct {
		context string
		fails   bool
	}{
		"the named context":   {"mine", false},
		"the current context": {"", true},
		"no such context":     {"nowhere", true},
	} {
		t.Run(name, func(t *testing.T) {
			asked.Store(0)
			_, err := componenttest.Run(t, false, nil, func(ctx *pulumi.Context) error {
				return await.PodsIn(ctx, kubeconfig, test.context, time.Second)(t.Context(), tempo.Rollout{Namespace: "traces", Release: "tempo"})
			})
			if test.fails {
				require.Error(t, err)
				assert.Zero(t, asked.Load())
				return
			}
			require.NoError(t, err)
			assert.Positive(t, asked.Load())
		})
	}
}

// TestPodsInNamesTheCluster has the commands of an error act on the cluster that was asked, not on
// kubectl's current one.
func TestPodsInNamesTheCluster(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		items := "[]"
		if strings.HasSuffix(r.URL.Path, "/deployments") {
			items = `[{"metadata":{"name":"tempo-querier"},"spec":{"replicas":1}}]`
		}
		fmt.Fprintf(w, `{"items":%s}`, items)
	}))
	defer server.Close()
	document := fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","clusters":[{"name":"c","cluster":{"server":%q}}],"contexts":[{"name":"mine","context":{"cluster":"c"}}]}`, server.URL)
	file := filepath.Join(t.TempDir(), "config")
	require.NoError(t, os.WriteFile(file, []byte(document), 0o600))
	for kubeconfig, want := range map[string]string{
		file:     "see kubectl --kubeconfig " + command.Quote(file) + " --context mine describe deployment --namespace traces tempo-querier",
		document: "see in the stack's cluster, kubectl describe deployment --namespace traces tempo-querier",
	} {
		_, err := componenttest.Run(t, false, nil, func(ctx *pulumi.Context) error {
			return await.PodsIn(ctx, kubeconfig, "mine", time.Second)(t.Context(), tempo.Rollout{Namespace: "traces", Release: "tempo"})
		})
		assert.ErrorContains(t, err, want)
	}
}
