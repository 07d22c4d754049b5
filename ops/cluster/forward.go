package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"
)

// Dial connects to a port of a pod through the Kubernetes API, as kubectl port-forward
// does, without a port on this machine. The connection ends with the context of New
// too. It requires the right to create pods/portforward.
func (c *Cluster) Dial(ctx context.Context, namespace, pod string, port int) (net.Conn, error) {
	dialer, err := c.dialer(namespace, pod)
	if err != nil {
		return nil, err
	}
	type result struct {
		streams httpstream.Connection
		err     error
	}
	dialed := make(chan result, 1)
	go func() { // the dialer takes no context
		streams, protocol, err := dialer.Dial(portforward.PortForwardProtocolV1Name)
		if err == nil && protocol != portforward.PortForwardProtocolV1Name {
			_ = streams.Close()
			err = fmt.Errorf("protocol of the port forward: got %q; want %q", protocol, portforward.PortForwardProtocolV1Name)
		}
		dialed <- result{streams, err}
	}()
	select {
	case r := <-dialed:
		if r.err != nil {
			return nil, fmt.Errorf("port forward to pod %s/%s: %w", namespace, pod, r.err)
		}
		return c.connect(r.streams, port)
	case <-ctx.Done():
		go func() {
			if r := <-dialed; r.err == nil {
				_ = r.streams.Close()
			}
		}()
		return nil, context.Cause(ctx)
	}
}

// dialer returns the dialer of streams to a pod: over websockets, or over SPDY where the API
// server or the account's rights allow no websocket.
func (c *Cluster) dialer(namespace, pod string) (httpstream.Dialer, error) {
	url := c.core.RESTClient().Post().Resource("pods").Namespace(namespace).Name(pod).SubResource("portforward").URL()
	transport, upgrader, err := spdy.RoundTripperFor(c.config)
	if err != nil {
		return nil, err
	}
	overSPDY := spdy.NewDialerForStreaming(upgrader, &http.Client{Transport: transport}, http.MethodPost, url)
	overWebsocket, err := portforward.NewSPDYOverWebsocketDialerForStreaming(url, c.config)
	if err != nil {
		return nil, err
	}
	return portforward.NewFallbackDialerForStreaming(overWebsocket, overSPDY, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	}), nil
}

// connect opens the two streams of a connection to a port: what the kubelet reports of
// it, and its data.
func (c *Cluster) connect(streams httpstream.Connection, port int) (net.Conn, error) {
	header := http.Header{}
	header.Set(corev1.PortHeader, strconv.Itoa(port))
	header.Set(corev1.PortForwardRequestIDHeader, "0")
	header.Set(corev1.StreamType, corev1.StreamTypeError)
	reports, err := streams.CreateStream(header)
	if err != nil {
		_ = streams.Close()
		return nil, err
	}
	_ = reports.Close() // nothing is written to it
	header.Set(corev1.StreamType, corev1.StreamTypeData)
	data, err := streams.CreateStream(header)
	if err != nil {
		_ = streams.Close()
		return nil, err
	}

	local, remote := net.Pipe()
	f := &forwarded{Conn: local, streams: streams}
	reported := make(chan struct{})
	go func() {
		defer close(reported)
		if text, err := io.ReadAll(reports); err == nil && len(text) > 0 {
			f.fail(fmt.Errorf("port %d of the pod: %s", port, text))
			_ = f.Close()
		}
	}()
	go func() {
		_, _ = io.Copy(data, remote)
		_ = data.Close()
	}()
	go func() {
		_, _ = io.Copy(remote, data)
		select { // the kubelet's report can come after the end of the data
		case <-reported:
		case <-time.After(reportTime):
		}
		_ = remote.Close()
	}()
	go func() {
		select {
		case <-c.ctx.Done():
		case <-streams.CloseChan():
		}
		_ = f.Close()
	}()
	return f, nil
}

// reportTime is how long the kubelet has to report why a connection has ended.
const reportTime = time.Second

// forwarded is a connection to a port of a pod. A pipe is between it and the streams,
// because they have no deadlines.
type forwarded struct {
	net.Conn
	streams httpstream.Connection

	mu     sync.Mutex
	failed error
}

func (f *forwarded) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failed = err
}

// reported returns an error of the connection, or what the kubelet reported of it.
func (f *forwarded) reported(err error) error {
	if err == nil || !(errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe)) {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failed != nil {
		return f.failed
	}
	return err
}

func (f *forwarded) Read(p []byte) (int, error) {
	n, err := f.Conn.Read(p)
	return n, f.reported(err)
}

func (f *forwarded) Write(p []byte) (int, error) {
	n, err := f.Conn.Write(p)
	return n, f.reported(err)
}

// Close ends the connection and its port forward.
func (f *forwarded) Close() error {
	return errors.Join(f.Conn.Close(), f.streams.Close())
}
