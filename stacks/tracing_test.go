package stacks_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/picluster/picluster/components/componenttest"
	"github.com/picluster/picluster/internal/helm"
	"github.com/picluster/picluster/stacks"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func config() map[string]string {
	return map[string]string{
		"minio:minioServer":   "s3.example.com:9091",
		"minio:minioSsl":      "true",
		"minio:minioRegion":   "eu-west-1",
		"minio:minioUser":     "admin",
		"minio:minioPassword": "hunter2",
		"picluster:bucket":    "traces",
		"picluster:namespace": "tracing",
		"picluster:release":   "traces",
	}
}

func TestTracing(t *testing.T) {
	for _, preview := range []bool{false, true} {
		t.Run(fmt.Sprintf("preview=%t", preview), func(t *testing.T) {
			resources, err := componenttest.Run(t, preview, config(), stacks.Tracing)
			require.NoError(t, err)

			var custom []string
			for _, r := range resources {
				if r.Custom {
					custom = append(custom, r.Type+" "+r.Name)
				}
			}
			assert.ElementsMatch(t, []string{
				"minio:index/s3Bucket:S3Bucket tempo-bucket",
				"random:index/randomPassword:RandomPassword tempo-secret-key",
				"random:index/randomPassword:RandomPassword tempo-keys-salt",
				"minio:index/iamUser:IamUser tempo-user",
				"minio:index/iamPolicy:IamPolicy tempo-policy",
				"minio:index/iamUserPolicyAttachment:IamUserPolicyAttachment tempo-attachment",
				"kubernetes:core/v1:Namespace kube-system", // read
				"kubernetes:core/v1:Namespace tempo-namespace",
				"kubernetes:core/v1:Secret tempo-secret",
				"kubernetes:helm.sh/v3:Release tempo-release",
			}, custom)

			// The key reaches the Secret, and nothing of the release.
			release := componenttest.Find(t, resources, helm.ReleaseToken, "tempo-release").Inputs
			assert.False(t, resource.NewProperty(release).ContainsSecrets(), "people read the release's diff")
			assert.NotContains(t, fmt.Sprint(release), componenttest.SecretKey)
			s3 := release["values"].ObjectValue()["storage"].ObjectValue()["trace"].ObjectValue()["s3"].ObjectValue()
			if preview { // what MinIO will say is not known, and hides nothing beside it
				assert.False(t, componenttest.Has(s3, "bucket"))
				assert.Equal(t, "s3.example.com:9091", s3["endpoint"].StringValue())
				return
			}
			assert.Equal(t, "tracing", release["namespace"].StringValue())
			assert.Equal(t, resource.PropertyMap{
				"bucket":     resource.NewProperty("traces"),
				"endpoint":   resource.NewProperty("s3.example.com:9091"),
				"region":     resource.NewProperty("eu-west-1"),
				"access_key": resource.NewProperty("${MINIO_ACCESS_KEY_ID}"),
				"secret_key": resource.NewProperty("${MINIO_SECRET_ACCESS_KEY}"),
				"insecure":   resource.NewProperty(false),
			}, s3)
			secret := componenttest.Find(t, resources, "kubernetes:core/v1:Secret", "tempo-secret").Inputs
			assert.Contains(t, fmt.Sprint(secret), componenttest.SecretKey)
		})
	}
}

// Each tenant has everything of its own, but a release that is managed elsewhere.
func TestTenants(t *testing.T) {
	for _, preview := range []bool{false, true} {
		t.Run(fmt.Sprintf("preview=%t", preview), func(t *testing.T) {
			several := config()
			several["picluster:tenants"] = `[{"name":"a"},{"name":"b","bucket":"of-b","install":false}]`
			several["picluster:datasources"] = "configmap"
			several["picluster:lokiUrl"] = "http://loki"
			resources, err := componenttest.Run(t, preview, several, stacks.Tracing)
			require.NoError(t, err)
			count := map[string]int{}
			for _, r := range resources {
				if r.ID == "" { // created, not read
					count[r.Type]++
				}
			}
			for _, kind := range []string{"minio:index/s3Bucket:S3Bucket", "minio:index/iamUser:IamUser", "minio:index/iamPolicy:IamPolicy",
				"kubernetes:core/v1:Namespace", "kubernetes:core/v1:Secret"} {
				assert.Equal(t, 2, count[kind], kind)
			}
			assert.Equal(t, 1, count[helm.ReleaseToken])
			assert.Equal(t, 4, count["random:index/randomPassword:RandomPassword"], "a key and a salt of each")
			bucket := func(name string) string {
				return componenttest.Find(t, resources, "minio:index/s3Bucket:S3Bucket", name).Inputs["bucket"].StringValue()
			}
			assert.Equal(t, "traces-a", bucket("tempo-a-bucket"))
			assert.Equal(t, "of-b", bucket("tempo-b-bucket"))
			if preview {
				return
			}
			release := componenttest.Find(t, resources, helm.ReleaseToken, "tempo-a-release").Inputs
			assert.Equal(t, "tracing-a", release["namespace"].StringValue())
			datasources := componenttest.Find(t, resources, "kubernetes:core/v1:ConfigMap", "tempo-a-datasources").Inputs
			assert.Equal(t, "traces-a-datasources", datasources["metadata"].ObjectValue()["name"].StringValue())
			file := datasources["data"].ObjectValue()["traces-a-datasources.yaml"].StringValue()
			for _, want := range []string{"uid: tempo-a", "uid: loki-a", "name: Tempo a", "datasourceUid: tempo-a", "datasourceUid: loki-a"} {
				assert.Contains(t, file, want)
			}
			componenttest.Find(t, resources, "picluster:grafana:Grafana", "tempo") // the data sources of all
		})
	}
}

// One release has the data sources of all tenants, each with its own tenant of Loki.
func TestReleaseOfTenants(t *testing.T) {
	several := config()
	several["picluster:tenants"] = `[{"name":"a","lokiTenant":"logs-of-a"},{"name":"b"}]`
	several["picluster:datasources"] = "release"
	several["picluster:exemplars"] = "true"
	several["picluster:lokiUrl"] = "http://loki"
	several["picluster:lokiTenant"] = "logs"
	several["picluster:restore"] = `{"monitoring/kube-prometheus-stack":2}`
	resources, err := componenttest.Run(t, false, several, stacks.Tracing)
	require.NoError(t, err)
	release := componenttest.Find(t, resources, helm.ReleaseToken, "tempo-grafana").Inputs
	assert.Equal(t, "restore 2", release["description"].StringValue())
	text := release["values"].ObjectValue()["grafana"].ObjectValue()["additionalDataSourcesString"].StringValue()
	for _, want := range []string{"uid: tempo-a", "uid: tempo-b", "uid: loki-a", "httpHeaderValue1: logs-of-a\n", "httpHeaderValue1: logs\n",
		"url: http://traces-query-frontend.tracing-a.svc.cluster.local:3200", "url: http://traces-query-frontend.tracing-b.svc.cluster.local:3200"} {
		assert.Contains(t, text, want)
	}
}

// The SDK hands out keys one by one; all of them are in its environment variable.
func TestUnknownKeyTouchesNothing(t *testing.T) {
	t.Setenv(pulumi.EnvConfig, `{"picluster:buckte": "traces"}`)
	resources, err := componenttest.Run(t, false, config(), stacks.Tracing)
	assert.ErrorContains(t, err, "picluster:buckte: unknown key; did you mean picluster:bucket?")
	assert.Empty(t, resources)
}

func TestBadConfigTouchesNothing(t *testing.T) {
	bad := config()
	bad["picluster:bucket"] = "Traces"
	resources, err := componenttest.Run(t, false, bad, stacks.Tracing)
	assert.ErrorContains(t, err, "picluster:bucket")
	assert.Empty(t, resources)
}

// A counter of a release is in its description, and of no other release's.
func TestRestore(t *testing.T) {
	restored := config()
	restored["picluster:restore"] = `{"tracing/traces":2}`
	restored["picluster:datasources"] = "release"
	resources, err := componenttest.Run(t, false, restored, stacks.Tracing)
	require.NoError(t, err)
	assert.Equal(t, "restore 2", componenttest.Find(t, resources, helm.ReleaseToken, "tempo-release").Inputs["description"].StringValue())
	assert.False(t, componenttest.Has(componenttest.Find(t, resources, helm.ReleaseToken, "tempo-grafana").Inputs, "description"))
}

// Every object of the stack's own takes fields over from other field managers.
func TestObjectsForceTheirFields(t *testing.T) {
	closed := config()
	closed["picluster:datasources"] = "configmap"
	closed["picluster:networkPolicies"] = "true"
	closed["picluster:tracesFrom"] = `["apps"]`
	resources, err := componenttest.Run(t, false, closed, stacks.Tracing)
	require.NoError(t, err)
	objects := 0
	for _, r := range resources {
		if !strings.HasPrefix(r.Type, "kubernetes:") || r.Type == helm.ReleaseToken || r.ID != "" {
			continue
		}
		objects++
		annotations := r.Inputs["metadata"].ObjectValue()["annotations"].ObjectValue()
		assert.Equal(t, "true", annotations["pulumi.com/patchForce"].StringValue(), r.Name)
	}
	assert.Greater(t, objects, 3)
}

// What identifies the cluster is an output.
func TestClusterUID(t *testing.T) {
	resources, err := componenttest.Run(t, false, config(), stacks.Tracing)
	require.NoError(t, err)
	assert.Equal(t, "kube-system", componenttest.Find(t, resources, "kubernetes:core/v1:Namespace", "kube-system").ID)
}
