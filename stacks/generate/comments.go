package main

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"reflect"
	"strings"
)

// structType is an exported struct of a component's package.
type structType struct {
	Name, Doc string
	// Component says that it is a component, whose fields are outputs.
	Component bool
	Fields    []structField
}

// structField is an exported field with its comment.
type structField struct {
	Name, Doc, Type string
	// Property is its name in a Pulumi package; empty if it is no property.
	Property string
}

// readPackage returns the comment and the exported structs of the package in dir that have
// fields for Pulumi, in the order of the source.
func readPackage(dir string) (comment string, structs []structType, err error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return "", nil, err
	}
	files := token.NewFileSet()
	var parsed []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		text, err := os.ReadFile(path) // #nosec G304 -- of this repository
		if err != nil {
			return "", nil, err
		}
		file, err := parser.ParseFile(files, path, text, parser.ParseComments)
		if err != nil {
			return "", nil, err
		}
		parsed = append(parsed, file)
		ast.Inspect(file, func(node ast.Node) bool {
			general, ok := node.(*ast.GenDecl)
			if !ok {
				return true
			}
			for _, spec := range general.Specs {
				if s, ok := readStruct(general, spec); ok {
					structs = append(structs, s)
				}
			}
			return false
		})
	}
	p, err := doc.NewFromFiles(files, parsed, dir)
	if err != nil {
		return "", nil, err
	}
	return oneLine(p.Doc), structs, nil
}

func readStruct(general *ast.GenDecl, spec ast.Spec) (s structType, ok bool) {
	declared, ok := spec.(*ast.TypeSpec)
	if !ok || !declared.Name.IsExported() {
		return s, false
	}
	fields, ok := declared.Type.(*ast.StructType)
	if !ok {
		return s, false
	}
	s = structType{Name: declared.Name.Name, Doc: oneLine(general.Doc.Text())}
	tagged := false
	above := ""
	for _, field := range fields.Fields.List {
		if len(field.Names) == 0 {
			s.Component = s.Component || types.ExprString(field.Type) == "pulumi.ResourceState"
			continue
		}
		if text := oneLine(field.Doc.Text()); text != "" {
			above = text // one comment may be for the fields below it too
		}
		for _, name := range field.Names {
			if !name.IsExported() {
				continue
			}
			f := structField{Name: name.Name, Doc: above, Type: typeName(field.Type)}
			if field.Tag != nil {
				tag := reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("pulumi")
				f.Property, _, _ = strings.Cut(tag, ",")
			}
			tagged = tagged || f.Property != ""
			s.Fields = append(s.Fields, f)
		}
	}
	return s, tagged
}

// typeName returns a type as the documentation names it: what takes an output is an input.
func typeName(expression ast.Expr) string {
	if _, ok := expression.(*ast.FuncType); ok {
		return "function"
	}
	text := strings.NewReplacer("pulumi.", "", "map[string]any", "object", "map[string]", "object of ").Replace(types.ExprString(expression))
	text = strings.TrimPrefix(text, "*")
	if items, ok := strings.CutPrefix(text, "[]"); ok {
		text = "array of " + items
	}
	for _, suffix := range []string{"Input", "Output"} {
		name, found := strings.CutSuffix(text, suffix)
		if found {
			text = strings.NewReplacer("StringMap", "object of string", "Map", "object", "String", "string", "Int", "int", "Bool", "bool").Replace(name)
			if suffix == "Input" {
				text += ", or an output"
			}
		}
	}
	return text
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
