// Package rollout waits until the pods of a Helm release run what was deployed.
//
// Helm's own wait is not enough: of a Deployment with one replica and maxUnavailable: 1,
// which the charts of Tempo have, it waits for no pod.
package rollout

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/picluster/picluster/internal/command"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/wait"
)

// interval is how often Await looks.
const interval = 2 * time.Second

// instanceLabel is the label with the release's name that Helm charts give to all objects.
const instanceLabel = "app.kubernetes.io/instance"

// componentLabel is the label with the name of a part of the release.
const componentLabel = "app.kubernetes.io/component"

// Release is what Await waits for.
type Release struct {
	Namespace, Name string
	// Annotation is the annotation of pods with a hash of the keys that they have, and
	// Keys the hash that it is to have. Empty: any.
	Annotation, Keys string
	// Keyed are the components whose pods have keys, also without the annotation.
	Keyed []string
	// Secrets are texts that a log may have, and an error must not.
	Secrets []string
	// Commands are those that an error suggests.
	Commands command.Names
}

// Await waits until each Deployment and StatefulSet of a release is ready, one with a
// single replica included, and until no pod has other keys, terminating ones included.
// Pods that have ended do not count. Of several replicas one may be missing, as when a
// node is down. A Deployment may lack as many as its maxUnavailable allows. report receives
// what Await waits for, when that changes. After timeout the error names the pods that are
// left, with the cause and the last lines of the log of those that do not become ready.
func Await(ctx context.Context, client *Client, r Release, timeout time.Duration, report func(string)) error {
	var last look
	var lastErr error
	seen, reported := false, ""
	err := wait.PollUntilContextTimeout(ctx, interval, timeout, true, func(ctx context.Context) (bool, error) {
		found, err := r.look(ctx, client)
		if lastErr = err; err != nil {
			if denied := (deniedError{}); errors.As(err, &denied) {
				return false, err
			}
			return false, nil // a short outage must not end the update
		}
		last, seen = found, true
		if waiting := last.String(); waiting != reported {
			reported = waiting
			report(waiting)
		}
		return last.done(), nil
	})
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		return err
	case !seen || errors.As(lastErr, &deniedError{}):
		return fmt.Errorf("release %s/%s: its pods cannot be read: %w", r.Namespace, r.Name, lastErr)
	}
	var problems []string
	if len(last.unready) > 0 {
		// The wait's own time is over.
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		problems = append(problems, fmt.Sprintf("release %s/%s is deployed, but not ready after %s:%s\nNo user of the bucket was deleted. Fix: correct the cause, or set the previous value in the configuration; then run pulumi up again",
			r.Namespace, r.Name, timeout, r.causes(ctx, client, last)))
	}
	if len(last.left)+len(last.terminating) > 0 {
		problems = append(problems, r.keysError(last, timeout))
	}
	return errors.New(strings.Join(problems, "\n"))
}

// Diagnose returns the pods of a release that are not ready, a line each, with the cause
// and the last lines of their log; empty if all are ready. If the pods cannot be read, it
// returns why.
func Diagnose(ctx context.Context, client *Client, r Release) string {
	found, err := r.look(ctx, client)
	if err != nil {
		return fmt.Sprintf("release %s/%s: its pods cannot be read: %v", r.Namespace, r.Name, err)
	}
	if len(found.unready) == 0 {
		return ""
	}
	return fmt.Sprintf("release %s/%s is not ready:%s", r.Namespace, r.Name, r.causes(ctx, client, found))
}

// look is what one look has found.
type look struct {
	pods      []pod
	workloads int
	unready   []workload
	// left have other keys, and so have terminating, which are about to end.
	left, terminating []string
}

func (l look) done() bool { return len(l.unready)+len(l.left)+len(l.terminating) == 0 }

func (l look) String() string {
	var waits []string
	for _, w := range l.unready {
		waits = append(waits, w.kind+" "+w.Metadata.Name)
	}
	for _, name := range append(slices.Clone(l.left), l.terminating...) {
		waits = append(waits, "the end of pod "+name)
	}
	if len(waits) == 0 {
		return ""
	}
	return "waiting for " + strings.Join(waits, ", ")
}

func (r Release) look(ctx context.Context, client *Client) (l look, err error) {
	own := url.Values{"labelSelector": {instanceLabel + "=" + r.Name}}
	for resource, kind := range map[string]string{"deployments": "Deployment", "statefulsets": "StatefulSet"} {
		var workloads []workload
		if err := client.list(ctx, "apis/apps/v1", r.Namespace, resource, own, &workloads); err != nil {
			return l, err
		}
		l.workloads += len(workloads)
		for _, w := range workloads {
			if w.kind = kind; !w.ready() {
				l.unready = append(l.unready, w)
			}
		}
	}
	slices.SortFunc(l.unready, func(a, b workload) int { return strings.Compare(a.Metadata.Name, b.Metadata.Name) })
	if l.workloads == 0 {
		return l, fmt.Errorf("no Deployment or StatefulSet in namespace %s has the label %s=%s. Fix: have the chart set it", r.Namespace, instanceLabel, r.Name)
	}
	// Without this a pod that was evicted, which stays listed, would be waited for without end.
	own.Set("fieldSelector", "status.phase!=Succeeded,status.phase!=Failed")
	if err := client.list(ctx, "api/v1", r.Namespace, "pods", own, &l.pods); err != nil {
		return l, err
	}
	slices.SortFunc(l.pods, func(a, b pod) int { return strings.Compare(a.Metadata.Name, b.Metadata.Name) })
	for _, p := range l.pods {
		switch {
		case !r.hasOtherKeys(p):
		case p.Metadata.DeletionTimestamp != nil:
			l.terminating = append(l.terminating, p.Metadata.Name)
		default:
			l.left = append(l.left, p.Metadata.Name)
		}
	}
	return l, nil
}

// hasOtherKeys returns whether a pod has other keys than those that were deployed.
func (r Release) hasOtherKeys(p pod) bool {
	if r.Keys == "" {
		return false
	}
	have, found := p.Metadata.Annotations[r.Annotation]
	if !found {
		return slices.Contains(r.Keyed, p.Metadata.Labels[componentLabel])
	}
	return have != r.Keys
}

// ready says whether a workload runs what was deployed, and nothing else: as Helm's wait,
// but for a single replica, which has to be ready, and for one of several, which may be on
// a node that is down.
func (w workload) ready() bool {
	replicas := 1
	if w.Spec.Replicas != nil {
		replicas = *w.Spec.Replicas
	}
	if replicas == 0 {
		return true
	}
	missing := 0
	if replicas > 1 {
		missing = 1
	}
	if w.kind == "Deployment" && replicas > 1 {
		missing = min(replicas-1, max(missing, maxUnavailable(w.Spec.Strategy.RollingUpdate.MaxUnavailable, replicas)))
	}
	return w.Status.ObservedGeneration >= w.Metadata.Generation &&
		w.Status.UpdatedReplicas >= replicas-missing &&
		w.Status.UpdatedReplicas >= w.Status.Replicas &&
		w.Status.ReadyReplicas >= replicas-missing
}

// maxUnavailable returns the number of replicas that may be missing, which the manifest
// has as a number or as a percentage.
func maxUnavailable(value any, replicas int) int {
	var limit intstr.IntOrString
	switch value := value.(type) {
	case float64:
		limit = intstr.FromInt32(int32(value))
	case string:
		limit = intstr.FromString(value)
	}
	n, err := intstr.GetScaledValueFromIntOrPercent(&limit, replicas, false)
	if err != nil {
		return 0
	}
	return n
}

func (r Release) keysError(l look, timeout time.Duration) string {
	var fixes []string
	if len(l.left) > 0 {
		// Their controller creates them again, with the key of its template.
		fixes = append(fixes, fmt.Sprintf("%s; if they have that key again, a template was changed outside Pulumi: %s", r.deletePods(l.left...), r.Commands.Picluster("repair")))
	}
	if len(l.terminating) > 0 {
		fixes = append(fixes, fmt.Sprintf("wait for %s to end; if its node is gone, %s",
			strings.Join(l.terminating, ", "), r.Commands.Kubectl(append([]string{"delete", "pod", "--force", "--grace-period=0", "--namespace", r.Namespace}, l.terminating...)...)))
	}
	return fmt.Sprintf("pods of release %s/%s still have the previous key after %s: %s. Their user is not deleted. Fix: %s. Then run pulumi up again",
		r.Namespace, r.Name, timeout, strings.Join(append(slices.Clone(l.left), l.terminating...), ", "), strings.Join(fixes, "; "))
}

// deletePods returns the command that deletes pods.
func (r Release) deletePods(names ...string) string {
	return r.Commands.Kubectl(append([]string{"delete", "pod", "--namespace", r.Namespace}, names...)...)
}
