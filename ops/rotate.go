package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/picluster/picluster/ops/engine"
)

// rotate raises keyVersion in the stack's configuration, and brings that up.
func rotate(ctx context.Context, o *options) error {
	state, config, err := o.read(ctx)
	if err != nil {
		return untouched(err)
	}
	if config.Own("credentials", "secret") == "existing" {
		return untouched(errors.New("credentials: existing: the key is managed elsewhere. Fix: see \"Rotate a key that is managed elsewhere\" in docs/rotate.md"))
	}
	// All that can be wrong is found before the configuration is changed.
	o.raisesKeyVersion = true
	if _, err := look(ctx, o); err != nil && !errors.Is(err, errOtherSettings) {
		return err
	}
	if _, err := o.stack.Preview(ctx); err != nil {
		return untouched(err)
	}
	before := config.Own("keyVersion", "")
	version, err := strconv.Atoi(config.Own("keyVersion", "1"))
	if err != nil {
		return untouched(fmt.Errorf("keyVersion: got %q; want a whole number. Fix: pulumi config set keyVersion 1", before))
	}
	// The file may be older than the state, as it is in a checkout in which an
	// earlier rotation was not committed.
	version = max(version, state.KeyVersion()) + 1
	if err := o.stack.Set(ctx, "keyVersion", strconv.Itoa(version)); err != nil {
		return untouched(err)
	}
	if err := up(ctx, o); err != nil {
		return errors.Join(err, o.unset(ctx, "keyVersion", before, func(state *engine.State) bool { return state.KeyVersion() == version }))
	}
	fmt.Printf("\nThe key has version %d, and the previous one is revoked. Commit %s, where keyVersion has changed.\n", version, o.stack.FileName())
	if hasUnmanagedTenant(config.Own) {
		fmt.Println("Of tenants of install: false the previous key stays valid until the next rotation: deploy the output tempoValues there before.")
	}
	return nil
}

// unsetTimeout limits unset. After SIGTERM a command has 10 s until it is killed.
const unsetTimeout = 3 * time.Second

// unset restores a key of the configuration after a command has failed. If the state has begun to
// follow the new value, the value stays, and the next up continues.
func (o *options) unset(ctx context.Context, path, before string, begun func(*engine.State) bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unsetTimeout)
	defer cancel()
	state, err := o.stack.State(ctx)
	if err != nil {
		return errors.Join(err, fmt.Errorf("%s has %s raised, and whether an up has begun with it is not known, because the state cannot be read. Fix: %s, which begins or continues", o.stack.FileName(), path, o.commands().Picluster("up")))
	}
	if begun(state) {
		return fmt.Errorf("%s has %s raised, and it has begun: the next up continues", o.stack.FileName(), path)
	}
	return o.stack.Set(ctx, path, before)
}
