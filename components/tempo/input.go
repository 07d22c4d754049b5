package tempo

import (
	"github.com/picluster/picluster/internal/field"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// leaf is a value of the chart that can be another resource's: a string, or an output of
// one. Nil: there is none.
type leaf any

// leafOf returns an input as a leaf. An output is checked against the rule once it is
// known. Validation has checked a plain text.
func leafOf(path string, in pulumi.StringInput, rule func(string) error) leaf {
	if in == nil {
		return nil
	}
	if text, plain := field.Plain(in); plain {
		return text
	}
	return field.Checked(path, in, rule)
}

// suffixed returns a leaf with a suffix.
func suffixed(l leaf, suffix string) leaf {
	if out, ok := l.(pulumi.StringOutput); ok {
		return pulumi.Sprintf("%s%s", out, suffix)
	}
	text, _ := l.(string)
	return text + suffix
}

// applied returns what f makes of the text of a leaf: at once, or once it is known.
func applied(l leaf, f func(string) any) any {
	if out, ok := l.(pulumi.StringOutput); ok {
		return out.ApplyT(f)
	}
	text, _ := l.(string)
	return f(text)
}

// input returns a leaf as an input.
func input(l leaf) pulumi.StringInput {
	if out, ok := l.(pulumi.StringOutput); ok {
		return out
	}
	text, _ := l.(string)
	return pulumi.String(text)
}
