package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// lately is how long ago a container may have restarted to be reported.
const lately = 15 * time.Minute

// pods waits until every pod of the release is Ready, and fails if one has restarted
// lately. Pods that have ended, or are being deleted, are not looked at.
func (r *run) pods(ctx context.Context) (string, error) {
	ready := 0
	err := r.poll(ctx, "pods", r.timeout(), func(ctx context.Context) error {
		all, err := r.Cluster.Pods(ctx, r.Namespace, r.selector())
		if err != nil {
			return at("Kubernetes", "kubectl get pods --namespace "+r.Namespace, reason(err))
		}
		all = slices.DeleteFunc(all, func(p corev1.Pod) bool { return !isRunning(p) })
		if len(all) == 0 {
			return at(fmt.Sprintf("release %s/%s", r.Namespace, r.Release), r.drift(), fmt.Errorf("no pod has the label %s", r.selector()))
		}
		ready = len(all)
		var problems []error
		for _, p := range all {
			if err := r.pod(ctx, p); err != nil {
				problems = append(problems, err)
			}
		}
		return worst(problems)
	})
	return fmt.Sprintf("%d are Ready", ready), err
}

// isRunning returns false for a pod that has ended or is being deleted. One that was evicted is
// listed until its node is cleaned up.
func isRunning(p corev1.Pod) bool {
	return p.DeletionTimestamp == nil && p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed
}

// worst returns one of some failures, with how many others there are: one that no
// further try changes, if there is one.
func worst(problems []error) error {
	if len(problems) == 0 {
		return nil
	}
	first := problems[max(0, slices.IndexFunc(problems, isFinal))]
	f, ok := first.(*failure)
	if len(problems) == 1 || !ok {
		return first
	}
	more := *f
	more.err = fmt.Errorf("%w; %d more of the pods", f.err, len(problems)-1)
	return &more
}

// pod returns why a pod is not as it should be.
func (r *run) pod(ctx context.Context, p corev1.Pod) error {
	part := fmt.Sprintf("pod %s/%s", p.Namespace, p.Name)
	describe := fmt.Sprintf("kubectl describe pod --namespace %s %s", p.Namespace, p.Name)
	for _, c := range p.Status.ContainerStatuses {
		if last := c.LastTerminationState.Terminated; last != nil && time.Since(last.FinishedAt.Time) < lately {
			fix := fmt.Sprintf("kubectl logs --namespace %s %s --container %s --previous", p.Namespace, p.Name, c.Name)
			return finally(part, fix, "%s has restarted %d times, last %s ago (%s, exit code %d)%s",
				p.Name, c.RestartCount, time.Since(last.FinishedAt.Time).Round(time.Second), last.Reason, last.ExitCode, r.lastLine(ctx, p, c))
		}
	}
	if isReady(p) {
		return nil
	}
	for _, c := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		if waiting := c.State.Waiting; waiting != nil && waiting.Reason != "" && waiting.Reason != "PodInitializing" {
			return at(part, describe, fmt.Errorf("%s is not Ready: %s %s", p.Name, waiting.Reason, waiting.Message))
		}
	}
	for _, c := range p.Status.Conditions {
		if c.Status == corev1.ConditionFalse && c.Message != "" {
			return at(part, describe, fmt.Errorf("%s is not Ready: %s", p.Name, c.Message))
		}
	}
	return at(part, describe, fmt.Errorf("%s is not Ready: its phase is %s", p.Name, p.Status.Phase))
}

// lastLine returns the last line that a container has logged before its restart, as the
// end of a message.
func (r *run) lastLine(ctx context.Context, p corev1.Pod, c corev1.ContainerStatus) string {
	line, err := r.Cluster.LastLine(ctx, p.Namespace, p.Name, c.Name, true)
	switch {
	case err != nil:
		return fmt.Sprintf("; its log cannot be read: %v", reason(err))
	case line == "":
		return "; its log is empty"
	}
	return fmt.Sprintf("; the last line of its log: %s", shortened(line))
}

// longest is how much of a text of a server is shown, in characters.
const longest = 300

// shortened returns a text of a server in one line.
func shortened(text string) string {
	text = strings.ToValidUTF8(oneLine(text), "")
	if runes := []rune(text); len(runes) > longest {
		return string(runes[:longest]) + "…"
	}
	return text
}

func isReady(p corev1.Pod) bool {
	return p.DeletionTimestamp == nil && slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}
