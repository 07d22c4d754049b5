package engine

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/picluster/picluster/internal/command"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
)

// hint is the way out of an error whose own words do not say it.
type hint struct {
	// cause is the error's full sentence, as its source has it.
	cause  *regexp.Regexp
	wayOut func(found) string
}

// found is an error that a hint is of.
type found struct {
	command.Names
	// of has what cause has in parentheses.
	of []string
	// namespace and release are those of the Helm release that the error is of, or placeholders.
	namespace, release string
	// state is the path of the stack's state in its backend.
	state string
}

// always returns the way out of a hint that has no command of the stack's.
func always(text string) func(found) string { return func(found) string { return text } }

// continues is how many hints end.
const continues = "Then run up again, which continues from here"

// terminating is the way out of an error in a namespace, which of has.
func terminating(f found) string {
	return "the namespace is still being deleted. Fix: wait until it is gone; if it stays, " +
		f.Kubectl("get", "namespace", f.of[1], "--output", "yaml") + " says what keeps it. Then run up again"
}

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
		always("etcd, the store of Kubernetes, is full. Fix: compact and defragment it, and disarm its alarm with etcdctl alarm disarm. " + continues)},
	// Helm, pkg/action
	{regexp.MustCompile(`another operation \(install/upgrade/rollback\) is in progress`), func(f found) string {
		return "an operation of Helm was interrupted. Fix: " + f.Helm("rollback", f.release, "--namespace", f.namespace) +
			"; or, if it was the first, " + f.Helm("uninstall", f.release, "--namespace", f.namespace) + ". " + continues
	}},
	// Kubernetes, plugin/pkg/admission/namespace/lifecycle and registry/generic/registry
	{regexp.MustCompile(`unable to create new content in namespace (\S+) because it is being terminated`), terminating},
	{regexp.MustCompile(`object is being deleted: namespaces "([^"]+)" already exists`), terminating},
	// Kubernetes, apiserver/pkg/admission/plugin/resourcequota
	{regexp.MustCompile(`is forbidden: exceeded quota: \S+, requested: `),
		always("a ResourceQuota of the namespace has no room for it. Fix: raise the quota, or choose a smaller profile. " + continues)},
	// Kubernetes, pod-security-admission
	{regexp.MustCompile(`is forbidden: violates PodSecurity "`),
		always("the namespace's Pod Security Standard rejects the pod. Fix: remove the value that asks for too much, or choose another podSecurity. " + continues)},
	// Kubernetes, apis/core/validation and apis/apps/validation: the memcached of the
	// chart's lines 1 and 2 differ in fields that cannot change.
	{regexp.MustCompile(`(Service|StatefulSet)(?:\.apps)? "([^"]+-memcached)" is invalid: (?:[^&]*may not change once set|[^&]*updates to statefulset spec for fields other than)`), func(f found) string {
		return "Helm cannot change " + f.of[1] + " " + f.of[2] + " in place. Only a cache is lost if it is deleted. Fix: " +
			f.Kubectl("delete", f.of[1], f.of[2], "--namespace", f.namespace) + "; then run up again. Or go back to the chartVersion before, and run up"
	}},
	// The same of every other StatefulSet: its volumeClaimTemplates cannot change. Its pods
	// keep their traces if they outlive it. A new StatefulSet takes them over, but cannot give
	// a pod a volume (kubernetes/kubernetes#141876).
	{regexp.MustCompile(`StatefulSet(?:\.apps)? "([^"]+)" is invalid: [^&]*updates to statefulset spec for fields other than`), func(f found) string {
		return "Kubernetes cannot change the volume of StatefulSet " + f.of[1] + " in place, which persistence, persistenceSize and persistenceStorageClass set. Fix: " +
			f.Kubectl("delete", "statefulset", f.of[1], "--namespace", f.namespace, "--cascade=orphan") + ", which keeps its pods and their traces; then run the same up again. " +
			"If that up waits for the StatefulSet: " + f.Kubectl("delete", "pod", "--namespace", f.namespace, f.of[1]+"-0") + ", and each other pod when the one before is Ready. " +
			"Or go back to the value before, and run up. See docs/upgrade.md"
	}},
	// Helm, pkg/kube, around the API server's validation of a merged object
	{regexp.MustCompile(`cannot patch "([^"]+)" with kind (\w+): .* is invalid: `), func(f found) string {
		return f.of[2] + " " + f.of[1] + " of the release has changed in a way that Helm cannot merge. Fix, if it was edited outside Pulumi: " + f.Picluster("repair") +
			". If the chart changes a field that cannot change: go back to the chartVersion before, and run up"
	}},
	// Pulumi's Kubernetes provider, pkg/provider/helm_release.go, around Helm's wait
	{regexp.MustCompile(`failed to become available within allocated timeout\. Error: Helm Release [^:]+: (?:context deadline exceeded|timed out waiting for the condition)`), func(f found) string {
		return unready + ". Fix: " + f.Kubectl("get", "pods", "--namespace", f.namespace) + " and " + f.Kubectl("describe", "pods", "--namespace", f.namespace) + " say why. " + continues
	}},
	// Pulumi, pkg/resource/deploy/step.go: an import of what does not exist has the same
	// sentence, of another resource
	{regexp.MustCompile(`(?s)kubernetes:core/v1:Secret::[^ ]+: .*resource '([^'/]+)/([^'/]+)' does not exist`), func(f found) string {
		return "the Secret of credentials: existing does not exist. Fix: " +
			f.Kubectl("create", "secret", "generic", f.of[2], "--namespace", f.of[1], "--from-literal=MINIO_ACCESS_KEY_ID=USER", "--from-file=MINIO_SECRET_ACCESS_KEY=FILE") +
			", or the fields of accessKeyField and secretKeyField. " + continues
	}},
	// terraform-provider-minio, resource_minio_s3_bucket.go
	{regexp.MustCompile(`bucket already exists!`), func(f found) string {
		return "the bucket exists already. Fix: " + f.Picluster("adopt") + ", which imports it with its objects. Then run up again"
	}},
	// Pulumi, pkg/resource/deploy/step_generator.go and step.go
	{regexp.MustCompile(`unable to replace resource "[^"]+"\s+(?:as part of replacing "[^"]+"\s+)?as it is currently marked for protection|resource "[^"]+" cannot be deleted\s+because it is protected`),
		always("the bucket is protected. Fix, if it is to be deleted or replaced: pulumi config set protectBucket false; run up; then run the command again")},
	// Pulumi's Kubernetes provider, pkg/provider/provider.go and helm_release.go
	{regexp.MustCompile(`configured Kubernetes cluster is unreachable|can't (?:create|update|delete) Helm Release with unreachable cluster`),
		always("Kubernetes is not reachable. Fix: start it, or set kubernetes:kubeconfig. " + continues)},
	// Go, net.OpError around ECONNREFUSED
	{regexp.MustCompile(`dial tcp \S+: connect: connection refused`),
		always("nothing listens at that address. Fix: start the server, or correct its address. " + continues)},
	// Pulumi, pkg/backend/diy/state.go, around encoding/json
	{regexp.MustCompile(`failed to load checkpoint: (?:.*: )?(?:unexpected end of JSON input|unexpected EOF|invalid character)`), func(f found) string {
		return "the state is cut off, as a full disk leaves it. Fix: copy the state before over it: in a directory, cp " + command.Quote(f.state+".bak") + " " + command.Quote(f.state) + ". Then run up again"
	}},
	// The same, around gocloud.dev/blob/fileblob, which keeps notes beside each file
	{regexp.MustCompile(`failed to load checkpoint: (?:.*: )?EOF`), func(f found) string {
		return "the note beside the state is cut off, as a Pulumi that was killed leaves it; the state is whole. Fix: rm " + command.Quote(f.state+".attrs") + " in the state's directory. Then run up again"
	}},
	// Linux, ENOSPC and EFBIG
	{regexp.MustCompile(`: no space left on device`), always("the disk is full. Fix: free some space. " + continues)},
	{regexp.MustCompile(`: file too large`), always("there is no space for the state. Fix: free some space. " + continues)},
}

// releases are the Helm releases of a run of Pulumi, by their URNs.
type releases map[string]*Resource

// add adds the resource of a step, if it is a release.
func (r releases) add(m apitype.StepEventMetadata) {
	if resource := cmp.Or(stateOf(m.New), stateOf(m.Old)); resource != nil && resource.Type == ReleaseType {
		r[m.URN] = resource
	}
}

// inError is how errors of Pulumi's Kubernetes provider and of Helm name a release.
var inError = regexp.MustCompile(`Helm [Rr]elease "?([a-z0-9.-]+)/([a-z0-9.-]+)`)

// of returns the namespace and the name of the release that an error is of, or placeholders.
func (r releases) of(text string) (namespace, name string) {
	urn, _, _ := strings.Cut(text, ": ")
	if resource := r[urn]; resource != nil {
		namespace, name = resource.Text("namespace"), resource.Text("name")
	} else if match := inError.FindStringSubmatch(text); match != nil {
		namespace, name = match[1], match[2]
	}
	return cmp.Or(namespace, "NAMESPACE"), cmp.Or(name, "RELEASE")
}

// wayOut returns what to do about errors of a run, a line for each; empty if their own words
// say it.
func (s *Stack) wayOut(errors []string, of releases) string {
	var lines []string
	for _, text := range errors {
		f := found{Names: s.Commands(), state: path.Join(".pulumi/stacks", s.Project, path.Base(s.Name)+".json")}
		f.namespace, f.release = of.of(text)
		for _, h := range hints {
			matches := h.cause.FindAllStringSubmatch(text, -1)
			for _, f.of = range matches {
				lines = append(lines, h.wayOut(f))
			}
			if len(matches) > 0 {
				break
			}
		}
	}
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), "\n")
}
