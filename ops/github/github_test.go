package github_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/picluster/picluster/ops/github"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fake is as much of GitHub as is used: the comments of one pull request, and
// issues.
type fake struct {
	comments, issues []map[string]any
	writes           []string
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer token" {
		http.Error(w, "Bad credentials", http.StatusUnauthorized)
		return
	}
	path, _ := strings.CutPrefix(r.URL.Path, "/repos/o/r/")
	list := &f.issues
	if strings.Contains(path, "comments") {
		list = &f.comments
	}
	if r.Method == http.MethodGet {
		page, _ := strconv.Atoi(r.URL.Query().Get("page"))
		found := []map[string]any{}
		for i, item := range *list {
			open := list == &f.comments || item["state"] == r.URL.Query().Get("state")
			if open && i/100 == page-1 {
				found = append(found, item)
			}
		}
		_ = json.NewEncoder(w).Encode(found)
		return
	}
	f.writes = append(f.writes, r.Method+" "+path)
	var body map[string]any
	_ = json.NewDecoder(r.Body).Decode(&body)
	if r.Method == http.MethodPost {
		body["id"], body["number"], body["state"] = len(*list), len(*list), "open"
		*list = append(*list, body)
		w.WriteHeader(http.StatusCreated)
		return
	}
	at, _ := strconv.Atoi(path[strings.LastIndex(path, "/")+1:])
	for key, value := range body {
		(*list)[at][key] = value
	}
}

func start(t *testing.T) (*fake, *github.Repository) {
	t.Helper()
	f := &fake{}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return f, &github.Repository{API: server.URL, Name: "o/r", Token: "token"}
}

func TestComment(t *testing.T) {
	f, r := start(t)
	for i := range 130 { // so that the second page is looked at
		f.comments = append(f.comments, map[string]any{"id": i, "body": fmt.Sprintf("talk %d", i)})
	}
	require.NoError(t, r.Comment(t.Context(), 7, "lab", "first"))
	require.NoError(t, r.Comment(t.Context(), 7, "home", "another stack's"))
	require.NoError(t, r.Comment(t.Context(), 7, "lab", "second"))
	assert.Equal(t, []string{"POST issues/7/comments", "POST issues/7/comments", "PATCH issues/comments/130"}, f.writes)
	assert.Equal(t, "<!-- picluster preview lab -->\nsecond", f.comments[130]["body"])
	assert.Equal(t, "<!-- picluster preview home -->\nanother stack's", f.comments[131]["body"])
}

func TestIssue(t *testing.T) {
	f, r := start(t)
	require.NoError(t, r.Close(t.Context(), "lab"))
	require.NoError(t, r.Open(t.Context(), "lab", "one thing"))
	require.NoError(t, r.Open(t.Context(), "lab", "two things"))
	require.NoError(t, r.Close(t.Context(), "home"))
	require.NoError(t, r.Close(t.Context(), "lab"))
	require.NoError(t, r.Open(t.Context(), "lab", "again"))
	assert.Equal(t, []string{"POST issues", "PATCH issues/0", "PATCH issues/0", "POST issues"}, f.writes)
	assert.Equal(t, "<!-- picluster drift lab -->\ntwo things", f.issues[0]["body"])
	assert.Equal(t, "closed", f.issues[0]["state"])
	assert.Equal(t, "Stack lab has drifted", f.issues[1]["title"])
	assert.Equal(t, []any{"drift"}, f.issues[1]["labels"])
}

func TestRefused(t *testing.T) {
	_, r := start(t)
	r.Token = "wrong"
	err := r.Comment(t.Context(), 7, "lab", "text")
	assert.ErrorContains(t, err, "401")
	assert.ErrorContains(t, err, "Bad credentials")
	assert.NotContains(t, err.Error(), "wrong")
}

func TestFromEnvironment(t *testing.T) {
	t.Setenv("GITHUB_REPOSITORY", "o/r")
	t.Setenv("GITHUB_TOKEN", "")
	_, err := github.FromEnvironment()
	assert.ErrorContains(t, err, "GITHUB_TOKEN")
	t.Setenv("GITHUB_TOKEN", "token")
	t.Setenv("GITHUB_API_URL", "")
	r, err := github.FromEnvironment()
	require.NoError(t, err)
	assert.Equal(t, &github.Repository{API: "https://api.github.com", Name: "o/r", Token: "token"}, r)
}
