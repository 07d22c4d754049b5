package lab

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// publisher is a server of releases: of each asset's file and list of checksums.
type publisher struct {
	*httptest.Server
	files map[string][]byte
	// bad are faults, by the path of the file that has them.
	bad map[string]string
}

func newPublisher(t *testing.T) *publisher {
	t.Helper()
	p := &publisher{files: map[string][]byte{}, bad: map[string]string{}}
	p.Server = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.Close)
	for _, variable := range []string{githubVariable, kubernetesVariable, minioVariable} {
		t.Setenv(variable, p.URL+"/"+variable+"/")
	}
	t.Setenv(PartsVariable, "")
	short(t, &lookTimeout, 2*time.Second)
	short(t, &stallTimeout, time.Second)
	return p
}

func short(t *testing.T, limit *time.Duration, value time.Duration) {
	t.Helper()
	before := *limit
	*limit = value
	t.Cleanup(func() { *limit = before })
}

func (p *publisher) serve(w http.ResponseWriter, r *http.Request) {
	body, found := p.files[r.URL.Path]
	switch p.bad[r.URL.Path] {
	case "404":
		found = false
	case "cut off":
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		_, _ = w.Write(body[:len(body)/2])
		return
	case "slow":
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		_, _ = w.Write(body[:1])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return
	case "silent":
		<-r.Context().Done()
		return
	case "another file":
		body = append([]byte("x"), body[1:]...)
	}
	if !found {
		http.NotFound(w, r)
		return
	}
	_, _ = w.Write(body)
}

// path returns the path of an URL of the publisher.
func (p *publisher) path(url string) string { return strings.TrimPrefix(url, p.URL) }

// publish adds an asset to the publisher: a program that prints its name.
func (p *publisher) publish(t *testing.T, name string, a asset, sum func([]byte) string) {
	t.Helper()
	body := program(name)
	if a.member != "" {
		body = p.files[p.path(a.url)] // an archive may have several
		members := map[string][]byte{a.member: program(name)}
		if body != nil {
			maps := untar(t, body)
			for member, text := range maps {
				members[member] = text
			}
		}
		body = tarball(t, members)
	}
	p.files[p.path(a.url)] = body
	p.files[p.path(a.sums)] = []byte(sum(body) + "  ./" + filepath.Base(a.url) + "\n" + sum([]byte("other")) + "  other\n")
}

// replace replaces the file of an asset, and its checksum.
func (p *publisher) replace(a asset, body []byte) {
	p.files[p.path(a.url)], p.files[p.path(a.sums)] = body, []byte(sha256Of(body))
}

func program(name string) []byte {
	return []byte("#!/bin/sh\necho " + name + strings.Repeat(" ", 1000) + "\n")
}

func tarball(t *testing.T, members map[string][]byte) []byte {
	t.Helper()
	var packed bytes.Buffer
	zipper := gzip.NewWriter(&packed)
	archive := tar.NewWriter(zipper)
	for name, text := range members {
		require.NoError(t, archive.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(text))}))
		_, err := archive.Write(text)
		require.NoError(t, err)
	}
	require.NoError(t, archive.Close())
	require.NoError(t, zipper.Close())
	return packed.Bytes()
}

func untar(t *testing.T, packed []byte) map[string][]byte {
	t.Helper()
	members := map[string][]byte{}
	unzipped, err := gzip.NewReader(bytes.NewReader(packed))
	require.NoError(t, err)
	for archive := tar.NewReader(unzipped); ; {
		header, err := archive.Next()
		if err != nil {
			return members
		}
		var text bytes.Buffer
		_, err = text.ReadFrom(archive)
		require.NoError(t, err)
		members[header.Name] = text.Bytes()
	}
}

func sha256Of(body []byte) string { return fmt.Sprintf("%x", sha256.Sum256(body)) }

// releases are the parts that have a release.
func releases() (parts []Part) {
	for _, p := range append(append([]Part{}, Parts...), nodeParts...) {
		if p.release != nil {
			parts = append(parts, p)
		}
	}
	return parts
}

// newBuilder returns a builder of the checkout with an empty cache, and its log.
func newBuilder(t *testing.T) (*builder, *bytes.Buffer) {
	t.Helper()
	root, err := checkout()
	require.NoError(t, err)
	var log bytes.Buffer
	return &builder{root: root, cache: t.TempDir(), log: &log}, &log
}

// files are the names of all files in a cache.
func files(t *testing.T, cache string) (names []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(cache, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && entry.Name() != "lock" {
			names = append(names, path)
		}
		return err
	}))
	return names
}

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
	p.Close()
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
}{
	"wrong checksum": {func(_ *testing.T, p *publisher, a asset) { p.bad[p.path(a.url)] = "another file" }, "got the checksum "},
	"cut off":        {func(_ *testing.T, p *publisher, a asset) { p.bad[p.path(a.url)] = "cut off" }, "unexpected EOF"},
	"slow":           {func(_ *testing.T, p *publisher, a asset) { p.bad[p.path(a.url)] = "slow" }, "the server sent nothing for 1s"},
	"silent":         {func(_ *testing.T, p *publisher, a asset) { p.bad[p.path(a.url)] = "silent" }, "the server sent nothing for 1s"},
	"404":            {func(_ *testing.T, p *publisher, a asset) { p.bad[p.path(a.url)] = "404" }, "404 Not Found"},
	"no list":        {func(_ *testing.T, p *publisher, a asset) { p.bad[p.path(a.sums)] = "404" }, "is not reached"},
	"silent list":    {func(_ *testing.T, p *publisher, a asset) { p.bad[p.path(a.sums)] = "silent" }, "is not reached"},
	"another list":   {func(_ *testing.T, p *publisher, a asset) { p.files[p.path(a.sums)] = []byte("<html>") }, "the list of checksums has none of "},
	"no archive": {func(_ *testing.T, p *publisher, a asset) {
		p.replace(a, []byte("a text that is no archive"))
	}, "gzip: invalid header"},
	"another archive": {func(t *testing.T, p *publisher, a asset) {
		p.replace(a, tarball(t, map[string][]byte{"another/etcd": program("etcd")}))
	}, "has no "},
}

func TestABrokenDownloadIsCompiled(t *testing.T) {
	for name, test := range broken {
		t.Run(name, func(t *testing.T) {
			p := newPublisher(t)
			b, log := newBuilder(t)
			etcd := part("etcd")
			a, err := b.asset(etcd)
			require.NoError(t, err)
			p.publish(t, "etcd", a, sha256Of)
			test.damage(t, p, a)
			other, err := b.asset(part("kubectl")) // so that one is reached
			require.NoError(t, err)
			p.publish(t, "kubectl", other, sha256Of)

			parts := []Part{etcd, part("kubectl")}
			left, err := b.downloadAll(t.Context(), parts, "", map[string]string{})
			require.NoError(t, err)
			require.Len(t, left, 1, log)
			assert.Equal(t, "etcd", left[0].Name)
			assert.Regexp(t, `(?m)^lab: etcd is compiled in place of its release: .*`+test.want, log.String())
			assert.Len(t, files(t, b.cache), 1, "something of etcd is left")
			found, err := b.find(etcd, "")
			require.NoError(t, err)
			assert.Empty(t, found)

			_, err = b.downloadAll(t.Context(), parts, partsDownload, map[string]string{})
			require.ErrorContains(t, err, test.want)
			assert.ErrorContains(t, err, `LAB_PARTS: got "download"; want a release of etcd that is reached: `)
			assert.ErrorContains(t, err, "Fix: unset LAB_PARTS")
		})
	}
}

// TestTheLookIsShort has no server respond: the look at all releases takes one lookTimeout.
func TestTheLookIsShort(t *testing.T) {
	p := newPublisher(t)
	b, log := newBuilder(t)
	for _, part := range releases() {
		a, err := b.asset(part)
		require.NoError(t, err)
		p.bad[p.path(a.sums)] = "silent"
	}
	start := time.Now()
	left, err := b.downloadAll(t.Context(), releases(), "", map[string]string{})
	require.NoError(t, err)
	assert.Less(t, time.Since(start), 2*lookTimeout)
	assert.Len(t, left, len(releases()))
	assert.Equal(t, "lab: no official release is reached within 2s\n", log.String())
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
	file := filepath.Join(t.TempDir(), "plugin")
	for _, prepare := range []func() error{
		func() error { return nil },
		func() error { return os.WriteFile(file, nil, 0o600) },
	} {
		require.NoError(t, prepare())
		_, err := givenPlugin(file)
		assert.EqualError(t, err, `LAB_PLUGIN_MINIO: got "`+file+`"; want an executable file, pulumi-resource-minio. Fix: unset LAB_PLUGIN_MINIO`)
	}
	require.NoError(t, os.Chmod(file, 0o700))
	path, err := givenPlugin(file)
	require.NoError(t, err)
	assert.Equal(t, file, path)
}

// TestPluginsAreTold gives plugins of one version different descriptions and directories.
func TestPluginsAreTold(t *testing.T) {
	root, err := checkout()
	require.NoError(t, err)
	given := filepath.Join(t.TempDir(), "plugin")
	require.NoError(t, os.WriteFile(given, nil, 0o700))
	homes := map[string]string{}
	for path, want := range map[string]string{
		"/cache/parts/pulumi-resource-minio-0.16.3-0123456789ab/pulumi-resource-minio":    "pulumi-resource-minio 0.16.3 (the lab's, of terraform-provider-minio v2.5.1)",
		"/cache/parts/pulumi-resource-minio-0.16.3" + released + "/pulumi-resource-minio": "pulumi-resource-minio 0.16.3 (published, of terraform-provider-minio v1.20.1)",
		given: "pulumi-resource-minio 0.16.3 (given: " + given + ")",
	} {
		l := &Lab{root: root, cache: "/cache", parts: map[string]string{"pulumi-resource-minio": path}}
		told, err := l.DescribePlugin("minio")
		require.NoError(t, err)
		assert.Equal(t, want, told)
		assert.Empty(t, homes[l.home()], "it has the directory of another plugin")
		homes[l.home()] = path
	}
}

// TestTheLabsOwnPulumiIsNotInstalled has a lab's directory on PATH.
func TestTheLabsOwnPulumiIsNotInstalled(t *testing.T) {
	dir := t.TempDir()
	bin := filepath.Join(dir, "bin")
	require.NoError(t, os.Mkdir(bin, 0o700))
	for _, name := range []string{"pulumi", languageHost} {
		require.NoError(t, os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\necho "+oldestPulumi+"\n"), 0o700))
	}
	cli, host, found := installedPulumi(t.Context(), bin)
	assert.True(t, found)
	assert.Equal(t, []string{filepath.Join(bin, "pulumi"), filepath.Join(bin, languageHost)}, []string{cli, host})
	require.NoError(t, os.WriteFile(filepath.Join(dir, markEntry), nil, 0o600))
	_, _, found = installedPulumi(t.Context(), bin)
	assert.False(t, found)
}
