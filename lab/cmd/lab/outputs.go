package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/picluster/picluster/lab"
)

// longestOutput is how many characters of an output fit a line.
const longestOutput = 100

// showOutputs runs `pulumi stack output --json`, and writes a line for each output. The
// long ones, such as Grafana's values, are only named. Pulumi shows no secret.
func showOutputs(w io.Writer, cmd *exec.Cmd) error {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("pulumi %s: %w\n%s", strings.Join(cmd.Args[1:], " "), err, &stderr)
	}
	var outputs map[string]any
	if err := json.Unmarshal(stdout.Bytes(), &outputs); err != nil {
		return fmt.Errorf("pulumi %s: %w", strings.Join(cmd.Args[1:], " "), err)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	var long []string
	for _, name := range slices.Sorted(maps.Keys(outputs)) {
		text, isText := outputs[name].(string)
		if !isText {
			value, _ := json.Marshal(outputs[name]) // it was read from JSON
			text = string(value)
		}
		if len(text) > longestOutput || strings.Contains(text, "\n") {
			long = append(long, name)
			continue
		}
		fmt.Fprintf(table, "%s\t%s\n", name, text)
	}
	if err := table.Flush(); err != nil || len(long) == 0 {
		return err
	}
	_, err := fmt.Fprintf(w, "longer, by bin/lab run pulumi stack output NAME --stack %s: %s\n", lab.Stack, strings.Join(long, ", "))
	return err
}
