package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/picluster/picluster/components/grafana"
	"github.com/picluster/picluster/components/kubernetes"
	"github.com/picluster/picluster/components/objectstore"
	"github.com/picluster/picluster/components/prometheus"
	"github.com/picluster/picluster/components/tempo"
	"github.com/picluster/picluster/components/tempo/chart"
	"github.com/picluster/picluster/components/tracing"
	pschema "github.com/pulumi/pulumi/pkg/v3/codegen/schema"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

var update = flag.Bool("update", false, "write schema.json")

// components are the resources of the package, and their arguments.
var components = []struct{ resource, args any }{
	{tracing.Tracing{}, tracing.Args{}},
	{objectstore.ObjectStore{}, objectstore.Args{}},
	{kubernetes.Namespace{}, kubernetes.NamespaceArgs{}},
	{kubernetes.Secret{}, kubernetes.SecretArgs{}},
	{kubernetes.ConfigMap{}, kubernetes.ConfigMapArgs{}},
	{tempo.Tempo{}, tempo.Args{}},
	{grafana.Grafana{}, grafana.Args{}},
	{grafana.Dashboards{}, grafana.DashboardsArgs{}},
	{prometheus.Alerts{}, prometheus.AlertsArgs{}},
}

// partOfTracing describes the arguments of the other components as a part of Tracing's.
var partOfTracing = map[reflect.Type]struct {
	name string
	// sets are the properties that Tracing sets, and defaults those that have a default
	// in Tracing.
	sets, defaults []string
}{
	reflect.TypeFor[objectstore.Args]():         {name: "ObjectStore", defaults: []string{"user"}},
	reflect.TypeFor[kubernetes.NamespaceArgs](): {name: "Namespace", defaults: []string{"name"}},
	reflect.TypeFor[tempo.Args](): {
		name: "Tempo",
		sets: []string{"namespace", "bucket", "secretName", "accessKey", "secretKey", "caConfigMap"},
	},
	reflect.TypeFor[grafana.Args](): {name: "Grafana", sets: []string{"tempoUrl"}},
}

// lists are the functions that a comment names in place of what they return.
var lists = map[string][]string{
	"CredentialsModes":    tracing.CredentialsModes(),
	"PodSecurityLevels":   kubernetes.PodSecurityLevels(),
	"ReadWriteActions":    objectstore.ReadWriteActions(),
	"DefaultReceivers":    tempo.DefaultReceivers(),
	"ReceiversOf":         tempo.ReceiversOf(chart.Chart{}.WithDefaults()),
	"ProfilesOf":          tempo.ProfilesOf(chart.Microservices),
	"tempo.BucketActions": tempo.BucketActions(),
}

// TestSchema compares schema.json with the components. With -update it writes the file.
func TestSchema(t *testing.T) {
	g := &generator{types: map[string]pschema.ComplexTypeSpec{}, packages: map[string]*source{}, pairs: map[reflect.Type]reflect.Type{}}
	text, err := g.schema()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("schema.json", text, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(text, []byte(schema)) {
		t.Fatal("schema.json differs from the components. Fix: make schema")
	}
}

// generator generates the schema of the package from the types of the components and from the
// comments on them.
type generator struct {
	types    map[string]pschema.ComplexTypeSpec
	packages map[string]*source
	// pairs has the arguments of each component, and the component of each arguments: a
	// comment may name the fields of either.
	pairs map[reflect.Type]reflect.Type
	errs  []error
}

func (g *generator) schema() ([]byte, error) {
	for _, c := range components {
		resource, args := reflect.TypeOf(c.resource), reflect.TypeOf(c.args)
		g.pairs[resource], g.pairs[args] = args, resource
		g.source(args) // a comment may name what another package has
	}
	resources := map[string]pschema.ResourceSpec{}
	for _, c := range components {
		resource, args := reflect.TypeOf(c.resource), reflect.TypeOf(c.args)
		outputs := g.properties(resource, false)
		inputs := g.properties(args, true)
		outputs.Description = g.typeText(resource)
		resources[typeToken(resource)] = pschema.ResourceSpec{
			ObjectTypeSpec:  outputs,
			InputProperties: inputs.Properties,
			RequiredInputs:  inputs.Required,
			IsComponent:     true,
		}
	}
	for token := range resources {
		if _, ok := g.types[token]; ok {
			g.errs = append(g.errs, fmt.Errorf("%s is a resource and a type", token))
		}
	}
	if err := errors.Join(g.errs...); err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(pschema.PackageSpec{
		Name:        name,
		DisplayName: "picluster",
		Description: "Distributed tracing for a Kubernetes cluster, with Grafana Tempo and MinIO",
		Keywords:    []string{"pulumi", "kubernetes", "tempo", "tracing", "minio", "kind/component", "category/monitoring"},
		Meta:        &pschema.MetadataSpec{ModuleFormat: "(.*)"},
		Types:       g.types,
		Resources:   resources,
		Language: map[string]pschema.RawMessage{
			"go":     pschema.RawMessage(`{"importBasePath":"github.com/picluster/picluster/sdk/go/picluster","respectSchemaVersion":true}`),
			"nodejs": pschema.RawMessage(`{"packageName":"@picluster/picluster","respectSchemaVersion":true}`),
			"python": pschema.RawMessage(`{"packageName":"pulumi_picluster","pyproject":{"enabled":true},"respectSchemaVersion":true}`),
			"csharp": pschema.RawMessage(`{"rootNamespace":"Picluster","respectSchemaVersion":true}`),
		},
	}, "", "  ")
	return append(text, '\n'), err
}

// typeToken returns the token of a type: the last part of its package's path is the module.
func typeToken(typ reflect.Type) string {
	if part, ok := partOfTracing[typ]; ok {
		return name + ":tracing:" + part.name
	}
	module := path.Base(typ.PkgPath())
	if module == "chart" {
		module = "tempo"
	}
	return name + ":" + module + ":" + typ.Name()
}

// properties returns the tagged fields of a struct, those of embedded ones included.
func (g *generator) properties(typ reflect.Type, inputs bool) pschema.ObjectTypeSpec {
	spec := pschema.ObjectTypeSpec{Type: "object", Properties: map[string]pschema.PropertySpec{}}
	for _, field := range reflect.VisibleFields(typ) {
		tag, tagged := field.Tag.Lookup("pulumi")
		if !tagged || !field.IsExported() {
			continue
		}
		property, options, _ := strings.Cut(tag, ",")
		typeSpec, err := g.typeSpec(field.Type, inputs)
		if err != nil {
			g.errs = append(g.errs, fmt.Errorf("%s.%s: %w", typ, field.Name, err))
			continue
		}
		owner := typ
		for _, i := range field.Index[:len(field.Index)-1] {
			if owner = owner.Field(i).Type; owner.Kind() == reflect.Pointer {
				owner = owner.Elem()
			}
		}
		spec.Properties[property] = pschema.PropertySpec{
			TypeSpec:    typeSpec,
			Description: g.fieldText(owner, field),
			Secret:      !inputs && property == "secretKey",
		}
		if options != "optional" {
			spec.Required = append(spec.Required, property)
		}
	}
	slices.Sort(spec.Required)
	return spec
}

var (
	inputType  = reflect.TypeFor[pulumi.Input]()
	outputType = reflect.TypeFor[pulumi.Output]()
)

// typeSpec returns a type for the schema. What is no input of Pulumi's is plain: its value
// must be known.
func (g *generator) typeSpec(typ reflect.Type, inputs bool) (pschema.TypeSpec, error) {
	plain := inputs
	switch typ {
	case reflect.TypeFor[pulumi.StringInput](), reflect.TypeFor[pulumi.StringOutput]():
		return pschema.TypeSpec{Type: "string"}, nil
	case reflect.TypeFor[pulumi.StringArrayOutput]():
		return pschema.TypeSpec{Type: "array", Items: &pschema.TypeSpec{Type: "string"}}, nil
	case reflect.TypeFor[pulumi.MapInput]():
		return pschema.TypeSpec{Type: "object", AdditionalProperties: &pschema.TypeSpec{Ref: "pulumi.json#/Any"}}, nil
	case reflect.TypeFor[pulumi.StringMapInput]():
		return pschema.TypeSpec{Type: "object", AdditionalProperties: &pschema.TypeSpec{Type: "string"}}, nil
	}
	if typ.Implements(inputType) || typ.Implements(outputType) {
		return pschema.TypeSpec{}, fmt.Errorf("the generator does not know the type %s", typ)
	}
	switch typ.Kind() {
	case reflect.Pointer:
		return g.typeSpec(typ.Elem(), inputs)
	case reflect.Bool:
		return pschema.TypeSpec{Type: "boolean", Plain: plain}, nil
	case reflect.Int:
		return pschema.TypeSpec{Type: "integer", Plain: plain}, nil
	case reflect.Float64:
		return pschema.TypeSpec{Type: "number", Plain: plain}, nil
	case reflect.String:
		return pschema.TypeSpec{Type: "string", Plain: plain}, nil
	case reflect.Interface:
		if typ.NumMethod() == 0 {
			return pschema.TypeSpec{Ref: "pulumi.json#/Any", Plain: plain}, nil
		}
	case reflect.Slice:
		items, err := g.typeSpec(typ.Elem(), inputs)
		return pschema.TypeSpec{Type: "array", Items: &items, Plain: plain}, err
	case reflect.Map:
		values, err := g.typeSpec(typ.Elem(), inputs)
		return pschema.TypeSpec{Type: "object", AdditionalProperties: &values, Plain: plain}, err
	case reflect.Struct:
		return g.structSpec(typ)
	}
	return pschema.TypeSpec{}, fmt.Errorf("the type %s has no counterpart in a schema", typ)
}

// structSpec registers a struct as a type of the package.
func (g *generator) structSpec(typ reflect.Type) (pschema.TypeSpec, error) {
	token := typeToken(typ)
	ref := pschema.TypeSpec{Ref: "#/types/" + token, Plain: true}
	if _, ok := g.types[token]; ok {
		return ref, nil
	}
	g.types[token] = pschema.ComplexTypeSpec{} // for a struct that has itself in it
	spec := g.properties(typ, true)
	spec.Description = g.typeText(typ)
	part := partOfTracing[typ]
	for _, property := range part.sets {
		if _, ok := spec.Properties[property]; !ok {
			return ref, fmt.Errorf("%s has no property %s", typ, property)
		}
		delete(spec.Properties, property)
	}
	for _, property := range part.defaults {
		withDefault := spec.Properties[property]
		withDefault.Description = strings.TrimSuffix(withDefault.Description, " Required.")
		spec.Properties[property] = withDefault
	}
	spec.Required = slices.DeleteFunc(spec.Required, func(property string) bool {
		return slices.Contains(part.sets, property) || slices.Contains(part.defaults, property)
	})
	g.types[token] = pschema.ComplexTypeSpec{ObjectTypeSpec: spec}
	return ref, nil
}

// source is what the comments of a package say.
type source struct {
	types     map[string]string
	fields    map[string]map[string]string
	tags      map[string]map[string]string
	constants map[string]string
	functions map[string]bool
}

// source returns the comments of the package of a type.
func (g *generator) source(typ reflect.Type) *source {
	dir := filepath.Join("..", strings.TrimPrefix(typ.PkgPath(), "github.com/picluster/picluster/"))
	if s, ok := g.packages[dir]; ok {
		return s
	}
	s := &source{
		types: map[string]string{}, fields: map[string]map[string]string{},
		tags: map[string]map[string]string{}, constants: map[string]string{}, functions: map[string]bool{},
	}
	g.packages[dir] = s
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s has no source", dir)
	}
	if err != nil {
		g.errs = append(g.errs, err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			g.errs = append(g.errs, err)
			continue
		}
		for _, declaration := range parsed.Decls {
			switch declaration := declaration.(type) {
			case *ast.GenDecl:
				s.read(declaration)
			case *ast.FuncDecl:
				s.functions[declaration.Name.Name] = declaration.Recv == nil && declaration.Name.IsExported()
			}
		}
	}
	return s
}

func (s *source) read(declaration *ast.GenDecl) {
	for _, spec := range declaration.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			doc := spec.Doc
			if doc == nil {
				doc = declaration.Doc
			}
			s.types[spec.Name.Name] = doc.Text()
			if fields, ok := spec.Type.(*ast.StructType); ok {
				s.readFields(spec.Name.Name, fields.Fields.List)
			}
		case *ast.ValueSpec:
			for i, constant := range spec.Names {
				if declaration.Tok != token.CONST || i >= len(spec.Values) {
					continue
				}
				if literal, ok := spec.Values[i].(*ast.BasicLit); ok && constant.IsExported() {
					s.constants[constant.Name] = strings.Trim(literal.Value, "\"`")
				}
			}
		}
	}
}

// readFields reads the comments of a struct's fields. A comment that names the next field
// too is of both.
func (s *source) readFields(typ string, fields []*ast.Field) {
	s.fields[typ], s.tags[typ] = map[string]string{}, map[string]string{}
	previous := ""
	for _, field := range fields {
		for _, name := range field.Names {
			text := field.Doc.Text()
			if text == "" && regexp.MustCompile(`\b`+name.Name+`\b`).MatchString(previous) {
				text = previous
			}
			s.fields[typ][name.Name], previous = text, text
			if field.Tag != nil {
				tag, _ := strconv.Unquote(field.Tag.Value)
				property, _, _ := strings.Cut(reflect.StructTag(tag).Get("pulumi"), ",")
				s.tags[typ][name.Name] = property
			}
		}
	}
}

// typeText returns the description of a type.
func (g *generator) typeText(typ reflect.Type) string {
	comment, isArgs := strings.CutPrefix(g.source(typ).types[typ.Name()], typ.Name()+" describes ")
	if isArgs {
		comment = strings.ToUpper(comment[:1]) + comment[1:]
	}
	return g.text(comment, typ)
}

// fieldText returns the description of a field.
func (g *generator) fieldText(owner reflect.Type, field reflect.StructField) string {
	s := g.source(owner)
	types := []reflect.Type{owner}
	if other, ok := g.pairs[owner]; ok {
		types = append(types, other)
	}
	if strings.HasPrefix(field.Type.PkgPath(), "github.com/picluster/") {
		types = append(types, field.Type) // "Default of Name" is of the field's own
	}
	comment, ok := strings.CutPrefix(s.fields[owner.Name()][field.Name], field.Name+" ")
	if comment == "" {
		g.errs = append(g.errs, fmt.Errorf("%s.%s has no comment", owner, field.Name))
	}
	text := g.text(comment, types...)
	if ok {
		text = "`" + s.tags[owner.Name()][field.Name] + "` " + text
	}
	return text
}

var (
	identifier = regexp.MustCompile(`\b([a-z]+\.)?[A-Z]\w*(\.[A-Z]\w*)*`)
	// setByTracing is what a comment says of properties that the schema does not have.
	setByTracing = regexp.MustCompile(` ?The component sets .*?\.( |$)`)
)

// words are names of fields that comments have in another meaning.
var words = []string{"CA", "ConfigMap", "Grafana", "Operator", "Secret", "Tag", "Tempo"}

// text returns a comment for users of other languages: with the names of the properties of
// types in place of the fields', and with the values of constants and lists.
func (g *generator) text(comment string, types ...reflect.Type) string {
	text := strings.ReplaceAll(strings.TrimSpace(comment), "\n\n", "\x00")
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\n", " "), "\x00", "\n\n")
	text = strings.ReplaceAll(setByTracing.ReplaceAllString(text, ""), "Nil: ", "Without it: ")
	return identifier.ReplaceAllStringFunc(text, func(name string) string {
		if list, ok := lists[name]; ok {
			return "`" + strings.Join(list, "`, `") + "`"
		}
		if value, ok := g.constant(types[0], name); ok {
			return "`" + value + "`"
		}
		first, rest, _ := strings.Cut(name, ".")
		if slices.Contains(words, name) {
			return name
		}
		for _, typ := range types {
			property := g.source(typ).tags[typ.Name()][first]
			if property == "" {
				continue
			}
			for part := range strings.SplitSeq(rest, ".") {
				if part != "" {
					property += "." + strings.ToLower(part[:1]) + part[1:]
				}
			}
			return "`" + property + "`"
		}
		if g.source(types[0]).functions[name] {
			g.errs = append(g.errs, fmt.Errorf("%s: a comment names the function %s; add what it returns to lists", types[0], name))
		}
		return name
	})
}

// constant returns the value of a constant of the package of a type, or of another one that
// the name starts with.
func (g *generator) constant(typ reflect.Type, name string) (string, bool) {
	s := g.source(typ)
	if other, constant, qualified := strings.Cut(name, "."); qualified {
		for dir, of := range g.packages {
			if filepath.Base(dir) == other {
				s, name = of, constant
			}
		}
	}
	value, ok := s.constants[name]
	return value, ok
}
