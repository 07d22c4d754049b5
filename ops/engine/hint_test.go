package engine

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/picluster/picluster/internal/command"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// initialized is how the Kubernetes provider reports a release that has failed.
const initialized = "error: kubernetes:helm.sh/v3:Release (tempo): 1 error occurred:\n\t* Helm release \"tempo/tempo\" failed to initialize completely. Use Helm CLI to investigate: failed to become available within allocated timeout. Error: Helm Release tempo/tempo: "

// TestHints has the errors of each hint with all that is around them in Pulumi's
// output, and errors that share words with them and have another way out.
func TestHints(t *testing.T) {
	const (
		etcd        = "etcd, the store of Kubernetes, is full. "
		helm        = "an operation of Helm was interrupted. "
		namespace   = "the namespace is still being deleted. "
		quota       = "a ResourceQuota of the namespace has no room for it. "
		podSecurity = "the namespace's Pod Security Standard rejects the pod. "
		service     = "Helm cannot change Service tempo-memcached in place. Only a cache is lost if it is deleted. Fix: kubectl delete Service tempo-memcached --namespace "
		statefulSet = "Helm cannot change StatefulSet tempo-memcached in place. Only a cache is lost if it is deleted. Fix: kubectl delete StatefulSet tempo-memcached --namespace "
		volume      = "Kubernetes cannot change the volume of StatefulSet tempo-ingester in place, which persistence, persistenceSize and persistenceStorageClass set. " +
			"Fix: kubectl delete statefulset tempo-ingester --namespace tempo --cascade=orphan, which keeps its pods and their traces; then run the same up again. " +
			"If that up waits for the StatefulSet: kubectl delete pod --namespace tempo tempo-ingester-0, and each other pod when the one before is Ready. "
		pods        = "pods of the release are not ready. "
		note        = "the note beside the state is cut off, as a Pulumi that was killed leaves it"
		existing    = "the Secret of credentials: existing does not exist. Fix: kubectl create secret generic tempo-keys --namespace tempo "
		bucket      = "the bucket exists already. "
		protected   = "the bucket is protected. "
		unreachable = "Kubernetes is not reachable. "
		refused     = "nothing listens at that address. "
		state       = "the state is cut off, as a full disk leaves it. "
		disk        = "the disk is full. "
		file        = "there is no space for the state. "
	)
	for hint, test := range map[string]struct{ errors, others []string }{
		etcd: {
			errors: []string{
				"error: rpc error: code = ResourceExhausted desc = etcdserver: mvcc: database space exceeded",
				initialized + `failed to create resource: etcdserver: mvcc: database space exceeded`,
			},
			others: []string{
				"etcdserver: request timed out",
				"etcdserver: mvcc: required revision has been compacted",
				"etcdserver: no space",
				"no space in the database: exceeded",
			},
		},
		helm: {
			errors: []string{
				"error: kubernetes:helm.sh/v3:Release resource 'tempo' has a problem: another operation (install/upgrade/rollback) is in progress",
				initialized + "another operation (install/upgrade/rollback) is in progress",
			},
			others: []string{
				"error: [409] Conflict: Another update is currently in progress.",
				"an upgrade is in progress",
				`Operation cannot be fulfilled on deployments.apps "tempo": the object has been modified; please apply your changes to the latest version and try again`,
			},
		},
		namespace: {
			errors: []string{
				`configmaps "tempo" is forbidden: unable to create new content in namespace tempo because it is being terminated`,
				initialized + `serviceaccounts "tempo" is forbidden: unable to create new content in namespace tempo because it is being terminated`,
				`error: object is being deleted: namespaces "tempo" already exists`,
			},
			others: []string{
				`namespaces "tempo" already exists`,
				`object is being deleted: persistentvolumeclaims "storage-tempo-0" already exists`,
				`pod "tempo-0" is being terminated`,
				`namespaces "tempo" not found`,
			},
		},
		quota: {
			errors: []string{
				`pods "tempo-0" is forbidden: exceeded quota: small, requested: limits.memory=2Gi, used: limits.memory=3Gi, limited: limits.memory=4Gi`,
				initialized + `services "tempo" is forbidden: exceeded quota: tempo-quota, requested: services=1, used: services=5, limited: services=5`,
			},
			others: []string{
				`pods "tempo-0" is forbidden: failed quota: small: must specify limits.memory for: tempo`,
				`pods "tempo-0" is forbidden: maximum memory usage per Container is 1Gi, but limit is 2Gi`,
				"Bucket quota exceeded",
				`configmaps "tempo" is forbidden: User "me" cannot create resource "configmaps" in API group "" in the namespace "tempo"`,
			},
		},
		podSecurity: {
			errors: []string{
				`pods "tempo-0" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "tempo" must set securityContext.allowPrivilegeEscalation=false)`,
				initialized + `pods "tempo-0" is forbidden: violates PodSecurity "baseline:v1.33": host namespaces (hostNetwork=true)`,
			},
			others: []string{
				`would violate PodSecurity "restricted:latest": allowPrivilegeEscalation != false`,
				`pods "tempo-0" is forbidden: unable to validate against any security context constraint`,
				`pods "tempo-0" is forbidden: error looking up service account tempo/tempo: serviceaccount "tempo" not found`,
			},
		},
		service: {
			errors: []string{
				initialized + `cannot patch "tempo-memcached" with kind Service: Service "tempo-memcached" is invalid: spec.clusterIPs[0]: Invalid value: ["None"]: may not change once set`,
				`Service "tempo-memcached" is invalid: spec.clusterIPs[0]: Invalid value: ["10.43.0.7"]: may not change once set`,
			},
			others: []string{
				initialized + `cannot patch "tempo-querier" with kind Service: Service "tempo-querier" is invalid: spec.clusterIPs[0]: Invalid value: ["None"]: may not change once set`,
				`Service "tempo-memcached" not found`,
				`services "tempo-memcached" is forbidden: User "me" cannot patch resource "services" in API group "" in the namespace "tempo"`,
				`ConfigMap "tempo-memcached" is invalid: data[a/b]: Invalid value: "a/b": a valid config key must consist of alphanumeric characters`,
			},
		},
		statefulSet: {
			errors: []string{
				initialized + `cannot patch "tempo-memcached" with kind StatefulSet: StatefulSet.apps "tempo-memcached" is invalid: spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden`,
				`StatefulSet.apps "tempo-memcached" is invalid: spec: Forbidden: updates to statefulset spec for fields other than 'replicas' are forbidden`,
			},
			others: []string{
				initialized + `cannot patch "tempo-ingester" with kind StatefulSet: StatefulSet.apps "tempo-ingester" is invalid: spec: Forbidden: updates to statefulset spec for fields other than 'replicas' are forbidden`,
				`Deployment.apps "tempo-memcached" is invalid: spec.selector: Invalid value: {}: field is immutable`,
				`StatefulSet.apps "tempo-memcached" not found`,
			},
		},
		volume: {
			errors: []string{
				initialized + `cannot patch "tempo-ingester" with kind StatefulSet: StatefulSet.apps "tempo-ingester" is invalid: spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden`,
			},
			others: []string{
				initialized + `cannot patch "tempo-memcached" with kind StatefulSet: StatefulSet.apps "tempo-memcached" is invalid: spec: Forbidden: updates to statefulset spec for fields other than 'replicas' are forbidden`,
				`Deployment.apps "tempo-ingester" is invalid: spec.selector: Invalid value: {}: field is immutable`,
				`StatefulSet.apps "tempo-ingester" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0`,
				`StatefulSet.apps "tempo-ingester" not found`,
			},
		},
		pods: {
			errors: []string{
				initialized + "context deadline exceeded",
				strings.ReplaceAll(initialized, "failed to initialize", "was created, but failed to initialize") + "context deadline exceeded",
				initialized + "timed out waiting for the condition",
			},
			others: []string{
				`Get "http://s3:9000/minio/admin/v3/info": context deadline exceeded`,
				`Get "https://10.0.0.1:6443/version?timeout=32s": net/http: request canceled (Client.Timeout exceeded while awaiting headers)`,
				initialized + `cannot patch "tempo-querier" with kind Deployment: Deployment.apps "tempo-querier" is invalid: spec.selector: Invalid value: {}: field is immutable`,
				initialized + `Get "https://10.0.0.1:6443/api/v1/namespaces/tempo/secrets": context deadline exceeded`,
				"timed out waiting for the condition",
				initialized + "execution error at (tempo/templates/config.yaml:1:2): bucket is required",
			},
		},
		existing: {
			errors: []string{
				"urn:pulumi:lab::picluster::picluster:kube:Namespace$kubernetes:core/v1:Secret::tempo-secret: resource 'tempo/tempo-keys' does not exist",
				"urn:pulumi:lab::picluster::picluster:kube:Namespace$kubernetes:core/v1:Secret::tempo-secret: Preview failed: resource 'tempo/tempo-keys' does not exist",
			},
			others: []string{
				`resource "x" does not exist`,
				"urn:pulumi:lab::picluster::picluster:tempo:Tempo$kubernetes:helm.sh/v3:Release::tempo-release: resource 'tempo/tempo' does not exist",
				"resource 'traces' does not exist",
				"the stack 'organization/p/s' does not exist",
				`error: reading IAM user: The specified user does not exist`,
				`context "lab" does not exist`,
			},
		},
		bucket: {
			errors: []string{
				"error: minio:index/s3Bucket:S3Bucket (traces): error: 1 error occurred:\n\t* [FATAL] bucket already exists! (traces): <nil>",
			},
			others: []string{
				"bucket already exists",
				"[FATAL] unable to create bucket (traces): Bucket name cannot be shorter than 3 characters",
				"[FATAL] unable to check bucket (traces): Access Denied.",
				`configmaps "tempo" already exists`,
			},
		},
		protected: {
			errors: []string{
				"error: unable to replace resource \"urn:pulumi:s::p::picluster:tempo:Tempo$minio:index/s3Bucket:S3Bucket::traces\"\nas it is currently marked for protection. To unprotect the resource, remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`",
			},
			others: []string{
				"error: unable to replace resource \"urn:pulumi:s::p::a:b:C::c\": the provider cannot",
				"Object is WORM protected and cannot be overwritten",
				"the bucket is protected by object locking",
			},
		},
		unreachable: {
			errors: []string{
				`error: configured Kubernetes cluster is unreachable: unable to load schema information from the API server: Get "https://10.0.0.1:6443/openapi/v2?timeout=32s": dial tcp 10.0.0.1:6443: connect: connection refused`,
				"error: can't create Helm Release with unreachable cluster: unable to load schema information from the API server: the server has asked for the client to provide credentials",
				"error: can't update Helm Release with unreachable cluster: unable to load Kubernetes client configuration from kubeconfig file",
				`error: can't delete Helm Release with unreachable cluster. Reason: "unable to load schema information from the API server"`,
				"error: configured Kubernetes cluster is unreachable. If the cluster was deleted, you can remove this resource from Pulumi state by rerunning the operation with the PULUMI_K8S_DELETE_UNREACHABLE environment variable set to \"true\"",
			},
			others: []string{
				"dial tcp 10.0.0.1:6443: connect: network is unreachable",
				`dial tcp 10.0.0.1:9000: connect: no route to host`,
				"Helm Release tempo/tempo: the cluster has no such kind",
			},
		},
		refused: {
			errors: []string{
				`error: Get "http://s3:9000/": dial tcp 10.0.0.2:9000: connect: connection refused`,
				`error: [FATAL] unable to check bucket (traces): Get "http://localhost:9000/traces/?location=": dial tcp [::1]:9000: connect: connection refused`,
			},
			others: []string{
				"dial tcp 10.0.0.2:9000: connect: no route to host",
				"dial tcp: lookup s3: no such host",
				"read tcp 10.0.0.1:5000->10.0.0.2:9000: read: connection reset by peer",
				"dial tcp 10.0.0.2:9000: i/o timeout",
			},
		},
		state: {
			errors: []string{
				"error: failed to load checkpoint: place 1: unexpected end of JSON input",
				"error: failed to load checkpoint: unexpected EOF",
				"error: failed to load checkpoint: place 1: invalid character '\\x00' looking for beginning of value",
			},
			others: []string{
				`error: failed to load checkpoint: blob (key ".pulumi/stacks/p/s.json") (code=NotFound)`,
				"unexpected end of JSON input",
				`Post "https://s3/": unexpected EOF`,
				"failed to load checkpoint: unsupported checkpoint version 9",
			},
		},
		note: {
			errors: []string{
				"error: failed to load checkpoint: EOF",
				"error: failed to load checkpoint: place 1: EOF",
			},
			others: []string{
				`Post "https://s3/": EOF`,
				"error: failed to load plugin: EOF",
				"error: failed to load checkpoint: unsupported checkpoint version 9",
			},
		},
		disk: {
			errors: []string{
				"error: " + (&os.PathError{Op: "write", Path: "/state/s.json", Err: syscall.ENOSPC}).Error(),
				fmt.Sprintf("fatal error: saving checkpoint: %v", &os.PathError{Op: "close", Path: "/tmp/x", Err: syscall.ENOSPC}),
			},
			others: []string{
				(&os.PathError{Op: "write", Path: "/state/s.json", Err: syscall.EDQUOT}).Error(),
				(&os.PathError{Op: "write", Path: "/state/s.json", Err: syscall.EROFS}).Error(),
				"Storage backend has reached its minimum free drive threshold. Please delete a few objects to proceed.",
				"0/1 nodes are available: no space left",
			},
		},
		file: {
			errors: []string{
				"error: " + (&os.PathError{Op: "write", Path: "/state/s.json", Err: syscall.EFBIG}).Error(),
			},
			others: []string{
				"Request entity too large: limit is 3145728",
				`ConfigMap "tempo" is invalid: []: Too long: may not be more than 1048576 bytes`,
				"the file too large to show",
			},
		},
	} {
		t.Run(strings.TrimSuffix(hint, ". "), func(t *testing.T) {
			for _, text := range test.errors {
				out := hinted(text)
				assert.True(t, strings.HasPrefix(out, hint), "%s\ngives: %s", text, out)
				assert.NotContains(t, out, "\n", "it has more than one hint: %s", text)
				assert.NotContains(t, out, "$", "a part of the error is missing")
			}
			begins := hint[:len("Helm cannot change")] // what follows is of the error
			for _, text := range test.others {
				assert.NotContains(t, hinted(text), begins, text)
			}
		})
	}
}

func TestHintsNameAFix(t *testing.T) {
	for _, h := range hints {
		out := h.wayOut(found{of: []string{"", "one", "two"}})
		assert.Contains(t, out, ". Fix", out)
		assert.NotRegexp(t, `\bFix: .*\.$`, out)
	}
}

func TestWayOut(t *testing.T) {
	const full, refused = "write s.json: no space left on device", "dial tcp 10.0.0.2:9000: connect: connection refused"
	assert.Empty(t, hinted())
	assert.Empty(t, hinted("no user"))
	first, second := hinted(refused), hinted(full)
	assert.Equal(t, first+"\n"+second, hinted(full, refused, "no user", full), "each once, in a fixed order")
	assert.Equal(t, first, hinted(full+"\n"+refused+"\n"+full), "an error has one way out")
}

// hinted returns the way out of errors of a stack in kubectl's current cluster.
func hinted(errors ...string) string { return hintedBy(command.Names{Stack: "s"}, nil, errors...) }

// hintedBy returns the way out of errors of a stack whose Kubernetes provider has settings.
func hintedBy(names command.Names, settings map[string]string, errors ...string) string {
	s := &Stack{Name: "organization/p/s", Project: "p"}
	names = names.In(func(name string) string { return settings[name] })
	s.commands.Store(&names)
	return s.wayOut(errors, releases{tempoURN: {Type: ReleaseType, Inputs: map[string]any{"namespace": "traces", "name": "t"}}})
}

// tempoURN is the URN of a release t in the namespace traces.
const tempoURN = "urn:pulumi:s::p::picluster:tempo:Tempo$" + ReleaseType + "::tempo-release"

// TestHintsArePasteable has hints name what the error is of, and act on the stack's cluster.
func TestHintsArePasteable(t *testing.T) {
	pi := map[string]string{"context": "pi"}
	const (
		immutable   = `cannot patch "t-memcached" with kind Service: Service "t-memcached" is invalid: spec.clusterIPs[0]: Invalid value: ["None"]: may not change once set`
		interrupted = "another operation (install/upgrade/rollback) is in progress"
		checkpoint  = "error: failed to load checkpoint: "
	)
	for name, test := range map[string]struct {
		error string
		want  []string
	}{
		"a namespace":        {`error: object is being deleted: namespaces "tempo" already exists`, []string{"if it stays, kubectl --context pi get namespace tempo --output yaml says"}},
		"what it would hold": {`unable to create new content in namespace tempo because it is being terminated`, []string{"if it stays, kubectl --context pi get namespace tempo --output yaml says"}},
		"an operation": {tempoURN + ": " + interrupted, []string{
			"Fix: helm --kube-context pi rollback t --namespace traces; or, if it was the first, helm --kube-context pi uninstall t --namespace traces. ",
		}},
		"an operation of the message alone": {initialized + interrupted, []string{"rollback tempo --namespace tempo;"}},
		"an operation of no release":        {interrupted, []string{"rollback RELEASE --namespace NAMESPACE;"}},
		"a cache":                           {tempoURN + ": " + immutable, []string{"Fix: kubectl --context pi delete Service t-memcached --namespace traces; then"}},
		"pods":                              {initialized + "context deadline exceeded", []string{"Fix: kubectl --context pi get pods --namespace tempo and kubectl --context pi describe pods --namespace tempo say"}},
		"a Secret": {
			"urn:pulumi:lab::picluster::picluster:kube:Namespace$kubernetes:core/v1:Secret::tempo-secret: resource 'tempo/tempo-keys' does not exist",
			[]string{"Fix: kubectl --context pi create secret generic tempo-keys --namespace tempo --from-literal"},
		},
		"an edit": {
			`cannot patch "t" with kind Deployment: Deployment.apps "t" is invalid: spec.selector: Invalid value: {}: field is immutable`,
			[]string{"Deployment t of the release has changed", "outside Pulumi: picluster repair --stack s. "},
		},
		"a bucket": {"[FATAL] bucket already exists! (traces): <nil>", []string{"Fix: picluster adopt --stack s, which imports it"}},
		"a state":  {checkpoint + "unexpected EOF", []string{"in a directory, cp .pulumi/stacks/p/s.json.bak .pulumi/stacks/p/s.json. Then"}},
		"its note": {checkpoint + "EOF", []string{"Fix: rm .pulumi/stacks/p/s.json.attrs in the"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, want := range test.want {
				assert.Contains(t, hintedBy(command.Names{Stack: "s"}, pi, test.error), want)
			}
		})
	}
	assert.Contains(t, hintedBy(command.Names{Stack: "s"}, map[string]string{"kubeconfig": "{}"}, tempoURN+": "+immutable),
		"Fix: in the stack's cluster, kubectl delete Service t-memcached --namespace traces")
	makes := command.Names{Stack: "s", Make: true}
	assert.Contains(t, hintedBy(makes, nil, "bucket already exists!"), "Fix: make adopt STACK=s, which")
	assert.Contains(t, hintedBy(makes, nil, `cannot patch "t" with kind Service: Service "t" is invalid: x`), "outside Pulumi: make repair STACK=s. ")
}

// TestHintsOfARun has the hints of a run take the release from what the engine reports, and the
// cluster from the configuration.
func TestHintsOfARun(t *testing.T) {
	release := &apitype.StepEventStateMetadata{Type: ReleaseType, URN: tempoURN, Inputs: map[string]any{"namespace": "traces", "name": "t"}}
	events := []apitype.EngineEvent{
		{ResourcePreEvent: &apitype.ResourcePreEvent{Metadata: apitype.StepEventMetadata{Op: apitype.OpCreate, URN: tempoURN, Type: ReleaseType, New: release}}},
		{DiagnosticEvent: &apitype.DiagnosticEvent{URN: tempoURN, Severity: "error", Message: "another operation (install/upgrade/rollback) is in progress"}},
	}
	const rollback = "rollback t --namespace traces; or, if it was the first, "
	stack, _ := scenario{
		"up": {{Events: events, Code: 255}}, "preview": {{Events: events, Code: 255}},
		"config": {{Stdout: `{"kubernetes:context":{"value":"pi","secret":false}}`}},
	}.use(t)
	_, err := stack.Up(t.Context(), 0)
	assert.ErrorContains(t, err, "Fix: in the stack's cluster, helm "+rollback)
	_, err = stack.Config(t.Context())
	require.NoError(t, err)
	_, err = stack.Up(t.Context(), 0)
	assert.ErrorContains(t, err, "Fix: helm --kube-context pi "+rollback)
	_, err = stack.Preview(t.Context())
	assert.ErrorContains(t, err, "Fix: helm --kube-context pi "+rollback)
}
