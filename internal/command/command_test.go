package command_test

import (
	"os/exec"
	"testing"

	"github.com/picluster/picluster/internal/command"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// settings returns the settings of a provider.
func settings(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

func TestKubectl(t *testing.T) {
	const document = "{\"apiVersion\":\"v1\",\"users\":[{\"user\":{\"token\":\"hunter2\"}}]}"
	get := []string{"get", "pods", "--namespace", "tempo"}
	for name, test := range map[string]struct {
		names         command.Names
		settings      map[string]string
		kubectl, helm string
	}{
		"kubectl's own": {command.Names{Stack: "s"}, nil, "kubectl get pods --namespace tempo", "helm get pods --namespace tempo"},
		"a context": {
			command.Names{Stack: "s"}, map[string]string{"context": "pi"},
			"kubectl --context pi get pods --namespace tempo", "helm --kube-context pi get pods --namespace tempo",
		},
		"a context to quote": {
			command.Names{Stack: "s"}, map[string]string{"context": "it's $HOME; rm"},
			`kubectl --context 'it'\''s $HOME; rm' get pods --namespace tempo`, `helm --kube-context 'it'\''s $HOME; rm' get pods --namespace tempo`,
		},
		"a file": {
			command.Names{Stack: "s"}, map[string]string{"kubeconfig": "~/.kube/my config"},
			"kubectl --kubeconfig ~/'.kube/my config' get pods --namespace tempo", "helm --kubeconfig ~/'.kube/my config' get pods --namespace tempo",
		},
		"a context of a file": {
			command.Names{Stack: "s", Make: true}, map[string]string{"kubeconfig": "/etc/k3s.yaml", "context": "pi"},
			"kubectl --kubeconfig /etc/k3s.yaml --context pi get pods --namespace tempo", "helm --kubeconfig /etc/k3s.yaml --kube-context pi get pods --namespace tempo",
		},
		"a cluster": {
			command.Names{Stack: "s"}, map[string]string{"cluster": "pi"},
			"kubectl --cluster pi get pods --namespace tempo", "in the stack's cluster, helm get pods --namespace tempo",
		},
		"a document": {
			command.Names{Stack: "s"}, map[string]string{"kubeconfig": document, "context": "pi"},
			"in the stack's cluster, kubectl get pods --namespace tempo", "in the stack's cluster, helm get pods --namespace tempo",
		},
		"the lab": {
			command.Names{Stack: "lab", Make: true}, map[string]string{"kubeconfig": "/lab/kubeconfig"},
			"bin/lab run kubectl get pods --namespace tempo", "bin/lab run go -C ops tool helm get pods --namespace tempo",
		},
		"the user's own stack of that name": {
			command.Names{Stack: "lab"}, map[string]string{"context": "pi"},
			"kubectl --context pi get pods --namespace tempo", "helm --kube-context pi get pods --namespace tempo",
		},
	} {
		t.Run(name, func(t *testing.T) {
			names := test.names.In(settings(test.settings))
			assert.Equal(t, test.kubectl, names.Kubectl(get...))
			assert.Equal(t, test.helm, names.Helm(get...))
		})
	}
	assert.Equal(t, "in the stack's cluster, kubectl get pods --namespace tempo", command.Of("s").Kubectl(get...), "its cluster is not known")
	assert.Equal(t, "kubectl get pods --namespace tempo",
		command.Of("s").In(settings(map[string]string{"context": "pi"})).In(settings(nil)).Kubectl(get...), "the settings of before stay")
}

func TestPicluster(t *testing.T) {
	for name, test := range map[string]struct {
		stack, make          string
		up, flags, out, down string
	}{
		"a user's": {
			"dev", "", "picluster up --stack dev", "picluster up --stack dev --other-cluster", "pulumi stack output NAME --stack dev", "picluster destroy --stack dev",
		},
		"a user's, by make": {
			"dev", "yes", "make up STACK=dev", "bin/picluster up --stack dev --other-cluster", "pulumi stack output NAME --stack dev", "bin/picluster destroy --stack dev",
		},
		"the lab": {
			"lab", "yes", "make up", "bin/lab run bin/picluster up --stack lab --other-cluster", "bin/lab run pulumi stack output NAME --stack lab", "make down",
		},
		"a user's of that name": {
			"lab", "", "picluster up --stack lab", "picluster up --stack lab --other-cluster", "pulumi stack output NAME --stack lab", "picluster destroy --stack lab",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(command.MakeVariable, test.make)
			names := command.Of(test.stack)
			assert.Equal(t, test.up, names.Picluster("up"))
			assert.Equal(t, test.flags, names.Picluster("up --other-cluster"))
			assert.Equal(t, test.out, names.Pulumi("stack output NAME"))
			assert.Equal(t, test.down, names.Down())
		})
	}
}

// TestQuote has a shell return each word as it was.
func TestQuote(t *testing.T) {
	t.Setenv("HOME", "/home/me")
	for word, want := range map[string]string{
		"tempo-0": "tempo-0", "": "", "a b": "a b", "it's": "it's", "$HOME": "$HOME", "`id`": "`id`", `\`: `\`, "a;b|c&d>e": "a;b|c&d>e", "*": "*", "~": "~",
		"#x": "#x", "a\nb": "a\nb", "~/x": "/home/me/x", "~/a b": "/home/me/a b", "~/": "/home/me/", "user@cluster.local:6443/x": "user@cluster.local:6443/x",
	} {
		out, err := exec.Command("sh", "-c", "printf %s "+command.Quote(word)).Output()
		require.NoError(t, err, word)
		assert.Equal(t, want, string(out))
	}
	assert.Equal(t, "arn:aws:eks:eu-west-1:1:cluster/pi", command.Quote("arn:aws:eks:eu-west-1:1:cluster/pi"))
}
