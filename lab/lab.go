// Package lab runs everything that a stack of picluster needs, on this machine
// and for real: a Kubernetes API on etcd, MinIO, and the Pulumi engine with its
// providers, all built from pinned modules.
package lab

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// CacheVariable names the environment variable for the directory in which parts are
// kept between runs. Default: picluster in the user's cache directory.
const CacheVariable = "PICLUSTER_CACHE"

// Lab is a lab in a directory: its processes' data, logs and credentials, and the
// state of its stack.
type Lab struct {
	// Dir is the lab's directory.
	Dir string
	// TLS has MinIO serve TLS alone, with a certificate of the lab's own CA. Set
	// it before the first Start.
	TLS bool
	// RealNodes has containers run, in two kubelets, instead of simulated pods. It
	// requires Linux and root. The whole lab is in a network of its own then: see
	// Command and Dial. Set it before the first Start; Open sets it if LAB_NODES is
	// real.
	RealNodes bool
	// Images are imported into real nodes at each Start.
	Images []Image
	// Pull has Start pull the charts' images for real nodes, if their registry is reached.
	Pull bool

	root  string // the checkout
	cache string
	log   io.Writer
	look  *look
	parts map[string]string // where each part is
	// pulled are archives of images.
	pulled []string
	// installed are those of parts that are installed programs and plugins.
	installed  []string
	pulumiHome string // Pulumi's directory; empty for the one that parts have
	state      state
}

// state is what a lab remembers between commands; the file is its owner's alone.
type state struct {
	MinIO         string // host:port
	RealNodes     bool   `json:",omitempty"`
	MinIOPassword string
	Passphrase    string // of the stack's secrets
	// Parts are where the parts are that the lab was started with last, by name.
	Parts map[string]string `json:",omitempty"`
	// Installed are those of Parts that are installed, and PulumiHome is Pulumi's directory.
	Installed  []string `json:",omitempty"`
	PulumiHome string   `json:",omitempty"`
}

// Open prepares the lab in dir: it builds the parts that the cache lacks, and
// says so on log. Nothing runs yet. It fails if dir has files and is not a lab's.
func Open(ctx context.Context, dir string, log io.Writer) (*Lab, error) {
	l, err := newLab(dir, log)
	if err != nil {
		return nil, err
	}
	if err := l.claimable(); err != nil {
		return nil, err // before the parts, which take long
	}
	if err := l.setNodes(); err != nil {
		return nil, err
	}
	if l.RealNodes {
		if err := l.nodes().possible(); err != nil {
			return nil, err
		}
	}
	if err := l.buildParts(ctx); err != nil {
		return nil, err
	}
	return l, nil
}

// Find returns the lab in dir with the parts that it was started with last. It builds
// nothing. There may be no lab: see Exists.
func Find(dir string, log io.Writer) (*Lab, error) {
	l, err := newLab(dir, log)
	if err != nil || !l.Exists() {
		return l, err
	}
	if err := l.claimable(); err != nil {
		return nil, err
	}
	return l, l.Load()
}

// newLab returns the lab in dir, without its parts.
func newLab(dir string, log io.Writer) (*Lab, error) {
	root, err := checkout()
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	cache := os.Getenv(CacheVariable)
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return nil, err
		}
		cache = filepath.Join(user, "picluster")
	}
	if cache, err = filepath.Abs(cache); err != nil {
		return nil, err
	}
	return &Lab{Dir: dir, root: root, cache: cache, log: log, look: looked}, nil
}

// Build builds parts that are not the lab's own, and returns where each is, by
// name.
func (l *Lab) Build(ctx context.Context, parts []Part) (map[string]string, error) {
	return l.builder().build(ctx, parts)
}

// Start starts what does not run yet, and waits until all is healthy; then it
// prepares the stack. When a part fails, or ctx ends, it stops the lab unless that ran
// before. The error ends with the log of the part. A directory that has files and is not a lab's is left
// alone, with an error.
func (l *Lab) Start(ctx context.Context) error {
	if err := l.claim(); err != nil {
		return err
	}
	if err := l.Load(); err != nil {
		return err
	}
	if l.RealNodes {
		if err := errors.Join(l.nodes().possible(), l.nodes().build(ctx)); err != nil {
			return err
		}
	}
	l.state.Parts, l.state.Installed, l.state.PulumiHome = l.parts, l.installed, l.home()
	if err := l.save(); err != nil {
		return err
	}
	plugin, err := l.DescribePlugin("minio")
	if err != nil {
		return err
	}
	fmt.Fprintf(l.log, "lab: %s\n", plugin)
	ran := l.Runs(context.WithoutCancel(ctx))
	if err := l.startAll(ctx, ran); err != nil {
		return err
	}
	err = l.prepareStack(ctx)
	if err == nil {
		err = l.compile(ctx)
	}
	// After another error than an interrupt, the next start has less to do.
	if err != nil && ctx.Err() != nil && !ran {
		err = errors.Join(err, l.stopAfter(ctx))
	}
	return err
}

// Runs reports whether there is a lab that runs and is healthy.
func (l *Lab) Runs(ctx context.Context) bool {
	if !l.Exists() || l.Load() != nil || l.RealNodes && l.machine().pid() == 0 {
		return false
	}
	return l.Healthy(ctx) == nil
}

// stopAfter stops the lab after a failure, which may be that ctx has ended.
func (l *Lab) stopAfter(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	return l.Stop(ctx)
}

// Resume starts what does not run of a lab that was started before, with the same parts.
// It builds nothing, and leaves the stack as it is.
func (l *Lab) Resume(ctx context.Context) error {
	for name, path := range l.parts {
		switch {
		case exists(path) || isPlugin(name): // home has a copy of a plugin
		case l.isCached(path):
			return fmt.Errorf("%s: got %q, where %s is no more; want the parts that the lab was started with. Fix: make up", CacheVariable, l.cache, name)
		default:
			return fmt.Errorf("%s: got %q, which is no more; want the program that the lab was started with. Fix: make up", name, path)
		}
	}
	if len(l.parts) == 0 || !exists(l.home()) {
		return fmt.Errorf("%s: got %q, which lacks the plugins that the lab was started with. Fix: make up", CacheVariable, l.cache)
	}
	if l.RealNodes {
		if err := l.nodes().possible(); err != nil {
			return err
		}
	}
	return l.startAll(ctx, l.Runs(context.WithoutCancel(ctx)))
}

// startAll starts what does not run yet, and waits until all is healthy. When a part
// fails it stops the rest, unless all of the lab ran before.
func (l *Lab) startAll(ctx context.Context, ran bool) error {
	start := l.startParts
	if l.RealNodes {
		var err error
		if l.pulled, err = l.pull(ctx); err != nil {
			return err
		}
		_, replaced, err := l.nodes().images()
		if err != nil {
			return err
		}
		announce(l.log, replaced)
		start = l.startMachine
	}
	err := step(l.log, "starting Kubernetes and MinIO", func() error { return start(ctx) })
	if err != nil && !ran {
		err = errors.Join(err, l.stopAfter(ctx))
	}
	return err
}

func (l *Lab) startParts(ctx context.Context) error {
	// One lab at a time: each looks for free ports before it listens on them.
	unlock, err := lock(ctx, filepath.Join(l.cache, "start"))
	if err != nil {
		return err
	}
	defer unlock()
	if err := l.link(); err != nil {
		return err
	}
	if err := l.awaitPorts(ctx); err != nil {
		return err
	}
	if err := l.objectStore().start(ctx); err != nil {
		return err
	}
	return l.cluster().start(ctx)
}

// startMachine starts a lab with real nodes, whose ports are its own. What runs but
// is not healthy is ended first.
func (l *Lab) startMachine(ctx context.Context) error {
	// Another start of this lab is not healthy yet.
	unlock, err := lock(ctx, l.nodes().path("lock"))
	if err != nil {
		return err
	}
	defer unlock()
	if l.machine().pid() != 0 && l.Healthy(ctx) == nil {
		return nil
	}
	if ctx.Err() != nil { // it may be healthy
		return context.Cause(ctx)
	}
	if err := l.link(); err != nil {
		return err
	}
	if err := l.machine().boot(ctx); err != nil {
		return err
	}
	s := newSupervisor(ctx, l.machine())
	if err := l.nodes().startContainers(s); err != nil {
		return err
	}
	if err := l.objectStore().start(s.ctx); err != nil {
		return s.explain(err)
	}
	if err := l.cluster().forget(); err != nil {
		return err
	}
	if err := l.cluster().start(s.ctx); err != nil {
		return s.explain(err)
	}
	return l.nodes().start(s)
}

// Stop ends every process of the lab, and keeps its data. Containers and their
// emptyDir volumes are no such data.
func (l *Lab) Stop(ctx context.Context) error {
	if err := l.Load(); err != nil {
		return err
	}
	err := errors.Join(l.cluster().stop(ctx), l.objectStore().stop(ctx))
	if l.RealNodes {
		err = errors.Join(err, l.machine().shutDown(ctx))
	}
	return err
}

// StopMinIO ends MinIO alone, and StopKubernetes the cluster alone: an outage, to
// be tried. Start ends it.
func (l *Lab) StopMinIO(ctx context.Context) error { return l.objectStore().stop(ctx) }

// StopKubernetes is described at StopMinIO.
func (l *Lab) StopKubernetes(ctx context.Context) error { return l.cluster().stop(ctx) }

// Remove stops the lab and removes what it created, and its directory if nothing
// else is in it.
func (l *Lab) Remove(ctx context.Context) error {
	if !l.Exists() {
		return nil
	}
	if err := l.claimable(); err != nil {
		return err
	}
	if err := l.Load(); err != nil {
		return err
	}
	stop := l.Stop
	if l.RealNodes {
		stop = l.machine().shutDown // its data is removed, so nothing has to end well
	}
	if err := stop(ctx); err != nil {
		return err
	}
	return l.removeEntries()
}

// Exists says if there is a lab in the directory, running or not.
func (l *Lab) Exists() bool { return exists(l.stateFile()) }

// HasStack reports whether the lab was ever started to its end, so that there may
// be something to destroy.
func (l *Lab) HasStack() bool { return exists(l.ConfigFile()) }

// Healthy returns what is wrong with each part that does not respond, or nil.
func (l *Lab) Healthy(ctx context.Context) error {
	err := errors.Join(l.cluster().healthy(ctx), l.objectStore().healthy(ctx))
	if err == nil && l.RealNodes {
		err = l.nodes().healthy(ctx)
	}
	return err
}

// Network is the name of the lab's network, as in `ip netns exec NETWORK COMMAND`;
// empty unless the lab has real nodes.
func (l *Lab) Network() string {
	if !l.RealNodes {
		return ""
	}
	return l.machine().name()
}

// Kubeconfig is the path of the administrator's kubeconfig.
func (l *Lab) Kubeconfig() string { return l.cluster().kubeconfig() }

// Etcd is the address, as host:port, of the cluster's store.
func (l *Lab) Etcd() (string, error) { return l.cluster().etcd() }

// Kubectl runs kubectl as the cluster's administrator and returns its output.
func (l *Lab) Kubectl(ctx context.Context, args ...string) ([]byte, error) {
	return l.cluster().kubectl(ctx, nil, args...)
}

// MinIO returns the server's address, as host:port, and its administrator.
func (l *Lab) MinIO() (endpoint, user, password string) {
	return l.state.MinIO, minioUser, l.state.MinIOPassword
}

// CA is the path of the CA of MinIO's certificate; empty without TLS.
func (l *Lab) CA() string {
	if !l.TLS {
		return ""
	}
	return l.entry(caEntry)
}

// Dial connects to an address of the lab: with real nodes, in its network.
func (l *Lab) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if l.RealNodes {
		return l.machine().dial(ctx, network, address)
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

// Transport is how to reach MinIO, trusting its CA.
func (l *Lab) Transport() (*http.Transport, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if l.RealNodes {
		transport.DialContext, transport.Proxy = l.Dial, nil
	}
	if l.TLS {
		ca, err := os.ReadFile(l.CA())
		if err != nil {
			return nil, err
		}
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: x509.NewCertPool()}
		transport.TLSClientConfig.RootCAs.AppendCertsFromPEM(ca)
	}
	return transport, nil
}

func (l *Lab) cluster() cluster         { return cluster{l} }
func (l *Lab) objectStore() objectStore { return objectStore{l} }
func (l *Lab) nodes() nodes             { return nodes{l} }
func (l *Lab) machine() machine         { return machine{l} }
func (l *Lab) bin() string              { return l.entry(binEntry) }
func (l *Lab) stateFile() string        { return l.entry(labEntry) }

// startInside starts a program of the lab: with real nodes, in its machine.
func (l *Lab) startInside(cmd *exec.Cmd) error {
	if l.RealNodes {
		return l.machine().start(cmd)
	}
	return cmd.Start()
}

// runInside is startInside for a command, and waits until it ends.
func (l *Lab) runInside(cmd *exec.Cmd) error {
	if err := l.startInside(cmd); err != nil {
		return err
	}
	return cmd.Wait()
}

// LookPath returns the path of a program: the lab's own, or else one on PATH.
func (l *Lab) LookPath(name string) (string, error) {
	if path := filepath.Join(l.bin(), name); exists(path) {
		return path, nil
	}
	return exec.LookPath(name)
}

// path is PATH with the lab's programs first.
func (l *Lab) path() string { return l.bin() + string(os.PathListSeparator) + os.Getenv("PATH") }

// link puts the programs that are run by name into one directory.
func (l *Lab) link() error {
	if err := os.RemoveAll(l.bin()); err != nil {
		return err
	}
	if err := os.MkdirAll(l.bin(), 0o700); err != nil {
		return err
	}
	for name, path := range l.parts {
		if isPlugin(name) {
			continue
		}
		// An installed program may need what is beside it.
		link := os.Symlink
		if l.isCached(path) || name == "pulumi" || name == languageHost {
			link = linkFile
		}
		if err := link(resolved(path), filepath.Join(l.bin(), name)); err != nil {
			return err
		}
	}
	return l.wrapLanguageHost()
}

// linkFile makes a hard link, since Pulumi looks for its language host beside
// itself and follows symbolic links there; only across disks it makes one.
func linkFile(from, to string) error {
	if os.Link(from, to) == nil {
		return nil
	}
	return os.Symlink(from, to)
}

// Load reads what the lab remembers, or makes it up if there is nothing yet.
func (l *Lab) Load() error {
	text, err := os.ReadFile(l.stateFile())
	if err == nil {
		if err := json.Unmarshal(text, &l.state); err != nil {
			return err
		}
		if l.RealNodes && !l.state.RealNodes {
			return fmt.Errorf("%s: got %q, but the lab in %s has simulated nodes; want another directory, or that lab removed. Fix: make down",
				NodesVariable, realNodes, l.Dir)
		}
		l.RealNodes = l.state.RealNodes
		if l.parts == nil {
			l.parts, l.installed, l.pulumiHome = l.state.Parts, l.state.Installed, l.state.PulumiHome
		}
		return nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	l.state = state{MinIOPassword: rand.Text(), Passphrase: rand.Text(), RealNodes: l.RealNodes}
	return l.save()
}

func (l *Lab) save() error {
	text, err := json.Marshal(l.state)
	if err != nil {
		return err
	}
	return l.write(l.stateFile(), text)
}

// write writes a file of the lab that is never there in part, whenever this process is
// killed: without the lab's passwords what it has created cannot be removed.
func (l *Lab) write(path string, text []byte) error {
	if err := os.MkdirAll(l.entry(tempEntry), 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(l.entry(tempEntry), filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // unless it was moved
	_, err = file.Write(text)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// checkout returns the directory of Pulumi.yaml, this one or the nearest above.
func checkout() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for at := dir; ; at = filepath.Dir(at) {
		if exists(filepath.Join(at, "Pulumi.yaml")) {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("neither %s nor a directory above it has a Pulumi.yaml", dir)
		}
	}
}

// Cache is the directory in which parts are kept between runs.
func (l *Lab) Cache() string { return l.cache }
