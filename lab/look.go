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
	found map[string]bool // by URL, of those that it has asked for
	spent time.Duration
}

// looked is the look of this process.
var looked = &look{}

// at returns which URLs respond: of these, and of those that it was asked for before. A look that
// ends with ctx is not remembered.
func (l *look) at(ctx context.Context, urls ...string) map[string]bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.found == nil {
		l.found = map[string]bool{}
	}
	var unknown []string
	for _, url := range urls {
		if _, known := l.found[url]; !known && !slices.Contains(unknown, url) {
			unknown = append(unknown, url)
		}
	}
	if len(unknown) > 0 {
		start := time.Now()
		responses := respond(ctx, lookTimeout-l.spent, unknown)
		l.spent += time.Since(start)
		if ctx.Err() == nil {
			maps.Copy(l.found, responses)
		}
	}
	return maps.Clone(l.found)
}

// respond asks for all URLs at the same time, and returns for each whether it responds within limit.
func respond(ctx context.Context, limit time.Duration, urls []string) map[string]bool {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	responses := make([]bool, len(urls))
	var group sync.WaitGroup
	for i, url := range urls {
		group.Go(func() {
			response, err := request(ctx, http.MethodHead, url)
			if err == nil {
				_ = response.Body.Close()
			}
			responses[i] = err == nil
		})
	}
	group.Wait()
	found := map[string]bool{}
	for i, url := range urls {
		found[url] = responses[i]
	}
	return found
}
