package tests

import (
	"context"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/picluster/picluster/components/helm"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type schemaProperty struct {
	Type string `json:"type"`
	Ref  string `json:"$ref"`
}

// TestReleaseIsTheProvidersOwn holds the release's fields, which are written by
// hand, against the schema of the provider that gets them.
func TestReleaseIsTheProvidersOwn(t *testing.T) {
	h := start(t)
	ctx, cancel := context.WithTimeout(t.Context(), commandTimeout)
	defer cancel()
	text, err := h.Pulumi(ctx, "package", "get-schema", "kubernetes").Output()
	require.NoError(t, err)
	var schema struct {
		Resources map[string]struct {
			InputProperties map[string]schemaProperty `json:"inputProperties"`
			Properties      map[string]schemaProperty `json:"properties"`
			RequiredInputs  []string                  `json:"requiredInputs"`
		} `json:"resources"`
		Types map[string]struct {
			Properties map[string]schemaProperty `json:"properties"`
		} `json:"types"`
	}
	require.NoError(t, json.Unmarshal(text, &schema))
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
		assert.Equal(t, want, schemaType(field.Type), "%s.%s", structure, field.Name)
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

// schemaType returns what a schema calls the type of a field.
func schemaType(field reflect.Type) string {
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
