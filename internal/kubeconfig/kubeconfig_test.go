package kubeconfig_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/picluster/picluster/internal/kubeconfig"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const file = `{"apiVersion":"v1","kind":"Config","current-context":"one",
	"clusters":[{"name":"one","cluster":{"server":"https://one"}},{"name":"two","cluster":{"server":"https://two"}}],
	"contexts":[{"name":"one","context":{"cluster":"one"}},{"name":"two","context":{"cluster":"two"}}]}`

func TestLoad(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	path := filepath.Join(home, "config")
	require.NoError(t, os.WriteFile(path, []byte(file), 0o600))
	t.Setenv("KUBECONFIG", path)
	for name, test := range map[string]struct {
		settings map[string]string
		server   string
		err      string
	}{
		"what kubectl takes": {nil, "https://one", ""},
		"a path":             {map[string]string{"kubeconfig": path}, "https://one", ""},
		"a path in the home": {map[string]string{"kubeconfig": "~/config"}, "https://one", ""},
		"the content":        {map[string]string{"kubeconfig": file}, "https://one", ""},
		"a context":          {map[string]string{"kubeconfig": path, "context": "two"}, "https://two", ""},
		"kubectl's context":  {map[string]string{"context": "two"}, "https://two", ""},
		"a cluster":          {map[string]string{"kubeconfig": path, "cluster": "two"}, "https://two", ""},
		"no such context":    {map[string]string{"kubeconfig": path, "context": "three"}, "", `context "three" does not exist`},
		"no such file":       {map[string]string{"kubeconfig": "~/none"}, "", "kubernetes:kubeconfig: is neither a file nor a kubeconfig"},
	} {
		t.Run(name, func(t *testing.T) {
			loader, err := kubeconfig.Load(func(name string) string { return test.settings[name] })
			if err == nil {
				config, configErr := loader.ClientConfig()
				if err = configErr; err == nil {
					assert.Equal(t, test.server, config.Host)
				}
			}
			if test.err == "" {
				require.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, test.err)
			}
		})
	}
}
