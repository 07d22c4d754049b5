package objectstore_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/picluster/picluster/ops/objectstore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// plain is an S3 server of one bucket, traces, which denies operations by their method.
type plain struct {
	mu      sync.Mutex
	objects map[string]string
	written []string
	denies  map[string]string // codes
	garbles bool              // returns other content than was written
}

func (p *plain) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	name, _ := strings.CutPrefix(r.URL.Path, "/traces/")
	method := r.Method
	if r.URL.Query().Has("list-type") {
		method = "LIST"
	}
	if code := p.denies[method]; code != "" {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `<Error><Code>%s</Code></Error>`, code)
		return
	}
	switch method {
	case "LIST":
		fmt.Fprint(w, `<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>`)
	case http.MethodPut:
		text, _ := io.ReadAll(r.Body)
		p.objects[name], p.written = string(text), append(p.written, name)
		w.Header().Set("Etag", `"e"`)
	case http.MethodGet:
		w.Header().Set("Last-Modified", "Tue, 24 Nov 2026 12:00:00 GMT")
		w.Header().Set("Etag", `"e"`)
		text := "written by picluster to try its keys; delete it\n" // the request's body is signed in chunks
		if p.garbles {
			text = "other"
		}
		fmt.Fprint(w, text)
	case http.MethodDelete:
		delete(p.objects, name)
		w.WriteHeader(http.StatusNoContent)
	}
}

func TestTry(t *testing.T) {
	for name, test := range map[string]struct {
		denies  map[string]string
		garbles bool
		want    []string
		left    int
	}{
		"all works":                 {nil, false, nil, 0},
		"another key":               {map[string]string{"LIST": "SignatureDoesNotMatch", "PUT": "SignatureDoesNotMatch"}, false, []string{"list: SignatureDoesNotMatch"}, 0},
		"no list":                   {map[string]string{"LIST": "AccessDenied"}, false, []string{"list: AccessDenied"}, 0},
		"read alone":                {map[string]string{"PUT": "AccessDenied", "DELETE": "AccessDenied"}, false, []string{"put: AccessDenied"}, 0},
		"no read":                   {map[string]string{"GET": "AccessDenied"}, false, []string{"get: AccessDenied"}, 0},
		"no delete":                 {map[string]string{"DELETE": "AccessDenied"}, false, []string{"delete: AccessDenied"}, 1},
		"neither list nor delete":   {map[string]string{"LIST": "AccessDenied", "DELETE": "AccessDenied"}, false, []string{"list: AccessDenied", "delete: AccessDenied"}, 1},
		"what is read is not right": {nil, true, []string{"get: got 5 other bytes than were written"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			fake := &plain{objects: map[string]string{}, denies: test.denies, garbles: test.garbles}
			server := httptest.NewServer(fake)
			defer server.Close()
			store, err := objectstore.NewS3(objectstore.Server{Endpoint: strings.TrimPrefix(server.URL, "http://"), Region: "us-east-1", Insecure: true})
			require.NoError(t, err)
			assert.Equal(t, "S3 server", store.Kind())
			require.NoError(t, store.Ping(t.Context()))
			failed, err := store.Try(t.Context(), good, "traces")
			require.NoError(t, err)
			var got []string
			for _, trial := range failed {
				got = append(got, trial.String())
			}
			assert.Equal(t, test.want, got)
			assert.Len(t, fake.objects, test.left)
			for _, name := range fake.written {
				assert.Regexp(t, `^picluster-check-[a-z0-9]+$`, name, "Tempo reads what is below a directory")
			}
		})
	}
	store, err := objectstore.NewS3(objectstore.Server{Endpoint: "127.0.0.1:1"})
	require.NoError(t, err)
	assert.Error(t, store.Ping(t.Context()))
	_, err = objectstore.NewS3(objectstore.Server{Endpoint: "https://s3"})
	assert.Error(t, err)
	_, err = objectstore.NewS3(objectstore.Server{Endpoint: "s3", CAFile: "/nowhere"})
	assert.Error(t, err)
}
