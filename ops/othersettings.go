package main

import (
	"context"
	"fmt"

	"github.com/picluster/picluster/ops/drift"
	"github.com/picluster/picluster/ops/engine"
)

// checkOtherSettings looks at what an up would do whose provider settings are not those of the
// state. If MinIO's address is a mistake, the pods restart with a server that lacks the bucket,
// and the next up creates an empty one there.
func (o *options) checkOtherSettings(ctx context.Context) error {
	if err := o.checkFirst(ctx); err != nil {
		return err
	}
	state, config, err := o.read(ctx)
	if err != nil {
		return untouched(err)
	}
	if config.ExistingObjectStore() {
		return nil // the bucket leaves the stack, and checkKeys tries the other one
	}
	store, _, err := drift.Servers(ctx, config)
	if err != nil || store == nil {
		return untouched(err)
	}
	for _, r := range state.Of(engine.BucketType) {
		has, err := store.HasBucket(ctx, nameOf(r))
		if err == nil && !has {
			err = fmt.Errorf("minio:minioServer: got %q; want the server that has bucket %s, which the stack has. "+
				"Fix: pulumi config set minio:minioServer HOST:PORT; or, if the stack moves to an empty server, create the bucket there: mc mb ALIAS/%[2]s", store.Endpoint(), nameOf(r))
		}
		if err != nil {
			return untouched(err)
		}
	}
	return nil
}
