package lab

import "time"

// Part is one program of the lab, built from a pinned module.
type Part struct {
	// Name is the program's name.
	Name string
	// Dir is the directory, from the checkout, of the module that pins what it is
	// built from.
	Dir string
	// Package is the package to build, as `go build` takes it.
	Package string
	// Module is the module, required by Dir's go.mod, whose version the part has.
	// Empty for a program of the checkout's own module, which has no version.
	Module string
	// SDK is the module, required by the program's own go.mod, whose version the
	// part has instead: a plugin must be of the version that the SDK asks for.
	SDK string
	// Vars are the variables that the linker sets, to {version}, {major} or {minor}.
	Vars map[string]string
	// Embed maps a file that the package embeds to a file of Module's that it is
	// made from.
	Embed map[string]string
	// Replace maps a file of Module's to the file of Dir that the part is compiled with
	// in its place, in a copy of the module.
	Replace map[string]string
	// Inputs are more files and directories, from the checkout, that it is built from.
	Inputs []string
	// release is where the publisher has it, with checksums; nil if it is compiled always.
	release *release
	// Wraps describes what the part wraps in another version than the published one does. {module}
	// is Module's version. Published is the same of the release.
	Wraps, Published string
	// Cold is how long the build takes with empty caches, after the parts before it, on 2 cores of
	// an Intel Xeon: measured, see docs/lab-parts.md. The lab shows it before a long wait.
	Cold time.Duration
}

// Parts are the programs of the lab, in an order in which the first shortens the
// build of the next.
var Parts = []Part{
	{
		Name:    "pulumi",
		Dir:     "lab/parts/pulumi",
		Package: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
		Module:  "github.com/pulumi/pulumi/pkg/v3",
		// The Automation API requires a version.
		Vars:    map[string]string{"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": "{version}"},
		release: pulumiRelease("pulumi"),
		Cold:    96 * time.Second,
	},
	{
		Name:    "pulumi-language-go",
		Dir:     "lab/parts/language",
		Package: "github.com/pulumi/pulumi/sdk/v3/go/pulumi-language-go",
		Module:  "github.com/pulumi/pulumi/sdk/v3",
		release: pulumiRelease(languageHost),
		Cold:    18 * time.Second,
	},
	{
		Name:    "pulumi-resource-kubernetes",
		Dir:     "lab/parts/kubernetes-plugin",
		Package: ".",
		Module:  "github.com/pulumi/pulumi-kubernetes/provider/v4",
		SDK:     "github.com/pulumi/pulumi-kubernetes/sdk/v4",
		Vars:    map[string]string{"main.version": "{version}"},
		Embed: map[string]string{
			"schema.json":            "cmd/pulumi-resource-kubernetes/schema.json",
			"terraform-mapping.json": "cmd/pulumi-resource-kubernetes/terraform-mapping.json",
		},
		Replace: map[string]string{"pkg/provider/provider_construct.go": "provider_construct.go.txt"},
		Wraps:   "the lab's, without component resources", Published: "published",
		release: pluginRelease("kubernetes"),
		Cold:    117 * time.Second,
	},
	{
		Name:    "pulumi-resource-minio",
		Dir:     "lab/parts/minio-plugin",
		Package: ".",
		Module:  "github.com/aminueza/terraform-provider-minio/v2",
		SDK:     "github.com/pulumi/pulumi-minio/sdk",
		Vars:    map[string]string{"main.version": "{version}"},
		Wraps:   "the lab's, of terraform-provider-minio {module}", Published: "published, of terraform-provider-minio v1.20.1",
		release: pluginRelease("minio"),
		Cold:    65 * time.Second,
	},
	{
		Name:    "pulumi-resource-random",
		Dir:     "lab/parts/random-plugin",
		Package: ".",
		Module:  "github.com/terraform-providers/terraform-provider-random",
		SDK:     "github.com/pulumi/pulumi-random/sdk/v4",
		Vars:    map[string]string{"main.version": "{version}"},
		Wraps:   "the lab's, of terraform-provider-random {module}", Published: "published",
		release: pluginRelease("random"),
		Cold:    68 * time.Second,
	},
	kubernetes("controlplane", "kube-apiserver", 188*time.Second),
	kubernetes("controlplane", "kube-controller-manager", 53*time.Second),
	kubernetes("controlplane", "kube-scheduler", 5*time.Second),
	kubernetes("controlplane", "kubectl", 21*time.Second),
	{
		Name:    "etcd",
		Dir:     "lab/parts/etcd",
		Package: "go.etcd.io/etcd/server/v3",
		Module:  "go.etcd.io/etcd/server/v3",
		release: etcdRelease,
		Cold:    24 * time.Second,
	},
	kwok("kwok", 64*time.Second),
	kwok("kwokctl", 13*time.Second),
	{
		Name:    "minio",
		Dir:     "lab/parts/minio",
		Package: "github.com/minio/minio",
		Module:  "github.com/minio/minio",
		release: minioRelease,
		Cold:    116 * time.Second,
	},
}

// nodeParts are the programs that a lab with real nodes runs besides Parts.
var nodeParts = []Part{
	{Name: "pause", Dir: "lab/parts/pause", Package: ".", Cold: 2 * time.Second},
	kubernetes("node", "kubelet", 210*time.Second),
	kubernetes("node", "kube-proxy", 8*time.Second),
	{
		Name:    "netpol",
		Dir:     "lab/parts/node",
		Package: "./netpol",
		Module:  "k8s.io/client-go",
		Cold:    3 * time.Second,
	},
	{
		Name:    "coredns",
		Dir:     "lab/parts/coredns",
		Package: ".",
		Module:  "github.com/coredns/coredns",
		Cold:    75 * time.Second,
	},
	// Under the names of Tempo and memcached, if no image of them is given.
	{
		Name: "standin", Dir: "lab/standin", Package: ".", Cold: 15 * time.Second,
		Inputs: []string{"lab/go.mod", "lab/go.sum", "components/tempo/chart"},
	},
}

// kubernetes returns the part of a command of Kubernetes.
func kubernetes(dir, name string, cold time.Duration) Part {
	return Part{
		Name:    name,
		Dir:     "lab/parts/" + dir,
		Package: "k8s.io/kubernetes/cmd/" + name,
		release: kubernetesRelease(name),
		Module:  "k8s.io/kubernetes",
		// Charts ask for the cluster's version, and a build without it is 0.0.0.
		Vars: map[string]string{
			"k8s.io/component-base/version.gitVersion": "{version}",
			"k8s.io/component-base/version.gitMajor":   "{major}",
			"k8s.io/component-base/version.gitMinor":   "{minor}",
		},
		Cold: cold,
	}
}

func kwok(name string, cold time.Duration) Part {
	return Part{
		Name:    name,
		Dir:     "lab/parts/kwok",
		Package: "sigs.k8s.io/kwok/cmd/" + name,
		Module:  "sigs.k8s.io/kwok",
		release: kwokRelease(name),
		Cold:    cold,
	}
}

// part returns the part of a name, which must be one of Parts.
func part(name string) Part {
	for _, p := range Parts {
		if p.Name == name {
			return p
		}
	}
	panic("lab: no part is named " + name)
}
