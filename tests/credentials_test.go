package tests

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// noPlainCredential looks for the secret key in all places that must not have it: in what users
// and CI see, in the state, in Helm's record and in the pods.
func noPlainCredential(h harness, places map[string]string) {
	secret := h.secretKeys().secret
	require.Len(h, secret, 40)
	require.NotEmpty(h, foundIn(h.pulumi("stack", "export", "--show-secrets"), secret), "this search finds nothing anywhere")

	places["stack export"] = h.pulumi("stack", "export")
	places["stack outputs"] = h.pulumi("stack", "output", "--json", "--show-secrets")
	places["preview"] = h.mustStack("preview", "--diff")
	places["a preview with -v=9"] = h.allLogs()
	places["preview as JSON"] = h.mustStack("preview", "--json")
	places["pods"] = h.kubectl("get", "pods", "--namespace=tempo", "--output=yaml")
	places["config maps"] = h.kubectl("get", "configmaps", "--namespace=tempo", "--output=yaml")
	places["Helm's record"] = h.helmRecord()
	require.Contains(h, places["Helm's record"], "k3s-tempo", "this is no record")

	for place, text := range places {
		assert.Empty(h, foundIn(text, secret), "%s has the secret key", place)
	}

	// Pulumi's state, its history and its backups, and the lab's logs.
	err := filepath.WalkDir(h.Dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (strings.HasSuffix(path, "/minio/data") || entry.Name() == "etcd" || entry.Name() == "bin"):
			return filepath.SkipDir // where the keys live, and programs
		case !entry.Type().IsRegular():
			return nil
		}
		text, err := os.ReadFile(path)
		assert.Empty(h, foundIn(string(text), secret), "%s has the secret key", path)
		return err
	})
	require.NoError(h, err)
}

// allLogs returns what the program and the commands print at the highest log level. The engine's
// own logs go into files, with every secret that it sends and gets.
func (h harness) allLogs() string {
	h.T.Helper()
	ctx, cancel := context.WithTimeout(h.Context(), commandTimeout)
	defer cancel()
	cmd := h.StackCommand(ctx, "preview", "-v=9", "--diff")
	cmd.Env = append(cmd.Env, "TMPDIR="+h.TempDir(), "TF_LOG=TRACE")
	out, err := output(cmd)
	require.NoError(h, err, out)
	return out
}

// foundIn returns the forms of secret in which text has it.
func foundIn(text, secret string) (forms []string) {
	for _, form := range []string{
		secret,
		base64.StdEncoding.EncodeToString([]byte(secret)),
		url.QueryEscape(secret),
	} {
		if strings.Contains(text, form) {
			forms = append(forms, form)
		}
	}
	return forms
}

// helmRecord returns Helm's records of the release, decoded: JSON in gzip in
// base64, of which the API makes base64 once more.
func (h harness) helmRecord() string {
	h.T.Helper()
	var secrets struct {
		Items []struct {
			Data struct{ Release []byte }
		}
	}
	h.get(&secrets, "secrets", "--selector=owner=helm")
	require.NotEmpty(h, secrets.Items)
	var records strings.Builder
	for _, secret := range secrets.Items {
		zipped, err := base64.StdEncoding.DecodeString(string(secret.Data.Release))
		require.NoError(h, err)
		reader, err := gzip.NewReader(bytes.NewReader(zipped))
		require.NoError(h, err)
		text, err := io.ReadAll(reader)
		require.NoError(h, err)
		require.True(h, json.Valid(text))
		records.Write(text)
	}
	return records.String()
}
