package cluster

import (
	"context"
	"io"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Pods returns the pods of a namespace that a label selector matches.
func (c *Cluster) Pods(ctx context.Context, namespace, selector string) ([]corev1.Pod, error) {
	list, err := c.core.Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return nil, err
	}
	return list.Items, nil
}

// Services returns the Services of a namespace that a label selector matches.
func (c *Cluster) Services(ctx context.Context, namespace, selector string) ([]corev1.Service, error) {
	list, err := c.core.Services(namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return nil, err
	}
	return list.Items, nil
}

// Service returns a Service. If there is none, apierrors.IsNotFound(err) is true.
func (c *Cluster) Service(ctx context.Context, namespace, name string) (*corev1.Service, error) {
	return c.core.Services(namespace).Get(ctx, name, metav1.GetOptions{})
}

// Secret returns the data of a Secret. If there is none, apierrors.IsNotFound(err) is
// true.
func (c *Cluster) Secret(ctx context.Context, namespace, name string) (map[string][]byte, error) {
	secret, err := c.core.Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	return secret.Data, nil
}

// longestLine is how much of a line of a log is read, in bytes.
const longestLine = 16 << 10

// LastLine returns the last line of a container's log: with previous, of the run before
// its restart. It is empty if the log is.
func (c *Cluster) LastLine(ctx context.Context, namespace, pod, container string, previous bool) (string, error) {
	one := int64(1)
	log, err := c.core.Pods(namespace).GetLogs(pod, &corev1.PodLogOptions{Container: container, Previous: previous, TailLines: &one}).Stream(ctx)
	if err != nil {
		return "", err
	}
	defer log.Close()
	text, err := io.ReadAll(io.LimitReader(log, longestLine))
	return strings.TrimSpace(string(text)), err
}
