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
	"golang.org/x/mod/semver"
)

// Exit codes of drift, and of an up while another has the stack locked.
const (
	exitSame    = 0
	exitUnknown = 1
	exitDrifted = 2
	exitLocked  = 3
)

const anyPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*"],"Resource":["arn:aws:s3:::*"]}]}`

// kind is a kind of drift: how it comes about, what drift calls it and says of it, and what
// restores it.
type kind struct {
	name     string
	breakIt  func(h harness)
	what, is string
	// by is up or repair; empty is what others have added, which is reported only,
	// and which undo removes.
	by   string
	undo func(h harness)
}

// What restores drift.
const (
	byUp     = "up restores it"
	byRepair = "repair restores it"
	reported = "reported only"
)

func TestDriftOfMinIO(t *testing.T) {
	h := startDrifting(t)
	h.finds("what up restores in MinIO", bucketDeleted, policyWidened)
	h.finds("what repair restores in MinIO", ofMinIO...)
	h.finds("policy deleted", h.policyDeleted()...)
	h.finds("policy detached", policyDetached)
	h.finds("user deleted", userDeleted)
	keyOpensBucket(h)
	h.sub("a refresh that fails", failingRefresh)
	h.sub("a refresh without MinIO", blindRefresh)
	h.sub("a refresh that accepts", acceptingRefresh)
	h.sub("what was done in an incident stays", incident)
}

func TestDriftOfObjects(t *testing.T) {
	h := startDrifting(t)
	h.finds("the stack's own objects", ofObjects...)
	h.finds("Secret deleted", secretDeleted)
	h.finds("objects of the release", ofReleaseObjects...)
	h.sub("what controllers do is no drift", func(h harness) {
		for _, k := range ofControllers {
			k.breakIt(h)
		}
		out, code := h.picluster(nil, "drift")
		assert.Equal(h, exitSame, code, out)
	})
	h.sub("three kinds at once", threeAtOnce)
	h.sub("what is ignored", ignoredDrift)
}

func TestDriftOfTheRelease(t *testing.T) {
	h := startDrifting(t)
	h.set("logReceivedSpans", "false") // for a second revision of the release
	h.up()
	for _, k := range ofRelease {
		h.finds(k.name, k)
	}
	keyOpensBucket(h)
	h.sub("what does not answer", outage)
	h.sub("a configuration that is not deployed", func(h harness) {
		h.set("bucket", "another-one")
		out, code := h.picluster(nil, "drift")
		assert.Equal(h, exitDrifted, code, out)
		assert.True(h, hasRow(out, "bucket k3s-tempo", "is not yet as the configuration has it"), out)
	})
}

// startDrifting starts a lab with a stack that is up and has not drifted yet.
func startDrifting(t *testing.T) harness {
	t.Helper()
	h := start(t)
	h.set("profile", "pi")
	h.set("datasources", "configmap")
	h.kubectl("create", "namespace", "monitoring")
	h.up()
	out, code := h.picluster(nil, "drift")
	require.Equal(t, exitSame, code, out)
	return h
}

// finds breaks several things at once. Each must be found and named, be restored by what is
// said to, and be gone from the next look. What is only reported can be in any list.
func (h harness) finds(name string, kinds ...kind) {
	h.T.Helper()
	before := h.secretKeys()
	h.sub(name, func(h harness) {
		for _, k := range kinds {
			k.breakIt(h)
		}
		state := h.state()
		out, code := h.picluster(nil, "drift")
		assert.Equal(h, exitDrifted, code, out)
		assert.Empty(h, foundIn(out, before.secret), "the table has the secret key")
		assert.Equal(h, state, h.state(), "drift has changed the state")
		var repaired []string
		up := false
		for _, k := range kinds {
			assert.True(h, hasRow(out, k.what, k.is), "%s: no row has %q and %q:\n%s", k.name, k.what, k.is, out)
			assert.True(h, hasRow(out, k.what, k.by), "%s: no row has %q and %q:\n%s", k.name, k.what, k.by, out)
			switch k.by {
			case byUp:
				up = true
			case byRepair:
				repaired = append(repaired, h.number(out, k.what, k.is))
			}
		}
		require.False(h, up && len(repaired) > 0, "what is to be restored by up and what by repair are two tests")
		if up {
			out, code = h.picluster(nil, "up", "--yes")
			require.Zero(h, code, out)
		}
		if len(repaired) > 0 {
			out, code = h.repairOnly(repaired)
			require.Zero(h, code, out)
		}
		assert.Empty(h, foundIn(out, before.secret), "a repair shows the secret key")
		for _, k := range kinds {
			if k.by == reported {
				k.undo(h)
			}
		}
		out, code = h.picluster(nil, "drift")
		require.Equal(h, exitSame, code, out)
	})
	assert.Equal(h, before, h.secretKeys(), "the key is another than before")
}

// state returns the stack's state as it is stored.
func (h harness) state() string {
	h.T.Helper()
	text, err := os.ReadFile(filepath.Join(h.Dir, "state", ".pulumi", "stacks", "picluster", lab.Stack+".json"))
	require.NoError(h, err)
	return string(text)
}

// repair repairs the first row of a table that has what and is.
func (h harness) repair(table, what, is string, args ...string) (out string, code int) {
	h.T.Helper()
	return h.repairOnly([]string{h.number(table, what, is)}, args...)
}

// repairOnly repairs the rows of these numbers.
func (h harness) repairOnly(numbers []string, args ...string) (out string, code int) {
	h.T.Helper()
	// As from a checkout in which the repair before was not committed.
	h.unset("restore")
	return h.picluster(nil, "repair", append([]string{"--yes", "--only", strings.Join(numbers, ",")}, args...)...)
}

// number returns the number of the first row of a table that has what and is.
func (h harness) number(table, what, is string) string {
	h.T.Helper()
	for line := range strings.Lines(table) {
		if strings.Contains(line, what) && strings.Contains(line, is) {
			number, _, _ := strings.Cut(line, " ")
			return number
		}
	}
	require.Fail(h, "no such row", "%q and %q:\n%s", what, is, table)
	return ""
}

// repairAll repairs all that can be, a user that is disabled included.
func (h harness) repairAll() {
	h.T.Helper()
	table, code := h.picluster(nil, "drift")
	require.Equal(h, exitDrifted, code, table)
	var numbers []string
	for line := range strings.Lines(table) {
		if number, _, _ := strings.Cut(line, " "); strings.Contains(line, " restores it ") {
			numbers = append(numbers, number)
		}
	}
	out, code := h.picluster(nil, "repair", "--yes", "--enable-user", "--only", strings.Join(numbers, ","))
	require.Zero(h, code, lastLines(out, 25))
}

var bucketDeleted = kind{"bucket deleted", func(h harness) {
	require.NoError(h, h.s3(h.administrator()).RemoveBucketWithOptions(h.Context(), "k3s-tempo", minio.RemoveBucketOptions{ForceDelete: true}))
}, "bucket k3s-tempo", "is gone", byUp, nil}

var policyWidened = kind{"policy widened", func(h harness) {
	require.NoError(h, h.admin(h.administrator()).AddCannedPolicy(h.Context(), "tempo", []byte(anyPolicy)))
}, "policy tempo", "s3:*", byUp, nil}

var policyDeleted = kind{"policy deleted", func(h harness) {
	detach(h, "tempo")
	require.NoError(h, h.admin(h.administrator()).RemoveCannedPolicy(h.Context(), "tempo"))
}, "policy tempo", "is gone", byUp, nil}

// policyDeleted returns what a deleted policy is with this lab's MinIO plugin. Provider 1.20.1
// fails in a refresh meanwhile, so that repair restores the policy and its attachment
// (docs/minio-plugin.md).
func (h harness) policyDeleted() []kind {
	h.Helper()
	if semver.Major(h.minioProvider()) != "v1" {
		return []kind{policyDeleted}
	}
	deleted, detached := policyDeleted, policyDetached
	deleted.by, detached.by = byRepair, byRepair
	detached.breakIt = func(harness) {} // policyDeleted has done that
	return []kind{deleted, detached}
}

var policyDetached = kind{"policy detached", func(h harness) { detach(h, "tempo") }, "user tempo", "is without its policy tempo", byUp, nil}

var userDeleted = kind{"user deleted", func(h harness) {
	require.NoError(h, h.admin(h.administrator()).RemoveUser(h.Context(), "tempo"))
}, "user tempo", "is gone", byRepair, nil}

// ofMinIO are of parts of MinIO that do not hide one another.
var ofMinIO = []kind{
	{"bucket opened to everybody", func(h harness) {
		require.NoError(h, h.s3(h.administrator()).SetBucketPolicy(h.Context(), "k3s-tempo",
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["*"]},"Action":["s3:GetObject"],"Resource":["arn:aws:s3:::k3s-tempo/*"]}]}`))
	}, "bucket k3s-tempo", "is open to others", byRepair, nil},
	{"another policy attached", func(h harness) {
		_, err := h.admin(h.administrator()).AttachPolicy(h.Context(), madmin.PolicyAssociationReq{Policies: []string{"readwrite"}, User: "tempo"})
		require.NoError(h, err)
	}, "user tempo", "has a policy too many: readwrite", byRepair, nil},
	{"user put into a group", func(h harness) {
		require.NoError(h, h.admin(h.administrator()).UpdateGroupMembers(h.Context(), madmin.GroupAddRemove{Group: "admins", Members: []string{"tempo"}}))
	}, "user tempo", "group admins", byRepair, nil},
	{"user's key changed", func(h harness) {
		require.NoError(h, h.admin(h.administrator()).AddUser(h.Context(), "tempo", "anotherSecretKey"))
	}, "user tempo", "has another secret key", byRepair, nil},
}

// ofObjects are of objects that are resources of the stack.
var ofObjects = []kind{
	{"Secret edited", func(h harness) {
		h.patch("secret/tempo-minio-secret", `{"stringData":{"MINIO_SECRET_ACCESS_KEY":"wrong"}}`)
	}, "Secret tempo/tempo-minio-secret", "data.MINIO_SECRET_ACCESS_KEY is another", byUp, nil},
	{"Secret's key removed", func(h harness) {
		h.patch("secret/tempo-minio-secret", `{"data":{"MINIO_ACCESS_KEY_ID":null}}`)
	}, "Secret tempo/tempo-minio-secret", "data.MINIO_ACCESS_KEY_ID is gone", byUp, nil},
	{"key added to the Secret", func(h harness) {
		h.patch("secret/tempo-minio-secret", `{"stringData":{"MORE":"hunter2"}}`)
	}, "Secret tempo/tempo-minio-secret", "data.MORE should not be there", reported, func(h harness) {
		h.patch("secret/tempo-minio-secret", `{"data":{"MORE":null}}`)
	}},
	{"namespace's label removed", func(h harness) {
		h.kubectl("label", "namespace", "tempo", "app.kubernetes.io/managed-by-")
	}, "Namespace tempo", "metadata.labels.app.kubernetes.io/managed-by is gone", byUp, nil},
	{"datasource ConfigMap edited", func(h harness) {
		h.kubectl("patch", "configmap", "--namespace=monitoring", "tempo-datasources", "--type=merge", `--patch={"data":{"tempo-datasources.yaml":"apiVersion: 1\n"}}`)
	}, "ConfigMap monitoring/tempo-datasources", "data.tempo-datasources.yaml", byUp, nil},
}

var secretDeleted = kind{"Secret deleted", func(h harness) {
	h.kubectl("delete", "secret", "--namespace=tempo", "tempo-minio-secret")
}, "Secret tempo/tempo-minio-secret", "is gone", byUp, nil}

// ofReleaseObjects are of objects that Helm has created, which Pulumi does not read.
var ofReleaseObjects = []kind{
	{"ConfigMap of Tempo edited", func(h harness) {
		h.patch("configmap/tempo-config", `{"data":{"tempo.yaml":"target: all\n"}}`)
	}, "ConfigMap tempo/tempo-config", `data.tempo.yaml has "target: all" in line 1`, byRepair, nil},
	{"key added to the ConfigMap of Tempo", func(h harness) {
		h.patch("configmap/tempo-config", `{"data":{"more.yaml":"a: b\n"}}`)
	}, "ConfigMap tempo/tempo-config", "data.more.yaml", reported, func(h harness) {
		h.patch("configmap/tempo-config", `{"data":{"more.yaml":null}}`)
	}},
	{"image edited", func(h harness) {
		h.kubectl("set", "image", "--namespace=tempo", "deployment/tempo-querier", "*=grafana/tempo:latest")
	}, "Deployment tempo/tempo-querier", `image is "grafana/tempo:latest", and should be`, byRepair, nil},
	{"replicas edited", func(h harness) {
		h.kubectl("scale", "--namespace=tempo", "deployment/tempo-querier", "--replicas=3")
	}, "Deployment tempo/tempo-querier", "spec.replicas is 3, and should be 1", byRepair, nil},
	{"args edited", func(h harness) {
		h.patchJSON("deployment/tempo-querier", `[{"op":"add","path":"/spec/template/spec/containers/0/args/-","value":"-log.level=debug"}]`)
	}, "Deployment tempo/tempo-querier", ".args", byRepair, nil},
	{"env edited", func(h harness) {
		h.kubectl("set", "env", "--namespace=tempo", "deployment/tempo-querier", "MINIO_ACCESS_KEY_ID=somebody")
	}, "Deployment tempo/tempo-querier", ".env[MINIO_ACCESS_KEY_ID].valueFrom is gone", byRepair, nil},
	{"env added", func(h harness) {
		h.kubectl("set", "env", "--namespace=tempo", "deployment/tempo-querier", "GOMAXPROCS=1")
	}, "Deployment tempo/tempo-querier", ".env[GOMAXPROCS]", reported, func(h harness) {
		h.kubectl("set", "env", "--namespace=tempo", "deployment/tempo-querier", "GOMAXPROCS-")
	}},
	{"Service's port edited", func(h harness) {
		h.patchJSON("service/tempo-query-frontend", `[{"op":"replace","path":"/spec/ports/0/port","value":3300}]`)
	}, "Service tempo/tempo-query-frontend", ".port is 3300, and should be 3200", byRepair, nil},
	{"Deployment deleted", func(h harness) {
		h.kubectl("delete", "deployment", "--namespace=tempo", "tempo-compactor")
	}, "Deployment tempo/tempo-compactor", "is gone", byRepair, nil},
	{"StatefulSet deleted", func(h harness) {
		h.kubectl("delete", "statefulset", "--namespace=tempo", "tempo-ingester")
	}, "StatefulSet tempo/tempo-ingester", "is gone", byRepair, nil},
}

var ofRelease = []kind{
	{"release rolled back", func(h harness) {
		h.helm("rollback", "tempo", "1", "--namespace=tempo")
	}, "release tempo/tempo", "should be at", byUp, nil},
	{"release's last record deleted", func(h harness) {
		h.kubectl("delete", "secret", "--namespace=tempo", "--selector=owner=helm,name=tempo,status=deployed")
	}, "release tempo/tempo", "is at revision", byUp, nil},
	{"release uninstalled", func(h harness) {
		h.helm("uninstall", "tempo", "--namespace=tempo", "--wait")
	}, "release tempo/tempo", "is not installed", byUp, nil},
	{"namespace deleted", func(h harness) {
		h.kubectl("delete", "namespace", "tempo", "--timeout=2m")
	}, "Namespace tempo", "is gone", byUp, nil},
}

// ofControllers are changes that controllers make on their own.
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

// threeAtOnce has three kinds of drift at once, which must all be in one table.
func threeAtOnce(h harness) {
	require.NoError(h, h.admin(h.administrator()).SetUserStatus(h.Context(), "tempo", madmin.AccountDisabled))
	h.kubectl("delete", "service", "--namespace=tempo", "tempo-querier")
	h.patch("configmap/tempo-config", `{"data":{"tempo.yaml":"target: all\n"}}`)
	file := filepath.Join(h.TempDir(), "drift.md")
	out, code := h.picluster(nil, "drift", "--summary", file)
	require.Equal(h, exitDrifted, code, out)
	markdown, err := os.ReadFile(file)
	require.NoError(h, err)
	for _, text := range []string{out, string(markdown)} {
		assert.True(h, hasRow(text, "user tempo", "is disabled"), text)
		assert.True(h, hasRow(text, "Service tempo/tempo-querier", "is gone"), text)
		assert.True(h, hasRow(text, "ConfigMap tempo/tempo-config", "target: all"), text)
	}
	h.Log(out)
	h.repairAll()
	out, code = h.picluster(nil, "drift")
	assert.Equal(h, exitSame, code, out)
}

// incident disables the user of a leaked key, and closes the bucket with a policy of its own. No
// up may undo that, nor a repair that does not name it.
func incident(h harness) {
	require.NoError(h, h.admin(h.administrator()).SetUserStatus(h.Context(), "tempo", madmin.AccountDisabled))
	const deny = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":{"AWS":["*"]},"Action":["s3:DeleteObject"],"Resource":["arn:aws:s3:::k3s-tempo/*"]}]}`
	require.NoError(h, h.s3(h.administrator()).SetBucketPolicy(h.Context(), "k3s-tempo", deny))
	kept := func() {
		h.T.Helper()
		user, err := h.admin(h.administrator()).GetUserInfo(h.Context(), "tempo")
		require.NoError(h, err)
		assert.Equal(h, madmin.AccountDisabled, user.Status)
		policy, err := h.s3(h.administrator()).GetBucketPolicy(h.Context(), "k3s-tempo")
		require.NoError(h, err)
		assert.JSONEq(h, deny, policy)
	}
	table, code := h.picluster(nil, "up", "--yes")
	require.Zero(h, code, table)
	assert.True(h, hasRow(table, "user tempo", "is disabled"), table)
	assert.True(h, hasRow(table, "user tempo", byRepair), table)
	kept()
	out, code := h.picluster(nil, "repair", "--yes")
	assert.Equal(h, 1, code, out)
	assert.Contains(h, out, "without a terminal repair requires --yes and --only")
	kept()
	out, code = h.repair(table, "user tempo", "is disabled")
	assert.Equal(h, 1, code, out)
	assert.Contains(h, out, "Fix: bin/lab run bin/picluster repair --stack lab --enable-user; if its key has leaked, in its place make rotate")
	kept()

	// A repair that names one restores it, and shows it in full before.
	out, code = h.repair(table, "bucket k3s-tempo", "is open to others")
	require.Zero(h, code, out)
	assert.Contains(h, out, "s3:DeleteObject", "the policy is not shown before it is deleted")
	out, code = h.repair(table, "user tempo", "is disabled")
	assert.Equal(h, 1, code, out)
	h.repairAll()
	out, code = h.picluster(nil, "drift")
	assert.Equal(h, exitSame, code, out)
}

// ignoredDrift is named by driftIgnore: it is printed as ignored, and is no drift.
func ignoredDrift(h harness) {
	h.kubectl("scale", "--namespace=tempo", "deployment/tempo-querier", "--replicas=3")
	h.kubectl("delete", "service", "--namespace=tempo", "tempo-querier")
	table, code := h.picluster(nil, "drift")
	require.Equal(h, exitDrifted, code, table)
	h.set("--path", "driftIgnore[0].object", "Deployment tempo/*")
	h.set("--path", "driftIgnore[0].paths[0]", "spec.replicas")
	h.set("--path", "driftIgnore[1].object", "Service tempo/tempo-querier")
	out, code := h.picluster(nil, "drift")
	assert.Equal(h, exitSame, code, out)
	assert.True(h, hasRow(out, "ignored by driftIgnore: Kubernetes Deployment tempo/tempo-querier", "spec.replicas is 3"), out)
	assert.True(h, hasRow(out, "ignored by driftIgnore: Kubernetes Service tempo/tempo-querier", "is gone"), out)
	h.unset("driftIgnore")
	out, code = h.repair(table, "Deployment tempo/tempo-querier", "spec.replicas")
	require.Zero(h, code, lastLines(out, 20))
}

// failingRefresh has Pulumi's refresh fail, as the published MinIO plugin's does
// when a user or a policy is gone.
func failingRefresh(h harness) {
	real := filepath.Join(h.Dir, "bin", "pulumi")
	dir := h.TempDir()
	require.NoError(h, os.WriteFile(filepath.Join(dir, "pulumi"), []byte(`#!/bin/sh
[ "$1" = refresh ] || exec '`+real+`' "$@"
echo 'error: reading IAM user: The specified user does not exist' >&2
exit 255
`), 0o755))
	path := []string{"PATH=" + dir + ":" + os.Getenv("PATH")}

	out, code := h.picluster(path, "drift")
	assert.Equal(h, exitUnknown, code, out)
	assert.Contains(h, out, "could not be determined")
	assert.Contains(h, out, "The specified user does not exist")

	for _, gone := range []kind{userDeleted, policyDeleted} {
		gone.breakIt(h)
		out, code = h.picluster(path, "drift")
		assert.Equal(h, exitDrifted, code, out)
		assert.True(h, hasRow(out, gone.what, gone.is), out)
		assert.True(h, hasRow(out, "refresh", "fails until the rest is repaired"), out)

		state := h.state()
		out, code = h.picluster(path, "up", "--yes")
		assert.Equal(h, 1, code, out)
		assert.Contains(h, out, "a refresh fails until the drift in MinIO is repaired. Fix: make repair;")
		assert.Equal(h, state, h.state())
		out, code = h.picluster(path, "drift")
		require.Equal(h, exitDrifted, code, out)
		out, code = h.repair(out, gone.what, gone.is)
		require.Zero(h, code, out)
		// Then a refresh does not fail any more, and an up restores the attachment of the policy.
		out, code = h.picluster(nil, "up", "--yes")
		require.Zero(h, code, out)
		out, code = h.picluster(nil, "drift")
		assert.Equal(h, exitSame, code, out)
	}
}

// acceptingRefresh stores a change in the state, and changes nothing if there is none.
func acceptingRefresh(h harness) {
	state := h.state()
	out, code := h.picluster(nil, "refresh", "--yes")
	require.Zero(h, code, out)
	assert.Contains(h, out, "nothing to accept")
	assert.Equal(h, state, h.state())

	require.NoError(h, h.admin(h.administrator()).AddCannedPolicy(h.Context(), "tempo", []byte(anyPolicy)))
	out, code = h.picluster(nil, "refresh", "--yes")
	require.Zero(h, code, out)
	assert.Contains(h, h.state(), "s3:*")
	out, code = h.picluster(nil, "drift")
	assert.Equal(h, exitDrifted, code, out)
	assert.True(h, hasRow(out, "policy tempo", "is not yet as the configuration has it"), out)
	out, code = h.picluster(nil, "up", "--yes")
	require.Zero(h, code, out)
}

// outage stops MinIO and Kubernetes, one at a time. Drift cannot be determined then, and nothing
// may be changed.
func outage(h harness) {
	// A start takes the stack's file from the checkout again.
	config, err := os.ReadFile(h.ConfigFile())
	require.NoError(h, err)
	for name, stop := range map[string]func() error{
		"MinIO":      func() error { return h.StopMinIO(h.Context()) },
		"Kubernetes": func() error { return h.StopKubernetes(h.Context()) },
	} {
		require.NoError(h, stop())
		state := h.state()
		out, code := h.picluster(nil, "drift")
		assert.Equal(h, exitUnknown, code, out)
		assert.Contains(h, out, "could not be determined: "+name+" at ")
		assert.Contains(h, out, "is not reachable")
		assert.Len(h, strings.Split(strings.TrimSpace(out), "\n"), 1, out)
		for _, command := range []string{"up", "refresh"} {
			out, code = h.picluster(nil, command, "--yes")
			assert.Equal(h, 1, code, out)
			assert.Contains(h, out, "nothing was changed: "+name+" at ")
		}
		assert.Equal(h, state, h.state())
		require.NoError(h, h.Start(h.Context()))
		require.NoError(h, os.WriteFile(h.ConfigFile(), config, 0o600))
	}

	h.sub("nor does a wrong password", func(h harness) {
		state := h.pulumi("stack", "export", "--show-secrets")
		_, _, password := h.MinIO()
		h.imported(strings.ReplaceAll(state, password, "wrong"))
		out, code := h.picluster(nil, "drift")
		assert.Equal(h, exitUnknown, code, out)
		assert.Contains(h, out, "could not be determined: MinIO at ")
		assert.Contains(h, out, "rejects the credentials")
		h.imported(state)
	})
	out, code := h.picluster(nil, "drift")
	assert.Equal(h, exitSame, code, out)
}

// hasRow returns whether one line of a table has both what and is.
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

// patch edits an object of the namespace tempo outside Pulumi.
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
