package tests

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/minio/madmin-go/v3"
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
	h.sub("other fields", otherFields)
	h.sub("inline", inline)
	h.sub("existing", existing)
	h.sub("network policies", networkPolicies)
}

// rotation rotates the key. The keys in the Secret must open the bucket, and the old key must
// not. Only the pods that read the Secret may be new.
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

// otherFields has the keys in fields that the configuration names. Before the up, drift
// reads the fields that are deployed.
func otherFields(h harness) {
	h.setAll("accessKeyField=S3_ACCESS_KEY_ID", "secretKeyField=S3_SECRET_ACCESS_KEY")
	table, _ := h.picluster(nil, "drift")
	assert.False(h, hasRow(table, "Secret tempo/tempo-minio-secret", "does not open"), table)
	h.up()
	var secret struct{ Data map[string][]byte }
	h.get(&secret, "secret", "tempo-minio-secret")
	assert.Len(h, secret.Data, 2, "the fields before are left")
	own := keys{string(secret.Data["S3_ACCESS_KEY_ID"]), string(secret.Data["S3_SECRET_ACCESS_KEY"])}
	_, err := h.s3(own).BucketExists(h.Context(), "k3s-tempo")
	require.NoError(h, err, "the key in the Secret does not open the bucket")
	table, code := h.picluster(nil, "drift")
	assert.Equal(h, exitSame, code, table)

	// It is these fields that drift reads.
	require.NoError(h, h.admin(h.administrator()).SetUserStatus(h.Context(), own.access, madmin.AccountDisabled))
	table, code = h.picluster(nil, "drift")
	assert.Equal(h, exitDrifted, code, table)
	require.NoError(h, h.admin(h.administrator()).SetUserStatus(h.Context(), own.access, madmin.AccountEnabled))
	h.unset("accessKeyField")
	h.unset("secretKeyField")
}

func inline(h harness) {
	h.set("credentials", "inline")
	out := h.up()
	assert.Contains(h, out, "the bucket's keys are in plain text in the ConfigMap", "there is no warning")
	assert.NotContains(h, h.kubectl("get", "secrets", "--namespace=tempo", "--output=name"), "tempo-minio-secret")

	config := h.kubectl("get", "configmap", "--namespace=tempo", "tempo-config", `--output=jsonpath={.data.tempo\.yaml}`)
	_, secret, found := strings.Cut(config, "secret_key: ")
	require.True(h, found)
	secret, _, _ = strings.Cut(secret, "\n")
	require.Len(h, secret, 40)
	_, err := h.s3(keys{h.outputs()["accessKey"], secret}).BucketExists(h.Context(), "k3s-tempo")
	require.NoError(h, err, "the key in Tempo's configuration does not open the bucket")

	// Edited outside Pulumi, it is restored without a report.
	h.patch("configmap/tempo-config", `{"data":{"tempo.yaml":`+strconv.Quote(strings.Replace(h.kubectl("get", "configmap", "--namespace=tempo", "tempo-config",
		`--output=jsonpath={.data.tempo\.yaml}`), secret, "another", 1))+`}}`)
	table, code := h.picluster(nil, "drift")
	assert.Equal(h, exitDrifted, code, table)
	assert.True(h, hasRow(table, "ConfigMap tempo/tempo-config", "secret_key: [secret]"), table)
	assert.Empty(h, foundIn(table, secret))
	table, code = h.repair(table, "ConfigMap tempo/tempo-config", "secret_key")
	require.Zero(h, code, lastLines(table, 20))
	assert.Empty(h, foundIn(table, secret))

	// The key is in Tempo's configuration. Nothing else shows it, as with a Secret.
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

	// Nor may it replace the key that pods have. Only `pulumi up` itself does.
	kept("tempo.v2", first)
	out, code = h.picluster(nil, "up", "--yes")
	require.Equal(h, 1, code, lastLines(out, 15))
	assert.Contains(h, out, "keyVersion: got 2; want 3, and access key USER.v3 in Secret tempo/from-vault")
	h.up()
	assert.Equal(h, "from-vault", h.outputs()["secretName"])
	env := h.kubectl("get", "pods", "--namespace=tempo", "--selector=app.kubernetes.io/component=querier",
		"--output=jsonpath={.items[*].spec.containers[*].env[*].valueFrom.secretKeyRef.name}")
	assert.Equal(h, []string{"from-vault", "from-vault"}, strings.Fields(env))
	require.NoError(h, opens("tempo.v2", first), "the key in the Secret does not open the bucket")
	assert.NotContains(h, h.pulumi("stack", "export"), "tempo-secret-key", "the stack generates a key all the same")
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
	eventually(h, w.hasSeenPods, time.Minute, 10*time.Millisecond)
	kept("tempo.v3", third)
	h.set("keyVersion", "3")
	out, code = h.picluster(nil, "up", "--yes")
	require.Zero(h, code, lastLines(out, 15))
	w.stop()
	require.NoError(h, opens("tempo.v3", third))
	assert.Error(h, opens("tempo.v2", second), "the previous user is left over")

	// No change of where the key is from revokes it.
	stays := func(key, value, want string) {
		h.Helper()
		h.set(key, value)
		out, code := h.picluster(nil, "up", "--yes")
		require.Equal(h, 1, code, lastLines(out, 15))
		assert.Contains(h, out, want)
		assert.Contains(h, out, "nothing was changed")
		require.NoError(h, opens("tempo.v3", third))
	}
	stays("manageUser", "false", "manageUser: got false; want true while Secret tempo/from-vault has the keys of user tempo.v3")
	h.unset("manageUser")
	stays("credentials", "secret", "keyVersion: got 3; want 4 with credentials: secret")
	h.set("credentials", "existing")

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
	h.sub(unknownCA.name, func(h harness) { h.survives(unknownCA, "first") })
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
	h.sub("operator", operatorDatasources)
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

// operatorDatasources has the data sources as objects of the Grafana Operator. Drift sees
// an edited one and a deleted one, and adopt imports one that exists already.
func operatorDatasources(h harness) {
	const source = "grafanadatasource/tempo-tempo"
	h.kubectl("apply", "--filename="+filepath.Join("testdata", "grafana-operator", "crd.yaml"))
	h.kubectl("wait", "crd", "grafanadatasources.grafana.integreatly.org", "--for=condition=Established", "--timeout=30s")
	h.setAll("datasources=operator", "grafanaInstanceSelector.dashboards=grafana")
	h.up()
	url := func() string {
		return h.kubectl("get", source, "--namespace=monitoring", "--output=jsonpath={.spec.datasource.url}")
	}
	want := h.outputs()["queryUrl"]
	assert.Equal(h, want, url())
	h.mustStack("preview", noChanges)
	table, code := h.picluster(nil, "drift")
	assert.Equal(h, exitSame, code, table)

	const what = "GrafanaDatasource monitoring/tempo-tempo"
	h.kubectl("patch", source, "--namespace=monitoring", "--type=merge", `--patch={"spec":{"datasource":{"url":"http://elsewhere"}}}`)
	table, code = h.picluster(nil, "drift")
	assert.Equal(h, exitDrifted, code, table)
	assert.True(h, hasRow(table, what, "spec.datasource.url"), table)
	out, code := h.picluster(nil, "up", "--yes")
	require.Zero(h, code, lastLines(out, 20))
	assert.Equal(h, want, url(), "up has not restored it")

	h.kubectl("delete", source, "--namespace=monitoring")
	table, code = h.picluster(nil, "drift")
	assert.Equal(h, exitDrifted, code, table)
	assert.True(h, hasRow(table, what, "is gone"), table)
	out, code = h.repair(table, what, "is gone")
	require.Zero(h, code, lastLines(out, 20))
	assert.Equal(h, want, url(), "repair has not restored it")

	// The state loses the object, and the cluster does not.
	h.pulumi("state", "delete", "--yes", h.urnOf("kubernetes:grafana.integreatly.org/v1beta1:GrafanaDatasource", "tempo-datasource-tempo"))
	h.adopt(what)
	h.up()
	h.mustStack("preview", noChanges)
	table, code = h.picluster(nil, "drift")
	assert.Equal(h, exitSame, code, table)
	h.unset("grafanaInstanceSelector")
}

// urnOf returns the URN of a resource in the state.
func (h harness) urnOf(kind, name string) string {
	h.T.Helper()
	var export struct {
		Deployment struct {
			Resources []struct{ URN string }
		}
	}
	require.NoError(h, json.Unmarshal([]byte(h.pulumi("stack", "export")), &export))
	for _, r := range export.Deployment.Resources {
		if strings.HasSuffix(r.URN, "$"+kind+"::"+name) {
			return r.URN
		}
	}
	require.Fail(h, "no such resource", "%s %s", kind, name)
	return ""
}

// networkPolicies closes the namespace: each policy must select pods that are there, by ports
// that they have. The pods are simulated, so that no network enforces the policies.
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

// badConfig has Pulumi print every problem of a configuration.
func badConfig(h harness) {
	config, err := os.ReadFile(h.ConfigFile())
	require.NoError(h, err)
	defer func() { require.NoError(h, os.WriteFile(h.ConfigFile(), config, 0o600)) }()
	h.set("bucket", "K3S")
	h.set("chartVersion", "3.3.0")
	h.set("buckte", "typo")
	h.set("--secret", "--path", "values.gateway.password", "hunter2")
	out, err := h.stack("up", "--yes", "--skip-preview")
	require.Error(h, err)
	for _, want := range []string{
		"problems, and nothing was touched",
		`picluster:bucket: got "K3S"; want`,
		`picluster:chartVersion: got "3.3.0"; want a version below 3`,
		"picluster:values: got an encrypted value; want plain text",
		"picluster:buckte: unknown key; did you mean picluster:bucket? Fix: pulumi config rm --stack lab buckte",
	} {
		assert.Contains(h, out, want)
	}
	assert.NotContains(h, out, "hunter2")
	buckets, err := h.s3(h.administrator()).ListBuckets(h.Context())
	require.NoError(h, err)
	assert.Empty(h, buckets)
	assert.NotContains(h, h.kubectl("get", "namespaces", "--output=name"), "namespace/tempo")
}
