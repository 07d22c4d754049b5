package credential

import (
	"reflect"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// wantVisible is the rule for a value that cannot be searched for credentials.
const wantVisible = "a map, a list or a plain value, because what is in an output or a struct cannot be checked for credentials. An output can be a text, a number or a boolean in a map"

// isHidden returns whether a value has parts that are not known, or that are no values of YAML:
// an output of a map, the struct of a resource's arguments.
func isHidden(value any) bool {
	if value == nil {
		return false
	}
	kind := reflect.TypeOf(value).Kind()
	if output, ok := value.(pulumi.Output); ok {
		element := output.ElementType()
		if element.Kind() == reflect.Pointer { // of an optional one
			element = element.Elem()
		}
		kind = element.Kind()
	}
	switch kind {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64:
		return false
	}
	return kind < reflect.Int || kind > reflect.Uint64
}
