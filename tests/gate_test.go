package tests

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// gate is an address that leads to another, until a request is for a certain
// thing. Then it closes, and each request is rejected.
type gate struct {
	address string

	listener net.Listener
	once     sync.Once
	shut     chan struct{}
}

// newGate opens a gate to server. When a request has marker in it, shut is called
// and the gate closes; that request gets no response.
func newGate(t *testing.T, server, marker string, shut func()) *gate {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	g := &gate{address: listener.Addr().String(), listener: listener, shut: make(chan struct{})}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go g.pass(client, server, []byte(marker), shut)
		}
	}()
	return g
}

// closed returns whether the gate has closed by itself.
func (g *gate) closed() bool {
	select {
	case <-g.shut:
		return true
	default:
		return false
	}
}

func (g *gate) pass(client net.Conn, server string, marker []byte, shut func()) {
	defer client.Close()
	upstream, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	defer upstream.Close()
	go func() { _, _ = io.Copy(client, upstream) }()
	for buffer := make([]byte, 64<<10); ; {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		if bytes.Contains(buffer[:n], marker) {
			g.once.Do(func() {
				g.listener.Close()
				shut()
				close(g.shut)
			})
			return
		}
		if _, err := upstream.Write(buffer[:n]); err != nil {
			return
		}
	}
}
