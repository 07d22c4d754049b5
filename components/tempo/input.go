package tempo

import (
	"github.com/picluster/picluster/internal/field"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// chartText is a value of the chart that can be another resource's: a string, or an output of
// one. Nil: there is none.
type chartText any

// chartTextOf returns an input as a text of the chart. An output is checked against
// the rule once it is known. Validation has checked a plain text.
func chartTextOf(path string, in pulumi.StringInput, rule func(string) error) chartText {
	if in == nil {
		return nil
	}
	if text, plain := field.Plain(in); plain {
		return text
	}
	return field.Checked(path, in, rule)
}

// suffixed returns a text of the chart with a suffix.
func suffixed(value chartText, suffix string) chartText {
	if out, ok := value.(pulumi.StringOutput); ok {
		return pulumi.Sprintf("%s%s", out, suffix)
	}
	text, _ := value.(string)
	return text + suffix
}

// applied returns what f makes of a text of the chart: at once, or once it is known.
func applied(value chartText, f func(string) any) any {
	if out, ok := value.(pulumi.StringOutput); ok {
		return out.ApplyT(f)
	}
	text, _ := value.(string)
	return f(text)
}

// input returns a text of the chart as an input.
func input(value chartText) pulumi.StringInput {
	if out, ok := value.(pulumi.StringOutput); ok {
		return out
	}
	text, _ := value.(string)
	return pulumi.String(text)
}
