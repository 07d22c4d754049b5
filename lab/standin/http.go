package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
	"sigs.k8s.io/yaml"
)

// listen opens the ports that every component has: HTTP, the internal API where Tempo
// has gRPC, and the memberlist's.
func (p *process) listen() (closers, error) {
	bind := ""
	if addresses := p.config.Memberlist.BindAddress; len(addresses) > 0 {
		bind = addresses[0]
	}
	var opened closers
	for _, port := range []struct {
		what, host string
		port       int
		handler    http.Handler
	}{
		{"http", p.config.Server.HTTPAddress, p.config.Server.HTTPPort, p.public()},
		{"grpc", p.config.Server.GRPCAddress, p.config.Server.GRPCPort, p.internal()},
		{"memberlist", bind, p.config.Memberlist.BindPort, p.gossip()},
	} {
		listener, err := net.Listen("tcp", net.JoinHostPort(port.host, strconv.Itoa(port.port)))
		if err != nil {
			opened.close()
			return nil, fmt.Errorf("%s port: %w", port.what, err)
		}
		p.log.Info("server listens", "port", port.what, "address", listener.Addr().String())
		opened = append(opened, serveHTTP(listener, port.handler))
	}
	return opened, nil
}

// serveHTTP serves until the function that it returns is called.
func serveHTTP(listener net.Listener, handler http.Handler) func() {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }()
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		_ = server.Shutdown(ctx)
		_ = server.Close()
	}
}

// public is the HTTP API: probes, metrics, status and, of the frontend and queriers,
// queries.
func (p *process) public() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		if problem := p.notReady(); problem != "" {
			http.Error(w, problem, http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		fmt.Fprintf(w, "tempo_build_info{version=%q,standin=\"true\"} 1\n%s", strings.TrimPrefix(p.version, "v"), p.counters.text())
	})
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "%s\nversion: %s\ntarget: %s\nname: %s\n", banner, strings.TrimPrefix(p.version, "v"), p.target, p.name)
		for _, component := range []string{distributor, ingester, generator} {
			for _, m := range p.ring.members(component) {
				fmt.Fprintf(w, "member: %s %s %s leaving=%t\n", component, m.Name, m.address, m.Leaving)
			}
		}
	})
	mux.HandleFunc("GET /status/config", func(w http.ResponseWriter, _ *http.Request) {
		text, err := yaml.Marshal(p.config.text)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(w, "# %s\n%s", banner, text)
	})
	mux.HandleFunc("GET /status/version", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "%s, version %s\n", banner, strings.TrimPrefix(p.version, "v"))
	})
	if p.has(querier) {
		mux.Handle("GET /querier/api/", http.StripPrefix("/querier", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			p.respond(r, func(tenant string) response { return p.query(r.Context(), tenant, r.URL) }).write(w)
		})))
	}
	if p.has(queryFrontend) {
		mux.HandleFunc("GET /api/echo", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "echo") })
		mux.HandleFunc("GET /api/", func(w http.ResponseWriter, r *http.Request) {
			p.respond(r, func(tenant string) response {
				if p.has(querier) {
					return p.query(r.Context(), tenant, r.URL)
				}
				return p.frontend.run(r.Context(), tenant, r.URL.RequestURI())
			}).write(w)
		})
	}
	return mux
}

// respond runs a query of the tenant that a request names.
func (p *process) respond(r *http.Request, query func(tenant string) response) response {
	tenant, err := p.config.tenant(r.Header.Get(orgIDHeader))
	if err != nil {
		return textResponse(http.StatusUnauthorized, err.Error())
	}
	return query(tenant)
}

// internal is the API between the release's own pods.
func (p *process) internal() http.Handler {
	mux := http.NewServeMux()
	for component, buffer := range p.buffers {
		mux.HandleFunc("POST /standin/"+component+"/push", func(w http.ResponseWriter, r *http.Request) {
			data := &trace.TracesData{}
			body, err := readBody(r)
			if err == nil {
				err = proto.Unmarshal(body, data)
			}
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			if err := buffer.push(data); err != nil {
				http.Error(w, err.Error(), http.StatusServiceUnavailable)
				return
			}
			p.counters.add("tempo_"+buffer.name+"_spans_received_total", len(flatten(data)))
		})
		mux.HandleFunc("GET /standin/"+component+"/spans", func(w http.ResponseWriter, r *http.Request) {
			body, err := proto.Marshal(buffer.find(r.FormValue("trace")))
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			_, _ = w.Write(body)
		})
	}
	if p.has(queryFrontend) {
		mux.HandleFunc("GET /standin/query-frontend/pull", p.frontend.pull)
		mux.HandleFunc("POST /standin/query-frontend/responses/{id}", p.frontend.respond)
	}
	return mux
}

// gossip is the API of the memberlist port: it describes the process.
func (p *process) gossip() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /standin/member", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(p.self())
	})
	return mux
}

// notReady returns why the process is not ready, or "". Once ready it stays so until
// it is leaving.
func (p *process) notReady() string {
	if p.leaving.Load() {
		return "not ready: stopping"
	}
	p.state.Lock()
	defer p.state.Unlock()
	switch {
	case p.ready:
		return ""
	case (p.has(distributor) || p.has(querier)) && len(p.ring.members(ingester)) == 0:
		return "not ready: no ingester is known"
	}
	p.ready = true
	return ""
}

// counters are metrics, by their name with its labels.
type counters struct {
	mu     sync.Mutex
	values map[string]int
}

func (c *counters) add(name string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.values == nil {
		c.values = map[string]int{}
	}
	c.values[name] += n
}

// text returns the counters as Prometheus reads them.
func (c *counters) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(c.values)) {
		fmt.Fprintf(&text, "%s %d\n", name, c.values[name])
	}
	return text.String()
}

// checkCaches connects to the memcacheds of the configuration, and logs what fails. No
// query depends on a cache.
func (p *process) checkCaches(ctx context.Context) {
	if !p.has(querier) && !p.has(queryFrontend) {
		return
	}
	for _, cache := range p.config.Cache.Caches {
		if cache.Memcached == nil {
			continue
		}
		_, address, found := strings.Cut(cache.Memcached.Addresses, "+") // dns+HOST:PORT
		if !found {
			address = cmp.Or(cache.Memcached.Addresses, cache.Memcached.Host)
		}
		if _, _, err := net.SplitHostPort(address); err != nil {
			address = net.JoinHostPort(address, "11211")
		}
		if err := pingMemcached(ctx, p.lookup, address); !errors.Is(err, context.Canceled) {
			p.report("memcached "+address, err)
		}
	}
}
