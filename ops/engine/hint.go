package engine

import (
	"regexp"
	"slices"
	"strings"
)

// hint is the way out of an error whose own words do not say it.
type hint struct {
	// cause is the error's full sentence, as its source has it.
	cause *regexp.Regexp
	// wayOut may refer to what cause has in parentheses.
	wayOut string
}

// Sentences that several hints share.
const (
	terminating = "the namespace is still being deleted. Fix: wait until it is gone; if it stays, kubectl get namespace NAME --output yaml says what keeps it. Then run up again"
	continues   = "Then run up again, which continues from here"
)

// unready begins the hint of Helm's wait for pods.
const unready = "pods of the release are not ready"

// IsUnready returns whether an error of Run is that Helm has waited for pods, of which it
// names none.
func IsUnready(err error) bool { return err != nil && strings.Contains(err.Error(), unready) }

// hints are in the order in which they are tried: the first whose cause an error has
// is the error's.
var hints = []hint{
	// etcd, api/v3rpc/rpctypes
	{regexp.MustCompile(`etcdserver: mvcc: database space exceeded`),
		"etcd, the store of Kubernetes, is full. Fix: compact and defragment it, and disarm its alarm with etcdctl alarm disarm. " + continues},
	// Helm, pkg/action
	{regexp.MustCompile(`another operation \(install/upgrade/rollback\) is in progress`),
		"an operation of Helm was interrupted. Fix: helm rollback RELEASE --namespace NAMESPACE; or helm uninstall, if it was the first. " + continues},
	// Kubernetes, plugin/pkg/admission/namespace/lifecycle and registry/generic/registry
	{regexp.MustCompile(`unable to create new content in namespace \S+ because it is being terminated`), terminating},
	{regexp.MustCompile(`object is being deleted: namespaces "[^"]+" already exists`), terminating},
	// Kubernetes, apiserver/pkg/admission/plugin/resourcequota
	{regexp.MustCompile(`is forbidden: exceeded quota: \S+, requested: `),
		"a ResourceQuota of the namespace has no room for it. Fix: raise the quota, or choose a smaller profile. " + continues},
	// Kubernetes, pod-security-admission
	{regexp.MustCompile(`is forbidden: violates PodSecurity "`),
		"the namespace's Pod Security Standard rejects the pod. Fix: remove the value that asks for too much, or choose another podSecurity. " + continues},
	// Kubernetes, apis/core/validation and apis/apps/validation: the memcached of the
	// chart's lines 1 and 2 differ in fields that cannot change.
	{regexp.MustCompile(`(Service|StatefulSet)(?:\.apps)? "([^"]+-memcached)" is invalid: (?:[^&]*may not change once set|[^&]*updates to statefulset spec for fields other than)`),
		"Helm cannot change $1 $2 in place. Only a cache is lost if it is deleted. Fix: kubectl delete $1 $2 --namespace NAMESPACE; then run up again. Or go back to the chartVersion before, and run up"},
	// Helm, pkg/kube, around the API server's validation of a merged object
	{regexp.MustCompile(`cannot patch "([^"]+)" with kind (\w+): .* is invalid: `),
		"$2 $1 of the release has changed in a way that Helm cannot merge. Fix, if it was edited outside Pulumi: picluster repair. If the chart changes a field that cannot change: go back to the chartVersion before, and run up"},
	// Pulumi's Kubernetes provider, pkg/provider/helm_release.go, around Helm's wait
	{regexp.MustCompile(`failed to become available within allocated timeout\. Error: Helm Release [^:]+: (?:context deadline exceeded|timed out waiting for the condition)`),
		unready + ". Fix: kubectl get pods --namespace NAMESPACE and kubectl describe say why. " + continues},
	// Pulumi, pkg/resource/deploy/step.go: an import of what does not exist has the same
	// sentence, of another resource
	{regexp.MustCompile(`(?s)kubernetes:core/v1:Secret::[^ ]+: .*resource '([^'/]+)/([^'/]+)' does not exist`),
		"the Secret of credentials: existing does not exist. Fix: kubectl create secret generic $2 --namespace $1 --from-literal=MINIO_ACCESS_KEY_ID=USER --from-file=MINIO_SECRET_ACCESS_KEY=FILE, or the fields of accessKeyField and secretKeyField. " + continues},
	// terraform-provider-minio, resource_minio_s3_bucket.go
	{regexp.MustCompile(`bucket already exists!`),
		"the bucket exists already. Fix: picluster adopt imports it with its objects. Then run up again"},
	// Pulumi, pkg/resource/deploy/step_generator.go and step.go
	{regexp.MustCompile(`unable to replace resource "[^"]+"\s+(?:as part of replacing "[^"]+"\s+)?as it is currently marked for protection|resource "[^"]+" cannot be deleted\s+because it is protected`),
		"the bucket is protected. Fix, if it is to be deleted or replaced: pulumi config set protectBucket false; run up; then run the command again"},
	// Pulumi's Kubernetes provider, pkg/provider/provider.go and helm_release.go
	{regexp.MustCompile(`configured Kubernetes cluster is unreachable|can't (?:create|update|delete) Helm Release with unreachable cluster`),
		"Kubernetes is not reachable. Fix: start it, or set kubernetes:kubeconfig. " + continues},
	// Go, net.OpError around ECONNREFUSED
	{regexp.MustCompile(`dial tcp \S+: connect: connection refused`),
		"nothing listens at that address. Fix: start the server, or correct its address. " + continues},
	// Pulumi, pkg/backend/diy/state.go, around encoding/json
	{regexp.MustCompile(`failed to load checkpoint: (?:.*: )?(?:unexpected end of JSON input|unexpected EOF|invalid character)`),
		"the state is cut off, as a full disk leaves it. Fix: copy the state before over it: in a directory, .pulumi/stacks/PROJECT/NAME.json.bak over NAME.json. Then run up again"},
	// The same, around gocloud.dev/blob/fileblob, which keeps notes beside each file
	{regexp.MustCompile(`failed to load checkpoint: (?:.*: )?EOF`),
		"the note beside the state is cut off, as a Pulumi that was killed leaves it; the state is whole. Fix: rm .pulumi/stacks/PROJECT/NAME.json.attrs in the state's directory. Then run up again"},
	// Linux, ENOSPC and EFBIG
	{regexp.MustCompile(`: no space left on device`), "the disk is full. Fix: free some space. " + continues},
	{regexp.MustCompile(`: file too large`), "there is no space for the state. Fix: free some space. " + continues},
}

// wayOut returns what to do about errors, a line for each; empty if their own
// words say it.
func wayOut(errors []string) string {
	var lines []string
	for _, text := range errors {
		for _, h := range hints {
			found := h.cause.FindAllStringSubmatchIndex(text, -1)
			for _, match := range found {
				lines = append(lines, string(h.cause.ExpandString(nil, h.wayOut, text, match)))
			}
			if len(found) > 0 {
				break
			}
		}
	}
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), "\n")
}
