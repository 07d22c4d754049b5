package objectstore

import (
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Client returns the S3 API of the server as the user of keys.
func (s *Store) Client(keys Keys) (*minio.Client, error) {
	return s.client(credentials.NewStaticV4(keys.AccessKey, keys.SecretKey, ""))
}
