package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// NodesVariable names the environment variable for the kind of a lab's nodes:
// "real" for kubelets with containers, empty for nodes whose pods kwok simulates.
const NodesVariable = "LAB_NODES"

// realNodes is the value of NodesVariable for kubelets with containers.
const realNodes = "real"

// Addresses of a lab with real nodes. They are the same in each, since each has a
// network of its own.
const (
	nodeInterface = "lab0"          // a bridge that has the nodes' addresses
	podCIDR       = "10.198.0.0/16" // node N has 10.198.N.0/24
	serviceCIDR   = "10.197.0.0/16"
	apiService    = "10.197.0.1" // Service kubernetes
	dnsService    = "10.197.0.10"
)

// hostAddress is where pods reach the API server and MinIO, which run beside the
// nodes.
var hostAddress = node{number: 1}.address()

// readyTimeout is for the nodes and for the cluster's DNS: image imports and first
// pods on a machine that does other work too.
const readyTimeout = 3 * time.Minute

// setNodes sets the kind of nodes that the environment asks for.
func (l *Lab) setNodes() error {
	switch value := os.Getenv(NodesVariable); value {
	case realNodes:
		l.RealNodes = true
	case "":
	default:
		return fmt.Errorf(`%s: got %q; want %s, or nothing for simulated nodes. Fix: unset %[1]s`, NodesVariable, value, realNodes)
	}
	return nil
}

// SupportsRealNodes returns an error unless this machine can run real nodes, once
// their Debian packages are installed.
func SupportsRealNodes() error {
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		return errors.New("real nodes require Linux and root, because they run containers")
	}
	return nil
}

// nodes are the real nodes of a lab: in one machine, a containerd and a kubelet
// each, and for all of them kube-proxy, the cluster's DNS, and what enforces
// NetworkPolicies.
type nodes struct {
	lab *Lab
}

// all returns the nodes: two, because the chart's anti-affinity leaves a rolling update on one
// node pending for ever.
func (n nodes) all() []node { return []node{{n.lab, 1}, {n.lab, 2}} }

func (n nodes) dir() string             { return n.lab.entry(nodesEntry) }
func (n nodes) imageDir() string        { return filepath.Join(n.dir(), "images") }
func (n nodes) path(name string) string { return filepath.Join(n.dir(), name) }

// possible returns an error unless this machine can run real nodes.
func (n nodes) possible() error {
	if err := SupportsRealNodes(); err != nil {
		return fmt.Errorf("%s: got %q, but %w. Fix: unset %[1]s", NodesVariable, realNodes, err)
	}
	if missing := missingPackages(); len(missing) > 0 {
		return fmt.Errorf(`%s: got %q; want the Debian packages %s, which are not installed. Fix: %s`,
			NodesVariable, realNodes, strings.Join(missing, ", "), installCommand(missing))
	}
	return nil
}

// build builds what real nodes run, unless Open has: a program may set RealNodes afterwards.
func (n nodes) build(ctx context.Context) error {
	if _, built := n.lab.parts[nodeParts[0].Name]; built {
		return nil
	}
	parts, err := n.lab.Build(ctx, nodeParts)
	if err != nil {
		return err
	}
	for name, path := range parts {
		n.lab.parts[name] = path
	}
	return nil
}

// startContainers starts each node's containerd. It removes the node's directory before, because
// an earlier containerd may have left anything in it.
func (n nodes) startContainers(s *supervisor) error {
	for _, node := range n.all() {
		if err := os.RemoveAll(node.dir()); err != nil {
			return err
		}
		if err := node.startContainerd(s); err != nil {
			return err
		}
	}
	return nil
}

// start starts the nodes in a cluster that runs, and waits until they are ready and
// the cluster's names resolve.
func (n nodes) start(s *supervisor) error {
	if err := n.importAll(s.ctx); err != nil {
		return s.explain(err)
	}
	// The Nodes of an earlier start may still be Ready.
	if _, err := n.lab.cluster().kubectl(s.ctx, nil, "delete", "nodes", "--all"); err != nil {
		return s.explain(err)
	}
	ctx, cancel := context.WithTimeoutCause(s.ctx, readyTimeout, errors.New("the nodes did not become ready"))
	defer cancel()
	for _, node := range n.all() {
		if err := node.startKubelet(s); err != nil {
			return err
		}
		// One after the other: both bind the socket of device plugins, whose path is
		// fixed, and each removes what is there before it does.
		if err := poll(ctx, 250*time.Millisecond, func() error { return n.ready(ctx, node) }); err != nil {
			return s.explain(err, node.name("kubelet"))
		}
	}
	if err := n.startProxy(s); err != nil {
		return err
	}
	if err := s.start("netpol", nil, filepath.Join(n.lab.bin(), "netpol"), "-kubeconfig", n.lab.Kubeconfig()); err != nil {
		return err
	}
	if _, err := n.lab.cluster().kubectl(s.ctx, []byte(dnsManifest()), "apply", "--filename=-"); err != nil {
		return s.explain(err)
	}

	if err := poll(ctx, 250*time.Millisecond, func() error { return n.healthy(ctx) }); err != nil {
		return s.explain(err, n.all()[0].name("kubelet"), n.all()[1].name("kubelet"))
	}
	return nil
}

// ready returns an error unless all of some nodes are ready.
func (n nodes) ready(ctx context.Context, some ...node) error {
	out, err := n.lab.cluster().kubectl(ctx, nil, "get", "nodes", "--request-timeout=5s",
		`--output=jsonpath={range .items[*]}{.metadata.name} {.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}`)
	if err != nil {
		return err
	}
	for _, node := range some {
		if !strings.Contains(string(out), node.hostname()+" True\n") {
			return fmt.Errorf("%s is not ready", node.hostname())
		}
	}
	return nil
}

// healthy returns an error unless each node is ready and the cluster's DNS responds.
func (n nodes) healthy(ctx context.Context) error {
	if err := n.ready(ctx, n.all()...); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return n.lab.Dial(ctx, network, net.JoinHostPort(dnsService, "53"))
	}}
	_, err := resolver.LookupHost(ctx, "kubernetes.default.svc.cluster.local.")
	return err
}

// importAll imports into each node the lab's own images, the stand-in's, those of
// LAB_IMAGES, those that were pulled, and those that the lab's user asks for.
func (n nodes) importAll(ctx context.Context) error {
	given, replaced, err := n.images()
	if err != nil {
		return err
	}
	own := slices.Concat([]Image{
		{Ref: []string{pauseImage}, Entrypoint: []string{"/pause"}, User: "65535:65535", Files: map[string]string{"/pause": n.lab.parts["pause"]}},
		{Ref: []string{dnsImage}, Entrypoint: []string{"/coredns"}, Files: map[string]string{"/coredns": n.lab.parts["coredns"]}},
	}, replaced, n.lab.Images)
	packed, err := n.pack(own)
	if err != nil {
		return err
	}
	return n.importArchives(ctx, append(given, packed...))
}

// images returns the archives of LAB_IMAGES and those that were pulled, and the stand-in's images
// whose names neither those archives nor Lab.Images have.
func (n nodes) images() (given []string, replaced []Image, err error) {
	given, names, err := givenImages()
	if err != nil {
		return nil, nil, err
	}
	for _, archive := range n.lab.pulled {
		in, err := namesIn(archive)
		if err != nil {
			return nil, nil, err
		}
		given, names = append(given, archive), append(names, in...)
	}
	for _, image := range n.lab.Images {
		names = append(names, image.Ref...)
	}
	return given, standIns(n.lab.parts["standin"], names), nil
}

// each calls do for all nodes at the same time, and returns all errors.
func (n nodes) each(do func(node) error) error {
	all := n.all()
	errs := make([]error, len(all))
	var group sync.WaitGroup
	for i, node := range all {
		group.Go(func() { errs[i] = do(node) })
	}
	group.Wait()
	return errors.Join(errs...)
}
