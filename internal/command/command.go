// Package command has the commands that messages suggest, in a form that can be pasted.
package command

import (
	"os"
	"regexp"
	"slices"
	"strings"
)

// MakeVariable names the environment variable that the Makefile and the lab set: messages name
// make's targets then.
const MakeVariable = "PICLUSTER_MAKE"

// labStack is the stack that make starts the lab for.
const labStack = "lab"

// Names has the commands of a stack. Its zero value knows neither the stack nor its cluster.
type Names struct {
	// Stack is the name of the stack.
	Stack string
	// Make is true if messages name make's targets in place of picluster's own commands.
	Make bool

	reachable     bool // by the flags
	kubectl, helm []string
}

// Of returns the commands of a stack, whose cluster is not known.
func Of(stack string) Names { return Names{Stack: stack, Make: os.Getenv(MakeVariable) != ""} }

// In returns the commands of a stack in the cluster that settings of Pulumi's Kubernetes provider
// name: kubeconfig, context and cluster. Without a setting it is the cluster that kubectl uses.
func (n Names) In(setting func(name string) string) Names {
	n.kubectl, n.helm = nil, nil
	file, context, cluster := setting("kubeconfig"), setting("context"), setting("cluster")
	// A kubeconfig is a path or a document. No flag takes a document, which has credentials.
	if n.reachable = !strings.ContainsAny(file, "\n{"); !n.reachable {
		return n
	}
	for _, flag := range []struct{ value, kubectl, helm string }{
		{file, "--kubeconfig", "--kubeconfig"}, {context, "--context", "--kube-context"},
	} {
		if flag.value != "" {
			n.kubectl = append(n.kubectl, flag.kubectl, flag.value)
			n.helm = append(n.helm, flag.helm, flag.value)
		}
	}
	if cluster != "" { // for which Helm has no flag
		n.kubectl, n.helm = append(n.kubectl, "--cluster", cluster), nil
	}
	return n
}

// OnLab reports whether the stack is the lab's, whose Pulumi and cluster are not the user's own.
func (n Names) OnLab() bool { return n.Make && n.Stack == labStack }

// lab begins a command that runs on the lab.
const lab = "bin/lab run "

// Picluster returns one of picluster's own commands, which may have flags.
func (n Names) Picluster(command string) string {
	name, flags, _ := strings.Cut(command, " ")
	stack := Quote(n.Stack)
	switch {
	case n.OnLab() && flags == "":
		return "make " + name
	case n.Make && flags == "":
		return "make " + name + " STACK=" + stack
	}
	text := strings.TrimSpace("picluster " + name + " --stack " + stack + " " + flags)
	switch {
	case n.OnLab():
		return lab + "bin/" + text
	case n.Make: // which compiles it
		return "bin/" + text
	}
	return text
}

// Pulumi returns a command of Pulumi on the stack.
func (n Names) Pulumi(command string) string {
	text := "pulumi " + command + " --stack " + Quote(n.Stack)
	if n.OnLab() {
		return lab + text
	}
	return text
}

// Down returns the command that removes what up has created.
func (n Names) Down() string {
	if n.OnLab() {
		return "make down"
	}
	text := "picluster destroy --stack " + Quote(n.Stack)
	if n.Make { // which has no target for it
		text = "bin/" + text
	}
	return text
}

// Kubectl returns a command of kubectl in the stack's cluster. If it is not known how kubectl
// reaches the cluster, the text says that it must.
func (n Names) Kubectl(args ...string) string {
	if n.OnLab() {
		return lab + words("kubectl", args)
	}
	return n.elsewhere(!n.reachable) + words("kubectl", n.kubectl, args)
}

// Helm is Kubectl for a command of Helm.
func (n Names) Helm(args ...string) string {
	if n.OnLab() { // which has Helm as a tool of the module ops
		return lab + words("go -C ops tool helm", args)
	}
	return n.elsewhere(!n.reachable || len(n.helm) < len(n.kubectl)) + words("helm", n.helm, args)
}

// elsewhere begins a command that may be of another cluster than kubectl's current one.
func (n Names) elsewhere(is bool) string {
	if is {
		return "in the stack's cluster, "
	}
	return ""
}

// words returns a program and its quoted arguments.
func words(program string, args ...[]string) string {
	text := []string{program}
	for _, arg := range slices.Concat(args...) {
		text = append(text, Quote(arg))
	}
	return strings.Join(text, " ")
}

// plain is what no shell changes.
var plain = regexp.MustCompile(`^[A-Za-z0-9@%+=:,./_-]+$`)

// Quote returns a word as a POSIX shell takes it. A path in the home directory keeps its ~, which
// the shell replaces.
func Quote(word string) string {
	home, rest := "", word
	if path, found := strings.CutPrefix(word, "~/"); found {
		home, rest = "~/", path
	}
	if plain.MatchString(rest) || rest == "" && home != "" {
		return word
	}
	return home + "'" + strings.ReplaceAll(rest, "'", `'\''`) + "'"
}
