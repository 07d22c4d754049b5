package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/picluster/picluster/stacks"
)

// componentPackages are the packages with a page below docs/components, by the path below
// components.
var componentPackages = []string{"tracing", "objectstore", "kubernetes", "tempo", "grafana", "prometheus"}

// componentDocuments returns a page for each package of components.
func componentDocuments(root string) (map[string]string, error) {
	pages := map[string]string{}
	for _, name := range componentPackages {
		comment, structs, err := readPackage(filepath.Join(root, "components", name))
		if err != nil {
			return nil, err
		}
		if name == "tempo" {
			_, charts, err := readPackage(filepath.Join(root, "components", name, "chart"))
			if err != nil {
				return nil, err
			}
			structs = append(structs, charts...)
		}
		pages["docs/components/"+name+".md"] = componentDocument(name, comment, structs)
	}
	return pages, nil
}

func componentDocument(name, comment string, structs []structType) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Package %s\n\nGenerated from the comments of components/%[1]s by `go generate ./stacks`. [Use a component](../components.md)\nshows how to import it.\n\n%s\n", name, cell(comment))
	// A component before what it takes.
	slices.SortStableFunc(structs, func(a, b structType) int { return rank(a) - rank(b) })
	for _, s := range structs {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", s.Name, cell(s.Doc))
		if s.Component {
			b.WriteString("\n| output | property | type | description |\n| --- | --- | --- | --- |\n")
		} else {
			b.WriteString("\n| field | property | type | description |\n| --- | --- | --- | --- |\n")
		}
		for _, f := range s.Fields {
			property := "Go only"
			if f.Property != "" {
				property = "`" + f.Property + "`"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.Name, property, f.Type, cell(f.Doc))
		}
	}
	return b.String()
}

func rank(s structType) int {
	switch {
	case s.Component:
		return 0
	case strings.HasSuffix(s.Name, "Args"):
		return 1
	}
	return 2
}

// outputsDocument returns docs/outputs.md.
func outputsDocument(root string) (string, error) {
	_, structs, err := readPackage(filepath.Join(root, "components", "tracing"))
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(structs, func(s structType) bool { return s.Component })
	described := map[string]string{}
	for _, f := range structs[i].Fields {
		described[f.Name] = f.Doc
	}
	var b strings.Builder
	b.WriteString(`# Outputs

Generated from stacks/outputs.go and the comments of components/tracing by ` + "`go generate ./stacks`" + `.
Print one output, or all of them:

` + "```sh\npulumi stack output otlpGrpc --stack STACK\npulumi stack output --json --stack STACK\n```" + `

| output | description | condition |
| --- | --- | --- |
| ` + "`clusterUid`" + ` | The UID of the namespace ` + "`kube-system`" + `, which identifies the cluster. Commands of picluster compare the cluster with it. | |
`)
	for _, o := range stacks.Outputs() {
		text, found := described[o.Field]
		if !found {
			return "", fmt.Errorf("output %s: components/tracing has no field %s with a comment", o.Name, o.Field)
		}
		_, text, _ = strings.Cut(text, o.Field+" ")
		for _, verb := range []string{"is ", "are "} {
			text = strings.TrimPrefix(text, verb)
		}
		fmt.Fprintf(&b, "| `%s` | %s%s | %s |\n", o.Name, strings.ToUpper(text[:1]), cell(text[1:]), o.When)
	}
	b.WriteString(`| ` + "`tenants`" + ` | The outputs above of each tenant, by the tenant's name. | with ` + "`tenants`" + ` |

With ` + "`tenants`" + `, the stack itself has ` + "`clusterUid`, `tenants` and `grafanaValues`" + `, which then has the data sources of
all tenants. [Tenants](tenants.md) has an example.
`)
	return b.String(), nil
}

// cell returns text for a cell of a table, in which a pipe ends it.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
