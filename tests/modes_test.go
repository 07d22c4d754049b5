package tests

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/picluster/picluster/lab"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCredentials takes one stack from each way to have the keys to the next, and
// then closes its namespace.
func TestCredentials(t *testing.T) {
	h := start(t)
	h.set("profile", "pi") // a rolling update of one ingester is quicker than of three
	h.up()
	h.sub("a rotated key", rotation)
	h.sub("inline", inline)
	h.sub("existing", existing)
	h.sub("network policies", networkPolicies)
}

// rotation has the key made anew: what the Secret has must open the bucket, the
// old key must not, and those pods must be new that read the Secret, and no others.
func rotation(h harness) {
	before := h.secretKeys()
	querier, memcached := h.podsOf("querier"), h.podsOf("memcached-bloom")
	require.NotEmpty(h, querier)
	require.NotEmpty(h, memcached)

	out, code := h.picluster(nil, "rotate", "--yes")
	require.Zero(h, code, out)
	assert.Empty(h, foundIn(out, before.secret))

	after := h.secretKeys()
	assert.NotEqual(h, before.secret, after.secret)
	keyOpensBucket(h)
	_, err := h.s3(before).BucketExists(h.Context(), "k3s-tempo")
	assert.Error(h, err, "the old key opens the bucket still")
	assert.NotEqual(h, querier, h.podsOf("querier"), "the pods read the old key still")
	assert.Equal(h, memcached, h.podsOf("memcached-bloom"), "a pod without the key was restarted")
	h.mustStack("preview", noChanges)
}

func inline(h harness) {
	h.set("credentials", "inline")
	out := h.up()
	assert.Contains(h, out, "the bucket's keys stand in plain text in the ConfigMap", "nobody is warned")
	assert.NotContains(h, h.kubectl("get", "secrets", "--namespace=tempo", "--output=name"), "tempo-minio-secret")

	config := h.kubectl("get", "configmap", "--namespace=tempo", "tempo-config", `--output=jsonpath={.data.tempo\.yaml}`)
	_, secret, found := strings.Cut(config, "secret_key: ")
	require.True(h, found)
	secret, _, _ = strings.Cut(secret, "\n")
	require.Len(h, secret, 40)
	_, err := h.s3(keys{h.outputs()["accessKey"], secret}).BucketExists(h.Context(), "k3s-tempo")
	require.NoError(h, err, "the key in Tempo's configuration does not open the bucket")

	// Edited by hand, it is put right, and not told.
	h.patch("configmap/tempo-config", `{"data":{"tempo.yaml":`+strconv.Quote(strings.Replace(h.kubectl("get", "configmap", "--namespace=tempo", "tempo-config",
		`--output=jsonpath={.data.tempo\.yaml}`), secret, "another", 1))+`}}`)
	table, code := h.picluster(nil, "drift")
	assert.Equal(h, exitDrifted, code, table)
	assert.True(h, hasRow(table, "ConfigMap tempo/tempo-config", "secret_key: [secret]"), table)
	assert.Empty(h, foundIn(table, secret))
	table, code = h.repair(table, "ConfigMap tempo/tempo-config", "secret_key")
	require.Zero(h, code, lastLines(table, 20))
	assert.Empty(h, foundIn(table, secret))

	// Where it must stand, it does; the rest is as silent as with a Secret.
	for place, text := range map[string]string{
		"the up":           out,
		"a preview":        h.mustStack("preview", "--diff"),
		"a preview (JSON)": h.mustStack("preview", "--json"),
		"the state":        h.pulumi("stack", "export"),
		"the outputs":      h.pulumi("stack", "output", "--json", "--show-secrets"),
	} {
		assert.Empty(h, foundIn(text, secret), "%s has the secret key", place)
	}
	h.mustStack("preview", noChanges)
	h.mustStack("refresh", "--preview-only", noChanges)
}

// existing has the keys in a Secret that is managed elsewhere: the user gets the key that
// is in it, and another one once that is changed.
func existing(h harness) {
	kept := func(user, secret string) {
		h.kubectl("delete", "secret", "--namespace=tempo", "--ignore-not-found", "from-vault")
		h.kubectl("create", "secret", "generic", "--namespace=tempo", "from-vault",
			"--from-literal=MINIO_ACCESS_KEY_ID="+user, "--from-literal=MINIO_SECRET_ACCESS_KEY="+secret)
	}
	opens := func(user, secret string) error {
		_, err := h.s3(keys{user, secret}).BucketExists(h.Context(), "k3s-tempo")
		return err
	}
	const first, second = "keptByVault0123456789", "changedByVault0123456789"
	h.set("credentials", "existing")
	h.set("secretName", "from-vault")
	out, code := h.picluster(nil, "up", "--yes")
	require.NotZero(h, code, "there is no such Secret")
	assert.True(h, strings.Contains(out, "the Secret of credentials: existing does not exist"), lastLines(out, 15))

	// A key of another user would lock Tempo out.
	kept("tempo", first)
	out, code = h.picluster(nil, "up", "--yes")
	require.NotZero(h, code)
	assert.True(h, strings.Contains(out, `MINIO_ACCESS_KEY_ID is not the name of the user, "tempo.v2"`), lastLines(out, 15))

	kept("tempo.v2", first)
	h.up()
	assert.Equal(h, "from-vault", h.outputs()["secretName"])
	env := h.kubectl("get", "pods", "--namespace=tempo", "--selector=app.kubernetes.io/component=querier",
		"--output=jsonpath={.items[*].spec.containers[*].env[*].valueFrom.secretKeyRef.name}")
	assert.Equal(h, []string{"from-vault", "from-vault"}, strings.Fields(env))
	require.NoError(h, opens("tempo.v2", first), "the key in the Secret does not open the bucket")
	assert.NotContains(h, h.pulumi("stack", "export"), "RandomPassword", "the stack makes a key all the same")
	h.mustStack("preview", noChanges)

	kept("tempo.v2", second)
	table, code := h.picluster(nil, "drift")
	assert.Equal(h, exitDrifted, code, table)
	assert.True(h, hasRow(table, "Secret tempo/from-vault", "its secret key is not the user's"), table)
	querier := h.podsOf("querier")
	out, code = h.picluster(nil, "up", "--yes")
	require.Zero(h, code, lastLines(out, 15))
	require.NoError(h, opens("tempo.v2", second), "the stack does not follow the Secret")
	assert.Error(h, opens("tempo.v2", first), "the old key opens the bucket still")
	assert.NotEqual(h, querier, h.podsOf("querier"), "the pods read the old key still")
	table, code = h.picluster(nil, "drift")
	assert.Zero(h, code, table)

	// With another version of the key the previous one works until no pod has it.
	const third = "rotatedByVault0123456789"
	w := h.watchingSecret("from-vault")
	require.Eventually(h, w.hasSeenPods, time.Minute, 10*time.Millisecond)
	kept("tempo.v3", third)
	h.set("keyVersion", "3")
	out, code = h.picluster(nil, "up", "--yes")
	require.Zero(h, code, lastLines(out, 15))
	w.stop()
	require.NoError(h, opens("tempo.v3", third))
	assert.Error(h, opens("tempo.v2", second), "the previous user is left over")

	for place, text := range map[string]string{
		"the state":        h.pulumi("stack", "export"),
		"the up":           out,
		"a preview (JSON)": h.mustStack("preview", "--json"),
	} {
		assert.Empty(h, slices.Concat(foundIn(text, first), foundIn(text, second), foundIn(text, third)), "%s has the secret key", place)
	}
	h.mustStack("preview", noChanges)
}

// TestTLS has MinIO's certificate signed by a private CA, which both the provider
// and the pods must be given.
func TestTLS(t *testing.T) {
	h := start(t, func(l *lab.Lab) { l.TLS = true })
	h.set("profile", "pi")
	h.up()
	keyOpensBucket(h)

	ca, err := os.ReadFile(h.CA())
	require.NoError(t, err)
	assert.Equal(t, string(ca), h.kubectl("get", "configmap", "--namespace=tempo", "tempo-minio-ca", `--output=jsonpath={.data.ca\.crt}`))
	config := h.kubectl("get", "configmap", "--namespace=tempo", "tempo-config", `--output=jsonpath={.data.tempo\.yaml}`)
	assert.Contains(t, config, "insecure: false")
	assert.Contains(t, config, "tls_ca_path: /etc/minio-ca/ca.crt")
	mounts := h.kubectl("get", "pods", "--namespace=tempo", "--selector=app.kubernetes.io/component=querier",
		"--output=jsonpath={.items[*].spec.containers[*].volumeMounts[?(@.name=='minio-ca')].mountPath}")
	assert.Equal(t, "/etc/minio-ca", mounts)
	h.mustStack("preview", noChanges)
}

// TestDatasources takes one stack through the ways to give Grafana its datasources.
func TestDatasources(t *testing.T) {
	h := start(t)
	h.set("profile", "pi")
	const link = "url: $${__value.raw}\n"

	h.sub("configmap", func(h harness) {
		h.kubectl("create", "namespace", "monitoring")
		h.set("datasources", "configmap")
		h.up()
		file := h.kubectl("get", "configmaps", "--namespace=monitoring", "--selector=grafana_datasource=1",
			`--output=jsonpath={.items[0].data.tempo-datasources\.yaml}`)
		assert.Contains(h, file, link)
		assert.Contains(h, file, "url: "+h.outputs()["queryUrl"]+"\n")
		h.mustStack("preview", noChanges)
	})
	h.sub("release", func(h harness) {
		chart, err := filepath.Abs(filepath.Join("testdata", "kube-prometheus-stack"))
		require.NoError(h, err)
		h.set("datasources", "release")
		h.set("grafanaChart", chart)
		h.up()
		file := h.kubectl("get", "configmap", "--namespace=monitoring", "kube-prometheus-stack-grafana-datasource",
			`--output=jsonpath={.data.datasource\.yaml}`)
		assert.Contains(h, file, link)
		assert.Contains(h, file, "url: "+h.outputs()["queryUrl"]+"\n")
		assert.Empty(h, h.kubectl("get", "configmaps", "--namespace=monitoring", "--selector=grafana_datasource=1", "--output=name"),
			"Grafana has the datasources twice")
		h.mustStack("preview", noChanges)
	})
}

// networkPolicies closes the namespace: each policy must select pods that are there,
// by ports that they have. That nothing else passes is for a network to enforce,
// which the lab has not.
func networkPolicies(h harness) {
	h.set("networkPolicies", "true")
	h.set("--path", "tracesFrom[0]", "default")
	h.up()
	for policy, port := range map[string]string{"tempo-traces": "4317", "tempo-query": "3200"} {
		component := h.kubectl("get", "networkpolicy", "--namespace=tempo", policy,
			`--output=jsonpath={.spec.podSelector.matchLabels.app\.kubernetes\.io/component}`)
		require.NotEmpty(h, h.podsOf(component), "%s selects no pod", policy)
		assert.Contains(h, strings.Fields(h.kubectl("get", "service", "--namespace=tempo", "tempo-"+component, "--output=jsonpath={.spec.ports[*].port}")), port)
		assert.Contains(h, strings.Fields(h.kubectl("get", "networkpolicy", "--namespace=tempo", policy,
			"--output=jsonpath={.spec.ingress[*].ports[*].port}")), port)
	}
	h.mustStack("preview", noChanges)
	h.kubectl("delete", "networkpolicy", "--namespace=tempo", "tempo-own")
	table, code := h.picluster(nil, "drift")
	assert.Equal(h, exitDrifted, code, table)
	assert.True(h, hasRow(table, "NetworkPolicy tempo/tempo-own", "is gone"), table)
	h.mustStack("up", "--yes", "--skip-preview", "--refresh")
	h.mustStack("preview", noChanges)
}

// TestBadConfigTouchesNothing has the engine show what a person would see.
func TestBadConfigTouchesNothing(t *testing.T) {
	h := start(t)
	h.set("bucket", "K3S")
	h.set("chartVersion", "3.3.0")
	h.set("buckte", "typo")
	h.set("--secret", "--path", "values.gateway.password", "hunter2")
	out, err := h.stack("up", "--yes", "--skip-preview")
	require.Error(t, err)
	for _, want := range []string{
		"has 5 problems, and nothing was touched", // the lab's chart is in a folder, and is not 3.3.0
		`picluster:bucket: "K3S"`,
		"whose microservices need Kafka",
		"picluster:values: is encrypted, but it is no secret to this program",
		"picluster:buckte: is no key of this program; the nearest is picluster:bucket",
	} {
		assert.Contains(t, out, want)
	}
	assert.NotContains(t, out, "hunter2")
	buckets, err := h.s3(h.administrator()).ListBuckets(t.Context())
	require.NoError(t, err)
	assert.Empty(t, buckets)
	assert.NotContains(t, h.kubectl("get", "namespaces", "--output=name"), "namespace/tempo")
}
