package tests

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minio/madmin-go/v3"
	"github.com/minio/minio-go/v7"
	"github.com/picluster/picluster/lab"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Exit codes of drift.
const (
	exitSame    = 0
	exitUnknown = 1
	exitDrifted = 2
)

const anyPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*"],"Resource":["arn:aws:s3:::*"]}]}`

// A kind of drift: how it comes about, and what drift calls it and says of it.
type kind struct {
	name     string
	breakIt  func(h harness)
	what, is string
}

func TestDriftOfMinIO(t *testing.T) {
	h := startDrifting(t)
	h.finds(ofMinIO)
	keyOpensBucket(h)
	h.sub("a refresh that fails", failingRefresh)
	h.sub("a refresh that accepts", acceptingRefresh)
}

func TestDriftOfObjects(t *testing.T) {
	h := startDrifting(t)
	h.finds(ofObjects)
	h.finds(ofReleaseObjects)
	for _, k := range ofControllers {
		h.sub(k.name+" is no drift", func(h harness) {
			k.breakIt(h)
			out, code := h.picluster(nil, "drift")
			assert.Equal(h, exitSame, code, out)
		})
	}
	h.sub("three kinds at once", threeAtOnce)
}

func TestDriftOfTheRelease(t *testing.T) {
	h := startDrifting(t)
	h.finds(ofRelease)
	keyOpensBucket(h)
	h.sub("what does not answer", outage)
}

// startDrifting starts a lab with a stack that is up and has not drifted yet.
func startDrifting(t *testing.T) harness {
	t.Helper()
	h := start(t)
	h.set("profile", "pi")
	h.set("datasources", "configmap")
	h.kubectl("create", "namespace", "monitoring")
	h.up()
	h.set("logReceivedSpans", "false") // for a second revision of the release
	h.up()
	out, code := h.picluster(nil, "drift")
	require.Equal(t, exitSame, code, out)
	return h
}

// finds breaks one thing after the other. Each must be found and named, be put
// right by `make up`, and be gone from the next look.
func (h harness) finds(kinds []kind) {
	h.T.Helper()
	before := h.secretKeys()
	for _, k := range kinds {
		h.sub(k.name, func(h harness) {
			k.breakIt(h)
			state := h.pulumi("stack", "export")
			out, code := h.picluster(nil, "drift")
			assert.Equal(h, exitDrifted, code, out)
			assert.True(h, hasRow(out, k.what, k.is), "no row has %q and %q:\n%s", k.what, k.is, out)
			assert.Empty(h, foundIn(out, before.secret), "the table has the secret key")
			assert.Equal(h, state, h.pulumi("stack", "export"), "drift has changed the state")

			out, code = h.picluster(nil, "up", "-yes")
			require.Zero(h, code, out)
			out, code = h.picluster(nil, "drift")
			require.Equal(h, exitSame, code, out)
		})
	}
	assert.Equal(h, before, h.secretKeys(), "the key is another than before")
}

var ofMinIO = []kind{
	{"bucket deleted", func(h harness) {
		require.NoError(h, h.s3(h.administrator()).RemoveBucketWithOptions(h.Context(), "k3s-tempo", minio.RemoveBucketOptions{ForceDelete: true}))
	}, "bucket k3s-tempo", "is gone"},
	{"bucket opened to everybody", func(h harness) {
		require.NoError(h, h.s3(h.administrator()).SetBucketPolicy(h.Context(), "k3s-tempo",
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["*"]},"Action":["s3:GetObject"],"Resource":["arn:aws:s3:::k3s-tempo/*"]}]}`))
	}, "bucket k3s-tempo", "is open to others"},
	{"policy widened", func(h harness) {
		require.NoError(h, h.admin(h.administrator()).AddCannedPolicy(h.Context(), "tempo", []byte(anyPolicy)))
	}, "policy tempo", "s3:*"},
	{"policy deleted", func(h harness) {
		detach(h, "tempo")
		require.NoError(h, h.admin(h.administrator()).RemoveCannedPolicy(h.Context(), "tempo"))
	}, "policy tempo", "is gone"},
	{"policy detached", func(h harness) { detach(h, "tempo") }, "user tempo", "is without its policy tempo"},
	{"another policy attached", func(h harness) {
		_, err := h.admin(h.administrator()).AttachPolicy(h.Context(), madmin.PolicyAssociationReq{Policies: []string{"readwrite"}, User: "tempo"})
		require.NoError(h, err)
	}, "user tempo", "has a policy too many: readwrite"},
	{"user put into a group", func(h harness) {
		require.NoError(h, h.admin(h.administrator()).UpdateGroupMembers(h.Context(), madmin.GroupAddRemove{Group: "admins", Members: []string{"tempo"}}))
	}, "user tempo", "group admins"},
	{"user disabled", func(h harness) {
		require.NoError(h, h.admin(h.administrator()).SetUserStatus(h.Context(), "tempo", madmin.AccountDisabled))
	}, "user tempo", "is disabled"},
	{"user deleted", func(h harness) {
		require.NoError(h, h.admin(h.administrator()).RemoveUser(h.Context(), "tempo"))
	}, "user tempo", "is gone"},
	{"user's key changed", func(h harness) {
		require.NoError(h, h.admin(h.administrator()).AddUser(h.Context(), "tempo", "anotherSecretKey"))
	}, "user tempo", "has another secret key"},
}

// ofObjects are of objects that are resources of the stack.
var ofObjects = []kind{
	{"Secret edited", func(h harness) {
		h.patch("secret/tempo-minio-secret", `{"stringData":{"MINIO_SECRET_ACCESS_KEY":"wrong"}}`)
	}, "Secret tempo/tempo-minio-secret", "data.MINIO_SECRET_ACCESS_KEY is another"},
	{"Secret's key removed", func(h harness) {
		h.patch("secret/tempo-minio-secret", `{"data":{"MINIO_ACCESS_KEY_ID":null}}`)
	}, "Secret tempo/tempo-minio-secret", "data.MINIO_ACCESS_KEY_ID is gone"},
	{"key added to the Secret", func(h harness) {
		h.patch("secret/tempo-minio-secret", `{"stringData":{"MORE":"hunter2"}}`)
	}, "Secret tempo/tempo-minio-secret", "data.MORE should not be there"},
	{"Secret deleted", func(h harness) {
		h.kubectl("delete", "secret", "--namespace=tempo", "tempo-minio-secret")
	}, "Secret tempo/tempo-minio-secret", "is gone"},
	{"namespace's label removed", func(h harness) {
		h.kubectl("label", "namespace", "tempo", "app.kubernetes.io/managed-by-")
	}, "Namespace tempo", "metadata.labels.app.kubernetes.io/managed-by is gone"},
	{"datasource ConfigMap edited", func(h harness) {
		h.kubectl("patch", "configmap", "--namespace=monitoring", "tempo-datasources", "--type=merge", `--patch={"data":{"tempo-datasources.yaml":"apiVersion: 1\n"}}`)
	}, "ConfigMap monitoring/tempo-datasources", "data.tempo-datasources.yaml"},
}

// ofReleaseObjects are of objects that Helm has made, at which Pulumi does not look.
var ofReleaseObjects = []kind{
	{"ConfigMap of Tempo edited", func(h harness) {
		h.patch("configmap/tempo-config", `{"data":{"tempo.yaml":"target: all\n"}}`)
	}, "ConfigMap tempo/tempo-config", `data.tempo.yaml has "target: all" in line 1`},
	{"key added to the ConfigMap of Tempo", func(h harness) {
		h.patch("configmap/tempo-config", `{"data":{"more.yaml":"a: b\n"}}`)
	}, "ConfigMap tempo/tempo-config", "data.more.yaml"},
	{"image edited", func(h harness) {
		h.kubectl("set", "image", "--namespace=tempo", "deployment/tempo-querier", "*=grafana/tempo:latest")
	}, "Deployment tempo/tempo-querier", `image is "grafana/tempo:latest", and should be`},
	{"replicas edited", func(h harness) {
		h.kubectl("scale", "--namespace=tempo", "deployment/tempo-querier", "--replicas=3")
	}, "Deployment tempo/tempo-querier", "spec.replicas is 3, and should be 1"},
	{"args edited", func(h harness) {
		h.patchJSON("deployment/tempo-querier", `[{"op":"add","path":"/spec/template/spec/containers/0/args/-","value":"-log.level=debug"}]`)
	}, "Deployment tempo/tempo-querier", ".args"},
	{"env edited", func(h harness) {
		h.kubectl("set", "env", "--namespace=tempo", "deployment/tempo-querier", "MINIO_ACCESS_KEY_ID=somebody")
	}, "Deployment tempo/tempo-querier", ".env[MINIO_ACCESS_KEY_ID]"},
	{"env added", func(h harness) {
		h.kubectl("set", "env", "--namespace=tempo", "deployment/tempo-querier", "GOMAXPROCS=1")
	}, "Deployment tempo/tempo-querier", ".env[GOMAXPROCS]"},
	{"Service's port edited", func(h harness) {
		h.patchJSON("service/tempo-query-frontend", `[{"op":"replace","path":"/spec/ports/0/port","value":3300}]`)
	}, "Service tempo/tempo-query-frontend", ".port is 3300, and should be 3200"},
	{"Deployment deleted", func(h harness) {
		h.kubectl("delete", "deployment", "--namespace=tempo", "tempo-compactor")
	}, "Deployment tempo/tempo-compactor", "is gone"},
	{"StatefulSet deleted", func(h harness) {
		h.kubectl("delete", "statefulset", "--namespace=tempo", "tempo-ingester")
	}, "StatefulSet tempo/tempo-ingester", "is gone"},
}

var ofRelease = []kind{
	{"release rolled back", func(h harness) {
		h.helm("rollback", "tempo", "1", "--namespace=tempo")
	}, "release tempo/tempo", "should be at"},
	{"release's last record deleted", func(h harness) {
		h.kubectl("delete", "secret", "--namespace=tempo", "--selector=owner=helm,name=tempo,status=deployed")
	}, "release tempo/tempo", "is at revision"},
	{"release uninstalled", func(h harness) {
		h.helm("uninstall", "tempo", "--namespace=tempo", "--wait")
	}, "release tempo/tempo", "is not installed"},
	{"namespace deleted", func(h harness) {
		h.kubectl("delete", "namespace", "tempo", "--timeout=2m")
	}, "Namespace tempo", "is gone"},
}

// ofControllers are changes that are nobody's doing.
var ofControllers = []kind{
	{name: "a status", breakIt: func(h harness) {
		h.kubectl("patch", "deployment", "--namespace=tempo", "tempo-querier", "--subresource=status",
			`--patch={"status":{"conditions":[{"type":"Tried","status":"True"}]}}`)
	}},
	{name: "an annotation", breakIt: func(h harness) {
		h.kubectl("annotate", "deployment", "--namespace=tempo", "tempo-querier", "example.com/seen=yes")
	}},
	{name: "a restart", breakIt: func(h harness) {
		h.kubectl("rollout", "restart", "--namespace=tempo", "deployment/tempo-querier")
	}},
	{name: "what a controller scales", breakIt: func(h harness) {
		h.kubectl("patch", "deployment", "--namespace=tempo", "tempo-querier", "--subresource=scale",
			"--field-manager=kube-controller-manager", `--patch={"spec":{"replicas":2}}`)
	}},
}

// threeAtOnce must all stand in one table.
func threeAtOnce(h harness) {
	require.NoError(h, h.admin(h.administrator()).SetUserStatus(h.Context(), "tempo", madmin.AccountDisabled))
	h.kubectl("delete", "service", "--namespace=tempo", "tempo-querier")
	h.patch("configmap/tempo-config", `{"data":{"tempo.yaml":"target: all\n"}}`)
	file := filepath.Join(h.TempDir(), "drift.md")
	out, code := h.picluster(nil, "drift", "-summary", file)
	require.Equal(h, exitDrifted, code, out)
	markdown, err := os.ReadFile(file)
	require.NoError(h, err)
	for _, text := range []string{out, string(markdown)} {
		assert.True(h, hasRow(text, "user tempo", "is disabled"), text)
		assert.True(h, hasRow(text, "Service tempo/tempo-querier", "is gone"), text)
		assert.True(h, hasRow(text, "ConfigMap tempo/tempo-config", "target: all"), text)
	}
	h.Log(out)
	out, code = h.picluster(nil, "up", "-yes")
	require.Zero(h, code, out)
}

// failingRefresh has Pulumi's refresh fail, as the published MinIO plugin's does
// when a user or a policy is gone.
func failingRefresh(h harness) {
	real := filepath.Join(h.Dir, "bin", "pulumi")
	dir := h.TempDir()
	require.NoError(h, os.WriteFile(filepath.Join(dir, "pulumi"), []byte(`#!/bin/sh
[ "$1" = refresh ] || exec '`+real+`' "$@"
echo '{"steps":[],"diagnostics":[{"severity":"error","message":"error: reading IAM user: The specified user does not exist"}]}'
exit 255
`), 0o755))
	path := []string{"PATH=" + dir + ":" + os.Getenv("PATH")}

	out, code := h.picluster(path, "drift")
	assert.Equal(h, exitUnknown, code, out)
	assert.Contains(h, out, "cannot tell")
	assert.Contains(h, out, "The specified user does not exist")

	require.NoError(h, h.admin(h.administrator()).RemoveUser(h.Context(), "tempo"))
	out, code = h.picluster(path, "drift")
	assert.Equal(h, exitDrifted, code, out)
	assert.True(h, hasRow(out, "user tempo", "is gone"), out)
	assert.True(h, hasRow(out, "refresh", "fails until the rest is put right"), out)

	out, code = h.picluster(nil, "up", "-yes")
	require.Zero(h, code, out)
	out, code = h.picluster(nil, "drift")
	assert.Equal(h, exitSame, code, out)
}

// acceptingRefresh takes into the state what was changed, and nothing if nothing was.
func acceptingRefresh(h harness) {
	state := h.pulumi("stack", "export")
	out, code := h.picluster(nil, "refresh", "-yes")
	require.Zero(h, code, out)
	assert.Contains(h, out, "nothing to accept")
	assert.Equal(h, state, h.pulumi("stack", "export"))

	require.NoError(h, h.admin(h.administrator()).AddCannedPolicy(h.Context(), "tempo", []byte(anyPolicy)))
	out, code = h.picluster(nil, "refresh", "-yes")
	require.Zero(h, code, out)
	assert.Contains(h, h.pulumi("stack", "export"), "s3:*")
	out, code = h.picluster(nil, "drift")
	assert.Equal(h, exitDrifted, code, out)
	assert.True(h, hasRow(out, "policy tempo", "is not yet as the configuration has it"), out)
	out, code = h.picluster(nil, "up", "-yes")
	require.Zero(h, code, out)
}

// outage stops MinIO, and then Kubernetes: nothing can be told then, and nothing
// may be touched.
func outage(h harness) {
	// A start takes the stack's file from the checkout anew.
	config, err := os.ReadFile(h.ConfigFile())
	require.NoError(h, err)
	for name, stop := range map[string]func() error{
		"MinIO":      func() error { return h.StopMinIO(h.Context()) },
		"Kubernetes": func() error { return h.StopKubernetes(h.Context()) },
	} {
		require.NoError(h, stop())
		state := h.pulumi("stack", "export")
		out, code := h.picluster(nil, "drift")
		assert.Equal(h, exitUnknown, code, out)
		assert.Contains(h, out, "cannot tell: "+name+" at ")
		assert.Contains(h, out, "does not answer")
		assert.Len(h, strings.Split(strings.TrimSpace(out), "\n"), 1, out)
		for _, command := range []string{"up", "refresh"} {
			out, code = h.picluster(nil, command, "-yes")
			assert.Equal(h, 1, code, out)
			assert.Contains(h, out, "nothing was touched: "+name+" at ")
		}
		assert.Equal(h, state, h.pulumi("stack", "export"))
		require.NoError(h, h.Start(h.Context()))
		require.NoError(h, os.WriteFile(h.ConfigFile(), config, 0o600))
	}

	h.sub("nor does a wrong password", func(h harness) {
		state := h.pulumi("stack", "export", "--show-secrets")
		_, _, password := h.MinIO()
		h.imported(strings.ReplaceAll(state, password, "wrong"))
		out, code := h.picluster(nil, "drift")
		assert.Equal(h, exitUnknown, code, out)
		assert.Contains(h, out, "cannot tell: MinIO at ")
		assert.Contains(h, out, "refuses")
		h.imported(state)
	})
	out, code := h.picluster(nil, "drift")
	assert.Equal(h, exitSame, code, out)
}

// TestMakeDrift has make end as the command does.
func TestMakeDrift(t *testing.T) {
	h := start(t)
	make := func() (string, int) {
		ctx := h.Context()
		cmd := h.Command(ctx, "make", "--no-print-directory", "drift", "STACK="+lab.Stack, "PICLUSTER=bin/picluster")
		out, _ := output(cmd)
		return out, cmd.ProcessState.ExitCode()
	}
	out, code := make()
	assert.Equal(t, exitUnknown, code, out)
	assert.Contains(t, out, "has made nothing yet")

	h.set("profile", "pi")
	h.up()
	out, code = make()
	assert.Equal(t, exitSame, code, out)
	h.set("bucket", "another-one")
	out, code = make()
	assert.Equal(t, exitDrifted, code, out)
	assert.True(t, hasRow(out, "bucket k3s-tempo", "is not yet as the configuration has it"), out)
}

// hasRow says whether one line of a table names what, and says is of it.
func hasRow(table, what, is string) bool {
	for line := range strings.Lines(table) {
		if strings.Contains(line, what) && strings.Contains(line, is) {
			return true
		}
	}
	return false
}

func detach(h harness, policy string) {
	_, err := h.admin(h.administrator()).DetachPolicy(h.Context(), madmin.PolicyAssociationReq{Policies: []string{policy}, User: "tempo"})
	require.NoError(h, err)
}

// patch edits an object of the namespace tempo by hand.
func (h harness) patch(object, patch string) {
	h.T.Helper()
	h.kubectl("patch", "--namespace=tempo", object, "--type=merge", "--patch="+patch)
}

// patchJSON edits it by JSON patch.
func (h harness) patchJSON(object, patch string) {
	h.T.Helper()
	h.kubectl("patch", "--namespace=tempo", object, "--type=json", "--patch="+patch)
}

// imported replaces the stack's state.
func (h harness) imported(state string) {
	h.T.Helper()
	cmd := h.Pulumi(h.Context(), "stack", "import", "--stack", lab.Stack)
	cmd.Stdin = strings.NewReader(state)
	out, err := output(cmd)
	require.NoError(h, err, out)
}
