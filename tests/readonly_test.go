package tests

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minio/madmin-go/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// TestPreviewRoleOnlyReads has the Kubernetes account of previews write nothing, and
// bind what exists.
func TestPreviewRoleOnlyReads(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "deploy", "preview", "role.yaml"))
	require.NoError(t, err)
	type name struct{ Kind, Name, Namespace string }
	roles, accounts, read := map[string]bool{}, map[string]bool{}, map[string]bool{}
	var refs, subjects []name
	for _, document := range strings.Split(string(text), "\n---\n") {
		var object struct {
			Kind     string
			Metadata name
			Rules    []struct{ APIGroups, Resources, Verbs []string }
			RoleRef  name
			Subjects []name
		}
		require.NoError(t, yaml.Unmarshal([]byte(document), &object))
		switch object.Kind {
		case "ServiceAccount":
			accounts[object.Metadata.Namespace+"/"+object.Metadata.Name] = true
		case "ClusterRole":
			roles[object.Metadata.Name] = true
			for _, rule := range object.Rules {
				assert.Subset(t, []string{"get", "list", "watch"}, rule.Verbs)
				assert.NotEmpty(t, rule.Verbs)
				assert.NotContains(t, rule.Resources, "*")
				for _, resource := range rule.Resources {
					read[resource] = true
				}
			}
		case "ClusterRoleBinding":
			assert.Equal(t, "picluster-preview-namespaces", object.RoleRef.Name, "it reads the Secrets of every namespace")
			fallthrough
		case "RoleBinding":
			refs, subjects = append(refs, object.RoleRef), append(subjects, object.Subjects...)
		default:
			assert.Fail(t, "an object of the kind "+object.Kind)
		}
	}
	for _, resource := range []string{"namespaces", "secrets", "configmaps", "services", "serviceaccounts", "pods",
		"deployments", "statefulsets", "networkpolicies", "poddisruptionbudgets", "grafanadatasources"} {
		assert.True(t, read[resource], resource)
	}
	require.Len(t, refs, 2)
	for _, ref := range refs {
		assert.True(t, ref.Kind == "ClusterRole" && roles[ref.Name], ref)
	}
	for _, subject := range subjects {
		assert.True(t, accounts[subject.Namespace+"/"+subject.Name], subject)
	}
}

// TestPreviewPolicyOnlyReads has MinIO's user of previews do what the administrator
// does, as far as it reads.
func TestPreviewPolicyOnlyReads(t *testing.T) {
	actions := func(file string) (actions, resources []string) {
		text, err := os.ReadFile(filepath.Join("..", "deploy", "minio", file))
		require.NoError(t, err)
		var policy struct {
			Statement []struct{ Action, Resource []string }
		}
		require.NoError(t, json.Unmarshal(text, &policy))
		for _, statement := range policy.Statement {
			actions, resources = append(actions, statement.Action...), append(resources, statement.Resource...)
		}
		return actions, resources
	}
	all, bucket := actions("administrator.json")
	var want []string
	for _, action := range all {
		_, verb, _ := strings.Cut(action, ":")
		if strings.HasPrefix(verb, "Get") || strings.HasPrefix(verb, "List") {
			want = append(want, action)
		}
	}
	require.NotEmpty(t, want)
	have, resources := actions("preview.json")
	assert.ElementsMatch(t, want, have)
	assert.Equal(t, bucket, resources)
}

// TestReadOnlyRights previews and looks for drift with the rights of deploy/preview
// and deploy/minio/preview.json alone, which write nothing.
func TestReadOnlyRights(t *testing.T) {
	h := start(t)
	h.set("profile", "pi")
	// As on GitHub: the stack's file has neither a kubeconfig nor credentials.
	for _, key := range []string{"kubernetes:kubeconfig", "minio:minioUser", "minio:minioPassword"} {
		h.unset(key)
	}
	all := h.administrator()
	writes := []string{"MINIO_USER=" + all.access, "MINIO_PASSWORD=" + all.secret}
	out, code := h.picluster(writes, "up", "--yes")
	require.Zero(t, code, lastLines(out, 20))

	root, reader := h.admin(all), keys{"preview", "readsAndWritesNothing"}
	policy, err := os.ReadFile(filepath.Join("..", "deploy", "minio", "preview.json"))
	require.NoError(t, err)
	require.NoError(t, root.AddUser(t.Context(), reader.access, reader.secret))
	require.NoError(t, root.AddCannedPolicy(t.Context(), "preview", policy))
	_, err = root.AttachPolicy(t.Context(), madmin.PolicyAssociationReq{Policies: []string{"preview"}, User: reader.access})
	require.NoError(t, err)
	h.kubectl("create", "namespace", "picluster")
	h.kubectl("apply", "--filename="+filepath.Join("..", "deploy", "preview", "role.yaml"))
	reads := []string{
		"KUBECONFIG=" + h.kubeconfigOf("picluster", "picluster-preview"),
		"MINIO_USER=" + reader.access, "MINIO_PASSWORD=" + reader.secret,
	}

	out, code = h.picluster(reads, "drift")
	assert.Equal(t, exitSame, code, out)
	h.kubectl("scale", "--namespace=tempo", "deployment/tempo-querier", "--replicas=3")
	out, code = h.picluster(reads, "drift")
	assert.Equal(t, exitDrifted, code, out)
	assert.True(t, hasRow(out, "Deployment tempo/tempo-querier", "spec.replicas is 3"), out)

	h.set("--path", "replicas.querier", "2")
	h.set("podSecurity", "baseline") // of an object of the stack's own
	file := filepath.Join(t.TempDir(), "summary.md")
	out, code = h.picluster(reads, "preview", "--summary", file)
	require.Zero(t, code, lastLines(out, 20))
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Contains(t, string(text), "| update | `tempo-namespace` |")
	assert.Contains(t, string(text), "-  replicas: 1\n+  replicas: 2\n")
	assert.NotContains(t, string(text), "are not shown")

	// An up with these rights writes nothing.
	out, code = h.picluster(reads, "up", "--yes")
	assert.Equal(t, 1, code, lastLines(out, 20))
	assert.Contains(t, out, "forbidden", lastLines(out, 20))
	replicas := h.kubectl("get", "deployment", "--namespace=tempo", "tempo-querier", "--output=jsonpath={.spec.replicas}")
	assert.Equal(t, "3", replicas)
	assert.ErrorContains(t, h.admin(reader).AddUser(t.Context(), "thief", "longsecretkey"), "Access Denied")
	out, code = h.picluster(writes, "up", "--yes")
	require.Zero(t, code, lastLines(out, 20))
}
