// Command generate writes the configuration keys of package stacks into Pulumi.yaml and
// docs/configuration.md, its outputs into docs/outputs.md, and a page for each package of
// components below docs/components. Run it by: go generate ./stacks
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/picluster/picluster/stacks"
)

// marker is the line of Pulumi.yaml after which all is generated.
const marker = "  # Generated from stacks/keys.go by: go generate ./stacks\n"

func main() {
	if err := write(".."); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// write writes the files of the repository at root.
func write(root string) error {
	files, err := generate(root)
	if err != nil {
		return err
	}
	for path, text := range files {
		// #nosec G306 -- documents, which everyone may read
		if err := os.WriteFile(filepath.Join(root, path), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// generate returns the files by their paths below root.
func generate(root string) (map[string]string, error) {
	project, err := os.ReadFile(filepath.Join(root, "Pulumi.yaml")) // #nosec G304 -- of this repository
	if err != nil {
		return nil, err
	}
	before, _, found := strings.Cut(string(project), marker)
	if !found {
		return nil, errors.New("Pulumi.yaml has no line " + strings.TrimSpace(marker))
	}
	sections := stacks.Sections()
	files, err := componentDocuments(root)
	if err != nil {
		return nil, err
	}
	if files["docs/outputs.md"], err = outputsDocument(root); err != nil {
		return nil, err
	}
	files["Pulumi.yaml"] = before + marker + projectConfig(sections)
	files["docs/configuration.md"] = document(sections)
	return files, nil
}

// projectConfig returns the keys as Pulumi.yaml declares them.
func projectConfig(sections []stacks.Section) string {
	var b strings.Builder
	for _, section := range sections {
		fmt.Fprintf(&b, "\n  # %s\n", section.Title)
		for _, key := range section.Keys {
			fmt.Fprintf(&b, "  %s:\n", key.Name)
			if kind := key.Type(); kind != "string" {
				fmt.Fprintf(&b, "    type: %s\n", kind)
			}
			if items := itemType(key); items != "" {
				fmt.Fprintf(&b, "    items:\n      type: %s\n", items)
			}
			fmt.Fprintf(&b, "    description: %s\n    default: %s\n", key.Description, toJSON(key.Default))
		}
	}
	return b.String()
}

// itemType returns the type of the items of an array.
func itemType(key stacks.Key) string {
	if key.Type() != "array" {
		return ""
	}
	if reflect.TypeOf(key.Default).Elem().Kind() == reflect.String {
		return "string"
	}
	return "object"
}

// document returns docs/configuration.md.
func document(sections []stacks.Section) string {
	var b strings.Builder
	b.WriteString(`# Configuration

Generated from stacks/keys.go by ` + "`go generate ./stacks`" + `. Set a key with
` + "`pulumi config set KEY VALUE`" + `, and a part of an object or array with
` + "`pulumi config set --path KEY.PART VALUE`" + `. ` + "`pulumi config`" + ` lists what is set.

A bad value, an unknown key or a contradiction fails before anything is changed. One message
names every problem, and the command that fixes each.

The settings of the providers have the providers' own names:
[minio](https://www.pulumi.com/registry/packages/minio/installation-configuration/) (minio:minioServer,
minio:minioUser, minio:minioPassword with ` + "`--secret`" + `, minio:minioSsl, minio:minioRegion,
minio:minioCacertFile) and
[kubernetes](https://www.pulumi.com/registry/packages/kubernetes/installation-configuration/) (kubernetes:kubeconfig,
kubernetes:context).
`)
	for _, section := range sections {
		fmt.Fprintf(&b, "\n## %s\n\n| key | type | default | description |\n| --- | --- | --- | --- |\n", section.Title)
		for _, key := range section.Keys {
			fmt.Fprintf(&b, "| `%s` | %s | `%s` | %s |\n", key.Name, key.Type(), toJSON(key.Default), strings.ReplaceAll(key.Description, "|", `\|`))
		}
	}
	return b.String()
}

// toJSON returns a default as JSON, which is YAML too.
func toJSON(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // a plain value of the table
	}
	if word := string(text); word != `""` {
		return strings.Trim(word, `"`)
	}
	return string(text)
}
