package lab

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// registryOf starts a registry on a loopback port that has images of some names, and has it in
// place of Docker Hub.
func registryOf(t *testing.T, wrap func(http.Handler) http.Handler, refs ...string) {
	t.Helper()
	handler := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	plain := httptest.NewServer(handler)
	t.Cleanup(plain.Close)
	for _, ref := range refs {
		to, err := name.ParseReference(strings.TrimPrefix(plain.URL, "http://") + strings.TrimPrefix(ref, dockerHub))
		require.NoError(t, err)
		image, err := random.Image(1024, 2)
		require.NoError(t, err)
		require.NoError(t, remote.Write(to, image))
	}
	server := httptest.NewServer(wrap(handler))
	t.Cleanup(server.Close)
	t.Setenv(RegistryVariable, strings.TrimPrefix(server.URL, "http://"))
}

// chartImages are the names of the images that the charts ask for.
func chartImages() (refs []string) {
	for _, image := range standIns("", nil) {
		refs = append(refs, image.Ref...)
	}
	return refs
}

func TestPull(t *testing.T) {
	t.Setenv(PartsVariable, "")
	t.Setenv(ImagesVariable, "")
	all := chartImages()
	same := func(h http.Handler) http.Handler { return h }
	lookTimeout, downloadTimeout = 500*time.Millisecond, time.Second
	t.Cleanup(func() { lookTimeout, downloadTimeout = 3*time.Second, 10*time.Minute })
	for test, c := range map[string]struct {
		refs   []string
		wrap   func(http.Handler) http.Handler
		pulled int
		log    string
	}{
		"all are there":     {all, same, len(all), "lab: pulling " + all[0]},
		"one is not there":  {all[:len(all)-1], same, len(all) - 1, "lab: " + all[len(all)-1] + " is replaced by the stand-in: "},
		"another content":   {all, replacing("blobs", []byte("other")), 0, "is replaced by the stand-in: "},
		"cut off":           {all, cutOff, 0, "is replaced by the stand-in: "},
		"it does not end":   {all[:1], hanging("/blobs/"), 0, "is replaced by the stand-in: "},
		"it is not reached": {all, hanging("/"), 0, "lab: no registry of images is reached within 500ms"},
	} {
		t.Run(test, func(t *testing.T) {
			registryOf(t, c.wrap, c.refs...)
			var out bytes.Buffer
			l := &Lab{cache: t.TempDir(), log: &out, Pull: true}
			archives, err := l.pull(t.Context())
			require.NoError(t, err)
			assert.Len(t, archives, c.pulled, out.String())
			assert.Contains(t, out.String(), c.log)
			var names []string
			for _, archive := range archives {
				in, err := namesIn(archive)
				require.NoError(t, err)
				names = append(names, in...)
			}
			assert.Subset(t, all, names)
			assert.Len(t, names, c.pulled)

			if c.pulled != len(all) {
				return
			}
			t.Setenv(RegistryVariable, "127.0.0.1:1")
			out.Reset()
			again, err := l.pull(t.Context())
			require.NoError(t, err)
			assert.Equal(t, archives, again, "they are not pulled again")
			assert.Empty(t, out.String())
		})
	}
}

func TestNothingIsPulled(t *testing.T) {
	registryOf(t, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("asked for %s", r.URL) })
	})
	var out bytes.Buffer
	for test, c := range map[string]struct {
		parts  string
		pull   bool
		images []Image
	}{
		"not asked for": {"", false, nil},
		"build":         {partsBuild, true, nil},
		"all are given": {"", true, []Image{{Ref: chartImages()}}},
	} {
		t.Run(test, func(t *testing.T) {
			t.Setenv(PartsVariable, c.parts)
			t.Setenv(ImagesVariable, "")
			archives, err := (&Lab{cache: t.TempDir(), log: &out, Pull: c.pull, Images: c.images}).pull(t.Context())
			require.NoError(t, err)
			assert.Empty(t, archives)
		})
	}
	assert.Empty(t, out.String())
}

// replacing responds to what contains part of a path with another content.
func replacing(part string, content []byte) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet && strings.Contains(r.URL.Path, part) {
				_, _ = w.Write(content)
				return
			}
			h.ServeHTTP(w, r)
		})
	}
}

// cutOff ends the connection within a blob.
func cutOff(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/") {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte("cut"))
			panic(http.ErrAbortHandler)
		}
		h.ServeHTTP(w, r)
	})
}

// hanging never responds to what contains part of a path.
func hanging(part string) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, part) {
				<-r.Context().Done()
				return
			}
			h.ServeHTTP(w, r)
		})
	}
}
