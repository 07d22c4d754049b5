package lab

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestReleases has the addresses of each release as its publisher has them. A part without an
// address has no release for that system.
func TestReleases(t *testing.T) {
	for _, variable := range baseVariables {
		t.Setenv(variable, "")
	}
	parts := map[string]Part{}
	for _, p := range releases() {
		parts[p.Name] = p
	}
	tested := map[string]int{}
	for _, test := range []struct{ part, version, goos, goarch, url, sums, member string }{
		{"pulumi", "v3.216.0", "linux", "amd64",
			"https://github.com/pulumi/pulumi/releases/download/v3.216.0/pulumi-v3.216.0-linux-x64.tar.gz",
			"https://github.com/pulumi/pulumi/releases/download/v3.216.0/SHA512SUMS", "pulumi/pulumi"},
		{"pulumi-language-go", "v3.216.0", "linux", "amd64",
			"https://github.com/pulumi/pulumi/releases/download/v3.216.0/pulumi-v3.216.0-linux-x64.tar.gz",
			"https://github.com/pulumi/pulumi/releases/download/v3.216.0/SHA512SUMS", "pulumi/pulumi-language-go"},
		{"pulumi-resource-kubernetes", "4.24.0", "linux", "amd64",
			"https://github.com/pulumi/pulumi-kubernetes/releases/download/v4.24.0/pulumi-resource-kubernetes-v4.24.0-linux-amd64.tar.gz",
			"https://github.com/pulumi/pulumi-kubernetes/releases/download/v4.24.0/pulumi-kubernetes_4.24.0_checksums.txt", "pulumi-resource-kubernetes"},
		{"pulumi-resource-minio", "0.16.3", "linux", "amd64",
			"https://github.com/pulumi/pulumi-minio/releases/download/v0.16.3/pulumi-resource-minio-v0.16.3-linux-amd64.tar.gz",
			"https://github.com/pulumi/pulumi-minio/releases/download/v0.16.3/pulumi-minio_0.16.3_checksums.txt", "pulumi-resource-minio"},
		{"pulumi-resource-random", "4.18.4", "linux", "amd64",
			"https://github.com/pulumi/pulumi-random/releases/download/v4.18.4/pulumi-resource-random-v4.18.4-linux-amd64.tar.gz",
			"https://github.com/pulumi/pulumi-random/releases/download/v4.18.4/pulumi-random_4.18.4_checksums.txt", "pulumi-resource-random"},
		{"kube-apiserver", "v1.36.3", "linux", "amd64",
			"https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kube-apiserver",
			"https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kube-apiserver.sha256", ""},
		{"kube-controller-manager", "v1.36.3", "linux", "amd64",
			"https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kube-controller-manager",
			"https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kube-controller-manager.sha256", ""},
		{"kube-scheduler", "v1.36.3", "linux", "amd64",
			"https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kube-scheduler",
			"https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kube-scheduler.sha256", ""},
		{"kubectl", "v1.36.3", "linux", "amd64",
			"https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kubectl",
			"https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kubectl.sha256", ""},
		{"kubelet", "v1.36.3", "linux", "amd64",
			"https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kubelet",
			"https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kubelet.sha256", ""},
		{"kube-proxy", "v1.36.3", "linux", "amd64",
			"https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kube-proxy",
			"https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kube-proxy.sha256", ""},
		{"etcd", "v3.6.16", "linux", "amd64",
			"https://github.com/etcd-io/etcd/releases/download/v3.6.16/etcd-v3.6.16-linux-amd64.tar.gz",
			"https://github.com/etcd-io/etcd/releases/download/v3.6.16/SHA256SUMS", "etcd-v3.6.16-linux-amd64/etcd"},
		{"minio", "v0.0.0-20260212201848-7aac2a2c5b7c", "linux", "amd64",
			"https://dl.min.io/server/minio/release/linux-amd64/archive/minio.RELEASE.2025-09-07T16-13-09Z",
			"https://dl.min.io/server/minio/release/linux-amd64/archive/minio.RELEASE.2025-09-07T16-13-09Z.sha256sum", ""},
		{"pulumi", "v3.216.0", "linux", "arm64",
			"https://github.com/pulumi/pulumi/releases/download/v3.216.0/pulumi-v3.216.0-linux-arm64.tar.gz",
			"https://github.com/pulumi/pulumi/releases/download/v3.216.0/SHA512SUMS", "pulumi/pulumi"},
		{"pulumi-language-go", "v3.216.0", "linux", "arm64",
			"https://github.com/pulumi/pulumi/releases/download/v3.216.0/pulumi-v3.216.0-linux-arm64.tar.gz",
			"https://github.com/pulumi/pulumi/releases/download/v3.216.0/SHA512SUMS", "pulumi/pulumi-language-go"},
		{"pulumi-resource-kubernetes", "4.24.0", "linux", "arm64",
			"https://github.com/pulumi/pulumi-kubernetes/releases/download/v4.24.0/pulumi-resource-kubernetes-v4.24.0-linux-arm64.tar.gz",
			"https://github.com/pulumi/pulumi-kubernetes/releases/download/v4.24.0/pulumi-kubernetes_4.24.0_checksums.txt", "pulumi-resource-kubernetes"},
		{"pulumi-resource-minio", "0.16.3", "linux", "arm64",
			"https://github.com/pulumi/pulumi-minio/releases/download/v0.16.3/pulumi-resource-minio-v0.16.3-linux-arm64.tar.gz",
			"https://github.com/pulumi/pulumi-minio/releases/download/v0.16.3/pulumi-minio_0.16.3_checksums.txt", "pulumi-resource-minio"},
		{"pulumi-resource-random", "4.18.4", "linux", "arm64",
			"https://github.com/pulumi/pulumi-random/releases/download/v4.18.4/pulumi-resource-random-v4.18.4-linux-arm64.tar.gz",
			"https://github.com/pulumi/pulumi-random/releases/download/v4.18.4/pulumi-random_4.18.4_checksums.txt", "pulumi-resource-random"},
		{"kube-apiserver", "v1.36.3", "linux", "arm64",
			"https://dl.k8s.io/release/v1.36.3/bin/linux/arm64/kube-apiserver",
			"https://dl.k8s.io/release/v1.36.3/bin/linux/arm64/kube-apiserver.sha256", ""},
		{"kube-controller-manager", "v1.36.3", "linux", "arm64",
			"https://dl.k8s.io/release/v1.36.3/bin/linux/arm64/kube-controller-manager",
			"https://dl.k8s.io/release/v1.36.3/bin/linux/arm64/kube-controller-manager.sha256", ""},
		{"kube-scheduler", "v1.36.3", "linux", "arm64",
			"https://dl.k8s.io/release/v1.36.3/bin/linux/arm64/kube-scheduler",
			"https://dl.k8s.io/release/v1.36.3/bin/linux/arm64/kube-scheduler.sha256", ""},
		{"kubectl", "v1.36.3", "linux", "arm64",
			"https://dl.k8s.io/release/v1.36.3/bin/linux/arm64/kubectl",
			"https://dl.k8s.io/release/v1.36.3/bin/linux/arm64/kubectl.sha256", ""},
		{"kubelet", "v1.36.3", "linux", "arm64",
			"https://dl.k8s.io/release/v1.36.3/bin/linux/arm64/kubelet",
			"https://dl.k8s.io/release/v1.36.3/bin/linux/arm64/kubelet.sha256", ""},
		{"kube-proxy", "v1.36.3", "linux", "arm64",
			"https://dl.k8s.io/release/v1.36.3/bin/linux/arm64/kube-proxy",
			"https://dl.k8s.io/release/v1.36.3/bin/linux/arm64/kube-proxy.sha256", ""},
		{"etcd", "v3.6.16", "linux", "arm64",
			"https://github.com/etcd-io/etcd/releases/download/v3.6.16/etcd-v3.6.16-linux-arm64.tar.gz",
			"https://github.com/etcd-io/etcd/releases/download/v3.6.16/SHA256SUMS", "etcd-v3.6.16-linux-arm64/etcd"},
		{"minio", "v0.0.0-20260212201848-7aac2a2c5b7c", "linux", "arm64",
			"https://dl.min.io/server/minio/release/linux-arm64/archive/minio.RELEASE.2025-09-07T16-13-09Z",
			"https://dl.min.io/server/minio/release/linux-arm64/archive/minio.RELEASE.2025-09-07T16-13-09Z.sha256sum", ""},
		{"pulumi", "v3.216.0", "darwin", "arm64",
			"https://github.com/pulumi/pulumi/releases/download/v3.216.0/pulumi-v3.216.0-darwin-arm64.tar.gz",
			"https://github.com/pulumi/pulumi/releases/download/v3.216.0/SHA512SUMS", "pulumi/pulumi"},
		{"pulumi-language-go", "v3.216.0", "darwin", "arm64",
			"https://github.com/pulumi/pulumi/releases/download/v3.216.0/pulumi-v3.216.0-darwin-arm64.tar.gz",
			"https://github.com/pulumi/pulumi/releases/download/v3.216.0/SHA512SUMS", "pulumi/pulumi-language-go"},
		{"pulumi-resource-kubernetes", "4.24.0", "darwin", "arm64",
			"https://github.com/pulumi/pulumi-kubernetes/releases/download/v4.24.0/pulumi-resource-kubernetes-v4.24.0-darwin-arm64.tar.gz",
			"https://github.com/pulumi/pulumi-kubernetes/releases/download/v4.24.0/pulumi-kubernetes_4.24.0_checksums.txt", "pulumi-resource-kubernetes"},
		{"pulumi-resource-minio", "0.16.3", "darwin", "arm64",
			"https://github.com/pulumi/pulumi-minio/releases/download/v0.16.3/pulumi-resource-minio-v0.16.3-darwin-arm64.tar.gz",
			"https://github.com/pulumi/pulumi-minio/releases/download/v0.16.3/pulumi-minio_0.16.3_checksums.txt", "pulumi-resource-minio"},
		{"pulumi-resource-random", "4.18.4", "darwin", "arm64",
			"https://github.com/pulumi/pulumi-random/releases/download/v4.18.4/pulumi-resource-random-v4.18.4-darwin-arm64.tar.gz",
			"https://github.com/pulumi/pulumi-random/releases/download/v4.18.4/pulumi-random_4.18.4_checksums.txt", "pulumi-resource-random"},
		{part: "kube-apiserver", version: "v1.36.3", goos: "darwin", goarch: "arm64"},
		{part: "kube-controller-manager", version: "v1.36.3", goos: "darwin", goarch: "arm64"},
		{part: "kube-scheduler", version: "v1.36.3", goos: "darwin", goarch: "arm64"},
		{"kubectl", "v1.36.3", "darwin", "arm64",
			"https://dl.k8s.io/release/v1.36.3/bin/darwin/arm64/kubectl",
			"https://dl.k8s.io/release/v1.36.3/bin/darwin/arm64/kubectl.sha256", ""},
		{part: "kubelet", version: "v1.36.3", goos: "darwin", goarch: "arm64"},
		{part: "kube-proxy", version: "v1.36.3", goos: "darwin", goarch: "arm64"},
		{part: "etcd", version: "v3.6.16", goos: "darwin", goarch: "arm64"},
		{"minio", "v0.0.0-20260212201848-7aac2a2c5b7c", "darwin", "arm64",
			"https://dl.min.io/server/minio/release/darwin-arm64/archive/minio.RELEASE.2025-09-07T16-13-09Z",
			"https://dl.min.io/server/minio/release/darwin-arm64/archive/minio.RELEASE.2025-09-07T16-13-09Z.sha256sum", ""},
		{"kwok", "v0.8.0", "linux", "amd64",
			"https://github.com/kubernetes-sigs/kwok/releases/download/v0.8.0/kwok-linux-amd64",
			"https://api.github.com/repos/kubernetes-sigs/kwok/releases/tags/v0.8.0", ""},
		{"kwokctl", "v0.8.0", "linux", "amd64",
			"https://github.com/kubernetes-sigs/kwok/releases/download/v0.8.0/kwokctl-linux-amd64",
			"https://api.github.com/repos/kubernetes-sigs/kwok/releases/tags/v0.8.0", ""},
		{"kwok", "v0.8.0", "linux", "arm64",
			"https://github.com/kubernetes-sigs/kwok/releases/download/v0.8.0/kwok-linux-arm64",
			"https://api.github.com/repos/kubernetes-sigs/kwok/releases/tags/v0.8.0", ""},
		{"kwokctl", "v0.8.0", "linux", "arm64",
			"https://github.com/kubernetes-sigs/kwok/releases/download/v0.8.0/kwokctl-linux-arm64",
			"https://api.github.com/repos/kubernetes-sigs/kwok/releases/tags/v0.8.0", ""},
		{"kwok", "v0.8.0", "darwin", "arm64",
			"https://github.com/kubernetes-sigs/kwok/releases/download/v0.8.0/kwok-darwin-arm64",
			"https://api.github.com/repos/kubernetes-sigs/kwok/releases/tags/v0.8.0", ""},
		{"kwokctl", "v0.8.0", "darwin", "arm64",
			"https://github.com/kubernetes-sigs/kwok/releases/download/v0.8.0/kwokctl-darwin-arm64",
			"https://api.github.com/repos/kubernetes-sigs/kwok/releases/tags/v0.8.0", ""},
	} {
		p, name := parts[test.part], test.part+" "+test.goos+"/"+test.goarch
		tested[test.part]++
		assert.Equal(t, test.url != "", p.hasReleaseFor(test.goos), name)
		if test.url == "" {
			continue
		}
		a := p.release.asset(test.version, test.goos, test.goarch)
		assert.Equal(t, []string{test.url, test.sums, test.member}, []string{a.url, a.sums, a.member}, name)
	}
	for name := range parts {
		assert.Equal(t, 3, tested[name], name)
	}
}

// TestAPartWithoutAReleaseForASystem downloads for macOS, where LAB_PARTS=download compiles some.
func TestAPartWithoutAReleaseForASystem(t *testing.T) {
	p := newPublisher(t)
	b, log := newBuilder(t)
	b.goos, b.goarch = "darwin", "arm64"
	parts := []Part{part("kubectl"), part("kube-apiserver"), part("etcd"), part("kube-scheduler")}
	a, err := b.asset(parts[0])
	assert.NoError(t, err)
	p.publish(t, "kubectl", a, sha256Of)
	left, err := b.downloadAll(t.Context(), parts, partsDownload, map[string]string{})
	assert.NoError(t, err)
	assert.Len(t, left, 3)
	for _, part := range parts[1:] {
		assert.Contains(t, log.String(), "lab: "+part.Name+" has no official release with checksums for darwin\n")
	}
	assert.Contains(t, log.String(), "lab: downloading kubectl ")
	assert.NotContains(t, log.String(), "is not reached")
}
