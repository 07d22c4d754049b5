package lab

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
)

// release is where the publisher of a part has it, with a list of checksums. In its texts {base}
// is the publisher's server, {version} and {number} are the part's version with and without its
// v, and {os}, {arch} and {x64} are the machine's.
type release struct {
	// variable names the environment variable that has another base, such as a mirror's.
	variable, base string
	// url is the file's, and sums its checksums': of all files of the release, or of one. {api} in
	// sums is GitHub's API, for a publisher without a list: it has a digest of each file that was
	// uploaded since June 2025.
	url, sums string
	// member is the program's path in an archive; empty if the file is the program.
	member string
	// of is the part whose version it is; empty for the part's own.
	of string
	// version is the release's, if the part is compiled from another one.
	version string
	// linuxOnly says that only Linux has it in this form.
	linuxOnly bool
}

// Variables for the bases of the publishers' servers.
const (
	githubVariable     = "LAB_GITHUB_URL"
	githubAPIVariable  = "LAB_GITHUB_API_URL"
	kubernetesVariable = "LAB_KUBERNETES_URL"
	minioVariable      = "LAB_MINIO_URL"
)

// pulumiRelease returns the release of a member of Pulumi's archive. Its checksums are in
// SHA512SUMS. See https://github.com/pulumi/pulumi/releases.
func pulumiRelease(member string) *release {
	const dir = "{base}/pulumi/pulumi/releases/download/{version}/"
	return &release{
		variable: githubVariable, base: "https://github.com", of: "pulumi",
		url: dir + "pulumi-{version}-{os}-{x64}.tar.gz", sums: dir + "SHA512SUMS", member: "pulumi/" + member,
	}
}

// pluginRelease returns the release of a published plugin. Its list has checksums of SHA-256 or,
// from newer release workflows (shasum without -a), of SHA-1.
func pluginRelease(name string) *release {
	dir := "{base}/pulumi/pulumi-" + name + "/releases/download/v{number}/"
	return &release{
		variable: githubVariable, base: "https://github.com",
		url:  dir + "pulumi-resource-" + name + "-v{number}-{os}-{arch}.tar.gz",
		sums: dir + "pulumi-" + name + "_{number}_checksums.txt", member: "pulumi-resource-" + name,
	}
}

// kubernetesRelease returns the release of a program of Kubernetes, which has a checksum file of
// its own. Of those that the lab runs, other systems than Linux have kubectl alone. See
// https://kubernetes.io/releases/download/.
func kubernetesRelease(name string) *release {
	const dir = "{base}/release/{version}/bin/{os}/{arch}/"
	return &release{
		variable: kubernetesVariable, base: "https://dl.k8s.io",
		url: dir + name, sums: dir + name + ".sha256", linuxOnly: name != "kubectl",
	}
}

// etcdRelease is an archive of another kind, .zip, for other systems than Linux.
var etcdRelease = &release{
	variable: githubVariable, base: "https://github.com",
	url:    "{base}/etcd-io/etcd/releases/download/{version}/etcd-{version}-{os}-{arch}.tar.gz",
	sums:   "{base}/etcd-io/etcd/releases/download/{version}/SHA256SUMS",
	member: "etcd-{version}-{os}-{arch}/etcd", linuxOnly: true,
}

// kwokRelease returns the release of a program of kwok, which publishes no list. See
// https://github.com/kubernetes-sigs/kwok/blob/v0.8.0/hack/releases.sh for its files, and
// https://docs.github.com/en/rest/releases/releases#get-a-release-by-tag-name for their digests.
func kwokRelease(name string) *release {
	const repository = "kubernetes-sigs/kwok"
	return &release{
		variable: githubVariable, base: "https://github.com",
		url:  "{base}/" + repository + "/releases/download/{version}/" + name + "-{os}-{arch}",
		sums: "{api}/repos/" + repository + "/releases/tags/{version}",
	}
}

// minioRelease is the last server that MinIO published as a binary; the module is newer.
var minioRelease = &release{
	variable: minioVariable, base: "https://dl.min.io", version: "RELEASE.2025-09-07T16-13-09Z",
	url:  "{base}/server/minio/release/{os}-{arch}/archive/minio.{version}",
	sums: "{base}/server/minio/release/{os}-{arch}/archive/minio.{version}.sha256sum",
}

// hasReleaseFor reports whether the publisher of p has a release, with checksums, for a system.
func (p Part) hasReleaseFor(goos string) bool {
	return p.release != nil && (goos == "linux" || !p.release.linuxOnly)
}

// asset is a release of one version for one system.
type asset struct {
	version, url, sums, member string
	// server is the base of its publisher's server.
	server string
}

// asset returns the release of a version for a system.
func (r *release) asset(version, goos, goarch string) asset {
	version = cmp.Or(r.version, version)
	x64 := goarch
	if x64 == "amd64" {
		x64 = "x64"
	}
	server := baseOf(r.variable, r.base)
	fill := strings.NewReplacer(
		"{base}", server, "{api}", baseOf(githubAPIVariable, "https://api.github.com"),
		"{version}", version, "{number}", strings.TrimPrefix(version, "v"),
		"{os}", goos, "{arch}", goarch, "{x64}", x64)
	return asset{version, fill.Replace(r.url), fill.Replace(r.sums), fill.Replace(r.member), server}
}

// baseOf returns the address of a publisher's server: the variable's, or else def.
func baseOf(variable, def string) string {
	return strings.TrimSuffix(cmp.Or(os.Getenv(variable), def), "/")
}

// released ends the name of the cache's directory of a part that was downloaded.
const released = "-released"

// isReleased reports whether a part in the cache was downloaded.
func isReleased(path string) bool { return strings.HasSuffix(filepath.Dir(path), released) }
