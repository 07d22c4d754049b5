// Package github puts a preview's summary into a comment of a pull request, and
// drift into an issue, one of each for a stack.
package github

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// Repository is a repository on GitHub.
type Repository struct {
	// API is the API's URL, Name the repository's as owner/name.
	API, Name string
	// Token may write to its issues, or to its pull requests.
	Token string
}

// FromEnvironment returns the repository whose workflow runs. The variables are
// those of GitHub Actions, which leave the token to be passed on.
func FromEnvironment() (*Repository, error) {
	r := &Repository{
		API:   cmp.Or(os.Getenv("GITHUB_API_URL"), "https://api.github.com"),
		Name:  os.Getenv("GITHUB_REPOSITORY"),
		Token: os.Getenv("GITHUB_TOKEN"),
	}
	if r.Name == "" || r.Token == "" {
		return nil, fmt.Errorf("set GITHUB_REPOSITORY to owner/name, and GITHUB_TOKEN to a token that may write there")
	}
	return r, nil
}

// label is on the issues of drift, so that they are found among others.
const label = "drift"

// perPage is the most that GitHub returns at once.
const perPage = 100

// thread is an issue or a comment.
type thread struct {
	ID     int    `json:"id,omitempty"`
	Number int    `json:"number,omitempty"`
	Body   string `json:"body"`
}

// Comment writes text as the one comment of a stack on a pull request: the one
// that is there already, or a new one.
func (r *Repository) Comment(ctx context.Context, pull int, stack, text string) error {
	comments := fmt.Sprintf("issues/%d/comments", pull)
	old, err := r.find(ctx, comments, url.Values{}, mark("preview", stack))
	if err != nil {
		return err
	}
	body := map[string]any{"body": mark("preview", stack) + "\n" + text}
	if old == nil {
		return r.call(ctx, http.MethodPost, comments, body, nil)
	}
	return r.call(ctx, http.MethodPatch, fmt.Sprintf("issues/comments/%d", old.ID), body, nil)
}

// Open writes text into the one open issue of a stack's drift, or opens one.
func (r *Repository) Open(ctx context.Context, stack, text string) error {
	old, err := r.issue(ctx, stack)
	if err != nil {
		return err
	}
	body := map[string]any{"body": mark("drift", stack) + "\n" + text}
	if old != nil {
		return r.call(ctx, http.MethodPatch, fmt.Sprintf("issues/%d", old.Number), body, nil)
	}
	body["title"], body["labels"] = "Stack "+stack+" has drifted", []string{label}
	return r.call(ctx, http.MethodPost, "issues", body, nil)
}

// Close closes the issue of a stack's drift, if there is one.
func (r *Repository) Close(ctx context.Context, stack string) error {
	old, err := r.issue(ctx, stack)
	if err != nil || old == nil {
		return err
	}
	return r.call(ctx, http.MethodPatch, fmt.Sprintf("issues/%d", old.Number),
		map[string]any{"state": "closed", "state_reason": "completed"}, nil)
}

func (r *Repository) issue(ctx context.Context, stack string) (*thread, error) {
	return r.find(ctx, "issues", url.Values{"state": {"open"}, "labels": {label}}, mark("drift", stack))
}

// mark is the first line, which nobody sees, of what is written for a stack.
func mark(what, stack string) string { return fmt.Sprintf("<!-- picluster %s %s -->", what, stack) }

// find returns the first of a list that starts with a mark, or nil.
func (r *Repository) find(ctx context.Context, path string, query url.Values, mark string) (*thread, error) {
	query.Set("per_page", fmt.Sprint(perPage))
	for page := 1; ; page++ {
		query.Set("page", fmt.Sprint(page))
		var threads []thread
		if err := r.call(ctx, http.MethodGet, path+"?"+query.Encode(), nil, &threads); err != nil {
			return nil, err
		}
		for _, t := range threads {
			if strings.HasPrefix(t.Body, mark) {
				return &t, nil
			}
		}
		if len(threads) < perPage {
			return nil, nil
		}
	}
}

// call sends in, and reads the answer into out, if they are not nil.
func (r *Repository) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, fmt.Sprintf("%s/repos/%s/%s", r.API, r.Name, path), body)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "application/vnd.github+json")
	request.Header.Set("Authorization", "Bearer "+r.Token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= 300 {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 500))
		return fmt.Errorf("GitHub: %s %s: %s: %s", method, path, response.Status, text)
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(out)
}
