package drift

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/picluster/picluster/ops/object"
)

// readyTimeout is how long pods have to be ready after they were put right: what
// a release has by default.
const readyTimeout = 10 * time.Minute

// Mend puts right what Pulumi does not see, and waits for the pods. It says on w
// what it does.
func (t *Target) Mend(ctx context.Context, findings []Finding, w io.Writer) error {
	var objects []*object.Object
	for _, f := range Mendable(findings) {
		if err := f.mend(ctx); err != nil {
			return fmt.Errorf("putting %s right: %w", f.What, err)
		}
		fmt.Fprintf(w, "put right: %s\n", f.What)
		if f.object != nil {
			objects = append(objects, f.object)
		}
	}
	if len(objects) == 0 {
		return nil
	}
	if err := t.cluster.Wait(objects, readyTimeout); err != nil {
		return fmt.Errorf("it was put right, but its pods are not ready: %w", err)
	}
	return nil
}
