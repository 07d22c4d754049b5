package credential

import (
	"regexp"
	"slices"
	"strings"

	"github.com/picluster/picluster/internal/rule"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// numeric are the last words of names whose value is a credential even if it is a number. A
// number under another name, such as token, can be a limit.
var numeric = []string{"password", "passwd", "passphrase", "pwd", "pass"}

// isLiteral returns whether a value is the credential itself. Its name is one for which
// rule.IsCredentialName is true.
func isLiteral(name string, value any) bool {
	switch value := value.(type) {
	case string:
		return isLiteralText(name, value)
	case pulumi.Output: // whose value is not known yet
		return true
	case int, int64, uint64, float64:
		all := rule.Words(name)
		return slices.Contains(numeric, all[len(all)-1])
	}
	return false // nothing, a boolean, or a map or list, which the caller visits
}

func isLiteralList(name string, value any) bool {
	list, _ := value.([]any)
	return slices.ContainsFunc(list, func(item any) bool { return isLiteral(name, item) })
}

// isLiteralText is isLiteral of a text, which may be the line of a configuration.
func isLiteralText(name, text string) bool {
	text = strings.TrimSpace(text)
	_, scheme, _ := strings.Cut(text, " ") // Bearer ${TOKEN}
	switch {
	case rule.IsReference(text), scheme != "" && rule.IsReference(scheme):
		return false
	case slices.Contains([]string{"", "null", "~", "true", "false", "{}", "[]", "|", "|-", ">", ">-", "{", "["}, text):
		return false
	}
	return !isNumber.MatchString(text) || isLiteral(name, 0)
}

var isNumber = regexp.MustCompile(`^[0-9.]+[a-z%]*$`)
