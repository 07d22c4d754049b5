package objectstore

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// checkPrefix is how the name of the object begins that Try writes. It has no slash: Tempo
// reads what is below a directory of the bucket alone.
const checkPrefix = "picluster-check-"

// checkText is what that object has.
const checkText = "written by picluster to try its keys; delete it\n"

// Trial is an operation on a bucket that was tried and has failed.
type Trial struct {
	// Operation is list, put, get or delete.
	Operation string
	// Denial is the server's own code, such as AccessDenied; empty if it has none.
	Denial Denial
	Err    error
}

func (t Trial) String() string {
	if t.Denial != "" {
		return t.Operation + ": " + string(t.Denial)
	}
	return fmt.Sprintf("%s: %v", t.Operation, t.Err)
}

// Try lists a bucket with the keys of a user, and writes, reads and deletes an object of a
// name of its own, and returns what has failed. What depends on it is not tried.
func (s *Store) Try(ctx context.Context, keys Keys, bucket string) ([]Trial, error) {
	client, err := s.client(credentials.NewStaticV4(keys.AccessKey, keys.SecretKey, ""))
	if err != nil {
		return nil, err
	}
	var failed []Trial
	// works returns whether an operation has succeeded, and notes it otherwise.
	works := func(operation string, err error) bool {
		if err != nil {
			failed = append(failed, Trial{operation, Denial(minio.ToErrorResponse(err).Code), err})
		}
		return err == nil
	}
	if !works("list", first(ctx, client, bucket)) && failed[0].Denial != NotAllowed {
		return failed, nil // no key and no bucket is one problem
	}
	name := checkPrefix + strings.ToLower(rand.Text())
	_, err = client.PutObject(ctx, bucket, name, strings.NewReader(checkText), int64(len(checkText)), minio.PutObjectOptions{ContentType: "text/plain"})
	if !works("put", err) {
		return failed, nil
	}
	works("get", read(ctx, client, bucket, name))
	works("delete", client.RemoveObject(context.WithoutCancel(ctx), bucket, name, minio.RemoveObjectOptions{}))
	return failed, nil
}

// first lists the first object of a bucket.
func first(ctx context.Context, client *minio.Client, bucket string) error {
	ctx, cancel := context.WithCancel(ctx) // ends the listing
	defer cancel()
	object, more := <-client.ListObjects(ctx, bucket, minio.ListObjectsOptions{MaxKeys: 1})
	if !more {
		return nil
	}
	return object.Err
}

// read reads the object that was written.
func read(ctx context.Context, client *minio.Client, bucket, name string) error {
	object, err := client.GetObject(ctx, bucket, name, minio.GetObjectOptions{})
	if err != nil {
		return err
	}
	defer object.Close()
	text, err := io.ReadAll(io.LimitReader(object, largest))
	if err == nil && string(text) != checkText {
		err = fmt.Errorf("got %d other bytes than were written", len(text))
	}
	return err
}
