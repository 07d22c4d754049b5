package lab

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// Limits of downloads. Tests shorten them.
var (
	// stallTimeout is how long a server may send nothing, and downloadTimeout how long a
	// file may take.
	stallTimeout    = 20 * time.Second
	downloadTimeout = 10 * time.Minute
)

// request sends a request. A response other than 200 is an error.
func request(ctx context.Context, method, url string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		_ = response.Body.Close()
		return nil, fmt.Errorf("%s: %s", url, response.Status)
	}
	return response, nil
}

// slowError is the error of a file that a server did not send in time.
type slowError string

func (e slowError) Error() string { return string(e) }

// fetch downloads url, and writes it to w. It fails if the server sends nothing for
// stallTimeout, or less than it announced.
func fetch(ctx context.Context, url string, w io.Writer) error {
	ctx, cancel := context.WithTimeoutCause(ctx, downloadTimeout, slowError("it took longer than "+downloadTimeout.String()))
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	stalled := time.AfterFunc(stallTimeout, func() { stop(slowError("the server sent nothing for " + stallTimeout.String())) })
	defer stalled.Stop()
	response, err := request(ctx, http.MethodGet, url)
	if err == nil {
		defer response.Body.Close()
		_, err = io.Copy(w, progress{response.Body, stalled})
	}
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	if err != nil && !strings.Contains(err.Error(), url) {
		err = fmt.Errorf("%s: %w", url, err)
	}
	return err
}

// progress is a reader that resets a timer whenever it has read something.
type progress struct {
	io.Reader
	stalled *time.Timer
}

func (p progress) Read(buffer []byte) (int, error) {
	n, err := p.Reader.Read(buffer)
	if n > 0 {
		p.stalled.Reset(stallTimeout)
	}
	return n, err
}

// download downloads an asset's file into dir and returns its path. The file is there
// only with the checksum that its publisher's list has.
func (a asset) download(ctx context.Context, dir string) (string, error) {
	var list strings.Builder
	if err := fetch(ctx, a.sums, &list); err != nil {
		return "", err
	}
	name := path.Base(a.url)
	sum, err := checksumOf(list.String(), name)
	if err != nil {
		return "", fmt.Errorf("%s: %w", a.sums, err)
	}
	file, err := os.CreateTemp(dir, "download-")
	if err != nil {
		return "", err
	}
	defer os.Remove(file.Name()) // unless it was moved
	err = fetch(ctx, a.url, io.MultiWriter(file, sum.hash))
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return "", err
	}
	if got := hex.EncodeToString(sum.hash.Sum(nil)); got != sum.want {
		return "", fmt.Errorf("%s: got the checksum %s; want %s of %s", a.url, got, sum.want, a.sums)
	}
	target := filepath.Join(dir, name)
	return target, os.Rename(file.Name(), target)
}

// extract writes a program to target: a member of the archive at source, or source itself.
func (a asset) extract(source, target string) (err error) {
	in, err := os.Open(source)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(target, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o700) // #nosec G302 -- a program
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Sync(), out.Close()) }()
	if a.member == "" {
		_, err = io.Copy(out, in)
		return err
	}
	unzipped, err := gzip.NewReader(in)
	if err != nil {
		return fmt.Errorf("%s: %w", a.url, err)
	}
	for archive := tar.NewReader(unzipped); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%s has no %s", a.url, a.member)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", a.url, err)
		}
		if path.Clean(header.Name) == a.member && header.Typeflag == tar.TypeReg {
			_, err = io.Copy(out, archive) // #nosec G110 -- its checksum is the publisher's
			return err
		}
	}
}
