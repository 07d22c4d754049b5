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
			return at("Kubernetes", r.listPods(), reason(err))
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
	describe := r.Commands.Kubectl("describe", "pod", "--namespace", p.Namespace, p.Name)
	initial, running := containers(p)
	for _, c := range running {
		if fix, err := r.restarted(ctx, p, c, p.Name); err != nil {
			return finally(part, fix, "%w", err)
		}
	}
	if isReady(p) {
		return nil
	}
	// One that was tried again does no harm once the pod is Ready.
	for _, c := range initial {
		if fix, err := r.restarted(ctx, p, c, "init container "+c.Name); err != nil {
			return at(part, fix, fmt.Errorf("%s is not Ready: %w", p.Name, err))
		}
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

// containers returns the containers of a pod that have to end before it is Ready, and those that
// run with it: a sidecar is among its init containers too.
func containers(p corev1.Pod) (initial, running []corev1.ContainerStatus) {
	running = p.Status.ContainerStatuses
	for _, c := range p.Status.InitContainerStatuses {
		if slices.ContainsFunc(p.Spec.InitContainers, func(of corev1.Container) bool {
			return of.Name == c.Name && of.RestartPolicy != nil && *of.RestartPolicy == corev1.ContainerRestartPolicyAlways
		}) {
			running = append(slices.Clone(running), c)
		} else {
			initial = append(initial, c)
		}
	}
	return initial, running
}

// restarted returns an error if a container has restarted lately, and the command that says why.
// called is what the error calls it.
func (r *run) restarted(ctx context.Context, p corev1.Pod, c corev1.ContainerStatus, called string) (fix string, err error) {
	last := c.LastTerminationState.Terminated
	if last == nil || time.Since(last.FinishedAt.Time) >= lately {
		return "", nil
	}
	fix = r.Commands.Kubectl("logs", "--namespace", p.Namespace, p.Name, "--container", c.Name, "--previous")
	return fix, fmt.Errorf("%s has restarted %d times, last %s ago (%s, exit code %d)%s",
		called, c.RestartCount, time.Since(last.FinishedAt.Time).Round(time.Second), last.Reason, last.ExitCode, r.lastLine(ctx, p, c))
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
