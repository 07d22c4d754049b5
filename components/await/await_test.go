package await_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/picluster/picluster/components/await"
	"github.com/picluster/picluster/components/componenttest"
	"github.com/picluster/picluster/components/tempo"
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
