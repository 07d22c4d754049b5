// Package pods waits until pods have ended.
package pods

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/metadata"
)

// interval is how often Await looks.
const interval = time.Second

// Await waits until no pod of a Helm release has another value than want in an
// annotation. Pods without the annotation, and those that have ended, do not count;
// a pod that is terminating does. After timeout the error names the pods that are
// left.
func Await(ctx context.Context, client metadata.Interface, namespace, release, annotation, want string, timeout time.Duration) error {
	pods := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "pods"}).Namespace(namespace)
	var left, terminating []string
	var lastErr error
	err := wait.PollUntilContextTimeout(ctx, interval, timeout, true, func(ctx context.Context) (bool, error) {
		list, err := pods.List(ctx, metav1.ListOptions{
			LabelSelector: "app.kubernetes.io/instance=" + release,
			FieldSelector: "status.phase!=Succeeded,status.phase!=Failed",
		})
		if lastErr = err; err != nil {
			return false, nil // a short outage must not end the update
		}
		left, terminating = nil, nil
		for _, pod := range list.Items {
			switch have, found := pod.Annotations[annotation]; {
			case !found || have == want:
			case pod.DeletionTimestamp != nil:
				terminating = append(terminating, pod.Name)
			default:
				left = append(left, pod.Name)
			}
		}
		slices.Sort(left)
		slices.Sort(terminating)
		return len(left)+len(terminating) == 0, nil
	})
	switch {
	case err == nil:
		return nil
	case lastErr != nil && len(left)+len(terminating) == 0: // it has never seen them
		return fmt.Errorf("pods of release %s/%s: %w", namespace, release, lastErr)
	case errors.Is(err, context.Canceled):
		return err
	}
	var fixes []string
	if len(left) > 0 {
		fixes = append(fixes, fmt.Sprintf("kubectl rollout restart of what created %s; if its template was changed outside Pulumi, picluster repair", strings.Join(left, ", ")))
	}
	if len(terminating) > 0 {
		fixes = append(fixes, fmt.Sprintf("wait for %s to end; if its node is gone, kubectl delete pod --force --grace-period=0 --namespace %s %s",
			strings.Join(terminating, ", "), namespace, strings.Join(terminating, " ")))
	}
	return fmt.Errorf("pods of release %s/%s still have the previous key after %s: %s. The key stays valid. Fix: %s. Then run pulumi up again",
		namespace, release, timeout, strings.Join(append(left, terminating...), ", "), strings.Join(fixes, "; "))
}
