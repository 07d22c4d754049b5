package object

import (
	"encoding/base64"
	"maps"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"sigs.k8s.io/yaml"
)

// Redacted stands where a secret value was.
const Redacted = "[secret]"

// shortest is the length from which a secret is looked for in other text: a
// shorter one is in every text by chance.
const shortest = 8

// Redact returns text without any of secrets: as they are, and in base64.
func Redact(text string, secrets []string) string {
	secrets = slices.Clone(secrets)
	// A secret that holds another goes first.
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	for _, secret := range secrets {
		if len(secret) < shortest {
			continue
		}
		text = strings.ReplaceAll(text, secret, Redacted)
		text = strings.ReplaceAll(text, base64.StdEncoding.EncodeToString([]byte(secret)), Redacted)
	}
	return text
}

// redacted is Redact for all the texts in a value.
func redacted(value any, secrets []string) any {
	switch value := value.(type) {
	case string:
		return Redact(value, secrets)
	case map[string]any:
		shown := map[string]any{}
		for key, child := range value {
			shown[key] = redacted(child, secrets)
		}
		return shown
	case []any:
		shown := make([]any, len(value))
		for i, child := range value {
			shown[i] = redacted(child, secrets)
		}
		return shown
	}
	return value
}

// Diff shows how an object changes, as unified diff of its YAML, or returns "" if
// it does not. Either may be nil. Of a Secret it shows which keys change alone.
func Diff(old, new *Object, secrets []string) (string, error) {
	old, new = veil(old, new)
	before, err := text(old)
	if err != nil {
		return "", err
	}
	after, err := text(new)
	if err != nil {
		return "", err
	}
	edits := udiff.Strings(before, after)
	diff, err := udiff.ToUnified("deployed", "new", before, edits, 3)
	return Redact(diff, secrets), err
}

// veil replaces what Secrets hold, so that what changes can be told, and no more.
func veil(old, new *Object) (*Object, *Object) {
	if (old == nil || !IsSecret(old)) && (new == nil || !IsSecret(new)) {
		return old, new
	}
	before, after := contents(old), contents(new)
	veiled := func(o *Object, data map[string]any, changed bool) *Object {
		if o == nil {
			return nil
		}
		o = o.DeepCopy()
		delete(o.Object, "stringData")
		shown := map[string]any{}
		for key := range data {
			shown[key] = Redacted
			if other, found := before[key]; changed && found && other != data[key] {
				shown[key] = "[secret, changed]"
			}
		}
		o.Object["data"] = shown
		return o
	}
	return veiled(old, before, false), veiled(new, after, true)
}

// contents returns what a Secret holds by key; one that Pulumi hides as a whole
// has the key "*".
func contents(o *Object) map[string]any {
	data := map[string]any{}
	if o == nil {
		return data
	}
	o = o.DeepCopy()
	encodeText(o)
	for _, section := range []string{"data", "stringData"} {
		switch values := o.Object[section].(type) {
		case map[string]any:
			maps.Copy(data, values)
		case string:
			data["*"] = section + values // they trade places when what is in them changes
		}
	}
	return data
}

func text(o *Object) (string, error) {
	if o == nil {
		return "", nil
	}
	out, err := yaml.Marshal(o.Object)
	return string(out), err
}
