// Package credential finds credentials in the values of a Helm chart: Helm stores values in
// plain text in the release's record, and charts put them into ConfigMaps.
package credential

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/picluster/picluster/internal/field"
	"github.com/picluster/picluster/internal/rule"
)

// want is the rule for a value that is a credential. The value is never shown.
const want = "no credential, because Helm stores values in plain text; reference a Secret instead"

// Find returns a problem for each credential in values, a tree of maps, lists and plain
// values. Path is where values is. A credential is found by the name of its key, header,
// environment variable or flag, in a URL, as a private key, and as an object of kind Secret.
// A reference to a credential is not reported: a valueFrom, or a variable like ${TOKEN}. An
// output whose key has the name of a credential is reported, and so is a value that cannot be
// searched, such as an output of a map.
func Find(path string, values any) field.Errors {
	var f finder
	f.visit(path, values)
	return f.found
}

type finder struct{ found field.Errors }

func (f *finder) add(path string) {
	if n := len(f.found); n > 0 && f.found[n-1].Path == path {
		return // another rule has reported it
	}
	f.found.Add(path, nil, want)
}

func (f *finder) visit(path string, value any) {
	switch value := value.(type) {
	case map[string]any:
		f.visitMap(path, value)
	case []any:
		for i, item := range value {
			at := fmt.Sprintf("%s[%d]", path, i)
			if text, ok := item.(string); ok && (isFlagWithCredential(text) || isHeaderWithCredential(text)) {
				f.add(at)
				continue
			}
			f.visit(at, item)
		}
	case string:
		f.visitText(path, value)
	default:
		if isHidden(value) {
			f.found.Add(path, nil, "%s", wantVisible)
		}
	}
}

func (f *finder) visitMap(path string, values map[string]any) {
	switch {
	case isSecret(values):
		f.add(path)
		return
	case isEncrypted(values):
		return
	}
	// An entry of a list of environment variables or headers.
	if name, ok := values["name"].(string); ok && rule.IsCredentialName(name) && isLiteral(name, values["value"]) {
		f.add(Join(path, "value"))
		return
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		at, value := Join(path, key), values[key]
		switch {
		case rule.IsCredentialName(key) && isLiteral(key, value):
			f.add(at)
		case rule.IsCredentialName(key) && isLiteralList(key, value):
			f.add(at)
		case key == "secureJsonData":
			f.visitSecure(at, value)
		default:
			f.visit(at, value)
		}
	}
}

// visitSecure reports every literal of a data source's secureJsonData, because keys such as
// httpHeaderValue1 are not names of credentials.
func (f *finder) visitSecure(path string, value any) {
	fields, ok := value.(map[string]any)
	if !ok {
		f.visit(path, value)
		return
	}
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if isLiteral("password", fields[key]) {
			f.add(Join(path, key))
		}
	}
}

func (f *finder) visitText(path, text string) {
	switch {
	case privateKey.MatchString(text), secretKind.MatchString(text), hook.MatchString(text), hasURLWithCredential(text):
		f.add(path)
		return
	}
	if isJSON(text) {
		var value any
		if json.Unmarshal([]byte(text), &value) == nil {
			var inner finder
			if inner.visit("", value); len(inner.found) > 0 {
				f.add(path)
			}
			return
		}
	}
	// A configuration inside a text, in YAML, INI or HCL.
	for _, line := range setting.FindAllStringSubmatch(text, -1) {
		if value := unquote(line[2]); rule.IsCredentialName(line[1]) && isLiteralText(line[1], value) {
			f.add(path)
			return
		}
	}
}

// The parts of texts by which a credential is found.
var (
	privateKey = regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----`)
	secretKind = regexp.MustCompile(`(?m)^[\s-]*"?kind"?:\s*["']?Secret["']?\s*$`)
	// hook is an address that is a credential itself.
	hook    = regexp.MustCompile(`hooks\.slack\.com/services/|discord(app)?\.com/api/webhooks/`)
	setting = regexp.MustCompile(`(?m)^[\t -]*["']?([\w.-]+)["']?[\t ]*[:=][\t ]*(.+?)[\t\r ]*$`)
	// userInfo is the user and password of a URL.
	userInfo = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^/?#\s:@]*:([^/?#\s@]+)@`)
	query    = regexp.MustCompile(`[?&]([\w.-]+)=([^&#\s"']+)`)
	flag     = regexp.MustCompile(`^--?([\w.-]+)[= ](.+)$`)
	header   = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9-]*)\s*[:=]\s*(.+)$`)
)

func hasURLWithCredential(text string) bool {
	for _, match := range userInfo.FindAllStringSubmatch(text, -1) {
		if !rule.IsReference(match[1]) {
			return true
		}
	}
	if !strings.Contains(text, "://") {
		return false
	}
	return slices.ContainsFunc(query.FindAllStringSubmatch(text, -1), func(match []string) bool {
		return rule.IsCredentialName(match[1]) && isLiteralText(match[1], match[2])
	})
}

func isFlagWithCredential(text string) bool {
	match := flag.FindStringSubmatch(text)
	return match != nil && rule.IsCredentialName(match[1]) && isLiteralText(match[1], unquote(match[2]))
}

func isHeaderWithCredential(text string) bool {
	match := header.FindStringSubmatch(text)
	return match != nil && rule.IsCredentialName(match[1]) && isLiteralText(match[1], unquote(match[2]))
}

func isJSON(text string) bool {
	text = strings.TrimSpace(text)
	return strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[")
}

func unquote(text string) string {
	text = strings.TrimSpace(text)
	if n := len(text); n >= 2 && (text[0] == '"' || text[0] == '\'') && text[n-1] == text[0] {
		return text[1 : n-1]
	}
	return text
}

// isSecret returns whether values are an object of kind Secret that holds something.
func isSecret(values map[string]any) bool {
	if values["kind"] != "Secret" {
		return false
	}
	return values["data"] != nil || values["stringData"] != nil
}

// isEncrypted returns whether values are an object that refers to a credential or encrypts it.
// Such an object has keys with the names of credentials, and holds none.
func isEncrypted(values map[string]any) bool {
	version, _ := values["apiVersion"].(string)
	group, _, _ := strings.Cut(version, "/")
	return group == "external-secrets.io" || group == "bitnami.com"
}

var plainKey = regexp.MustCompile(`^[A-Za-z_$][\w$-]*$`)

// Join returns the path of a key below path, as Pulumi's command line writes it: a key with
// a dot is in brackets.
func Join(path, key string) string {
	switch {
	case !plainKey.MatchString(key):
		return fmt.Sprintf("%s[%q]", path, key)
	case path == "":
		return key
	}
	return path + "." + key
}
