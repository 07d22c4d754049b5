package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// member is a process of the release, as its memberlist port describes it.
type member struct {
	Name     string `json:"name"`
	Target   string `json:"target"`
	GRPCPort int    `json:"grpcPort"`
	Leaving  bool   `json:"leaving,omitempty"`

	address string // host:port of its internal API
}

// ring finds the members of the release as Tempo does: it looks up the join names of
// the memberlist, and sends a request to the memberlist port of each address.
type ring struct {
	p    *process
	http *http.Client

	mu    sync.Mutex
	known []member
}

func newRing(p *process) *ring {
	return &ring{p: p, http: client(time.Second)}
}

// client returns an HTTP client for the release's own pods.
func client(timeout time.Duration) *http.Client {
	return &http.Client{Timeout: timeout, Transport: &http.Transport{
		DialContext:         (&net.Dialer{Timeout: time.Second}).DialContext,
		MaxIdleConnsPerHost: 2,
		IdleConnTimeout:     10 * time.Second,
	}}
}

// members returns the members that are a component.
func (r *ring) members(component string) []member {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []member
	for _, m := range r.known {
		if m.Target == component || m.Target == all {
			found = append(found, m)
		}
	}
	return found
}

// refresh updates the members.
func (r *ring) refresh(ctx context.Context) {
	var found []member
	if r.p.target == all {
		found = []member{r.p.self()}
	} else {
		found = r.join(ctx)
	}
	slices.SortFunc(found, func(a, b member) int { return cmp.Compare(a.Name, b.Name) })

	r.mu.Lock()
	changed := !slices.Equal(found, r.known)
	r.known = found
	r.mu.Unlock()
	if changed {
		names := make([]string, len(found))
		for i, m := range found {
			names[i] = m.Name + "=" + m.address
		}
		r.p.log.Info("members", "known", strings.Join(names, " "))
	}
}

// join returns the members at the addresses of the join names.
func (r *ring) join(ctx context.Context) []member {
	var addresses []string
	for _, host := range r.p.config.joinHosts() {
		found, err := r.p.lookup(ctx, host)
		r.p.report("memberlist: look up "+host, err)
		addresses = append(addresses, found...)
	}
	responses := make([]*member, len(addresses))
	var requests sync.WaitGroup
	for i, address := range addresses {
		requests.Go(func() {
			m, err := r.get(ctx, address)
			r.p.report("memberlist: reach "+address, err)
			if err == nil {
				responses[i] = &m
			}
		})
	}
	requests.Wait()
	var found []member
	for _, m := range responses {
		if m != nil {
			found = append(found, *m)
		}
	}
	return found
}

func (r *ring) get(ctx context.Context, address string) (member, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet,
		"http://"+net.JoinHostPort(address, strconv.Itoa(r.p.config.Memberlist.BindPort))+"/standin/member", nil)
	if err != nil {
		return member{}, err
	}
	var m member
	response, err := r.http.Do(request)
	if err != nil {
		return m, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return m, fmt.Errorf("got %s", response.Status)
	}
	err = json.NewDecoder(response.Body).Decode(&m)
	m.address = net.JoinHostPort(address, strconv.Itoa(m.GRPCPort))
	return m, err
}

// self returns the process as a member, with an address for its own requests.
func (p *process) self() member {
	host := cmp.Or(p.config.Server.GRPCAddress, "127.0.0.1")
	return member{
		Name: p.name, Target: p.target, GRPCPort: p.config.Server.GRPCPort, Leaving: p.leaving.Load(),
		address: net.JoinHostPort(host, strconv.Itoa(p.config.Server.GRPCPort)),
	}
}

// owners returns n members for a trace. The order of the members depends on the id, so
// that traces are spread. A member that is leaving is not an owner.
func owners(members []member, id string, n int) []member {
	weight := func(m member) uint64 {
		h := fnv.New64a()
		_, _ = h.Write([]byte(id + m.Name))
		return h.Sum64()
	}
	members = slices.DeleteFunc(slices.Clone(members), func(m member) bool { return m.Leaving })
	slices.SortFunc(members, func(a, b member) int { return cmp.Compare(weight(a), weight(b)) })
	return members[:min(n, len(members))]
}
