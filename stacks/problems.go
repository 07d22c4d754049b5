package stacks

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/picluster/picluster/internal/command"
	"github.com/picluster/picluster/internal/field"
)

// problems are what is wrong with a stack's configuration, each with its key and the
// command that fixes it.
type problems struct {
	project  string
	sections []Section
	lines    []string
}

func (p *problems) add(format string, args ...any) {
	if line := fmt.Sprintf(format, args...); !slices.Contains(p.lines, line) {
		p.lines = append(p.lines, line) // each tenant has those of the stack
	}
}

// err returns all problems as one error, or nil. Its commands name the stack, because the one
// that is selected can be another.
func (p *problems) err(stack string) error {
	if len(p.lines) == 0 {
		return nil
	}
	plural := "s"
	if len(p.lines) == 1 {
		plural = ""
	}
	return fmt.Errorf("the configuration in Pulumi.%s.yaml has %d problem%s, and nothing was touched:\n%s",
		stack, len(p.lines), plural, command.OnStack(strings.Join(p.lines, "\n"), stack))
}

// component adds the problems that the component found in its arguments. Tenant is the
// tenant's path in the configuration, such as tenants[0]; empty if the arguments are the
// stack's own.
func (p *problems) component(err error, tenant string, tenantKeys []string) {
	var errs field.Errors
	if !errors.As(err, &errs) {
		return
	}
	for _, e := range errs {
		if len(p.lines) > 0 && slices.Contains(implied, asDatasources(e.Path)) {
			continue
		}
		e.Want = p.inKeys(e.Path, e.Want)
		key, rest := p.find(e.Path)
		switch {
		case key == nil:
			p.add("%s", e)
		case tenant != "" && slices.Contains(tenantKeys, key.Name):
			path := tenant + "." + key.Name
			fix := fmt.Sprintf("set --path '%s' NAME", path)
			if unwanted.MatchString(e.Want) {
				fix = fmt.Sprintf("rm --path '%s'", path)
			}
			p.add("%s:%s: %s. Fix: pulumi config %s", p.project, path, e.Reason(), fix)
		default:
			p.add("%s:%s%s: %s. Fix: %s", p.project, key.Name, rest, e.Reason(), key.fixOf(rest, e))
		}
	}
}

// samePaths are fields that the key of another field sets too.
var samePaths = map[string]string{
	"Grafana.ConfigMap.Namespace":     "Grafana.Release.Namespace",
	"Grafana.Operator.Namespace":      "Grafana.Release.Namespace",
	"Tempo.Network.AllowQueryFrom[0]": "Grafana.Release.Namespace",
	"Monitoring.Labels.release":       "Grafana.Release.Name",
}

// implied are fields whose value comes from a key that another field has a problem with.
var implied = []string{"Grafana.ConfigMap.Name", "Grafana.Preset.Tenant", "Grafana.Release.Timeout", "Grafana.Name"}

// asDatasources returns, for a field of the dashboards, the path of the field of the data
// sources that the same key sets. Any other path stays.
func asDatasources(path string) string {
	rest, ok := strings.CutPrefix(path, "Monitoring.Dashboards.")
	switch {
	case !ok:
		return path
	case rest == "PrometheusUID" || rest == "LokiUID":
		return "Grafana.Preset." + rest
	default:
		return "Grafana." + rest
	}
}

// find returns the key that sets the field at path, and what of the path is inside its
// value.
func (p *problems) find(path string) (found *Key, rest string) {
	path = asDatasources(path)
	if same, ok := samePaths[path]; ok {
		path = same
	}
	for _, section := range p.sections {
		for i, key := range section.Keys {
			inside, ok := strings.CutPrefix(path, key.path)
			if key.path == "" || !ok || inside != "" && inside[0] != '.' && inside[0] != '[' {
				continue
			}
			if found == nil || len(key.path) > len(found.path) {
				found, rest = &section.Keys[i], inside
			}
		}
	}
	if found != nil && found.hasEntries() {
		rest = entryField.ReplaceAllStringFunc(rest, strings.ToLower)
	}
	return found, rest
}

// entryField is the start of a field's name inside an entry: the configuration has it in
// lower case.
var entryField = regexp.MustCompile(`\.[A-Z]`)

// hasEntries returns whether the key is a list of maps.
func (k Key) hasEntries() bool {
	into := reflect.TypeOf(k.into).Elem()
	return into.Kind() == reflect.Slice && into.Elem().Kind() == reflect.Struct
}

// fix returns the command that sets the key to a valid value.
func (k Key) fix() string {
	switch k.Type() {
	case "object", "array":
		if k.Example == "" {
			return "pulumi config rm " + k.Name
		}
		path, value, nested := strings.Cut(k.Example, " ")
		if !nested {
			path, value = "[0]", k.Example
		}
		return fmt.Sprintf("pulumi config set --path '%s%s' %s", k.Name, path, value)
	default:
		value := cmp.Or(k.Example, k.text())
		if value == "" {
			return "pulumi config rm " + k.Name // the default fits the stack's other keys
		}
		return k.setting(value)
	}
}

// setting returns the command that sets a key that is no object or array. Pulumi may take the
// value of a key with "secret" in its name for a secret, and requires --plaintext then.
func (k Key) setting(value string) string {
	plain := ""
	if k.Name == "secretKeyField" {
		plain = "--plaintext "
	}
	if strings.HasPrefix(value, "-") {
		value = "-- " + value // it is no flag
	}
	return fmt.Sprintf("pulumi config set %s%s %s", plain, k.Name, value)
}

// quoted returns a path as one word for a shell.
func quoted(path string) string { return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'" }

// unwanted is the start of a rule that accepts no value.
var unwanted = regexp.MustCompile(`^(nothing|none|no)\b`)

// fixOf returns the command that fixes a problem with the key's value, or with what is at
// rest inside it.
func (k Key) fixOf(rest string, e field.Error) string {
	if got, ok := e.Got.(bool); ok {
		return fmt.Sprintf("pulumi config set %s %t", k.Name, !got)
	}
	if rest != "" {
		return k.fixInside(rest, e)
	}
	if e.Suggestion != "" {
		return k.setting(e.Suggestion)
	}
	if unwanted.MatchString(e.Want) {
		return "pulumi config rm " + k.Name
	}
	return k.fix()
}

// fixInside is fixOf for what is at rest inside the key's value.
func (k Key) fixInside(rest string, e field.Error) string {
	path := quoted(k.Name + rest)
	if e.Suggestion != "" {
		return fmt.Sprintf("pulumi config set --path %s %s", path, e.Suggestion)
	}
	if e.Got != field.Nothing {
		return "pulumi config rm --path " + path
	}
	if k.hasEntries() {
		return fmt.Sprintf("pulumi config set --path %s VALUE", path)
	}
	return "pulumi config rm --path " + quoted(k.Name+rest[:max(strings.LastIndexAny(rest, ".["), 0)]) // there is nothing at rest itself
}

// inverse returns whether the key is true where its field is false.
func (k Key) inverse() bool {
	return k.path == "ObjectStore.ExistingUser" || k.path == "Tempo.DisableStreamOverHTTP"
}

// inWords are fields that no key sets by itself.
var inWords = map[string]string{
	"ObjectStore.Existing": "objectStore: existing",
	"Tempo.Bucket":         "bucket",
	"Grafana.ConfigMap":    "datasources: configmap",
	"Grafana.Operator":     "datasources: operator",
	"Grafana.Release":      "datasources: release",
}

// fieldName is what can be a field of a component: Persistence, Chart.Mode. What is quoted is a
// value.
var fieldName = regexp.MustCompile(`"[^"]*"|\b[A-Z][A-Za-z0-9]*(?:\.[A-Z][A-Za-z0-9]*)*\b`)

// inKeys returns the rule of the field at path with the names of keys in place of the names of
// fields. A field's name is looked up beside the field at path first, and then in the arguments
// around it.
func (p *problems) inKeys(path, rule string) string {
	return fieldName.ReplaceAllStringFunc(rule, func(name string) string {
		for scope := path; ; {
			scope = scope[:max(strings.LastIndex(scope, "."), 0)]
			if words := p.nameOf(strings.TrimPrefix(scope+"."+name, ".")); words != "" {
				return words
			}
			if scope == "" {
				return name
			}
		}
	})
}

// nameOf returns what a user calls the field at path; empty if it is none.
func (p *problems) nameOf(path string) string {
	for _, section := range p.sections {
		for _, key := range section.Keys {
			if key.path != path {
				continue
			}
			if key.inverse() {
				return key.Name + ": false"
			}
			return key.Name
		}
	}
	return inWords[path]
}
