package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// node is a kubelet with a containerd of its own. It shares its machine's network
// with the other nodes, and has an address, a range of pods and a cgroup of its own.
type node struct {
	lab    *Lab
	number int
}

func (n node) hostname() string           { return fmt.Sprintf("node-%d", n.number) }
func (n node) address() string            { return fmt.Sprintf("10.199.0.%d", n.number) }
func (n node) podCIDR() string            { return fmt.Sprintf("10.198.%d.0/24", n.number) }
func (n node) dir() string                { return n.lab.nodes().path(n.hostname()) }
func (n node) path(name string) string    { return filepath.Join(n.dir(), name) }
func (n node) socket() string             { return n.path("containerd.sock") }
func (n node) name(process string) string { return process + "-" + n.hostname() }
func (n node) cgroup() string             { return n.lab.machine().name() + "/" + n.hostname() }

// startContainerd starts containerd, and waits until it responds.
func (n node) startContainerd(s *supervisor) error {
	if err := n.writeAll(map[string]string{
		"containerd.toml":        n.containerdConfig(),
		"cni/net.d/lab.conflist": n.cniConfig(),
		"resolv.conf":            "", // pods resolve the cluster's names alone
	}); err != nil {
		return err
	}
	if err := s.start(n.name("containerd"), nil, command("containerd"), "--config", n.path("containerd.toml")); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(s.ctx, 30*time.Second, errors.New("containerd did not become healthy"))
	defer cancel()
	if err := poll(ctx, 100*time.Millisecond, func() error { return n.ctr(ctx, "version") }); err != nil {
		return s.explain(err, n.name("containerd"))
	}
	return nil
}

// startKubelet starts the kubelet, which registers the node.
func (n node) startKubelet(s *supervisor) error {
	if err := n.writeAll(map[string]string{"kubelet.yaml": n.kubeletConfig()}); err != nil {
		return err
	}
	return s.start(n.name("kubelet"), nil, filepath.Join(n.lab.bin(), "kubelet"),
		"--config", n.path("kubelet.yaml"),
		"--kubeconfig", n.lab.Kubeconfig(),
		"--root-dir", n.path("kubelet"),
		"--cert-dir", n.path("certs"),
		"--hostname-override", n.hostname(),
		"--node-ip", n.address())
}

// ctr runs containerd's own command.
func (n node) ctr(ctx context.Context, args ...string) error {
	_, err := n.lab.machine().output(ctx, command("ctr"), append([]string{"--address", n.socket(), "--namespace", "k8s.io"}, args...)...)
	return err
}

// writeAll writes files of the node, by their path in its directory.
func (n node) writeAll(files map[string]string) error {
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(n.path(name)), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(n.path(name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (n node) containerdConfig() string {
	// restrict_oom_score_adj: without CAP_SYS_RESOURCE runc may not lower an OOM score, and each
	// sandbox would fail.
	return n.fill(`version = 2
root = "{dir}/containerd"
state = "{dir}/containerd-state"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]

[grpc]
  address = "{socket}"

[plugins."io.containerd.internal.v1.opt"]
  path = "{dir}/opt"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  disable_apparmor = true
  restrict_oom_score_adj = true

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
        BinaryName = "{runc}"

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{plugins}"
    conf_dir = "{dir}/cni/net.d"
`)
}

func (n node) cniConfig() string {
	return n.fill(`{
  "cniVersion": "1.0.0",
  "name": "lab",
  "plugins": [
    {
      "type": "ptp",
      "ipMasq": false,
      "ipam": {
        "type": "host-local",
        "ranges": [[{"subnet": "{podCIDR}"}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": "{dir}/cni/ipam"
      }
    }
  ]
}
`)
}

func (n node) kubeletConfig() string {
	// imageGCHighThresholdPercent: 100 keeps the images, which no registry has.
	// makeIPTablesUtilChains: false because kube-proxy uses nftables.
	return n.fill(`apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
containerRuntimeEndpoint: unix://{socket}
cgroupDriver: cgroupfs
cgroupRoot: /{cgroup}
failCgroupV1: false
failSwapOn: false
address: {address}
port: 10250
readOnlyPort: 0
healthzPort: 0
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: false}
  x509: {clientCAFile: {ca}}
authorization: {mode: AlwaysAllow}
clusterDomain: cluster.local
clusterDNS: [{dns}]
resolvConf: {dir}/resolv.conf
podLogsDir: {dir}/pods
volumePluginDir: {dir}/volume-plugins
makeIPTablesUtilChains: false
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard: {memory.available: "0%", nodefs.available: "0%", nodefs.inodesFree: "0%", imagefs.available: "0%"}
enforceNodeAllocatable: [pods]
localStorageCapacityIsolation: false
shutdownGracePeriod: 0s
`)
}

// fill sets the values in braces.
func (n node) fill(text string) string {
	return strings.NewReplacer(
		"{address}", n.address(),
		"{ca}", filepath.Join(n.lab.cluster().pki(), "ca.crt"),
		"{cgroup}", n.cgroup(),
		"{dir}", n.dir(),
		"{dns}", dnsService,
		"{pause}", pauseImage,
		"{plugins}", cniPlugins,
		"{podCIDR}", n.podCIDR(),
		"{runc}", command("runc"),
		"{socket}", n.socket(),
	).Replace(text)
}
