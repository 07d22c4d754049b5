package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// memcached is a small cache with version, get and set of memcached's text protocol.
// When it is full it removes all items.
type memcached struct {
	mu     sync.Mutex
	values map[string]item
}

type item struct {
	flags string
	value []byte
}

const (
	maxItem  = 1 << 20 // bytes of a value
	maxItems = 64
)

// runMemcached serves until the process is killed. It ignores memcached's flags.
func runMemcached(address string, out io.Writer) error {
	log := slog.New(slog.NewTextHandler(out, nil))
	log.Info(banner, "as", "memcached")
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	log.Info("server listens", "address", listener.Addr().String())
	return (&memcached{values: map[string]item{}}).serve(listener)
}

func (m *memcached) serve(listener net.Listener) error {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			lines := bufio.NewReader(conn)
			for {
				line, err := lines.ReadSlice('\n')
				if err != nil || !m.command(strings.Fields(string(line)), lines, conn) {
					return
				}
			}
		}()
	}
}

// command runs one command, and reports whether the connection stays open.
func (m *memcached) command(words []string, in io.Reader, out io.Writer) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case len(words) == 1 && words[0] == "version":
		fmt.Fprint(out, "VERSION 0-standin\r\n")
	case len(words) == 1 && words[0] == "quit":
		return false
	case len(words) > 1 && (words[0] == "get" || words[0] == "gets"):
		for _, key := range words[1:] {
			if c, found := m.values[key]; found {
				cas := ""
				if words[0] == "gets" {
					cas = " 0"
				}
				fmt.Fprintf(out, "VALUE %s %s %d%s\r\n%s\r\n", key, c.flags, len(c.value), cas, c.value)
			}
		}
		fmt.Fprint(out, "END\r\n")
	case len(words) >= 5 && words[0] == "set":
		n, err := strconv.Atoi(words[4])
		if err != nil || n < 0 || n > maxItem {
			fmt.Fprint(out, "SERVER_ERROR object too large for cache\r\n")
			return false
		}
		value := make([]byte, n+2)
		m.mu.Unlock() // while the client sends
		_, err = io.ReadFull(in, value)
		m.mu.Lock()
		if err != nil || string(value[n:]) != "\r\n" {
			fmt.Fprint(out, "CLIENT_ERROR bad data chunk\r\n")
			return false
		}
		if len(m.values) >= maxItems {
			clear(m.values)
		}
		m.values[words[1]] = item{words[2], value[:n]}
		if words[len(words)-1] != "noreply" {
			fmt.Fprint(out, "STORED\r\n")
		}
	default:
		fmt.Fprint(out, "ERROR\r\n")
	}
	return true
}

// pingMemcached requests the version of each memcached that a host has.
func pingMemcached(ctx context.Context, lookup func(context.Context, string) ([]string, error), address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	addresses, err := lookup(ctx, host)
	if err != nil {
		return err
	}
	for _, a := range addresses {
		conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", net.JoinHostPort(a, port))
		if err != nil {
			return err
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(time.Second))
		fmt.Fprint(conn, "version\r\n")
		version, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil {
			return err
		}
		if !strings.HasPrefix(version, "VERSION ") {
			return fmt.Errorf("memcached %s: got %q; want its version", a, version)
		}
	}
	return nil
}

// pgrep prints the ids of the processes whose command has this name, and reports
// whether one exists. The probe of the chart's memcached runs it.
func pgrep(proc string, args []string, out io.Writer) (bool, error) {
	names := slices.DeleteFunc(slices.Clone(args), func(arg string) bool { return strings.HasPrefix(arg, "-") })
	if len(names) != 1 {
		return false, fmt.Errorf("pgrep: got %q; want one name", args)
	}
	files, err := filepath.Glob(filepath.Join(proc, "[0-9]*", "comm"))
	found := false
	for _, file := range files {
		comm, err := os.ReadFile(file)
		if err == nil && strings.TrimSpace(string(comm)) == names[0] {
			found = true
			fmt.Fprintln(out, filepath.Base(filepath.Dir(file)))
		}
	}
	return found, err
}
