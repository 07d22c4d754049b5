package lab

import (
	"fmt"
	"os"
	"path/filepath"
)

// startProxy starts kube-proxy: one for all nodes, which share their network.
func (n nodes) startProxy(s *supervisor) error {
	path := n.path("kube-proxy.yaml")
	if err := os.WriteFile(path, []byte(n.proxyConfig()), 0o600); err != nil {
		return err
	}
	return s.start("kube-proxy", nil, filepath.Join(n.lab.bin(), "kube-proxy"), "--config", path)
}

func (n nodes) proxyConfig() string {
	// conntrack's limits are the whole machine's, and stay as they are.
	return fmt.Sprintf(`apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clientConnection: {kubeconfig: %q}
clusterCIDR: %s
hostnameOverride: %s
bindAddress: 0.0.0.0
healthzBindAddress: 127.0.0.1:10256
metricsBindAddress: 127.0.0.1:10249
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
nftables: {minSyncPeriod: 100ms}
`, n.lab.Kubeconfig(), podCIDR, n.all()[0].hostname())
}
