package kubernetes_test

import (
	"strings"
	"testing"

	"github.com/picluster/picluster/components/kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
)

func TestLabelsAndAnnotations(t *testing.T) {
	const keyRule = "a key of 1 to 63 letters, digits, -, _ or ., with a letter or digit first and last, and a DNS subdomain and / before it if it has a prefix"
	name := pulumi.String("a")
	bad := map[string]string{"a b": "c", "team": "a b", "x.io/team": "c", "-": "-"}
	notes := map[string]string{"a b": "any text {}", "Example.com/note": "any text {}"}
	want := `Labels["-"]: got "-"; want ` + keyRule + `
Labels["-"]: got "-"; want a value of at most 63 letters, digits, -, _ or ., with a letter or digit first and last
Labels["a b"]: got "a b"; want ` + keyRule + `
Labels.team: got "a b"; want a value of at most 63 letters, digits, -, _ or ., with a letter or digit first and last
Annotations["a b"]: got "a b"; want ` + keyRule
	assert.EqualError(t, kubernetes.NamespaceArgs{Name: name, Labels: bad, Annotations: notes}.Validate(), want)
	assert.EqualError(t, kubernetes.SecretArgs{Name: name, Namespace: name, Labels: bad, Annotations: notes}.Validate(), want)
	data := map[string]pulumi.StringInput{"a": name}
	assert.EqualError(t, kubernetes.ConfigMapArgs{Name: name, Namespace: name, Data: data, Labels: bad, Annotations: notes}.Validate(), want)

	most := map[string]string{"a": strings.Repeat("b", 256<<10-1)}
	assert.NoError(t, kubernetes.NamespaceArgs{Name: name, Annotations: most}.Validate())
	most["b"] = ""
	assert.EqualError(t, kubernetes.NamespaceArgs{Name: name, Annotations: most}.Validate(), "Annotations: got 262145; want at most 262144 bytes")
}

func TestPodSecurityAndItsLabel(t *testing.T) {
	args := kubernetes.NamespaceArgs{Name: pulumi.String("a"), Labels: map[string]string{"pod-security.kubernetes.io/enforce": "privileged"}}
	assert.NoError(t, args.Validate())
	args.PodSecurity = "restricted"
	assert.EqualError(t, args.Validate(), `Labels["pod-security.kubernetes.io/enforce"]: want nothing with PodSecurity, which sets it`)
}
