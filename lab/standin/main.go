// Command standin runs in the lab's pods under the names of the chart's images if no
// image of Grafana Tempo is available. It is not Tempo, and has none of its code. It
// reads the deployed configuration, listens on the same ports and stores spans in the
// same bucket, so that it fails where Tempo fails: a wrong key, a CA that is not mounted,
// a closed port, a key that is revoked before the ingester has written.
//
//	OTLP (4317 gRPC, 4318 HTTP) -> distributor -> ingester (9095) -> bucket
//	query (3200) -> query-frontend <- querier (pulls, 9095) -> ingester, bucket
//	every process -> <prefix>-gossip-ring (7946): the members
//
// If argv[0] is memcached, it is a cache on port 11211. If argv[0] is pgrep, it finds a
// process by its name, because a chart's probe of memcached runs pgrep.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// banner is the first line of the log and of /status.
const banner = "stand-in of picluster's lab, not Grafana Tempo"

// Names of Tempo's components, as -target has them.
const (
	distributor   = "distributor"
	ingester      = "ingester"
	compactor     = "compactor"
	querier       = "querier"
	queryFrontend = "query-frontend"
	generator     = "metrics-generator"
	all           = "all"
)

var targets = []string{all, compactor, distributor, generator, ingester, querier, queryFrontend}

func main() {
	switch filepath.Base(os.Args[0]) {
	case "memcached":
		exit(runMemcached(":11211", os.Stderr))
	case "pgrep":
		found, err := pgrep("/proc", os.Args[1:], os.Stdout)
		if err == nil && !found {
			os.Exit(1)
		}
		exit(err)
	}
	term, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer cancel()
	name, _ := os.Hostname()
	exit(run(context.Background(), term.Done(), os.Args[1:], environment{
		getenv:      os.Getenv,
		lookup:      net.DefaultResolver.LookupHost,
		name:        name,
		versionFile: "/etc/standin-version",
		interval:    2 * time.Second,
		log:         os.Stderr,
	}))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		if errors.Is(err, errUsage) {
			os.Exit(2) // as Go's package flag, which Tempo uses
		}
		os.Exit(1)
	}
	os.Exit(0)
}

// environment is what a process reads of its pod.
type environment struct {
	getenv      func(string) string
	lookup      func(context.Context, string) ([]string, error) // addresses of a host
	name        string                                          // of the pod
	versionFile string
	interval    time.Duration // between two checks of the bucket, the ring and the frontends
	log         io.Writer
}

// process is one running stand-in.
type process struct {
	environment
	config  config
	target  string
	version string
	log     *slog.Logger

	counters counters
	bucket   *bucket
	buffers  map[string]*buffer // spans in memory, by component
	ring     *ring
	frontend *frontend

	ready    bool              // guarded by state
	reported map[string]string // the last result of each check
	state    sync.Mutex
	leaving  atomic.Bool // SIGTERM came
}

// run runs a process. It leaves in order when stop is closed, which is SIGTERM, and ends
// at once when ctx ends, which is SIGKILL in tests.
func run(ctx context.Context, stop <-chan struct{}, args []string, env environment) error {
	log := slog.New(slog.NewTextHandler(env.log, nil))
	log.Info(banner)

	flags, err := parseFlags(args)
	if err != nil {
		return err
	}
	for _, arg := range flags.unused {
		log.Warn("flag without effect", "flag", arg)
	}
	version, err := readVersion(env.getenv("STANDIN_VERSION"), env.versionFile)
	if err != nil {
		return err
	}
	config, err := readConfig(flags.configFile, flags.expandEnv, env.getenv)
	if err != nil {
		return err
	}
	p := &process{
		environment: env, config: config, target: flags.target, version: version,
		log: log.With("target", flags.target), buffers: map[string]*buffer{}, reported: map[string]string{},
	}
	if p.has(distributor) {
		if err := checkReceivers(config.Distributor.Receivers, version); err != nil {
			return fmt.Errorf("failed parsing config: %w", err)
		}
	}
	if p.bucket, err = newBucket(config.Storage.Trace.Backend, config.Storage.Trace.S3); err != nil {
		return fmt.Errorf("failed to create store: %w", err)
	}
	p.log.Info("starting", "version", version, "name", p.name, "endpoint", config.Storage.Trace.S3.Endpoint,
		"bucket", p.bucket.name, "access_key", config.Storage.Trace.S3.AccessKey)
	if p.storesTraces() {
		if err := p.bucket.check(ctx); err != nil {
			return fmt.Errorf("failed to create store: %w", err)
		}
	}
	return p.serve(ctx, stop)
}

// storesTraces reports whether the process requires the bucket: a Tempo that cannot list
// it when it starts ends. Only the distributor does not, unless usage is reported.
func (p *process) storesTraces() bool {
	return p.target != distributor || p.config.UsageReport.Enabled
}

// has reports whether the process is this component.
func (p *process) has(component string) bool {
	return p.target == all || p.target == component
}

// serve opens the ports and runs the components until stop is closed.
func (p *process) serve(ctx context.Context, stop <-chan struct{}) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p.ring = newRing(p)
	p.frontend = newFrontend()
	if p.has(ingester) {
		b := newBuffer("ingester", tracesPrefix, p.config.ingesterFlush())
		b.wal = p.config.walPath()
		replayed, err := b.replay()
		if err != nil {
			return fmt.Errorf("failed to create WAL: %w", err)
		}
		p.log.Info("replayed the write-ahead log", "traces", replayed)
		p.buffers[ingester] = b
	}
	if p.has(generator) && (p.target != all || p.config.generates()) {
		p.buffers[generator] = newBuffer("metrics_generator", blocksPrefix, p.config.generatorFlush())
	}

	servers, err := p.listen()
	if err != nil {
		return err
	}
	defer servers.close()
	var receivers closers
	if p.has(distributor) {
		if receivers, err = p.receive(); err != nil {
			return err
		}
		defer receivers.close()
	}

	var loops sync.WaitGroup
	loop := func(interval time.Duration, do func(context.Context)) {
		loops.Go(func() { every(ctx, interval, do) })
	}
	if p.storesTraces() {
		loop(p.interval, p.checkBucket)
	}
	loop(p.interval, p.checkCaches)
	loop(p.interval, p.ring.refresh)
	if p.has(querier) && p.target != all {
		workers, err := newWorkers(p)
		if err != nil {
			return err
		}
		loop(p.interval, workers.refresh)
	}
	for component, buffer := range p.buffers {
		loop(buffer.flushing.check, func(ctx context.Context) { p.flushDue(ctx, component, buffer) })
	}

	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-stop:
	}
	p.log.Info("stopping")
	p.leaving.Store(true)
	receivers.close()
	if buffer := p.buffers[ingester]; buffer != nil {
		p.leave(ctx, buffer)
	}
	cancel()
	loops.Wait()
	return nil
}

// every calls do at once, and then at an interval until ctx ends.
func every(ctx context.Context, interval time.Duration, do func(context.Context)) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		do(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// report logs the result of a check if it changed, with the code of an S3 error.
func (p *process) report(what string, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	p.state.Lock()
	last, again := p.reported[what]
	p.reported[what] = text
	p.state.Unlock()
	switch {
	case again && last == text, errors.Is(err, context.Canceled):
	case err == nil:
		p.log.Info(what + ": ok")
	default:
		p.log.Error(what+": failed", "code", errorCode(err), "err", err)
	}
}

// flags are those of the command line.
type flags struct {
	target, configFile string
	expandEnv          bool
	unused             []string
}

// errUsage is a command line that Tempo rejects.
var errUsage = errors.New("see Tempo's documentation of its flags")

// tempoFlags are the first parts of the names of Tempo's flags.
var tempoFlags = []string{
	"auth", "backend-scheduler", "backend-worker", "block-builder", "cache", "compactor", "config", "distributor", "enable-go-runtime-metrics", "health", "ingester",
	"internal-server", "live-store", "log", "mem-ballast-size-mbs", "memberlist", "metrics-generator", "multitenancy", "mutex-profile-fraction", "block-profile-rate", "overrides",
	"querier", "query-frontend", "reporting", "ring", "runtime-config", "search", "server", "shutdown-delay", "storage", "target", "usage-report", "version",
}

// parseFlags reads the flags of Tempo that the stand-in uses. Others of Tempo's have no
// effect. The error is Tempo's for a flag that it does not have.
func parseFlags(args []string) (flags, error) {
	f := flags{target: all, configFile: "/conf/tempo.yaml"}
	for i := 0; i < len(args); i++ {
		name, value, hasValue := strings.Cut(strings.TrimLeft(args[i], "-"), "=")
		isString := name == "target" || name == "config.file"
		if isString && !hasValue {
			if i++; i == len(args) {
				return f, fmt.Errorf("flag needs an argument: -%s: %w", name, errUsage)
			}
			value = args[i]
		}
		switch name {
		case "target":
			f.target = value
		case "config.file":
			f.configFile = value
		case "config.expand-env":
			on, err := strconv.ParseBool(value)
			if hasValue && err != nil {
				return f, fmt.Errorf("-config.expand-env: got %q; want true or false", value)
			}
			f.expandEnv = on || !hasValue
		default:
			if first, _, _ := strings.Cut(name, "."); !slices.Contains(tempoFlags, first) {
				return f, fmt.Errorf("flag provided but not defined: -%s: %w", name, errUsage)
			}
			f.unused = append(f.unused, args[i])
		}
	}
	if !slices.Contains(targets, f.target) {
		return f, fmt.Errorf("-target: got %q; want one of %s", f.target, strings.Join(targets, ", "))
	}
	return f, nil
}
