package lab

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// baseVariables name the variables for the bases of the publishers' servers.
var baseVariables = []string{githubVariable, githubAPIVariable, kubernetesVariable, minioVariable}

// publisher is a server of releases: of each asset's file and list of checksums.
type publisher struct {
	*httptest.Server
	files map[string][]byte
	// bad are faults, by the path of the file that has them.
	bad map[string]string

	mutex sync.Mutex
	asked map[string]int // see requests
}

func newPublisher(t *testing.T) *publisher {
	t.Helper()
	p := &publisher{files: map[string][]byte{}, bad: map[string]string{}, asked: map[string]int{}}
	p.Server = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.Close)
	for _, variable := range baseVariables {
		t.Setenv(variable, p.URL+"/"+variable+"/")
	}
	t.Setenv(PartsVariable, "")
	short(t, &lookTimeout, time.Second)
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
	p.mutex.Lock()
	p.asked[r.Method+" "+r.URL.Path]++
	p.mutex.Unlock()
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
	case "trickles":
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		for _, b := range body {
			if _, err := w.Write([]byte{b}); err != nil {
				return
			}
			w.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
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

// requests returns how many requests there were, by METHOD PATH.
func (p *publisher) requests(what string) int {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.asked[what]
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
		body = packedTar(t, members)
	}
	p.files[p.path(a.url)] = body
	if strings.Contains(a.sums, githubAPIVariable) {
		p.publishDigest(t, a, body)
		return
	}
	p.files[p.path(a.sums)] = []byte(sum(body) + "  ./" + filepath.Base(a.url) + "\n" + sum([]byte("other")) + "  other\n")
}

// publishDigest adds the digest of an asset's file to the release, as GitHub's API has it.
func (p *publisher) publishDigest(t *testing.T, a asset, body []byte) {
	t.Helper()
	type file struct {
		Name   string `json:"name"`
		Digest any    `json:"digest"`
	}
	release := struct {
		Tag    string `json:"tag_name"`
		Assets []file `json:"assets"`
	}{Tag: a.version, Assets: []file{{Name: "older", Digest: nil}}}
	if text := p.files[p.path(a.sums)]; text != nil { // a release has several
		require.NoError(t, json.Unmarshal(text, &release))
	}
	release.Assets = append([]file{{filepath.Base(a.url), "sha256:" + sha256Of(body)}}, release.Assets...)
	text, err := json.Marshal(release)
	require.NoError(t, err)
	p.files[p.path(a.sums)] = text
}

// replace replaces the file of an asset, and its checksum.
func (p *publisher) replace(a asset, body []byte) {
	p.files[p.path(a.url)], p.files[p.path(a.sums)] = body, []byte(sha256Of(body))
}

func program(name string) []byte {
	return []byte("#!/bin/sh\necho " + name + strings.Repeat(" ", 1000) + "\n")
}

func packedTar(t *testing.T, members map[string][]byte) []byte {
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

// newBuilder returns a builder of the checkout with an empty cache and a look of its own, and its
// log.
func newBuilder(t *testing.T) (*builder, *bytes.Buffer) {
	t.Helper()
	root, err := checkout()
	require.NoError(t, err)
	var log bytes.Buffer
	return (&Lab{root: root, cache: t.TempDir(), log: &log, look: &look{}}).builder(), &log
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
