package tests

import (
	"slices"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/tags"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const noChanges = "--expect-no-changes"

// TestUp follows a stack through its life. The subtests build on each other.
func TestUp(t *testing.T) {
	h := start(t)
	h.sub("a bad configuration touches nothing", badConfig)
	h.sub("drift of a stack that has created nothing yet", func(h harness) {
		out, code := h.picluster(nil, "drift")
		assert.Equal(h, exitUnknown, code, out)
		assert.Contains(h, out, "has created nothing yet")
	})
	preview := h.mustStack("preview", "--diff")
	up := h.up()

	h.sub("everything is there", everything)
	h.sub("the key opens the bucket", keyOpensBucket)
	h.sub("the key opens nothing else", keyOpensNothingElse)
	h.sub("no credential in plain text", func(h harness) {
		noPlainCredential(h, map[string]string{"the preview before": preview, "the first up": up})
	})
	h.sub("the namespace rejects pods that could harm", restrictedPods)
	h.sub("nothing changes", func(h harness) {
		h.mustStack("preview", noChanges)
		h.mustStack("refresh", "--preview-only", noChanges)
		h.mustStack("up", "--yes", "--skip-preview", noChanges)
	})
	h.sub("destroy leaves the bucket and nothing else", destroy)
	h.sub("the kept bucket comes into a new stack", adoptBucket)
}

func everything(h harness) {
	assert.Equal(h, "tempo", h.kubectl("get", "namespace", "tempo", "--output=jsonpath={.metadata.name}"))

	var pods struct {
		Items []struct {
			Metadata struct{ Name string }
			Status   struct {
				Phase      string
				Conditions []struct{ Type, Status string }
			}
		}
	}
	h.get(&pods, "pods", "--selector=app.kubernetes.io/name=tempo")
	var services []string
	for _, pod := range pods.Items {
		assert.Equal(h, "Running", pod.Status.Phase, pod.Metadata.Name)
		for _, condition := range pod.Status.Conditions {
			if condition.Type == "Ready" {
				assert.Equal(h, "True", condition.Status, pod.Metadata.Name)
			}
		}
		services = append(services, pod.Metadata.Name)
	}
	for _, service := range []string{"compactor", "distributor", "ingester", "metrics-generator", "querier", "query-frontend"} {
		assert.True(h, slices.ContainsFunc(services, func(pod string) bool {
			return strings.HasPrefix(pod, "tempo-"+service+"-")
		}), "no pod of the %s among %v", service, services)
	}

	exists, err := h.s3(h.administrator()).BucketExists(h.Context(), "k3s-tempo")
	require.NoError(h, err)
	assert.True(h, exists)
	user, err := h.admin(h.administrator()).GetUserInfo(h.Context(), "tempo")
	require.NoError(h, err)
	assert.Equal(h, "tempo", user.PolicyName)
	assert.EqualValues(h, "enabled", user.Status)

	outputs := h.outputs()
	assert.Equal(h, "k3s-tempo", outputs["bucket"])
	assert.Equal(h, "tempo-minio-secret", outputs["secretName"])
	assert.Contains(h, outputs["grafanaValues"], "url: "+outputs["queryUrl"]+"\n")

	// Each address is a port of a Service that selects a running pod.
	for output, want := range map[string]string{
		"queryUrl": "http://tempo-query-frontend.tempo.svc.cluster.local:3200",
		"otlpGrpc": "tempo-distributor.tempo.svc.cluster.local:4317",
		"otlpHttp": "http://tempo-distributor.tempo.svc.cluster.local:4318",
	} {
		assert.Equal(h, want, outputs[output])
		host, port, _ := strings.Cut(strings.TrimPrefix(want, "http://"), ":")
		service, _, _ := strings.Cut(host, ".")
		ports := h.kubectl("get", "service", "--namespace=tempo", service, "--output=jsonpath={.spec.ports[*].port}")
		assert.Contains(h, strings.Fields(ports), port, service)
		ready := h.kubectl("get", "endpointslices", "--namespace=tempo", "--selector=kubernetes.io/service-name="+service,
			"--output=jsonpath={.items[*].endpoints[*].conditions.ready}")
		assert.Contains(h, ready, "true", service)
	}

	config := h.kubectl("get", "configmap", "--namespace=tempo", "tempo-config", `--output=jsonpath={.data.tempo\.yaml}`)
	assert.Contains(h, config, "bucket: k3s-tempo")
	assert.Contains(h, config, "local-blocks")
}

func keyOpensBucket(h harness) {
	ctx, client := h.Context(), h.s3(h.secretKeys())
	const bucket, object = "k3s-tempo", "probe/a trace"

	_, err := client.PutObject(ctx, bucket, object, strings.NewReader("span"), 4, minio.PutObjectOptions{})
	require.NoError(h, err, "put")

	reader, err := client.GetObject(ctx, bucket, object, minio.GetObjectOptions{})
	require.NoError(h, err, "get")
	assert.Equal(h, "span", readAll(h.T, reader))

	var listed []string
	for info := range client.ListObjects(ctx, bucket, minio.ListObjectsOptions{Recursive: true}) {
		require.NoError(h, info.Err, "list")
		listed = append(listed, info.Key)
	}
	assert.Equal(h, []string{object}, listed)

	tag, err := tags.NewTags(map[string]string{"kind": "probe"}, true)
	require.NoError(h, err)
	require.NoError(h, client.PutObjectTagging(ctx, bucket, object, tag, minio.PutObjectTaggingOptions{}), "tag")
	read, err := client.GetObjectTagging(ctx, bucket, object, minio.GetObjectTaggingOptions{})
	require.NoError(h, err, "read tags")
	assert.Equal(h, tag.ToMap(), read.ToMap())

	require.NoError(h, client.RemoveObject(ctx, bucket, object, minio.RemoveObjectOptions{}), "delete")
}

func destroy(h harness) {
	ctx, admin := h.Context(), h.administrator()
	h.put("precious")

	h.mustStack("destroy", "--yes", "--skip-preview")

	users, err := h.admin(admin).ListUsers(ctx)
	require.NoError(h, err)
	assert.Empty(h, users)
	policies, err := h.admin(admin).ListCannedPolicies(ctx)
	require.NoError(h, err)
	assert.NotContains(h, policies, "tempo")
	assert.NotContains(h, h.kubectl("get", "namespaces", "--output=name"), "namespace/tempo")
	all := h.kubectl("get", "all,configmaps,secrets", "--all-namespaces", "--output=name")
	assert.NotContains(h, all, "tempo")

	h.has("precious")
}

// adoptBucket imports the bucket that destroy has left.
func adoptBucket(h harness) {
	out, err := h.stack("up", "--yes", "--skip-preview")
	require.Error(h, err, "a bucket that exists was used without an error")
	require.Contains(h, out, "k3s-tempo")

	h.adopt("bucket k3s-tempo")
	h.up()
	_, err = h.s3(h.secretKeys()).StatObject(h.Context(), "k3s-tempo", "precious", minio.StatObjectOptions{})
	require.NoError(h, err, "the traces are lost")
	h.mustStack("preview", noChanges)
}
