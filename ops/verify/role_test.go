package verify

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/picluster/picluster/ops/cluster"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"
)

// given returns the rights of deploy/verify/role.yaml, each as VERB NAMESPACE/RESOURCE
// or VERB NAMESPACE/RESOURCE NAME, and checks that its roles are bound to its account.
func given(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "verify", "role.yaml"))
	require.NoError(t, err)
	rights := map[string][]string{} // by KIND NAMESPACE/NAME of the role
	var bound []string
	for _, document := range strings.Split(string(text), "\n---\n") {
		var object struct {
			rbacv1.RoleBinding
			Rules []rbacv1.PolicyRule
		}
		require.NoError(t, yaml.Unmarshal([]byte(document), &object))
		name := object.Kind + " " + object.Namespace + "/" + object.Name
		switch object.Kind {
		case "ServiceAccount":
			assert.Equal(t, "ServiceAccount picluster/picluster-verify", name)
		case "Role", "ClusterRole":
			for _, rule := range object.Rules {
				assert.Equal(t, []string{""}, rule.APIGroups)
				for _, verb := range rule.Verbs {
					for _, resource := range rule.Resources {
						if len(rule.ResourceNames) == 0 {
							rule.ResourceNames = []string{""}
						}
						for _, only := range rule.ResourceNames {
							rights[name] = append(rights[name], strings.TrimSpace(verb+" "+object.Namespace+"/"+resource+" "+only))
						}
					}
				}
			}
		case "RoleBinding", "ClusterRoleBinding":
			bound = append(bound, object.RoleRef.Kind+" "+object.Namespace+"/"+object.RoleRef.Name)
			assert.Equal(t, []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: "picluster", Name: "picluster-verify"}}, object.Subjects)
		default:
			assert.Fail(t, "an object of the kind "+object.Kind)
		}
	}
	var all []string
	for role, of := range rights {
		assert.Contains(t, bound, role)
		all = append(all, of...)
	}
	assert.Len(t, bound, len(rights))
	slices.Sort(all)
	return all
}

// used returns the right that a request requires, as given has it. Of Secrets and of
// the namespace it is with the name.
func used(r *http.Request) string {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/api/v1/namespaces/"), "/")
	if len(parts) == 1 {
		return "get /namespaces " + parts[0]
	}
	verb, resource, name := "list", parts[1], ""
	if len(parts) > 2 {
		verb = "get"
	}
	if len(parts) > 3 {
		resource += "/" + parts[3]
	}
	if resource == "secrets" {
		name = parts[2]
	}
	if r.Method == http.MethodPost {
		verb = "create"
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s/%s %s", verb, parts[0], resource, name))
}

// TestRole has verify use the rights of deploy/verify/role.yaml, all of them and no
// other.
func TestRole(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if right := used(r); !slices.Contains(asked, right) {
			asked = append(asked, right)
		}
		w.Header().Set("Content-Type", "application/json")
		switch path := r.URL.Path; {
		case strings.HasSuffix(path, "/portforward"):
			w.WriteHeader(http.StatusForbidden)
		case strings.HasSuffix(path, "/log"):
			fmt.Fprint(w, "line")
		case strings.HasSuffix(path, "/pods"):
			namespace := strings.Split(path, "/")[4]
			fmt.Fprintf(w, `{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"p","namespace":%q},"spec":{"containers":[{"env":[
				{"name":"GF_SECURITY_ADMIN_USER","valueFrom":{"secretKeyRef":{"name":"kube-prometheus-stack-grafana","key":"k"}}},
				{"name":"GF_SECURITY_ADMIN_PASSWORD","valueFrom":{"secretKeyRef":{"name":"kube-prometheus-stack-grafana","key":"k"}}}]}]},
				"status":{"conditions":[{"type":"Ready","status":"True"}],"containerStatuses":[{"name":"c","lastState":{"terminated":{"finishedAt":"2999-01-01T00:00:00Z"}}}]}}]}`, namespace)
		case strings.HasSuffix(path, "/services"):
			fmt.Fprint(w, `{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"s","namespace":"monitoring"},"spec":{"selector":{"a":"b"},"ports":[{"port":80}]}}]}`)
		case strings.Contains(path, "/services/"):
			fmt.Fprint(w, `{"kind":"Service","apiVersion":"v1","metadata":{"name":"s","namespace":"tempo"},"spec":{"selector":{"a":"b"},"ports":[{"port":3200},{"port":4317},{"port":4318}]}}`)
		case strings.Contains(path, "/secrets/"):
			fmt.Fprint(w, `{"kind":"Secret","apiVersion":"v1","data":{"k":"eA==","MINIO_ACCESS_KEY_ID":"YWNjZXNz","MINIO_SECRET_ACCESS_KEY":"c2VjcmV0"}}`)
		default:
			fmt.Fprint(w, `{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"kube-system","uid":"one"}}`)
		}
	}))
	defer server.Close()
	kubeconfig := fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"c","clusters":[{"name":"c","cluster":{"server":%q}}],"contexts":[{"name":"c","context":{"cluster":"c"}}]}`, server.URL)
	live, err := cluster.New(t.Context(), func(name string) string { return map[string]string{"kubeconfig": kubeconfig}[name] })
	require.NoError(t, err)
	_, err = live.UID(context.Background())
	require.NoError(t, err)

	w := newWorld(t)
	w.covered()
	one := target(t)
	one.Namespace, one.Secret, one.GrafanaRelease = "tempo", "tempo-minio-secret", &GrafanaRelease{"monitoring", "kube-prometheus-stack"}
	one.OTLPHTTP.Namespace, one.OTLPGRPC.Namespace, one.Query.Namespace = "tempo", "tempo", "tempo"
	// It reaches no port here, and so sends no trace.
	v := &Verifier{Cluster: live, Store: w.store, Options: Options{Commands: ofS, Timeout: 1e9}, every: 1e7}
	_, err = v.Run(t.Context(), []Target{one})
	require.NoError(t, err)
	mu.Lock()
	defer mu.Unlock()
	slices.Sort(asked)
	assert.Equal(t, given(t), asked)
}
