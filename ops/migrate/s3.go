package migrate

import (
	"context"
	"errors"
	"net/http"

	"github.com/minio/minio-go/v7"
)

// originKey is the user metadata of a copied object that has its ETag at the source.
const originKey = "Picluster-Source-Etag"

// S3 is a bucket of an S3 server.
type S3 struct {
	Client *minio.Client
	Name   string // of the bucket
}

// List returns all objects.
func (s S3) List(ctx context.Context) ([]Object, error) {
	ctx, cancel := context.WithCancel(ctx) // ends the listing after an error
	defer cancel()
	var objects []Object
	for o := range s.Client.ListObjects(ctx, s.Name, minio.ListObjectsOptions{Recursive: true}) {
		if o.Err != nil {
			return nil, o.Err
		}
		objects = append(objects, Object{o.Key, o.Size, o.ETag})
	}
	return objects, context.Cause(ctx)
}

// Open returns the content of an object.
func (s S3) Open(ctx context.Context, object Object) (Content, error) {
	options := minio.GetObjectOptions{}
	if err := options.SetMatchETag(object.ETag); err != nil {
		return Content{}, err
	}
	core := minio.Core{Client: s.Client} // one request, where GetObject has two
	body, info, _, err := core.GetObject(ctx, s.Name, object.Key, options)
	switch code := minio.ToErrorResponse(err); {
	case code.Code == "NoSuchKey":
		return Content{}, ErrGone
	case code.StatusCode == http.StatusPreconditionFailed:
		return Content{}, ErrChanged
	case err != nil:
		return Content{}, err
	}
	return Content{body, info.ContentType, info.UserMetadata}, nil
}

// Origin returns the ETag at its source that an object was written with.
func (s S3) Origin(ctx context.Context, key string) (string, error) {
	info, err := s.Client.StatObject(ctx, s.Name, key, minio.StatObjectOptions{})
	return info.UserMetadata[originKey], err
}

// Put writes an object.
func (s S3) Put(ctx context.Context, source Object, content Content, replace bool) (string, error) {
	part := partSize(source.Size)
	options := minio.PutObjectOptions{
		ContentType: content.Type, UserMetadata: map[string]string{},
		PartSize: uint64(part), NumThreads: 1, // #nosec G115 -- it is above zero
		DisableMultipart: source.Size <= part,
	}
	for key, value := range content.Metadata {
		options.UserMetadata[key] = value
	}
	if source.Size > part || !inOnePart.MatchString(source.ETag) {
		// The target's ETag will be another.
		options.UserMetadata[originKey] = source.ETag
	}
	if source.Size > part {
		// A killed run leaves parts, which no listing shows as an object.
		_ = s.Client.RemoveIncompleteUpload(ctx, s.Name, source.Key) // without the right to it, the server expires them
	}
	if !replace {
		options.SetMatchETagExcept("*")
	}
	info, err := s.Client.PutObject(ctx, s.Name, source.Key, content, source.Size, options)
	if minio.ToErrorResponse(err).StatusCode == http.StatusPreconditionFailed {
		return "", ErrExists
	}
	if err == nil && info.Size != source.Size {
		err = errors.New("the target has another size than was written")
	}
	return info.ETag, err
}
