package object

import (
	"encoding/base64"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Redacted replaces a secret value.
const Redacted = "[secret]"

// changed replaces a secret value that is not the one it is compared with.
const changed = "[secret, changed]"

// shortest is the length from which a secret is replaced in other text, because
// a shorter one occurs there by chance. A number of that length can be a secret.
const shortest = 8

// Patterns of redactor. The groups of assignment and pairs are what is before the
// name, the name, what is between it and the value, and the value.
const (
	secretName = `[\w.-]*(?:passw(?:or)?d|secret|token|api[_.-]?key|access[_.-]?key|private[_.-]?key|credential|authorization)[\w.-]*` // #nosec G101 -- a pattern
	someValue  = `(\\".*?\\"|"(?:[^"\\]|\\.)*"|'[^']*'|\[[^\]]*\]|\{[^}]*\}|(?:(?:bearer|basic)\s+)?\S+)`
)

var (
	placeholder = regexp.MustCompile(`\[secret#\d+\]`)
	secretNames = regexp.MustCompile(`(?i)^` + secretName + `$`)
	// references are names of fields that tell where a secret is.
	references = regexp.MustCompile(`(?:Ref|Name|File|Path)s?$|(?i:[_.-](?:ref|name|file|path)s?$|^imagePullSecrets$|^(?:automount)?serviceAccountToken$)`)
	variable   = regexp.MustCompile(`^(?:\$\{\w+\}|\$\(\w+\))?$`)
	harmless   = regexp.MustCompile(`(?i)^(?:true|false|yes|no|on|off|null|~|[-+]?\d{1,7}(?:\.\d{1,7})?|[\[\]{}]+|\[secret(?:#\d+|, changed)?\])$`)
	// urlCredentials accepts a slash in a password, but not one after a port.
	urlCredentials = regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://)([^\s/@:"<>\[]*:(?:[^\s/"<>]*|\d*[^\d\s/"<>][^\s"<>]*))@`)
	flag           = regexp.MustCompile(`^--?[\w.-]+$`)
	blockScalar    = regexp.MustCompile(`^[|>][-+\d]*$`)
	assignment     = regexp.MustCompile(`^([\s+-]*(?:export\s+)?["']?)([\w./-]+)(["']\s*[:=]\s*|:(?:\s+|$)|\s*=\s*)(.*)$`)
	pairs          = []*regexp.Regexp{
		regexp.MustCompile(`(?i)(\\?"name\\?"\s*:\s*\\?")(` + secretName + `)(\\?"\s*,\s*\\?"value\\?"\s*:\s*)` + someValue),
		regexp.MustCompile(`(?i)()(` + secretName + `)(=|\\?["']\s*[:=]\s*)` + someValue),
		regexp.MustCompile(`(?i)([{,"']\s*)(` + secretName + `)(:\s+)("(?:[^"\\]|\\.)*"|'[^']*'|[^,}"']+)`),
		regexp.MustCompile(`(?i)((?:^|[\s"'\[,])--?)(` + secretName + `)(\s+)("[^"]*"|'[^']*'|[^\s-]\S*)`),
	}
)

// Redact returns text without any of secrets, plain or in base64, without
// credentials in URLs, and without values whose names say that they are secret.
func Redact(text string, secrets []string) string { return plain(newRedactor(secrets).text(text)) }

// plain returns text with Redacted for each placeholder.
func plain(text string) string { return placeholder.ReplaceAllString(text, Redacted) }

// redactor replaces secret values with placeholders that are equal if the values are.
type redactor struct {
	secrets []string
	numbers map[string]int
}

func newRedactor(secrets []string) *redactor {
	r := &redactor{numbers: map[string]int{}}
	for _, secret := range secrets {
		if len(secret) >= shortest {
			r.secrets = append(r.secrets, secret, base64.StdEncoding.EncodeToString([]byte(secret)))
		}
	}
	// A secret that contains another is first.
	slices.SortFunc(r.secrets, func(a, b string) int { return len(b) - len(a) })
	return r
}

// hide returns the placeholder for a value.
func (r *redactor) hide(value string) string {
	if _, found := r.numbers[value]; !found {
		r.numbers[value] = len(r.numbers) + 1
	}
	return fmt.Sprintf("[secret#%d]", r.numbers[value])
}

// hideValue is hide for the value of a secret name, unless value says nothing.
func (r *redactor) hideValue(value string) string {
	if isHarmless(value) {
		return value
	}
	return r.hide(value)
}

// object returns the fields of o with placeholders for secret values.
func (r *redactor) object(o *Object) map[string]any {
	if o == nil {
		return nil
	}
	shown, _ := r.value("", o.Object).(map[string]any)
	if IsSecret(o) {
		data := map[string]any{}
		for key, value := range contents(o) {
			data[key] = r.hide(fmt.Sprint(value))
		}
		delete(shown, "stringData")
		shown["data"] = data
	}
	return shown
}

// value returns a value of the given name with placeholders for secret values.
func (r *redactor) value(name string, value any) any {
	switch value := value.(type) {
	case string:
		if isSecretName(name) {
			return r.hideValue(value)
		}
		return r.text(value)
	case map[string]any:
		if isVolume(name) {
			name = ""
		}
		item, _ := value["name"].(string)
		shown := map[string]any{}
		for key, child := range value {
			of := key
			if key == "value" && isSecretName(item) {
				of = item
			} else if isSecretName(name) && key != "name" && !references.MatchString(key) {
				of = name
			}
			shown[key] = r.value(of, child)
		}
		return shown
	case []any:
		shown := make([]any, len(value))
		for i, child := range value {
			of := name
			if text, ok := child.(string); ok && i > 0 && !strings.HasPrefix(text, "-") {
				if before, ok := value[i-1].(string); ok && flag.MatchString(before) {
					of = before
				}
			}
			shown[i] = r.value(of, child)
		}
		return shown
	}
	return value
}

// text returns a text with placeholders for secret values.
func (r *redactor) text(text string) string {
	for _, secret := range r.secrets {
		if strings.Contains(text, secret) {
			text = strings.ReplaceAll(text, secret, r.hide(secret))
		}
	}
	text = urlCredentials.ReplaceAllStringFunc(text, func(url string) string {
		m := urlCredentials.FindStringSubmatch(url)
		if _, password, _ := strings.Cut(m[2], ":"); variable.MatchString(password) {
			return url
		}
		return m[1] + r.hide(m[2]) + "@"
	})

	lines := strings.Split(text, "\n")
	// below is the column of a secret name whose value is on the lines that are
	// indented further; whole is true if that value is a text. item is the name in
	// the line before.
	below, whole, item := -1, false, ""
	for i, line := range lines {
		column := len(line) - len(strings.TrimLeft(line, " \t+-"))
		if column <= below && strings.TrimSpace(line) != "" {
			below = -1
		}
		m := assignment.FindStringSubmatch(line)
		switch {
		case below >= 0 && (whole || m == nil):
			content := strings.TrimLeft(line, " \t")
			if !whole {
				content = line[column:]
			}
			lines[i] = strings.TrimSuffix(line, content) + r.hideValue(content)
			continue
		case m == nil:
			lines[i] = r.line(line)
			continue
		}
		name, value, isYAML := m[2], m[4], strings.Contains(m[3], ":")
		if name == "value" {
			name = item
		}
		item = ""
		if m[2] == "name" {
			item = strings.Trim(value, `"', `)
		}
		opens := isYAML && slices.Contains([]string{"", "{", "["}, value)
		isSecret := isSecretName(name) || below >= 0 && m[2] != "name" && !references.MatchString(name)
		switch {
		case !isSecret || isVolume(name) && (opens || strings.HasPrefix(value, "{") || strings.HasPrefix(value, "[{")):
			lines[i] = r.line(line)
		case below >= 0 && opens: // a section within the value
		case isYAML && (opens || blockScalar.MatchString(value)):
			below, whole = column, !opens
		case !isHarmless(value):
			lines[i] = m[1] + m[2] + m[3] + r.hide(value)
			if below < 0 && isYAML {
				below, whole = column, true
			}
		}
	}
	return strings.Join(lines, "\n")
}

// line returns a line with placeholders for the values of secret names within it.
func (r *redactor) line(line string) string {
	for _, pair := range pairs {
		line = pair.ReplaceAllStringFunc(line, func(text string) string {
			m := pair.FindStringSubmatch(text)
			if !isSecretName(m[2]) || isVolume(m[2]) && strings.HasPrefix(m[4], "{") {
				return m[1] + m[2] + m[3] + r.line(m[4])
			}
			return m[1] + m[2] + m[3] + r.hideValue(m[4])
		})
	}
	return line
}

// isSecretName returns true if a field, variable or flag of that name has a secret value.
func isSecretName(name string) bool {
	return secretNames.MatchString(name) && !references.MatchString(name)
}

// isVolume returns true for fields that, as maps, tell which Secrets are mounted.
func isVolume(name string) bool { return name == "secret" || name == "secrets" }

// isHarmless returns true if a value, with quotes or a comment, is empty, a
// boolean, a number, a reference to a variable, or redacted already.
func isHarmless(value string) bool {
	value, _, _ = strings.Cut(value, " #")
	value = strings.Trim(strings.TrimRight(strings.TrimSpace(value), ","), `"'\`)
	return variable.MatchString(value) || harmless.MatchString(value)
}

// contents returns the values of a Secret by key. One that Pulumi hides as a whole
// has the key "*".
func contents(o *Object) map[string]any {
	data := map[string]any{}
	o = o.DeepCopy()
	encodeText(o)
	for _, section := range []string{"data", "stringData"} {
		switch values := o.Object[section].(type) {
		case map[string]any:
			maps.Copy(data, values)
		case string:
			data["*"] = section + values // because a change moves the values to the other section
		}
	}
	return data
}

// placeholders are those of one side of a comparison, by the text before them.
type placeholders map[string][]string

// add adds the placeholders of a line, and returns the line with Redacted for them.
func (p placeholders) add(where, line string) string {
	for _, at := range placeholder.FindAllStringIndex(line, -1) {
		key := where + plain(line[:at[0]])
		p[key] = append(p[key], line[at[0]:at[1]])
	}
	return plain(line)
}

// compare returns a line of the other side with Redacted or changed for its placeholders.
func (p placeholders) compare(where, line string) string {
	var shown strings.Builder
	end := 0
	for _, at := range placeholder.FindAllStringIndex(line, -1) {
		shown.WriteString(line[end:at[0]])
		others, found := p[where+plain(line[:at[0]])]
		if end = at[1]; found && !slices.Contains(others, line[at[0]:end]) {
			shown.WriteString(changed)
		} else {
			shown.WriteString(Redacted)
		}
	}
	return shown.String() + line[end:]
}

// eachLine returns value with what show returns for each line of its texts. The
// path where is the same for all items of a list.
func eachLine(value any, where string, show func(where, line string) string) any {
	switch value := value.(type) {
	case string:
		lines := strings.Split(value, "\n")
		for i, line := range lines {
			lines[i] = show(where, line)
		}
		return strings.Join(lines, "\n")
	case map[string]any:
		shown := map[string]any{}
		for key, child := range value {
			shown[key] = eachLine(child, where+"."+key, show)
		}
		return shown
	case []any:
		shown := make([]any, len(value))
		for i, child := range value {
			shown[i] = eachLine(child, where+"[]", show)
		}
		return shown
	}
	return value
}
