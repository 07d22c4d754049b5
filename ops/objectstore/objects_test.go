package objectstore_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/picluster/picluster/ops/objectstore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// serve returns the store of a server of one bucket, traces, that the access key good
// opens.
func serve(t *testing.T, objects map[string]string, list string) *objectstore.Store {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fail := func(status int, code string) {
			w.WriteHeader(status)
			fmt.Fprintf(w, `<Error><Code>%s</Code></Error>`, code)
		}
		name, _ := strings.CutPrefix(r.URL.Path, "/traces/")
		text, found := objects[name]
		query := r.URL.Query()
		switch {
		case query.Has("location"):
			fmt.Fprint(w, `<LocationConstraint>us-east-1</LocationConstraint>`)
		case !strings.Contains(r.Header.Get("Authorization"), "Credential=good/"):
			fail(http.StatusForbidden, "InvalidAccessKeyId")
		case query.Has("list-type"):
			if query.Get("prefix") != "single-tenant/" || query.Get("delimiter") != "/" {
				fail(http.StatusBadRequest, "InvalidArgument")
				return
			}
			fmt.Fprintf(w, `<ListBucketResult><IsTruncated>false</IsTruncated>%s</ListBucketResult>`, list)
		case !found:
			fail(http.StatusNotFound, "NoSuchKey")
		default:
			w.Header().Set("Last-Modified", "Tue, 24 Nov 2026 12:00:00 GMT")
			w.Header().Set("Etag", `"e"`)
			fmt.Fprint(w, text)
		}
	}))
	t.Cleanup(server.Close)
	settings := map[string]string{"minioServer": strings.TrimPrefix(server.URL, "http://"), "minioUser": "admin", "minioPassword": "password"}
	store, err := objectstore.New(func(name string) string { return settings[name] })
	require.NoError(t, err)
	return store
}

var good, bad = objectstore.Keys{AccessKey: "good", SecretKey: "secret"}, objectstore.Keys{AccessKey: "bad", SecretKey: "secret"}

func TestPrefixes(t *testing.T) {
	store := serve(t, nil, `<Contents><Key>single-tenant/index.json.gz</Key></Contents><Contents><Key>single-tenant/</Key></Contents>`+
		`<CommonPrefixes><Prefix>single-tenant/a/</Prefix></CommonPrefixes><CommonPrefixes><Prefix>single-tenant/b/</Prefix></CommonPrefixes>`)
	found, err := store.Prefixes(t.Context(), good, "traces", "single-tenant/")
	require.NoError(t, err)
	assert.Equal(t, []string{"single-tenant/a/", "single-tenant/b/"}, found)

	_, err = store.Prefixes(t.Context(), bad, "traces", "single-tenant/")
	assert.Equal(t, "InvalidAccessKeyId", minio.ToErrorResponse(err).Code)

	found, err = serve(t, nil, "").Prefixes(t.Context(), good, "traces", "single-tenant/")
	require.NoError(t, err)
	assert.Empty(t, found)
}

func TestRead(t *testing.T) {
	store := serve(t, map[string]string{"a/meta.json": "{}", "large": strings.Repeat("x", 2<<20)}, "")
	text, err := store.Read(t.Context(), good, "traces", "a/meta.json")
	require.NoError(t, err)
	assert.Equal(t, "{}", string(text))
	text, err = store.Read(t.Context(), good, "traces", "large")
	require.NoError(t, err)
	assert.Len(t, text, 1<<20)

	text, err = store.Read(t.Context(), good, "traces", "none")
	require.NoError(t, err)
	assert.Nil(t, text)
	_, err = store.Read(t.Context(), bad, "traces", "a/meta.json")
	var response minio.ErrorResponse
	require.True(t, errors.As(err, &response), err)
	assert.Equal(t, "InvalidAccessKeyId", response.Code)
}
