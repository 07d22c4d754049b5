package tests

import (
	"context"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/picluster/picluster/components/componenttest"
	"github.com/picluster/picluster/internal/helm"
	"github.com/picluster/picluster/lab"
	"github.com/picluster/picluster/stacks"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type schemaProperty struct {
	Type                 string           `json:"type"`
	OneOf                []schemaProperty `json:"oneOf"`
	Ref                  string           `json:"$ref"`
	Items                *schemaProperty  `json:"items"`
	AdditionalProperties *schemaProperty  `json:"additionalProperties"`
}

type schemaType struct {
	Properties map[string]schemaProperty `json:"properties"`
}

// providerSchema is what a provider says of itself.
type providerSchema struct {
	Resources map[string]struct {
		schemaType
		InputProperties map[string]schemaProperty `json:"inputProperties"`
		RequiredInputs  []string                  `json:"requiredInputs"`
	} `json:"resources"`
	Types map[string]schemaType `json:"types"`
}

// TestKubernetesIsTheProvidersOwn holds what is written manually here, and not
// generated from the provider's schema, against that schema.
func TestKubernetesIsTheProvidersOwn(t *testing.T) {
	h := start(t, func(l *lab.Lab) { l.TLS = true })
	ctx, cancel := context.WithTimeout(t.Context(), commandTimeout)
	defer cancel()
	text, err := h.Pulumi(ctx, "package", "get-schema", "kubernetes").Output()
	require.NoError(t, err)
	var schema providerSchema
	require.NoError(t, json.Unmarshal(text, &schema))
	t.Run("release", func(t *testing.T) { schema.holdsRelease(t) })
	t.Run("objects", func(t *testing.T) { schema.holdsObjects(t, h.CA()) })
}

func (schema providerSchema) holdsRelease(t *testing.T) {
	release, ok := schema.Resources[helm.ReleaseToken]
	require.True(t, ok, "%s is not in the schema", helm.ReleaseToken)

	inputs := helm.ReleaseArgs{}.ElementType()
	assertFields(t, inputs, release.InputProperties)
	for _, required := range release.RequiredInputs {
		assert.Contains(t, wireNames(inputs), required, "the provider cannot do without it")
	}
	assertFields(t, helm.RepositoryOptsArgs{}.ElementType(), schema.Types["kubernetes:helm.sh/v3:RepositoryOpts"].Properties)
	assertFields(t, reflect.TypeFor[helm.Release](), release.Properties)
}

// holdsObjects asserts that the inputs of every object that a stack can make are
// of its kind's schema.
func (schema providerSchema) holdsObjects(t *testing.T, ca string) {
	schema.addGrafanaOperator()
	var kinds []string
	for _, delivery := range []map[string]string{
		{"picluster:datasources": "configmap"},
		{"picluster:datasources": "operator", "picluster:grafanaInstanceSelector": `{"dashboards":"grafana"}`, "picluster:lokiUrl": "http://loki", "picluster:lokiTenant": "team"},
	} {
		config := map[string]string{
			"minio:minioServer":         "s3.example.com:9091",
			"minio:minioSsl":            "true",
			"minio:minioUser":           "admin",
			"minio:minioPassword":       "hunter2",
			"minio:minioCacertFile":     ca,
			"picluster:networkPolicies": "true",
			"picluster:tracesFrom":      `["default"]`,
		}
		maps.Copy(config, delivery)
		resources, err := componenttest.Run(t, false, config, stacks.Tracing)
		require.NoError(t, err)
		for _, r := range resources {
			if !strings.HasPrefix(r.Type, "kubernetes:") || r.Type == helm.ReleaseToken {
				continue
			}
			kinds = append(kinds, strings.TrimPrefix(r.Type, "kubernetes:"))
			kind, ok := schema.Resources[r.Type]
			if assert.True(t, ok, "%s is not in the schema", r.Type) {
				schema.assertInputs(t, r.Type, r.Inputs, kind.InputProperties)
			}
		}
	}
	slices.Sort(kinds)
	assert.Equal(t, []string{
		"core/v1:ConfigMap", "core/v1:Namespace", "core/v1:Secret",
		"grafana.integreatly.org/v1beta1:GrafanaDatasource", "networking.k8s.io/v1:NetworkPolicy",
	}, slices.Compact(kinds))
}

// addGrafanaOperator adds the kind of the Grafana Operator, which is none of the provider's: the
// provider takes any kind by its token, and the operator's CustomResourceDefinition has these
// fields.
// Source: https://github.com/grafana/grafana-operator/blob/master/api/v1beta1/grafanadatasource_types.go
func (schema providerSchema) addGrafanaOperator() {
	text := schemaProperty{Type: "string"}
	kind := schema.Resources["kubernetes:core/v1:ConfigMap"]
	kind.InputProperties = map[string]schemaProperty{
		"apiVersion": text, "kind": text,
		"metadata": kind.InputProperties["metadata"],
		"spec":     {Ref: "#/types/grafana:spec"},
	}
	schema.Resources["kubernetes:grafana.integreatly.org/v1beta1:GrafanaDatasource"] = kind
	schema.Types["grafana:spec"] = schemaType{map[string]schemaProperty{
		"instanceSelector":          {Ref: "#/types/kubernetes:meta/v1:LabelSelector"},
		"uid":                       text,
		"allowCrossNamespaceImport": {Type: "boolean"},
		"datasource":                {Ref: "#/types/grafana:datasource"},
	}}
	schema.Types["grafana:datasource"] = schemaType{map[string]schemaProperty{
		"name": text, "type": text, "access": text, "url": text,
		"jsonData":       {Type: "object", AdditionalProperties: &schemaProperty{Type: "any"}},
		"secureJsonData": {Type: "object", AdditionalProperties: &text},
	}}
}

// assertInputs asserts that each input is a property of the same name and type, and
// what is in it too.
func (schema providerSchema) assertInputs(t *testing.T, path string, inputs resource.PropertyMap, properties map[string]schemaProperty) {
	t.Helper()
	for name, value := range inputs {
		property, ok := properties[string(name)]
		if assert.True(t, ok, "%s: the schema has no %q", path, name) {
			schema.assertInput(t, path+"."+string(name), value, property)
		}
	}
}

func (schema providerSchema) assertInput(t *testing.T, path string, value resource.PropertyValue, property schemaProperty) {
	t.Helper()
	for value.IsSecret() {
		value = value.SecretValue().Element
	}
	_, reference, _ := strings.Cut(property.Ref, "#/types/")
	switch of, isType := schema.Types[reference]; {
	case isType:
		if assert.True(t, value.IsObject(), "%s is no object", path) {
			schema.assertInputs(t, path, value.ObjectValue(), of.Properties)
		}
	case property.Type == "any":
	case property.Type == "array":
		if assert.True(t, value.IsArray(), "%s is no array", path) {
			for _, element := range value.ArrayValue() {
				schema.assertInput(t, path+"[]", element, *property.Items)
			}
		}
	case property.Type == "object":
		if assert.True(t, value.IsObject(), "%s is no object", path) {
			for name, element := range value.ObjectValue() {
				schema.assertInput(t, path+"."+string(name), element, *property.AdditionalProperties)
			}
		}
	case len(property.OneOf) > 0: // a port: a number or a name
		assert.True(t, value.IsNumber() || value.IsString(), "%s is neither", path)
	default:
		assert.Equal(t, property.Type, value.TypeString(), path)
	}
}

// assertFields asserts that each tagged field of a struct is a property of the
// same name and type.
func assertFields(t *testing.T, structure reflect.Type, properties map[string]schemaProperty) {
	t.Helper()
	for name, field := range wireNames(structure) {
		property, ok := properties[name]
		if !assert.True(t, ok, "%s.%s: the schema has no %q", structure, field.Name, name) {
			continue
		}
		want := property.Type
		if property.Ref != "" {
			want = "object"
		}
		assert.Equal(t, want, typeOf(field.Type), "%s.%s", structure, field.Name)
	}
}

func wireNames(structure reflect.Type) map[string]reflect.StructField {
	fields := map[string]reflect.StructField{}
	for i := range structure.NumField() {
		if name := structure.Field(i).Tag.Get("pulumi"); name != "" {
			fields[name] = structure.Field(i)
		}
	}
	return fields
}

// typeOf returns what a schema calls the type of a field.
func typeOf(field reflect.Type) string {
	switch field {
	case reflect.TypeFor[pulumi.StringOutput](), reflect.TypeFor[pulumi.StringPtrOutput]():
		return "string"
	}
	if field.Kind() == reflect.Pointer {
		field = field.Elem()
	}
	switch field.Kind() {
	case reflect.String:
		return "string"
	case reflect.Int:
		return "integer"
	case reflect.Bool:
		return "boolean"
	case reflect.Map, reflect.Struct:
		return "object"
	}
	return field.String()
}
