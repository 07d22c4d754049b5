package lab

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"
)

// lookTimeout limits a look, with all that it asks for. Tests shorten it.
var lookTimeout = 3 * time.Second

// look is a run's look at which URLs respond. It asks for each one once, and remembers it. In all,
// it takes lookTimeout at most.
type look struct {
	mutex sync.Mutex
	found map[string]error // by URL, of those that it has asked for: why it does not respond, or nil
	spent time.Duration
}

// looked is the look of this process.
var looked = &look{}

// at returns why URLs do not respond, and nil for one that does: of these, and of those that it was
// asked for before. A look that ends with ctx is not remembered.
func (l *look) at(ctx context.Context, urls ...string) map[string]error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.found == nil {
		l.found = map[string]error{}
	}
	var unknown []string
	for _, url := range urls {
		if _, known := l.found[url]; !known && !slices.Contains(unknown, url) {
			unknown = append(unknown, url)
		}
	}
	found := maps.Clone(l.found)
	if len(unknown) > 0 {
		start := time.Now()
		responses := respond(ctx, lookTimeout-l.spent, unknown)
		l.spent += time.Since(start)
		maps.Copy(found, responses)
		if ctx.Err() == nil {
			maps.Copy(l.found, responses)
		}
	}
	return found
}

// respond asks for all URLs at the same time, and returns for each why it does not respond within
// limit, or nil.
func respond(ctx context.Context, limit time.Duration, urls []string) map[string]error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	errs := make([]error, len(urls))
	var group sync.WaitGroup
	for i, url := range urls {
		group.Go(func() {
			response, err := request(ctx, http.MethodHead, url)
			if err == nil {
				err = response.Body.Close()
			}
			errs[i] = err
		})
	}
	group.Wait()
	found := map[string]error{}
	for i, url := range urls {
		found[url] = errs[i]
	}
	return found
}
