package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMemcached(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	go func() { _ = (&memcached{values: map[string]item{}}).serve(listener) }()

	conn, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(limit)))
	_, err = fmt.Fprint(conn, "get a\r\nset a 7 0 5\r\nhel\r\n\r\nget a b\r\nset a 0 0 1 noreply\r\nx\r\ngets a\r\nstats\r\nversion\r\nquit\r\n")
	require.NoError(t, err)
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	assert.Equal(t, "END\r\nSTORED\r\nVALUE a 7 5\r\nhel\r\n\r\nEND\r\nVALUE a 0 1 0\r\nx\r\nEND\r\nERROR\r\nVERSION 0-standin\r\n", string(answer))

	lookup := func(context.Context, string) ([]string, error) { return []string{"127.0.0.1"}, nil }
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, pingMemcached(t.Context(), lookup, "tempo-memcached:"+port))
	listener.Close()
	assert.Error(t, pingMemcached(t.Context(), lookup, "tempo-memcached:"+port))
}

// The querier and the query-frontend look at the cache that the configuration names.
func TestCache(t *testing.T) {
	c := newCluster(t, "cache: {caches: [{memcached: {host: tempo-memcached, service: memcached-client}}]}")
	for _, target := range []string{querier, queryFrontend} {
		c.start(target, "good").waitLog("memcached tempo-memcached:11211: failed")
	}
}

func TestPgrep(t *testing.T) {
	proc := t.TempDir()
	for id, name := range map[string]string{"1": "memcached\n", "17": "sh\n", "self": "sh\n"} {
		require.NoError(t, os.Mkdir(filepath.Join(proc, id), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(proc, id, "comm"), []byte(name), 0o600))
	}
	for name, want := range map[string]string{"memcached": "1", "sh": "17", "tempo": ""} {
		var out bytes.Buffer
		found, err := pgrep(proc, []string{name}, &out)
		require.NoError(t, err)
		assert.Equal(t, want, strings.TrimSpace(out.String()))
		assert.Equal(t, want != "", found, name)
	}
	_, err := pgrep(proc, nil, io.Discard)
	assert.Error(t, err)
}
