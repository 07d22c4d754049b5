package rollout

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// logLines is how many lines of a log an error has.
const logLines = 5

// unreadyError says why workloads are not ready.
func (r Release) unreadyError(ctx context.Context, client *Client, l look, timeout time.Duration) string {
	var text strings.Builder
	fmt.Fprintf(&text, "release %s/%s is deployed, but not ready after %s:", r.Namespace, r.Name, timeout)
	for _, w := range l.unready {
		causes := r.causes(ctx, client, l.podsOf(w))
		if len(causes) == 0 {
			causes = []string{"it has no pod; see kubectl describe " + strings.ToLower(w.kind) + " --namespace " + r.Namespace + " " + w.Metadata.Name}
		}
		for _, cause := range causes {
			fmt.Fprintf(&text, "\n  %s %s: %s", w.kind, w.Metadata.Name, cause)
		}
	}
	text.WriteString("\nNothing is lost: the bucket has what was flushed, and the previous key stays valid. Fix: correct the cause, then run pulumi up again; or set the previous value in the configuration, then run pulumi up")
	return r.redacted(text.String())
}

// podsOf returns the pods of a workload.
func (l look) podsOf(w workload) []pod {
	selector, err := metav1.LabelSelectorAsSelector(&w.Spec.Selector)
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(l.pods), func(p pod) bool { return !selector.Matches(labels.Set(p.Metadata.Labels)) })
}

// causes says of each pod that is not ready why.
func (r Release) causes(ctx context.Context, client *Client, pods []pod) (causes []string) {
	for _, p := range pods {
		if p.Metadata.DeletionTimestamp != nil {
			continue
		}
		for _, condition := range p.Status.Conditions {
			if condition.Type == "PodScheduled" && condition.Status == "False" {
				causes = append(causes, fmt.Sprintf("pod %s has no node: %s", p.Metadata.Name, condition.Message))
			}
		}
		for _, c := range append(slices.Clone(p.Status.InitContainerStatuses), p.Status.ContainerStatuses...) {
			if cause := c.cause(); cause != "" {
				causes = append(causes, fmt.Sprintf("pod %s, container %s: %s%s", p.Metadata.Name, c.Name, cause, r.log(ctx, client, p, c)))
			}
		}
	}
	return causes
}

// cause says why a container is not ready; empty if it is, or has done its work.
func (c container) cause() string {
	ended := cmp.Or(c.State.Terminated, c.LastState.Terminated)
	var how string
	if ended != nil {
		how = fmt.Sprintf("ended with %s, exit code %d, and was restarted %d times", ended.Reason, ended.ExitCode, c.RestartCount)
	}
	switch waiting := c.State.Waiting; {
	case c.Ready, c.State.Terminated != nil && c.State.Terminated.ExitCode == 0:
		return ""
	case waiting != nil && how != "":
		return waiting.Reason + ": " + how
	case waiting != nil:
		return strings.TrimSuffix(waiting.Reason+": "+waiting.Message, ": ")
	case how != "":
		return how
	}
	return "it runs, but its readiness probe fails"
}

// log returns the last lines of a container's log: of its last run that has ended, if
// it does not run. The log is a help, so that an error on the way is only said.
func (r Release) log(ctx context.Context, client *Client, p pod, c container) string {
	if c.State.Waiting != nil && c.LastState.Terminated == nil {
		return "" // it has never run
	}
	text, err := client.logOf(ctx, p, c.Name, c.State.Waiting != nil, logLines)
	if err != nil {
		return fmt.Sprintf("\n    its log cannot be read: %v", err)
	}
	if text = strings.TrimSpace(text); text == "" {
		return ""
	}
	return "\n    " + strings.ReplaceAll(text, "\n", "\n    ")
}

func (r Release) redacted(text string) string {
	for _, secret := range r.Secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "[secret]")
		}
	}
	return text
}
