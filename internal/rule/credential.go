package rule

import (
	"regexp"
	"slices"
	"strings"
)

// names are the last words of the names of keys, headers, environment variables and flags
// that hold a credential. The words of client_secret, clientSecret and CLIENT-SECRET are the
// same.
var names = [][]string{
	{"password"}, {"passwd"}, {"passphrase"}, {"pwd"}, {"pass"},
	{"htpasswd"},
	{"secret"}, {"token"},
	{"credential"}, {"credentials"},
	{"secret", "key"}, {"access", "key"}, {"access", "key", "id"},
	{"private", "key"}, {"api", "key"}, {"apikey"}, {"account", "key"}, {"auth", "key"},
	{"encryption", "key"}, {"signing", "key"}, {"shared", "key"}, {"license", "key"}, {"integration", "key"}, {"service", "key"}, {"routing", "key"},
	{"basic", "auth"},
	{"authorization"}, {"cookie"},
	{"connection", "string"},
}

// references are words before a last word that make the name one of a Secret, not of what
// is in it: existingSecret, imagePullSecret.
var references = []string{"existing", "pull", "tls", "from", "ref", "use", "create", "enable", "mount", "automount"}

var (
	lowerUpper = regexp.MustCompile(`([a-z0-9])([A-Z])`)
	upperWord  = regexp.MustCompile(`([A-Z])([A-Z][a-z])`)
	separator  = regexp.MustCompile(`[^A-Za-z0-9]+`)
)

// Words returns the words of a name in lower case: "aws", "secret", "access" and "key" of
// AWS_SECRET_ACCESS_KEY.
func Words(name string) []string {
	name = lowerUpper.ReplaceAllString(upperWord.ReplaceAllString(name, "$1 $2"), "$1 $2")
	return strings.Fields(strings.ToLower(separator.ReplaceAllString(name, " ")))
}

// IsCredentialName returns whether what has a name like this is a credential.
func IsCredentialName(name string) bool {
	all := Words(name)
	if len(all) == 0 {
		return false
	}
	if last := len(all) - 1; all[last] == "passwords" || all[last] == "tokens" {
		all[last] = strings.TrimSuffix(all[last], "s")
	}
	for _, end := range names {
		before := len(all) - len(end)
		if before < 0 || !slices.Equal(all[before:], end) {
			continue
		}
		return end[0] != "secret" || len(end) > 1 || before == 0 || !slices.Contains(references, all[before-1])
	}
	return false
}

// reference is a variable without a default value.
var reference = regexp.MustCompile(`^(\$\{[A-Za-z_]\w*\}|\$\([A-Za-z_]\w*\)|\$[A-Za-z_]\w*|\$__(env|file)\{[^{}]*\})$`)

// IsReference returns whether a text is a variable, such as ${TOKEN}.
func IsReference(text string) bool { return reference.MatchString(text) }
