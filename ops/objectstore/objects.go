package objectstore

import (
	"context"
	"io"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Keys are the keys of a user.
type Keys struct{ AccessKey, SecretKey string }

// Prefixes returns the common prefixes of a bucket's objects below a prefix that ends
// with a slash, each up to the next slash: what a file system has as directories. It
// lists with the keys of a user.
func (s *Store) Prefixes(ctx context.Context, keys Keys, bucket, prefix string) ([]string, error) {
	client, err := s.client(credentials.NewStaticV4(keys.AccessKey, keys.SecretKey, ""))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx) // ends the listing after an error
	defer cancel()
	var found []string
	for object := range client.ListObjects(ctx, bucket, minio.ListObjectsOptions{Prefix: prefix}) {
		if object.Err != nil {
			return nil, object.Err
		}
		if object.Key != prefix && object.Key[len(object.Key)-1] == '/' {
			found = append(found, object.Key)
		}
	}
	return found, nil
}

// Each calls do with the size in bytes and the time of writing of each object of a bucket. It
// lists with the keys of a user.
func (s *Store) Each(ctx context.Context, keys Keys, bucket string, do func(name string, size int64, written time.Time)) error {
	client, err := s.Client(keys)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx) // ends the listing after an error
	defer cancel()
	for object := range client.ListObjects(ctx, bucket, minio.ListObjectsOptions{Recursive: true}) {
		if object.Err != nil {
			return object.Err
		}
		do(object.Key, object.Size, object.LastModified)
	}
	return ctx.Err()
}

// largest is how much of an object is read, in bytes.
const largest = 1 << 20

// Read returns an object of a bucket, read with the keys of a user, or nil if there is
// none.
func (s *Store) Read(ctx context.Context, keys Keys, bucket, name string) ([]byte, error) {
	client, err := s.client(credentials.NewStaticV4(keys.AccessKey, keys.SecretKey, ""))
	if err != nil {
		return nil, err
	}
	object, err := client.GetObject(ctx, bucket, name, minio.GetObjectOptions{})
	if err != nil {
		return nil, err
	}
	defer object.Close()
	text, err := io.ReadAll(io.LimitReader(object, largest))
	if minio.ToErrorResponse(err).Code == "NoSuchKey" {
		return nil, nil
	}
	return text, err
}
