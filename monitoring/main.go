// Command monitoring writes Grafana's dashboards, and the lists of the metrics that a Tempo of
// each version has.
//
//	go run . dashboards
//	go run . metrics -version VERSION -namespace NAMESPACE
//	go run . metrics -version VERSION URL...
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
)

// written is the directory from which the program embeds the dashboards.
var written = filepath.Join("..", "components", "grafana", "dashboards")

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "monitoring:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("got no command; want dashboards or metrics. Fix: go run . dashboards")
	}
	switch args[0] {
	case "dashboards":
		return writeDashboards(written)
	case "metrics":
		flags := flag.NewFlagSet("metrics", flag.ContinueOnError)
		version := flags.String("version", "", "`version` of Tempo, which names the list")
		namespace := flags.String("namespace", "", "`namespace` of Tempo's pods, which kubectl reads; none: URLs of /metrics follow")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		return refresh(ctx, *version, *namespace, flags.Args())
	default:
		return fmt.Errorf("got command %q; want dashboards or metrics. Fix: go run . dashboards", args[0])
	}
}

func writeDashboards(directory string) error {
	all, err := dashboards()
	if err != nil {
		return err
	}
	for name, text := range all {
		if err := write(filepath.Join(directory, name+".json"), text); err != nil {
			return err
		}
	}
	return nil
}

// write writes a file of the repository, which all users may read.
func write(file string, text []byte) error {
	return os.WriteFile(file, text, 0o644) // #nosec G306 -- as git has it
}
