package tests

import (
	"context"
	"sync"
	"time"

	"github.com/stretchr/testify/assert"
)

// whileMoving calls do, which moves Tempo to the addresses of after. Meanwhile it sends a trace
// to each address of OTLP, before and after, twice a second. A trace that is not acknowledged is
// not sent again. Each that is acknowledged must be found in the end.
func (n network) whileMoving(after network, do func()) {
	n.T.Helper()
	targets := []struct {
		protocol, to string
		sent         *ledger
	}{
		{"grpc", n.grpc, &ledger{}}, {"http", n.http, &ledger{}},
		{"grpc", after.grpc, &ledger{}}, {"http", after.http, &ledger{}},
	}
	ctx, stop := context.WithCancel(n.Context())
	var sending sync.WaitGroup
	for _, target := range targets {
		sending.Go(func() {
			ticker := time.NewTicker(500 * time.Millisecond)
			defer ticker.Stop()
			for ctx.Err() == nil {
				sending.Go(func() {
					id := newTraceID()
					if n.sendOnce(n.Context(), target.protocol, target.to, id) == nil {
						target.sent.add(id)
					}
				})
				select {
				case <-ctx.Done():
				case <-ticker.C:
				}
			}
		})
	}
	end := sync.OnceFunc(func() { stop(); sending.Wait() })
	defer end() // do may end the subtest
	do()
	end()

	var ids []string
	for _, target := range targets {
		acknowledged := target.sent.all()
		assert.NotEmpty(n, acknowledged, "%s has acknowledged no trace", target.to)
		ids = append(ids, acknowledged...)
		n.Logf("%s by %s: %d traces acknowledged", target.to, target.protocol, len(acknowledged))
	}
	n.Logf("%d traces acknowledged while Tempo moved, %d found", len(ids), after.find(ids))
}
