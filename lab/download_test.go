package lab

import (
	"context"
	"crypto/sha1"
	"crypto/sha512"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDownloadOfEachRelease(t *testing.T) {
	p := newPublisher(t)
	b, log := newBuilder(t)
	sums := []func([]byte) string{
		sha256Of,
		func(body []byte) string { return fmt.Sprintf("%x", sha1.Sum(body)) },
		func(body []byte) string { return strings.ToUpper(fmt.Sprintf("%x", sha512.Sum512(body))) },
	}
	for i, part := range releases() {
		a, err := b.asset(part)
		require.NoError(t, err)
		p.publish(t, part.Name, a, sums[i%len(sums)])
	}
	paths, err := b.build(t.Context(), releases())
	require.NoError(t, err, log)
	for _, part := range releases() {
		out, err := exec.Command(paths[part.Name]).Output()
		require.NoError(t, err, part.Name)
		assert.Equal(t, part.Name+"\n", string(out))
		assert.True(t, isReleased(paths[part.Name]))
		assert.Regexp(t, `(?m)^lab: downloading `+part.Name+` \S+.* from http://\S+ \.\.\. \d`, log.String())
	}
	assert.Contains(t, log.String(), "downloading pulumi-resource-minio 0.16.3 (published, of terraform-provider-minio v1.20.1) from ")
	assert.Len(t, files(t, b.cache), len(releases()), "something is left of the downloads")

	log.Reset()
	b.look = nil
	again, err := b.build(t.Context(), releases())
	require.NoError(t, err)
	assert.Equal(t, paths, again)
	assert.Empty(t, log.String(), "it looks again for what it has")
}

// A list may have a checksum alone.
func TestChecksumOf(t *testing.T) {
	sum := sha256Of(nil)
	for list, found := range map[string]bool{
		sum:                             true,
		sum + "\n":                      true,
		sum + "  file\n":                true,
		sum + " *file\n":                true,
		sum + "  ./file\n":              true,
		"x  file\n" + sum + "  file\n":  true,
		"# a comment\n" + sum + " file": true,
		sum + "  file.sig\n":            false,
		sum[:63] + "  file\n":           false,
		"<html>":                        false,
		"":                              false,
		`{"assets": [{"name": "other", "digest": null}, {"name": "file", "digest": "sha256:` + sum + `"}]}`: true,
		`{"assets": [{"name": "file.sig", "digest": "sha256:` + sum + `"}]}`:                                false,
		`{"assets": [{"name": "file", "digest": null}]}`:                                                    false,
		`{"assets": [{"name": "file"`:                                                                       false,
	} {
		got, err := checksumOf(list, "file")
		assert.Equal(t, found, err == nil, list)
		if found {
			assert.Equal(t, sum, got.want)
		}
	}
}

// broken are the ways in which a release is broken, with the error of each.
var broken = map[string]struct {
	damage func(*testing.T, *publisher, asset)
	want   string
	// archives says that only a release that is an archive is broken in this way.
	archives bool
}{
	"wrong checksum": {func(_ *testing.T, p *publisher, a asset) { p.bad[p.path(a.url)] = "another file" }, "got the checksum ", false},
	"cut off":        {func(_ *testing.T, p *publisher, a asset) { p.bad[p.path(a.url)] = "cut off" }, "unexpected EOF", false},
	"slow":           {func(_ *testing.T, p *publisher, a asset) { p.bad[p.path(a.url)] = "slow" }, "the server sent nothing for 1s", false},
	"silent":         {func(_ *testing.T, p *publisher, a asset) { p.bad[p.path(a.url)] = "silent" }, "the server sent nothing for 1s", false},
	"trickles": {func(t *testing.T, p *publisher, a asset) {
		short(t, &downloadTimeout, 2*time.Second)
		p.bad[p.path(a.url)] = "trickles"
	}, "it took longer than 2s", false},
	"404":          {func(_ *testing.T, p *publisher, a asset) { p.bad[p.path(a.url)] = "404" }, "404 Not Found", false},
	"no list":      {func(_ *testing.T, p *publisher, a asset) { p.bad[p.path(a.sums)] = "404" }, "is not reached", false},
	"silent list":  {func(_ *testing.T, p *publisher, a asset) { p.bad[p.path(a.sums)] = "silent" }, "is not reached", false},
	"another list": {func(_ *testing.T, p *publisher, a asset) { p.files[p.path(a.sums)] = []byte("<html>") }, "the list of checksums has none of ", false},
	"no archive": {func(_ *testing.T, p *publisher, a asset) {
		p.replace(a, []byte("a text that is no archive"))
	}, "gzip: invalid header", true},
	"another archive": {func(t *testing.T, p *publisher, a asset) {
		p.replace(a, packedTar(t, map[string][]byte{"another/program": program("another")}))
	}, "has no ", true},
}

// TestABrokenDownloadIsCompiled breaks the release of each part in each way, beside a good one.
func TestABrokenDownloadIsCompiled(t *testing.T) {
	for name, test := range broken {
		t.Run(name, func(t *testing.T) {
			p := newPublisher(t)
			good := Part{Name: "good", Dir: "lab/parts/etcd", Module: "go.etcd.io/etcd/server/v3", release: &release{
				base: p.URL + "/another", url: "{base}/good", sums: "{base}/good.sha256",
			}}
			b, _ := newBuilder(t)
			assets := map[string]asset{}
			for _, part := range append(releases(), good) {
				a, err := b.asset(part)
				require.NoError(t, err)
				p.publish(t, part.Name, a, sha256Of)
				if !test.archives || a.member != "" {
					assets[part.Name] = a
				}
			}
			delete(assets, good.Name)
			for _, a := range assets {
				test.damage(t, p, a)
			}
			// At the same time, because most of the time they wait.
			var group sync.WaitGroup
			for _, part := range releases() {
				if _, damaged := assets[part.Name]; damaged {
					group.Go(func() { t.Run(part.Name, func(t *testing.T) { isCompiled(t, part, good, test.want) }) })
				}
			}
			group.Wait()
		})
	}
}

// isCompiled fails the test unless a part with a broken release is left to be compiled, and
// LAB_PARTS=download fails because of it.
func isCompiled(t *testing.T, part, good Part, want string) {
	t.Helper()
	b, log := newBuilder(t)
	paths := map[string]string{}
	left, err := b.downloadAll(t.Context(), []Part{part, good}, "", paths)
	require.NoError(t, err)
	require.Len(t, left, 1, log)
	assert.Equal(t, part.Name, left[0].Name)
	assert.Regexp(t, `(?m)^lab: `+part.Name+` is compiled in place of its release: .*`+want, log.String())
	assert.Equal(t, []string{paths["good"]}, files(t, b.cache), "something of the broken release is left")
	found, err := b.find(part, "")
	require.NoError(t, err)
	assert.Empty(t, found)

	b.look = &look{}
	_, err = b.downloadAll(t.Context(), []Part{part, good}, partsDownload, map[string]string{})
	require.ErrorContains(t, err, want)
	assert.ErrorContains(t, err, `LAB_PARTS: got "download"; want a release of `+part.Name+` that is reached: `)
	assert.ErrorContains(t, err, "Fix: unset LAB_PARTS")
}

// TestABrokenArchiveIsAskedForOnce has two parts of one archive.
func TestABrokenArchiveIsAskedForOnce(t *testing.T) {
	p := newPublisher(t)
	b, log := newBuilder(t)
	parts := []Part{part("pulumi"), part(languageHost)}
	var a asset
	for _, part := range parts {
		var err error
		a, err = b.asset(part)
		require.NoError(t, err)
		p.publish(t, part.Name, a, sha256Of)
	}
	p.bad[p.path(a.url)] = "another file"
	left, err := b.downloadAll(t.Context(), parts, "", map[string]string{})
	require.NoError(t, err)
	assert.Len(t, left, 2)
	assert.Equal(t, 1, p.requests("GET "+p.path(a.url)))
	for _, part := range parts {
		assert.Regexp(t, `(?m)^lab: `+part.Name+` is compiled in place of its release: .*got the checksum `, log.String())
	}
}

// TestASlowServerIsLeft has a server that is too slow for one file, and another one.
func TestASlowServerIsLeft(t *testing.T) {
	for _, fault := range []string{"slow", "trickles"} {
		p := newPublisher(t)
		short(t, &downloadTimeout, 2*time.Second)
		b, log := newBuilder(t)
		parts := []Part{part("kube-apiserver"), part("kubectl"), part("minio")}
		assets := map[string]asset{}
		for _, part := range parts {
			a, err := b.asset(part)
			require.NoError(t, err)
			p.publish(t, part.Name, a, sha256Of)
			assets[part.Name] = a
		}
		p.bad[p.path(assets["kube-apiserver"].url)] = fault
		left, err := b.downloadAll(t.Context(), parts, "", map[string]string{})
		require.NoError(t, err)
		assert.Len(t, left, 2, fault)
		assert.Zero(t, p.requests("GET "+p.path(assets["kubectl"].url)), fault)
		assert.Contains(t, log.String(), "lab: kubectl is compiled in place of its release: "+assets["kubectl"].server+" is too slow\n")
		assert.Contains(t, log.String(), "lab: downloading minio ")
	}
}

// TestABrokenDownloadEndsWithACompiledPart compiles a small program whose release is another file.
// It also has a cache in which a killed download has left something.
func TestABrokenDownloadEndsWithACompiledPart(t *testing.T) {
	p := newPublisher(t)
	b, log := newBuilder(t)
	b.root = t.TempDir()
	for name, text := range map[string]string{
		"tiny/go.mod":  "module tiny\n\ngo 1.26\n",
		"tiny/main.go": "package main\n\nfunc main() { println(\"compiled\") }\n",
	} {
		path := filepath.Join(b.root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	for _, left := range []string{filepath.Join("install-1", "download-1"), filepath.Join("images", "pull-1")} {
		path := filepath.Join(b.cache, left)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, nil, 0o600))
	}
	tiny := Part{Name: "tiny", Dir: "tiny", Package: ".", release: &release{
		variable: githubVariable, url: "{base}/tiny", sums: "{base}/tiny.sha256",
	}}
	a, err := b.asset(tiny)
	require.NoError(t, err)
	p.publish(t, "tiny", a, sha256Of)
	p.bad[p.path(a.url)] = "another file"

	paths, err := b.build(t.Context(), []Part{tiny})
	require.NoError(t, err, log)
	out, err := exec.Command(paths["tiny"]).CombinedOutput()
	require.NoError(t, err)
	assert.Equal(t, "compiled\n", string(out))
	assert.False(t, isReleased(paths["tiny"]))
	assert.Regexp(t, `(?m)^lab: downloading tiny v0\.0\.0 from http://\S+ \.\.\. failed after .*
lab: tiny is compiled in place of its release: http://\S+/tiny: got the checksum .*
lab: compiling 1 parts takes about 0\.0 s on 2 cores, once
lab:  1/1 compiling tiny v0\.0\.0 \(about 0\.0 s\) \.\.\. \d`, log.String())
	assert.Equal(t, []string{paths["tiny"]}, files(t, b.cache))
}

func TestPartsMode(t *testing.T) {
	p := newPublisher(t)
	b, log := newBuilder(t)
	a, err := b.asset(part("etcd"))
	require.NoError(t, err)
	p.publish(t, "etcd", a, sha256Of)
	left, err := b.downloadAll(t.Context(), []Part{part("etcd")}, partsBuild, map[string]string{})
	require.NoError(t, err)
	assert.Len(t, left, 1)
	assert.Empty(t, log.String())

	paths, err := b.build(t.Context(), []Part{part("etcd")})
	require.NoError(t, err)
	found, err := b.find(part("etcd"), partsBuild)
	require.NoError(t, err)
	assert.Empty(t, found, "LAB_PARTS=build takes the downloaded one")
	found, err = b.find(part("etcd"), partsDownload)
	require.NoError(t, err)
	assert.Equal(t, paths["etcd"], found)

	compiled, err := b.path(part("kubectl"))
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Dir(compiled), 0o700))
	require.NoError(t, os.WriteFile(compiled, nil, 0o600))
	found, err = b.find(part("kubectl"), partsDownload)
	require.NoError(t, err)
	assert.Empty(t, found, "LAB_PARTS=download takes the compiled one")

	t.Setenv(PartsVariable, "borrow")
	_, err = b.build(t.Context(), nil)
	assert.EqualError(t, err, `LAB_PARTS: got "borrow"; want build, download, or nothing for what is reached. Fix: unset LAB_PARTS`)
}

// TestAnInterruptedDownload leaves nothing.
func TestAnInterruptedDownload(t *testing.T) {
	p := newPublisher(t)
	b, _ := newBuilder(t)
	a, err := b.asset(part("etcd"))
	require.NoError(t, err)
	p.publish(t, "etcd", a, sha256Of)
	p.bad[p.path(a.url)] = "slow"
	stallTimeout = time.Minute
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err = b.build(ctx, []Part{part("etcd")})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Empty(t, files(t, b.cache))
}

func TestGivenPlugin(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "plugin")
	l := &Lab{root: dir}
	for _, prepare := range []func() error{
		func() error { return nil },
		func() error { return os.WriteFile(file, nil, 0o600) },
	} {
		require.NoError(t, prepare())
		_, err := l.givenPlugin(file)
		assert.EqualError(t, err, `LAB_PLUGIN_MINIO: got "`+file+`"; want an executable file, pulumi-resource-minio. Fix: unset LAB_PLUGIN_MINIO`)
	}
	require.NoError(t, os.Chmod(file, 0o700))
	for _, given := range []string{file, "plugin"} { // tests run in directories of their own
		path, err := l.givenPlugin(given)
		require.NoError(t, err)
		assert.Equal(t, file, path)
	}
}

// TestPluginsAreTold gives plugins of one version different descriptions and directories.
func TestPluginsAreTold(t *testing.T) {
	root, err := checkout()
	require.NoError(t, err)
	given := filepath.Join(t.TempDir(), "plugin")
	require.NoError(t, os.WriteFile(given, nil, 0o700))
	homes := map[string]string{}
	installed := filepath.Join(t.TempDir(), "resource-minio-v0.16.3", "pulumi-resource-minio")
	require.NoError(t, os.Mkdir(filepath.Dir(installed), 0o700))
	require.NoError(t, os.WriteFile(installed, nil, 0o700))
	for path, want := range map[string]string{
		installed: "pulumi-resource-minio 0.16.3 (published, of terraform-provider-minio v1.20.1, installed)",
		"/cache/parts/pulumi-resource-minio-0.16.3-0123456789ab/pulumi-resource-minio":    "pulumi-resource-minio 0.16.3 (the lab's, of terraform-provider-minio v2.5.1)",
		"/cache/parts/pulumi-resource-minio-0.16.3" + released + "/pulumi-resource-minio": "pulumi-resource-minio 0.16.3 (published, of terraform-provider-minio v1.20.1)",
		given: "pulumi-resource-minio 0.16.3 (given: " + given + ")",
	} {
		l := &Lab{root: root, cache: "/cache", parts: map[string]string{"pulumi-resource-minio": path}}
		if path == installed {
			l.installed = []string{"pulumi-resource-minio"}
		}
		told, err := l.DescribePlugin("minio")
		require.NoError(t, err)
		assert.Equal(t, want, told)
		assert.Empty(t, homes[l.home()], "it has the directory of another plugin")
		homes[l.home()] = path
	}
}
