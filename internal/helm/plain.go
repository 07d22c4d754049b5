package helm

import (
	"fmt"
	"reflect"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Plain returns values as maps of any, lists of any and plain values, whatever types of Go
// or of Pulumi they have: map[string]string, pulumi.Map, pulumi.String. What checks or merges
// values sees one form. Outputs, and what has no such form, are returned as they are.
func Plain(values map[string]any) map[string]any {
	if values == nil {
		return nil
	}
	out := make(map[string]any, len(values))
	for key, value := range values {
		out[key] = plain(value)
	}
	return out
}

func plain(value any) any {
	if _, isOutput := value.(pulumi.Output); isOutput || value == nil {
		return value
	}
	v := reflect.ValueOf(value)
	switch v.Kind() {
	case reflect.Map:
		out := make(map[string]any, v.Len())
		for _, key := range v.MapKeys() {
			out[fmt.Sprint(key.Interface())] = plain(v.MapIndex(key).Interface())
		}
		return out
	case reflect.Slice, reflect.Array:
		out := make([]any, v.Len())
		for i := range out {
			out[i] = plain(v.Index(i).Interface())
		}
		return out
	case reflect.Pointer: // a pulumi.StringPtr, for one
		if v.IsNil() {
			return nil
		}
		if v.Elem().Kind() != reflect.Struct {
			return plain(v.Elem().Interface())
		}
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return v.Bool()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return int(v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return v.Uint()
	case reflect.Float32, reflect.Float64:
		return v.Float()
	}
	return value
}
