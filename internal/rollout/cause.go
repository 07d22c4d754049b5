package rollout

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// logLines is how many lines of a log an error has.
const logLines = 5

// causes says why workloads are not ready, a line for each cause.
func (r Release) causes(ctx context.Context, client *Client, l look) string {
	var text strings.Builder
	for _, w := range l.unready {
		pods := l.podsOf(w)
		causes := r.podCauses(ctx, client, w, pods)
		if len(causes) == 0 {
			what := "its pods are not the newest"
			if len(pods) == 0 {
				what = "it has no pod"
			}
			causes = []string{what + "; see " + r.Commands.Kubectl("describe", strings.ToLower(w.kind), "--namespace", r.Namespace, w.Metadata.Name)}
		}
		for _, cause := range causes {
			fmt.Fprintf(&text, "\n  %s %s: %s", w.kind, w.Metadata.Name, cause)
		}
	}
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

// podCauses returns why pods of a workload are not ready: one cause or more for each such pod.
func (r Release) podCauses(ctx context.Context, client *Client, w workload, pods []pod) (causes []string) {
	for _, p := range pods {
		before := len(causes)
		name := "pod " + p.Metadata.Name
		if p.Metadata.DeletionTimestamp != nil {
			causes = append(causes, fmt.Sprintf("%s is terminating on node %s", name, p.Spec.NodeName))
			continue
		}
		unready := ""
		for _, condition := range p.Status.Conditions {
			switch {
			case condition.Type == "PodScheduled" && condition.Status == "False":
				causes = append(causes, fmt.Sprintf("%s has no node: %s", name, condition.Message))
			case condition.Type == "Ready" && condition.Status != "True":
				unready = strings.TrimSuffix(fmt.Sprintf("%s on node %s is not Ready: %s", name, p.Spec.NodeName, condition.Message), ": ")
			}
		}
		for _, c := range append(slices.Clone(p.Status.InitContainerStatuses), p.Status.ContainerStatuses...) {
			if cause := c.cause(); cause != "" {
				causes = append(causes, fmt.Sprintf("%s, container %s: %s%s", name, c.Name, cause, r.log(ctx, client, p, c)))
			}
		}
		if len(causes) == before && unready != "" {
			causes = append(causes, unready) // its containers run on a node that is down
		}
		// Kubernetes does not replace such a pod: kubernetes/kubernetes#67250.
		if revision := p.Metadata.Labels["controller-revision-hash"]; w.kind == "StatefulSet" && len(causes) > before && revision != w.Status.UpdateRevision && w.Status.UpdateRevision != "" {
			causes = append(causes, fmt.Sprintf("%s is of the previous revision, and a StatefulSet waits for it. Fix: %s", name, r.deletePods(p.Metadata.Name)))
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

// log returns the last lines of a container's log. If the container waits, they are of its
// previous run. If the log cannot be read, log returns why.
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
