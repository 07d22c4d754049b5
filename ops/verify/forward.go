package verify

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// backend is the port of a Ready pod that a port of a Service leads to.
type backend struct {
	pod  corev1.Pod
	port int
}

func (b *backend) String() string {
	return fmt.Sprintf("pod %s/%s, port %d", b.pod.Namespace, b.pod.Name, b.port)
}

// backend returns the port of a pod that an address leads to.
func (v *Verifier) backend(ctx context.Context, a Address) (*backend, error) {
	part := "Service " + a.Namespace + "/" + a.Service
	service, err := v.Cluster.Service(ctx, a.Namespace, a.Service)
	if apierrors.IsNotFound(err) {
		return nil, at(part, v.drift(), fmt.Errorf("there is no %s", part))
	}
	if err != nil {
		return nil, at(part, v.Commands.Kubectl("get", "service", "--namespace", a.Namespace, a.Service), reason(err))
	}
	return v.backendOf(ctx, service, a.Port)
}

func (v *Verifier) backendOf(ctx context.Context, service *corev1.Service, port int) (*backend, error) {
	part := "Service " + service.Namespace + "/" + service.Name
	describe := v.Commands.Kubectl("describe", "service", "--namespace", service.Namespace, service.Name)
	at := func(format string, args ...any) error {
		return at(part, describe, fmt.Errorf(part+" "+format, args...))
	}
	exposed := slices.IndexFunc(service.Spec.Ports, func(p corev1.ServicePort) bool { return int(p.Port) == port })
	if exposed < 0 {
		return nil, at("has no port %d", port)
	}
	if len(service.Spec.Selector) == 0 {
		return nil, at("has no selector")
	}
	selector := labels.SelectorFromSet(service.Spec.Selector).String()
	pods, err := v.Cluster.Pods(ctx, service.Namespace, selector)
	if err != nil {
		return nil, at("leads to pods that cannot be listed: %w", reason(err))
	}
	pods = slices.DeleteFunc(pods, func(p corev1.Pod) bool { return !isReady(p) })
	if len(pods) == 0 {
		return nil, at("has no Ready pod: %s", selector)
	}
	slices.SortFunc(pods, func(a, b corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	target := service.Spec.Ports[exposed].TargetPort
	switch {
	case target.Type == intstr.String:
		for _, c := range pods[0].Spec.Containers {
			for _, p := range c.Ports {
				if p.Name == target.StrVal {
					return &backend{pods[0], int(p.ContainerPort)}, nil
				}
			}
		}
		return nil, at("leads to port %q, which pod %s does not have", target.StrVal, pods[0].Name)
	case target.IntVal == 0: // the default
		return &backend{pods[0], port}, nil
	}
	return &backend{pods[0], int(target.IntVal)}, nil
}

// client returns an HTTP client all of whose connections go to a Service, by a port
// forward to one of its pods. Another pod is found when one has ended. close ends the
// port forwards.
func (v *Verifier) client(find func(context.Context) (*backend, error)) (client *http.Client, close func()) {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		b, err := find(ctx)
		if err != nil {
			return nil, err
		}
		return v.Cluster.Dial(ctx, b.pod.Namespace, b.pod.Name, b.port)
	}}
	return &http.Client{Transport: transport}, transport.CloseIdleConnections
}

// serviceClient is client for an address.
func (v *Verifier) serviceClient(a Address) (client *http.Client, close func()) {
	return v.client(func(ctx context.Context) (*backend, error) { return v.backend(ctx, a) })
}
