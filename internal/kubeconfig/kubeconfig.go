// Package kubeconfig finds the cluster that the settings of Pulumi's Kubernetes
// provider name.
package kubeconfig

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	_ "k8s.io/client-go/plugin/pkg/client/auth/oidc" // as the provider: kubeconfigs may name it
	"k8s.io/client-go/tools/clientcmd"
)

// Names are the provider's settings that say which cluster it is.
var Names = []string{"kubeconfig", "context", "cluster"}

// Load returns the client configuration of the cluster that the provider's settings
// name. setting returns the value of one of Names, empty if it is not set. The value
// of kubeconfig is the path of a file, which may start with ~, or the content of one.
// Its default is the kubeconfig that kubectl uses. See
// https://www.pulumi.com/registry/packages/kubernetes/installation-configuration/.
func Load(setting func(name string) string) (clientcmd.ClientConfig, error) {
	overrides := &clientcmd.ConfigOverrides{CurrentContext: setting("context")}
	overrides.Context.Cluster = setting("cluster")
	kubeconfig := setting("kubeconfig")
	if kubeconfig == "" {
		return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(clientcmd.NewDefaultClientConfigLoadingRules(), overrides), nil
	}
	content := []byte(kubeconfig)
	if file, err := os.ReadFile(expand(kubeconfig)); err == nil {
		content = file
	}
	parsed, err := clientcmd.Load(content)
	if err != nil {
		return nil, fmt.Errorf("kubernetes:kubeconfig: is neither a file nor a kubeconfig. Fix: pulumi config set kubernetes:kubeconfig ~/.kube/config: %w", err)
	}
	return clientcmd.NewDefaultClientConfig(*parsed, overrides), nil
}

// expand replaces the ~ of a path by the user's home directory, as the provider does.
func expand(path string) string {
	rest, found := strings.CutPrefix(path, "~/")
	home, err := os.UserHomeDir()
	if !found || err != nil {
		return path
	}
	return filepath.Join(home, rest)
}
