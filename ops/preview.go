package main

import (
	"context"
	"errors"
	"os"

	"github.com/picluster/picluster/ops/summary"
)

// preview shows the difference, and writes a summary if one is asked for.
func preview(ctx context.Context, o *options) error {
	if _, err := look(ctx, o); err != nil && !errors.Is(err, errOtherSettings) {
		return err
	}
	if err := o.stack.Run(ctx, 0, "preview", "--diff"); err != nil {
		return err
	}
	if o.summary == "" {
		return nil
	}
	steps, err := o.stack.Preview(ctx)
	if err != nil {
		return err
	}
	state, err := o.stack.State(ctx)
	if err != nil {
		return err
	}
	return write(o.summary, summary.Markdown(ctx, o.commands(), steps, state))
}

// write writes text to the file at path, if one is asked for.
func write(path, text string) error {
	if path == "" {
		return nil
	}
	return os.WriteFile(path, []byte(text), 0o644) // #nosec G306 -- for others to read, without secrets
}
