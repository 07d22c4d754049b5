package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/picluster/picluster/ops/golden"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestCommandsDocument compares docs/commands.md with the commands' own help.
func TestCommandsDocument(t *testing.T) {
	t.Setenv(configFileVariable, "")
	golden.Check(t, "..", "docs/commands.md", commandsDocument())
}

func commandsDocument() string {
	var b strings.Builder
	b.WriteString(`# Commands

Generated from the commands' own help by ` + "`cd ops && go test . -update`" + `. Compile the command from a checkout, and add it to your path:

` + "```sh\nmake bin/picluster\nexport PATH=\"$PWD/bin:$PATH\"\n```" + `

It runs in the directory of ` + "`Pulumi.yaml`, and requires `pulumi` on `PATH`" + `.
`)
	for _, c := range newCommand().Commands() {
		if c.Name() == "help" || c.Name() == "completion" {
			continue
		}
		text := c.Short + "."
		if c.Long != "" {
			text = c.Long
		}
		fmt.Fprintf(&b, "\n## picluster %s\n\n%s\n", c.Name(), prose(text))
		if rows := flags(c); rows != "" {
			b.WriteString("\n| flag | default | description |\n| --- | --- | --- |\n" + rows)
		}
	}
	return b.String()
}

// prose has each sentence of a help text in one paragraph, without its line breaks.
func prose(text string) string {
	paragraphs := strings.Split(text, "\n\n")
	for i, p := range paragraphs {
		paragraphs[i] = strings.Join(strings.Fields(p), " ")
	}
	return strings.Join(paragraphs, "\n\n")
}

func flags(c *cobra.Command) string {
	var rows strings.Builder
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" {
			return
		}
		argument, usage := pflag.UnquoteUsage(f)
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + "`, `" + name
		}
		if argument != "" {
			name += " " + strings.ToUpper(argument)
		}
		standard := ""
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" && f.DefValue != "0s" {
			standard = "`" + f.DefValue + "`"
		}
		fmt.Fprintf(&rows, "| `%s` | %s | %s |\n", name, standard, strings.ReplaceAll(usage, "|", `\|`))
	})
	return rows.String()
}
