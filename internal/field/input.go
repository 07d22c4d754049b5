package field

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

// Plain returns the text of an input that is known while the program runs: a
// pulumi.String. It returns false for another resource's output, and for nil.
func Plain(in pulumi.StringInput) (string, bool) {
	switch in := in.(type) {
	case pulumi.String:
		return string(in), true
	case *pulumi.String:
		if in != nil {
			return string(*in), true
		}
	}
	return "", false
}

// CheckInput appends a problem if a plain input does not meet the rule. A nil input is
// checked as an empty text. Checked checks an output.
func (l *Errors) CheckInput(path string, in pulumi.StringInput, rule func(string) error) {
	if in == nil {
		l.Check(path, "", rule(""))
		return
	}
	if text, plain := Plain(in); plain {
		l.Check(path, text, rule(text))
	}
}

// Checked returns an input as an output, which fails if the value does not meet the
// rule once it is known.
func Checked(path string, in pulumi.StringInput, rule func(string) error) pulumi.StringOutput {
	if _, plain := Plain(in); plain {
		return in.ToStringOutput() // CheckInput has seen it
	}
	return in.ToStringOutput().ApplyT(func(text string) (string, error) {
		var errs Errors
		errs.Check(path, text, rule(text))
		return text, errs.Err()
	}).(pulumi.StringOutput)
}
