package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// job is a query that waits for a querier to pull it.
type job struct {
	ID     string `json:"id"`
	Tenant string `json:"tenant"`
	URI    string `json:"uri"`
}

// frontend holds the queries that queriers pull. As Tempo's query-frontend, it connects
// to no querier: each querier must reach it.
type frontend struct {
	jobs chan job

	mu   sync.Mutex
	open map[string]chan response // by the job's id
}

func newFrontend() *frontend {
	return &frontend{jobs: make(chan job), open: map[string]chan response{}}
}

// Times of the way from frontend to querier and back.
const (
	pullTime     = 5 * time.Second // a pull waits this long for a query
	responseTime = 5 * time.Second // a query waits this long for a querier, and then for its response
	attempts     = 2               // a querier may end with a query that it has pulled
)

// run has a querier run a query of a tenant.
func (f *frontend) run(ctx context.Context, tenant, uri string) response {
	for range attempts {
		responses := make(chan response, 1)
		f.mu.Lock()
		j := job{ID: rand.Text(), Tenant: tenant, URI: uri}
		f.open[j.ID] = responses
		f.mu.Unlock()
		a, done := f.wait(ctx, j, responses)
		f.mu.Lock()
		delete(f.open, j.ID)
		f.mu.Unlock()
		if done {
			return a
		}
	}
	return textResponse(http.StatusGatewayTimeout, "the querier has not responded")
}

// wait returns the querier's response. It reports false if the querier that pulled the
// query has not responded, which is worth another attempt.
func (f *frontend) wait(ctx context.Context, j job, responses <-chan response) (response, bool) {
	timeout, cancel := context.WithTimeout(ctx, responseTime)
	defer cancel()
	select {
	case f.jobs <- j:
	case <-timeout.Done():
		return textResponse(http.StatusServiceUnavailable, "no querier is connected to the query-frontend"), true
	}
	timeout, cancel = context.WithTimeout(ctx, responseTime)
	defer cancel()
	select {
	case a := <-responses:
		return a, true
	case <-timeout.Done():
		return response{}, ctx.Err() != nil
	}
}

// pull sends a querier the next query.
func (f *frontend) pull(w http.ResponseWriter, r *http.Request) {
	timeout, cancel := context.WithTimeout(r.Context(), pullTime)
	defer cancel()
	select {
	case j := <-f.jobs:
		_ = json.NewEncoder(w).Encode(j)
	case <-timeout.Done():
		w.WriteHeader(http.StatusNoContent)
	}
}

// respond receives a querier's response.
func (f *frontend) respond(w http.ResponseWriter, r *http.Request) {
	var a response
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4*maxBody)).Decode(&a); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	f.mu.Lock()
	responses := f.open[r.PathValue("id")]
	delete(f.open, r.PathValue("id"))
	f.mu.Unlock()
	if responses == nil {
		http.Error(w, "the query has ended", http.StatusGone)
		return
	}
	responses <- a
}

// workers are a querier's: one for each address of the query-frontend.
type workers struct {
	p       *process
	host    string
	port    string
	cancels map[string]context.CancelFunc
}

func newWorkers(p *process) (*workers, error) {
	host, port, err := net.SplitHostPort(p.config.Querier.Worker.FrontendAddress)
	if err != nil {
		return nil, fmt.Errorf("querier.frontend_worker.frontend_address: %w", err)
	}
	return &workers{p: p, host: host, port: port, cancels: map[string]context.CancelFunc{}}, nil
}

// refresh starts a worker for each new address, and ends those whose address is gone.
func (w *workers) refresh(ctx context.Context) {
	addresses, err := w.p.lookup(ctx, w.host)
	w.p.report("look up "+w.host, err)
	if err != nil {
		return
	}
	gone := w.cancels
	w.cancels = map[string]context.CancelFunc{}
	for _, address := range addresses {
		cancel, found := gone[address]
		delete(gone, address)
		if !found {
			var worker context.Context
			worker, cancel = context.WithCancel(ctx)
			go every(worker, w.p.interval, func(ctx context.Context) {
				w.p.work(ctx, net.JoinHostPort(address, w.port))
			})
		}
		w.cancels[address] = cancel
	}
	for _, cancel := range gone {
		cancel()
	}
}

// puller is the HTTP client for pulls, which wait for a query.
var puller = client(pullTime + 5*time.Second)

// work pulls and runs queries of a query-frontend until a pull fails.
func (p *process) work(ctx context.Context, frontend string) {
	for ctx.Err() == nil {
		j, err := pull(ctx, frontend)
		p.report("pull queries from query-frontend "+frontend, err)
		if err != nil {
			return
		}
		if j.ID != "" {
			go p.runJob(context.WithoutCancel(ctx), frontend, j)
		}
	}
}

// runJob runs a query and sends the response.
func (p *process) runJob(ctx context.Context, frontend string, j job) {
	ctx, cancel := context.WithTimeout(ctx, responseTime)
	defer cancel()
	a := textResponse(http.StatusBadRequest, "the query is no URI")
	if u, err := url.ParseRequestURI(j.URI); err == nil {
		a = p.query(ctx, j.Tenant, u)
	}
	body, err := json.Marshal(a)
	if err == nil {
		_, err = call(ctx, http.MethodPost, member{address: frontend}, "/standin/query-frontend/responses/"+j.ID, body)
	}
	p.report("respond to query-frontend "+frontend, err)
}

func pull(ctx context.Context, frontend string) (job, error) {
	var j job
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+frontend+"/standin/query-frontend/pull", nil)
	if err != nil {
		return j, err
	}
	response, err := puller.Do(request)
	if err != nil {
		return j, err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusNoContent:
		return j, nil
	case http.StatusOK:
		return j, json.NewDecoder(response.Body).Decode(&j)
	}
	var text bytes.Buffer
	_, _ = text.ReadFrom(http.MaxBytesReader(nil, response.Body, 1024))
	return j, fmt.Errorf("%s: %s", response.Status, bytes.TrimSpace(text.Bytes()))
}
