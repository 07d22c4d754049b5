package lab

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/semver"
)

// scripts returns a new directory of programs, each a text for sh.
func scripts(t *testing.T, texts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range texts {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text+"\n"), 0o700))
	}
	return dir
}

// prints has what each program prints with a version.
var prints = map[string]string{
	"pulumi":                  "%s",
	"kubectl":                 "Client Version: %s\nKustomize Version: v5.8.1",
	"kube-apiserver":          "Kubernetes %s",
	"kube-controller-manager": "Kubernetes %s",
	"kube-scheduler":          "Kubernetes %s",
	"etcd":                    "etcd Version: %s\nGit SHA: 4c9e1f1\nGo Version: go1.24.9\nGo OS/Arch: linux/amd64",
	"kwok":                    "kwok version %s go1.26.0 (linux/amd64)",
	"kwokctl":                 "kwokctl version %s go1.26.0 (linux/amd64)",
	"minio":                   "minio version %s (commit-id=07c3a429bfed433e49018cb0f78a52145d4bedeb)\nRuntime: go1.24.6 linux/amd64",
}

func TestVersionsOfInstalledPrograms(t *testing.T) {
	const patch, wantPatch, release = "v1.36.3", "v1.36.3 or newer of v1.36", "RELEASE.2025-09-07T16-13-09Z"
	for _, test := range []struct{ part, pin, version, why string }{
		{"pulumi", oldestPulumi, oldestPulumi, ""},
		{"pulumi", "v3.230.0", "v3.300.0", ""},
		{"pulumi", oldestPulumi, "v3.215.9", "is v3.215.9; want v3.216.0 or newer of v3"},
		{"pulumi", oldestPulumi, "v4.0.0", "is v4.0.0; want v3.216.0 or newer of v3"},
		{"kubectl", patch, patch, ""},
		{"kubectl", patch, "v1.36.10", ""},
		{"kubectl", patch, "v1.36.3+k3s1", ""},
		{"kubectl", patch, "v1.36.2", "is v1.36.2; want " + wantPatch},
		{"kubectl", patch, "v1.36.3-rc.1", "is v1.36.3-rc.1; want " + wantPatch},
		{"kubectl", patch, "v1.37.0", "is v1.37.0; want " + wantPatch},
		{"kubectl", patch, "v2.36.3", "is v2.36.3; want " + wantPatch},
		{"kubectl", patch, `version.Info{Major:"1", Minor:"24", GitVersion:"v1.24.0", GitCommit:"4ce5"}`, "is v1.24.0; want " + wantPatch},
		{"kubectl", patch, "none", "prints no version; want " + wantPatch},
		{"kube-apiserver", patch, "v1.36.4", ""},
		{"kube-apiserver", patch, "v1.31.0", "is v1.31.0; want " + wantPatch},
		{"kube-controller-manager", patch, "v1.36.4", ""},
		{"kube-controller-manager", patch, "v1.36.0", "is v1.36.0; want " + wantPatch},
		{"kube-scheduler", patch, "v1.36.4", ""},
		{"kube-scheduler", patch, "", "prints no version; want " + wantPatch},
		{"etcd", "v3.6.16", "3.6.16", ""},
		{"etcd", "v3.6.16", "3.6.17", ""},
		{"etcd", "v3.6.16", "3.6.9", "is 3.6.9; want v3.6.16 or newer of v3.6"},
		{"etcd", "v3.6.16", "unknown", "is unknown; want v3.6.16 or newer of v3.6"},
		{"kwok", "v0.8.0", "v0.8.1", ""},
		{"kwok", "v0.8.0", "v0.7.0", "is v0.7.0; want v0.8.0 or newer of v0.8"},
		{"kwokctl", "v0.8.0", "v0.8.0", ""},
		{"kwokctl", "v0.8.0", "v0.9.0", "is v0.9.0; want v0.8.0 or newer of v0.8"},
		{"minio", release, release, ""},
		{"minio", release, "RELEASE.2025-10-15T17-29-55Z", ""},
		{"minio", release, "RELEASE.2024-12-18T13-15-44Z", "is RELEASE.2024-12-18T13-15-44Z; want " + release + " or newer"},
		{"minio", release, "DEVELOPMENT.GOGET", "is DEVELOPMENT.GOGET; want " + release + " or newer"},
		{"minio", release, "edge", "is edge; want " + release + " or newer"},
	} {
		path := filepath.Join(scripts(t, map[string]string{test.part: "cat <<'EOF'\n" + fmt.Sprintf(prints[test.part], test.version) + "\nEOF"}), test.part)
		assert.Equal(t, test.why, installables[test.part].unsuitable(t.Context(), path, test.pin, nil), "%s %s", test.part, test.version)
	}
	for name := range installables {
		assert.NotEmpty(t, prints[name], name)
	}
}

// TestAProgramThatSaysNoVersion also has one whose child has its output.
func TestAProgramThatSaysNoVersion(t *testing.T) {
	short(t, &installedTimeout, 2*time.Second)
	for text, why := range map[string]string{
		"echo Client Version: v1.36.3; exit 3": "prints no version: exit status 3; want v1.36.3 or newer of v1.36",
		"echo '<html>'":                        "prints no version; want v1.36.3 or newer of v1.36",
		"sleep 60; echo":                       "prints no version within 2s; want v1.36.3 or newer of v1.36",
	} {
		path := filepath.Join(scripts(t, map[string]string{"kubectl": text}), "kubectl")
		start := time.Now()
		assert.Equal(t, why, installables["kubectl"].unsuitable(t.Context(), path, "v1.36.3", nil), text)
		assert.Less(t, time.Since(start), 10*time.Second, text)
	}
}

// installation is what a machine has installed: in a home and on PATH.
type installation struct{ home, path string }

func newInstallation(t *testing.T) installation {
	t.Helper()
	cat, err := exec.LookPath("cat")
	require.NoError(t, err)
	i := installation{t.TempDir(), t.TempDir()} // not the machine's, which may have some of the parts
	require.NoError(t, os.Symlink(cat, filepath.Join(i.path, "cat")))
	t.Setenv("HOME", i.home)
	t.Setenv("PULUMI_HOME", "")
	t.Setenv("PATH", i.path)
	return i
}

// addPath adds a directory to PATH, before the others.
func (i *installation) addPath(t *testing.T, dir string) {
	t.Helper()
	i.path = dir + string(os.PathListSeparator) + i.path
	t.Setenv("PATH", i.path)
}

// plugin installs a plugin into a directory as Pulumi does, and returns its path.
func plugin(t *testing.T, home, name, version string) string {
	t.Helper()
	path := filepath.Join(home, "plugins", "resource-"+name+"-v"+version, "pulumi-resource-"+name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, nil, 0o700))
	return path
}

func TestInstalled(t *testing.T) {
	i := newInstallation(t)
	b, log := newBuilder(t)
	some := []Part{
		part("pulumi"), part(languageHost), part("pulumi-resource-minio"), part("pulumi-resource-random"),
		part("kube-apiserver"), part("kubectl"), part("etcd"), part("minio"),
	}
	pin := func(name string) string {
		version, err := b.version(part(name))
		require.NoError(t, err)
		return version
	}
	say := func(name, version string) string {
		return "cat <<'EOF'\n" + fmt.Sprintf(prints[name], version) + "\nEOF"
	}
	path := scripts(t, map[string]string{
		"kubectl": say("kubectl", pin("kubectl")),
		"etcd":    say("etcd", "3.0.0"),
		"minio":   say("minio", minioRelease.version),
	})
	i.addPath(t, path)
	// The same programs by another name of their directory.
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(path, link))
	i.addPath(t, link)
	bin := filepath.Join(t.TempDir(), "bin")
	require.NoError(t, os.Rename(scripts(t, map[string]string{"kube-apiserver": say("kube-apiserver", pin("kube-apiserver"))}), bin))
	i.addPath(t, bin)
	// Not on PATH.
	pulumi := filepath.Join(i.home, ".pulumi", "bin")
	require.NoError(t, os.MkdirAll(filepath.Dir(pulumi), 0o700))
	require.NoError(t, os.Rename(scripts(t, map[string]string{"pulumi": say("pulumi", oldestPulumi), languageHost: ""}), pulumi))
	published := plugin(t, filepath.Join(i.home, ".pulumi"), "minio", pin("pulumi-resource-minio"))
	plugin(t, filepath.Join(i.home, ".pulumi"), "random", "4.0.0")

	want := map[string]string{
		"pulumi": filepath.Join(pulumi, "pulumi"), languageHost: filepath.Join(pulumi, languageHost),
		"pulumi-resource-minio": published,
		"kube-apiserver":        filepath.Join(bin, "kube-apiserver"),
		"kubectl":               filepath.Join(link, "kubectl"), "minio": filepath.Join(link, "minio"),
	}
	found, err := b.installed(t.Context(), some, nil)
	require.NoError(t, err)
	assert.Equal(t, want, found)
	assert.Equal(t, fmt.Sprintf(`lab: pulumi is the installed one: %s/pulumi
lab: pulumi-resource-minio is the installed one: %s
lab: kube-apiserver is the installed one: %s/kube-apiserver
lab: kubectl is the installed one: %s/kubectl
lab: etcd at %[4]s/etcd is 3.0.0; want %[5]s or newer of %[6]s
lab: minio is the installed one: %[4]s/minio
`, pulumi, published, bin, link, pin("etcd"), semver.MajorMinor(pin("etcd"))), log.String())

	// Every start would say the same of what the cache replaces.
	cached, err := b.path(part("etcd"))
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Dir(cached), 0o700))
	require.NoError(t, os.WriteFile(cached, nil, 0o700))
	log.Reset()
	found, err = b.installed(t.Context(), some, nil)
	require.NoError(t, err)
	assert.Equal(t, want, found)
	assert.NotContains(t, log.String(), "etcd")

	// What becomes unsuitable.
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(bin), markEntry), nil, 0o600))
	require.NoError(t, os.Remove(filepath.Join(pulumi, languageHost)))
	require.NoError(t, os.WriteFile(filepath.Dir(published)+".partial", nil, 0o600))
	log.Reset()
	found, err = b.installed(t.Context(), some, []string{resolved(path)})
	require.NoError(t, err)
	assert.Empty(t, found)
	assert.Contains(t, log.String(), "lab: pulumi at "+pulumi+"/pulumi has no pulumi-language-go; want it beside it, or on PATH\n")
	assert.Contains(t, log.String(), "lab: kubectl at "+link+"/kubectl is in "+resolved(path)+"; want a directory that a lab with real nodes sees\n")
}

// TestTheSecondOnPATH is suitable, and the first is not.
func TestTheSecondOnPATH(t *testing.T) {
	i := newInstallation(t)
	b, log := newBuilder(t)
	version, err := b.version(part("kubectl"))
	require.NoError(t, err)
	second := scripts(t, map[string]string{"kubectl": "echo Client Version: " + version})
	i.addPath(t, second)
	i.addPath(t, scripts(t, map[string]string{"kubectl": "echo Client Version: v1.0.0"}))
	// One in a directory that depends on where the lab is started.
	dir := t.TempDir()
	require.NoError(t, os.Rename(scripts(t, map[string]string{"kubectl": "echo Client Version: " + version}), filepath.Join(dir, "bin")))
	t.Chdir(dir)
	i.addPath(t, "bin")
	i.addPath(t, "")
	found, err := b.installed(t.Context(), []Part{part("kubectl")}, nil)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"kubectl": filepath.Join(second, "kubectl")}, found)
	assert.Contains(t, log.String(), "/kubectl is v1.0.0; want "+version+" or newer of ")
}

// TestTheLabsOwnAreNotInstalled has what a shell of the lab has: its programs on PATH, and its
// directory of Pulumi; also of a lab with another cache.
func TestTheLabsOwnAreNotInstalled(t *testing.T) {
	i := newInstallation(t)
	b, log := newBuilder(t)
	parts := []Part{part("kubectl"), part("pulumi-resource-minio")}
	version, err := b.version(parts[0])
	require.NoError(t, err)
	minio, err := b.version(parts[1])
	require.NoError(t, err)
	kubectl := map[string]string{"kubectl": "echo Client Version: " + version}
	i.addPath(t, scripts(t, kubectl))
	own, err := b.path(parts[0])
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Dir(own), 0o700))

	for name, prepare := range map[string]func(t *testing.T){
		"nothing is the lab's": func(t *testing.T) {
			t.Setenv("PULUMI_HOME", t.TempDir())
			plugin(t, os.Getenv("PULUMI_HOME"), "minio", minio)
		},
		"a lab's, of this cache": func(t *testing.T) {
			require.NoError(t, os.Rename(filepath.Join(scripts(t, kubectl), "kubectl"), own))
			dir := t.TempDir() // a link of the user's own to the cache
			require.NoError(t, os.Symlink(own, filepath.Join(dir, "kubectl")))
			t.Setenv("PATH", dir)
			home := filepath.Join(b.cache, "pulumi-0123456789ab")
			t.Setenv("PULUMI_HOME", home)
			plugin(t, home, "minio", minio)
		},
		"a lab's, of another cache": func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, markEntry), nil, 0o600))
			require.NoError(t, os.Mkdir(filepath.Join(dir, binEntry), 0o700)) // with a link to an installed one
			require.NoError(t, os.Symlink(filepath.Join(scripts(t, kubectl), "kubectl"), filepath.Join(dir, binEntry, "kubectl")))
			t.Setenv("PATH", filepath.Join(dir, binEntry))
			home := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(home, markEntry), nil, 0o600))
			t.Setenv("PULUMI_HOME", home)
			plugin(t, home, "minio", minio)
		},
	} {
		t.Run(name, func(t *testing.T) {
			prepare(t)
			found, err := b.installed(t.Context(), parts, nil)
			require.NoError(t, err)
			if name == "nothing is the lab's" {
				assert.Len(t, found, 2)
			} else {
				assert.Empty(t, found, log)
			}
		})
	}
}

// TestALabOfInstalledPrograms links to them, remembers them, and notices if one is gone.
func TestALabOfInstalledPrograms(t *testing.T) {
	l, log := inDir(t)
	own := filepath.Join(l.cache, "parts", "etcd-v3", "etcd")
	require.NoError(t, os.MkdirAll(filepath.Dir(own), 0o700))
	require.NoError(t, os.WriteFile(own, nil, 0o700))
	installed := filepath.Join(scripts(t, map[string]string{"kubectl-1.36": "cat \"$(dirname \"$(readlink -f \"$0\")\")\"/beside", "beside": ""}), "kubectl-1.36")
	name := filepath.Join(t.TempDir(), "kubectl") // as Homebrew and alternatives link them
	require.NoError(t, os.Symlink(installed, name))
	minio := plugin(t, t.TempDir(), "minio", "0.16.3")
	l.parts = map[string]string{"etcd": own, "kubectl": name, "pulumi-resource-minio": minio}
	l.installed = []string{"kubectl", "pulumi-resource-minio"}
	require.NoError(t, l.claim())

	require.NoError(t, l.link())
	target, err := os.Readlink(filepath.Join(l.bin(), "kubectl"))
	require.NoError(t, err)
	assert.Equal(t, resolved(installed), target)
	out, err := exec.Command(filepath.Join(l.bin(), "kubectl")).CombinedOutput()
	require.NoError(t, err, string(out))
	linked, err := os.Lstat(filepath.Join(l.bin(), "etcd"))
	require.NoError(t, err)
	assert.True(t, linked.Mode().IsRegular(), "a part of the cache is a hard link")
	assert.NoFileExists(t, filepath.Join(l.bin(), "pulumi-resource-minio"))

	home := l.home()
	l.state = state{MinIOPassword: "x", Passphrase: "x", Parts: l.parts, Installed: l.installed, PulumiHome: home}
	require.NoError(t, l.save())
	require.NoError(t, os.Remove(minio)) // its home has a copy
	again := &Lab{Dir: l.Dir, cache: l.cache, log: log}
	require.NoError(t, again.Load())
	assert.Equal(t, home, again.home())
	assert.Equal(t, l.installed, again.installed)

	require.ErrorContains(t, again.Resume(t.Context()), "lacks the plugins that the lab was started with")
	require.NoError(t, os.Remove(installed))
	assert.EqualError(t, again.Resume(t.Context()),
		`kubectl: got "`+name+`", which is no more; want the program that the lab was started with. Fix: make up`)
}
