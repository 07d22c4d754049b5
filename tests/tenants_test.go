package tests

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// TestTenants has two tenants in one stack: neither may reach the other's bucket, and
// the one whose release is managed elsewhere gets values that install it.
func TestTenants(t *testing.T) {
	h := start(t)
	h.set("profile", "pi")
	h.set("--path", "tenants[0].name", "payments")
	h.set("--path", "tenants[1].name", "shop")
	h.set("--path", "tenants[1].install", "false")
	h.up()
	h.mustStack("preview", noChanges)

	var tenants map[string]map[string]string
	require.NoError(t, json.Unmarshal([]byte(h.pulumi("stack", "output", "tenants", "--json")), &tenants))
	require.Len(t, tenants, 2)
	buckets := map[string]string{"payments": "k3s-tempo-payments", "shop": "k3s-tempo-shop"}
	for tenant, own := range buckets {
		assert.Equal(t, own, tenants[tenant]["bucket"])
		user := h.s3(h.keysIn(tenants[tenant]["namespace"], tenants[tenant]["secretName"]))
		for _, bucket := range buckets {
			_, err := user.BucketExists(t.Context(), bucket)
			if bucket == own {
				assert.NoError(t, err, "%s cannot open its own bucket", tenant)
			} else {
				assert.Error(t, err, "%s can open %s", tenant, bucket)
			}
		}
	}

	assert.NotEmpty(t, h.kubectl("get", "pods", "--namespace=tempo-payments", "--output=name"))
	assert.Empty(t, h.kubectl("get", "pods", "--namespace=tempo-shop", "--output=name"))
	var values struct {
		Storage struct {
			Trace struct{ S3 struct{ Bucket string } }
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(tenants["shop"]["tempoValues"]), &values))
	assert.Equal(t, "k3s-tempo-shop", values.Storage.Trace.S3.Bucket)

	// What is changed of one is found, and told from the other.
	require.NoError(t, h.admin(h.administrator()).SetUser(t.Context(), "tempo-shop", "anotherKey0123456789", "enabled"))
	table, code := h.picluster(nil, "drift")
	assert.Equal(t, exitDrifted, code, table)
	assert.True(t, hasRow(table, "user tempo-shop", "has another secret key"), table)
	assert.False(t, hasRow(table, "user tempo-payments", ""), table)
	out, code := h.repair(table, "user tempo-shop", "has another secret key")
	require.Zero(t, code, lastLines(out, 20))
	table, code = h.picluster(nil, "drift")
	assert.Equal(t, exitSame, code, table)

	h.sub("a rotation keeps the key before where pods are managed elsewhere", func(h harness) {
		payments := h.keysIn("tempo-payments", tenants["payments"]["secretName"])
		shop := h.keysIn("tempo-shop", tenants["shop"]["secretName"])
		out, code := h.picluster(nil, "rotate", "--yes")
		require.Zero(h, code, lastLines(out, 20))
		assert.Contains(h, out, "Of tenants of install: false the previous key stays valid until the next rotation")
		_, err := h.s3(payments).BucketExists(h.Context(), "k3s-tempo-payments")
		assert.Error(h, err, "the key before opens the bucket still")
		_, err = h.s3(shop).BucketExists(h.Context(), "k3s-tempo-shop")
		assert.NoError(h, err, "the key that the pods of shop have was revoked")

		// Neither a version that was passed over nor one of an older checkout may revoke it.
		for version, want := range map[string]string{"4": "want 2 or 3", "1": "want 2 or more, which the stack has"} {
			h.set("keyVersion", version)
			out, code := h.picluster(nil, "up", "--yes")
			assert.Equal(h, 1, code, lastLines(out, 10))
			assert.Contains(h, out, "keyVersion: got "+version+"; "+want)
		}
		h.set("keyVersion", "2")
		h.mustStack("preview", noChanges)
	})
}

// TestALostUpOfTenants kills the first up of several tenants, in which Pulumi saves the state
// only at the end. What the up has created is in no state, and adopt imports it.
func TestALostUpOfTenants(t *testing.T) {
	h := start(t)
	names := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	for i, name := range names {
		h.set("--path", fmt.Sprintf("tenants[%d].name", i), name)
		h.set("--path", fmt.Sprintf("tenants[%d].install", i), "false")
	}
	cmd := h.StackCommand(t.Context(), "up", "--yes", "--skip-preview")
	cmd.Env = append(cmd.Env, "PULUMI_SKIP_CHECKPOINTS=true")
	require.NoError(t, cmd.Start())
	client := h.s3(h.administrator())
	eventually(t, func() bool {
		buckets, err := client.ListBuckets(t.Context())
		return err == nil && len(buckets) > 1
	}, time.Minute, 10*time.Millisecond, "no bucket was made")
	h.killAll(cmd)
	h.pulumi("cancel", "--yes")
	require.NotContains(t, h.pulumi("stack", "export"), "s3Bucket", "the up was not lost")

	h.adopt("bucket k3s-tempo-")
	out, code := h.picluster(nil, "up", "--yes")
	require.Zero(t, code, lastLines(out, 20))
	for _, name := range names {
		_, err := h.s3(h.keysIn("tempo-"+name, "tempo-minio-secret")).BucketExists(t.Context(), "k3s-tempo-"+name)
		assert.NoError(t, err, "the key of %s does not open its bucket", name)
	}
	out, code = h.picluster(nil, "drift")
	assert.Equal(t, exitSame, code, out)
}
