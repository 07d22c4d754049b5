package lab

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

// clusterPorts are kwokctl's options for where the parts of a simulated cluster listen,
// with the part of each.
var clusterPorts = []struct{ option, part string }{
	{"etcdPort", "etcd"},
	{"etcdPeerPort", "etcd"},
	{"kubeApiserverPort", "kube-apiserver"},
	{"kubeControllerManagerPort", "kube-controller-manager"},
	{"kubeSchedulerPort", "kube-scheduler"},
	{"kwokControllerPort", "kwok-controller"},
}

// choosePorts adds a free port for each part to kwokctl's options. kwokctl itself takes
// the highest that are free below 32767, so that a new cluster would take the ports of a
// stopped one.
func (c cluster) choosePorts(options map[string]any) error {
	for _, p := range clusterPorts {
		listener, err := listenAnywhere()
		if err != nil {
			return err
		}
		defer listener.Close() // the others must differ
		options[p.option] = listener.Addr().(*net.TCPAddr).Port
	}
	return nil
}

// Ports are below those that systems give to connections that go out: 32768 to 60999 on Linux,
// 49152 to 65535 on macOS. Such a connection would take the port of a stopped lab.
const lowestPort, highestPort = 20_000, 32_000

// listenAnywhere listens on a free port of the loopback address.
func listenAnywhere() (listener net.Listener, err error) {
	for range 1000 {
		port := lowestPort + rand.IntN(highestPort-lowestPort) // #nosec G404 -- any
		if listener, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			return listener, nil
		}
	}
	return nil, fmt.Errorf("no port of %d to %d is free: %w", lowestPort, highestPort, err)
}

// port returns the port of one of kwokctl's options.
func (c cluster) port(option string) (string, error) {
	path := filepath.Join(c.dir(), "kwok.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	found := regexp.MustCompile(`(?m)^\s*` + option + `: (\d+)$`).FindSubmatch(text)
	if found == nil {
		return "", fmt.Errorf("%s has no %s", path, option)
	}
	return string(found[1]), nil
}

// etcd returns where the cluster's store listens.
func (c cluster) etcd() (string, error) {
	port, err := c.port("etcdPort")
	return net.JoinHostPort("127.0.0.1", port), err
}

// portTime is how long awaitPorts waits.
const portTime = 3 * time.Second

// awaitPorts waits until portsAreFree returns no error. The last thread of a process that has
// just ended can have its port for a moment more.
func (l *Lab) awaitPorts(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, portTime)
	defer cancel()
	_ = poll(ctx, 100*time.Millisecond, func() error { // its error names the wait too
		err = l.portsAreFree()
		return err
	})
	return err
}

// portsAreFree returns an error for each port of a stopped lab on which another process
// listens by now. Without it, the parts wait minutes for each other.
func (l *Lab) portsAreFree() error {
	if !l.HasStack() {
		return nil // its creation was cut off, and begins again
	}
	var all error
	if o := l.objectStore(); l.state.MinIO != "" && !alive(readPID(o.pidFile())) {
		all = l.isFree("MinIO", l.state.MinIO)
	}
	c := l.cluster()
	for _, p := range clusterPorts {
		if !c.exists() || alive(readPID(filepath.Join(c.dir(), "pids", p.part+".pid"))) {
			continue
		}
		port, err := c.port(p.option)
		if err == nil {
			err = l.isFree(p.part, net.JoinHostPort("127.0.0.1", port))
		}
		all = errors.Join(all, err)
	}
	return all
}

// isFree returns an error if a process listens at the address of a part.
func (l *Lab) isFree(part, address string) error {
	listener, err := net.Listen("tcp", address)
	if err == nil {
		return listener.Close()
	}
	_, port, _ := net.SplitHostPort(address)
	return fmt.Errorf("%s of this lab: got %q, which another process has; want the address that it had before it was stopped. "+
		"Fix: end that process, which ss -tanp 'sport = :%s' shows (macOS: lsof -i :%[3]s); or remove the lab with all that is in it: bin/lab stop && rm -r %s", part, address, port, l.Dir)
}

// freePort returns a port of the loopback address that no process listens on.
func freePort() (string, error) {
	listener, err := listenAnywhere()
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port), nil
}
