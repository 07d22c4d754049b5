// Command bench measures what picluster costs, on this machine and on the lab, and writes a
// document for each part. A slow result is not a failure.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// parts are what is measured, in the order of the document.
var parts = []struct {
	name    string
	measure func(context.Context, *report) error
}{
	{"compile", compile},
	{"first", firstUp},
	{"nochange", noChange},
	{"where", whereItGoes},
	{"growth", growth},
	{"commands", commands},
	{"trace", firstTrace},
	{"load", underLoad},
	{"flush", flush},
	{"waits", waits},
}

// errNotMeasured is the error of a part that this machine cannot measure.
var errNotMeasured = errors.New("not measured here")

func main() {
	dir := flag.String("out", "docs/bench", "`directory` to write to, a file for each part")
	only := flag.String("only", "", "`parts` to measure, with commas between them; empty for all")
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx, *dir, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir, only string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	for _, part := range parts {
		if only != "" && !slices.Contains(strings.Split(only, ","), part.name) {
			continue
		}
		r := &report{dir: dir}
		err := part.measure(ctx, r)
		if errors.Is(err, errNotMeasured) && only == "" {
			fmt.Println("NOT MEASURED:", part.name+":", err)
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		r.printf("\nMeasured %s.\n", machine())
		if r.chart != "" {
			r.printf("Chart: %s.\n", r.chart)
		}
		// Each part has a file of its own, so that an interrupted run keeps the parts before.
		path := filepath.Join(dir, part.name+".md")
		if err := os.WriteFile(path, []byte(r.String()), 0o600); err != nil {
			return err
		}
		fmt.Println("written:", path)
	}
	return nil
}

// report is the text of one part.
type report struct {
	strings.Builder
	dir   string // for the drawings of the text
	chart string // that the lab installed, if there was one
}

func (r *report) printf(format string, args ...any) { fmt.Fprintf(r, format, args...) }

// header adds the header of a table.
func (r *report) header(columns ...string) {
	r.row(columns...)
	r.row(slices.Repeat([]string{"---"}, len(columns))...)
}

// row adds a row to a table.
func (r *report) row(cells ...string) { r.printf("| %s |\n", strings.Join(cells, " | ")) }
