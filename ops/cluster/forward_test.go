package cluster_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/picluster/picluster/ops/cluster"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

// kubelet is an API server that forwards ports of pod n/p: 3200 sends back what it
// receives, 3201 rejects, and 3202 ends at once.
type kubelet struct {
	*httptest.Server
	websockets bool
	protocol   string
	requests   chan string
	open       atomic.Int32 // connections
}

func newKubelet(t *testing.T, websockets bool) *kubelet {
	t.Helper()
	k := &kubelet{websockets: websockets, protocol: portforward.PortForwardProtocolV1Name, requests: make(chan string, 10)}
	k.Server = httptest.NewServer(k)
	t.Cleanup(k.Close)
	return k
}

func (k *kubelet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.requests <- r.Method + " " + r.URL.Path
	streams := make(chan httpstream.Stream, 2)
	accept := func(stream httpstream.Stream, _ <-chan struct{}) error {
		streams <- stream
		return nil
	}
	var connection httpstream.Connection
	switch {
	case r.URL.Path != "/api/v1/namespaces/n/pods/p/portforward":
		http.Error(w, `{"kind":"Status","message":"no such pod"}`, http.StatusNotFound)
		return
	case !websocket.IsWebSocketUpgrade(r):
		if _, err := httpstream.Handshake(r, w, []string{k.protocol}); err != nil {
			return
		}
		connection = spdy.NewResponseUpgrader().UpgradeResponse(w, r, accept)
	case k.websockets:
		upgrader := websocket.Upgrader{Subprotocols: []string{"SPDY/3.1+" + k.protocol}}
		socket, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		if connection, err = spdy.NewServerConnection(portforward.NewTunnelingConnection("server", socket), accept); err != nil {
			return
		}
	default:
		http.Error(w, "websockets are forbidden", http.StatusForbidden)
		return
	}
	if connection == nil {
		return
	}
	k.open.Add(1)
	defer k.open.Add(-1)
	defer connection.Close()
	for {
		select {
		case stream := <-streams:
			if stream.Headers().Get(corev1.StreamType) == corev1.StreamTypeError {
				if stream.Headers().Get(corev1.PortHeader) == "3201" {
					fmt.Fprint(stream, "connection refused")
				}
				_ = stream.Close()
				continue
			}
			if stream.Headers().Get(corev1.PortHeader) == "3200" {
				go func() { _, _ = io.Copy(stream, stream); _ = stream.Close() }()
			} else {
				_ = stream.Close()
			}
		case <-connection.CloseChan():
			return
		}
	}
}

func (k *kubelet) cluster(ctx context.Context, t *testing.T) *cluster.Cluster {
	t.Helper()
	c, err := cluster.New(ctx, (&server{Server: k.Server}).settings())
	require.NoError(t, err)
	return c
}

func (k *kubelet) waitClosed(t *testing.T) {
	t.Helper()
	assert.Eventually(t, func() bool { return k.open.Load() == 0 }, 10*time.Second, 5*time.Millisecond, "a port forward is left")
}

func TestDial(t *testing.T) {
	const path = " /api/v1/namespaces/n/pods/p/portforward"
	for name, test := range map[string]struct {
		websockets bool
		requests   []string
	}{
		"over websockets":          {true, []string{"GET" + path}},
		"over SPDY, without these": {false, []string{"GET" + path, "POST" + path}},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKubelet(t, test.websockets)
			connection, err := k.cluster(t.Context(), t).Dial(t.Context(), "n", "p", 3200)
			require.NoError(t, err)
			for _, want := range test.requests {
				assert.Equal(t, want, <-k.requests)
			}
			require.NoError(t, connection.SetDeadline(time.Now().Add(10*time.Second)))
			line := strings.Repeat("x", 100_000) + "\n"
			go func() { _, _ = io.WriteString(connection, line) }()
			read, err := bufio.NewReader(connection).ReadString('\n')
			require.NoError(t, err)
			assert.Equal(t, line, read)

			require.NoError(t, connection.SetDeadline(time.Now().Add(-time.Second)))
			_, err = connection.Read(make([]byte, 1))
			var timeout net.Error
			require.ErrorAs(t, err, &timeout)
			assert.True(t, timeout.Timeout())

			require.NoError(t, connection.Close())
			k.waitClosed(t)
			_, err = connection.Write([]byte("x"))
			assert.Error(t, err)
		})
	}
}

func TestDialOfNoPort(t *testing.T) {
	k := newKubelet(t, true)
	c := k.cluster(t.Context(), t)
	for port, want := range map[int]string{3201: "port 3201 of the pod: connection refused", 3202: "EOF"} {
		connection, err := c.Dial(t.Context(), "n", "p", port)
		require.NoError(t, err)
		_, err = connection.Read(make([]byte, 1))
		assert.EqualError(t, err, want)
		_ = connection.Close()
	}
	k.waitClosed(t)
}

func TestDialFails(t *testing.T) {
	k := newKubelet(t, true)
	_, err := k.cluster(t.Context(), t).Dial(t.Context(), "n", "other", 3200)
	assert.ErrorContains(t, err, "port forward to pod n/other: ")

	k = newKubelet(t, true)
	k.protocol = "other"
	_, err = k.cluster(t.Context(), t).Dial(t.Context(), "n", "p", 3200)
	assert.ErrorContains(t, err, "port forward to pod n/p: ")
	k.waitClosed(t)
}

func TestDialEnds(t *testing.T) {
	s := serve(t, nil, "/api/v1/namespaces/n/pods/p/portforward")
	c := open(t, s)
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("why")
	err := s.endWhileBlocked(t, func() error { _, err := c.Dial(ctx, "n", "p", 3200); return err }, func() { cancel(why) })
	assert.ErrorIs(t, err, why)
}

func TestForwardsEndWithTheContextOfNew(t *testing.T) {
	k := newKubelet(t, true)
	ctx, cancel := context.WithCancel(t.Context())
	connection, err := k.cluster(ctx, t).Dial(t.Context(), "n", "p", 3200)
	require.NoError(t, err)
	read := make(chan error, 1)
	go func() { _, err := connection.Read(make([]byte, 1)); read <- err }()
	cancel()
	select {
	case err := <-read:
		assert.Error(t, err)
	case <-time.After(10 * time.Second):
		t.Fatal("the connection has not ended")
	}
	k.waitClosed(t)
}
