package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"regexp"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
)

// Prefixes of the objects below that of the tenant: what ingesters write, by trace, and
// what metrics-generators write, which TraceQL metrics are counted from.
const (
	tracesPrefix = ""
	blocksPrefix = "local-blocks/"
)

// traceObject matches the name of an object of a trace below its prefix.
var traceObject = regexp.MustCompile(`^[0-9a-f]{32}/[^/]+\.json$`)

// storeTimeout limits one request to the S3 server.
const storeTimeout = 5 * time.Second

// bucket is the bucket of the configuration, with the pod's own keys.
type bucket struct {
	client *minio.Client
	name   string
	prefix string
}

// newBucket returns the bucket and sends no request. It returns an error if the CA's
// file cannot be read, as Tempo does.
func newBucket(backend string, c s3Config) (*bucket, error) {
	if backend != "s3" {
		return nil, fmt.Errorf("storage.trace.backend: got %q; want s3, the only one that the stand-in has", backend)
	}
	transport, err := minio.DefaultTransport(!c.Insecure)
	if err != nil {
		return nil, err
	}
	if !c.Insecure {
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: c.SkipVerify} // #nosec G402 -- as configured
		if c.CAPath != "" {
			text, err := os.ReadFile(c.CAPath)
			if err != nil {
				return nil, fmt.Errorf("storage.trace.s3.tls_ca_path: %w", err)
			}
			pool := x509.NewCertPool()
			if !pool.AppendCertsFromPEM(text) {
				return nil, fmt.Errorf("storage.trace.s3.tls_ca_path: %s has no certificate", c.CAPath)
			}
			transport.TLSClientConfig.RootCAs = pool
		}
	}
	client, err := minio.New(c.Endpoint, &minio.Options{
		// Tempo's own order, in which AWS_ACCESS_KEY_ID of the pod comes first.
		Creds: credentials.NewChainCredentials([]credentials.Provider{
			&credentials.EnvAWS{},
			&credentials.Static{Value: credentials.Value{
				AccessKeyID: c.AccessKey, SecretAccessKey: c.SecretKey, SessionToken: c.SessionToken, SignerType: credentials.SignatureV4,
			}},
			&credentials.EnvMinio{},
		}),
		Secure:     !c.Insecure,
		Region:     c.Region,
		Transport:  transport,
		MaxRetries: 1, // the stand-in logs a failure and tries again itself
	})
	if err != nil {
		return nil, fmt.Errorf("storage.trace.s3.endpoint: %w", err)
	}
	return &bucket{client, c.Bucket, c.Prefix}, nil
}

// check lists the bucket, as Tempo does when it starts.
func (b *bucket) check(ctx context.Context) error {
	_, err := b.list(ctx, "", 1)
	return err
}

// list returns the names of at most limit objects below a prefix, without it.
func (b *bucket) list(ctx context.Context, prefix string, limit int) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	prefix = b.path(prefix)
	var names []string
	for object := range b.client.ListObjectsIter(ctx, b.name, minio.ListObjectsOptions{Prefix: prefix, Recursive: true, MaxKeys: min(limit, 1000)}) {
		if object.Err != nil {
			return nil, fmt.Errorf("unexpected error from ListObjects on %s: %w", b.name, object.Err)
		}
		if names = append(names, object.Key[len(prefix):]); len(names) == limit {
			break
		}
	}
	return names, nil
}

// put writes an object.
func (b *bucket) put(ctx context.Context, name string, content []byte) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	_, err := b.client.PutObject(ctx, b.name, b.path(name), bytes.NewReader(content), int64(len(content)),
		minio.PutObjectOptions{ContentType: "application/json"})
	return err
}

// get reads an object. It returns no data if the object was deleted after the listing.
func (b *bucket) get(ctx context.Context, name string) (*trace.TracesData, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	data := &trace.TracesData{}
	object, err := b.client.GetObject(ctx, b.name, b.path(name), minio.GetObjectOptions{})
	if err != nil {
		return nil, err
	}
	defer object.Close()
	content, err := io.ReadAll(object)
	if errorCode(err) == minio.NoSuchKey {
		return data, nil
	}
	if err != nil {
		return nil, fmt.Errorf("unexpected error from GetObject on %s: %w", name, err)
	}
	if err := unmarshalJSON(content, data); err != nil {
		return nil, fmt.Errorf("object %s: %w", name, err)
	}
	return data, nil
}

// read returns the objects of a trace below a prefix, or of all traces if id is empty.
func (b *bucket) read(ctx context.Context, prefix, id string) ([]*trace.TracesData, error) {
	const limit = 10_000 // a lab has far less
	if id != "" {
		id += "/"
	}
	names, err := b.list(ctx, prefix+id, limit)
	if err != nil {
		return nil, err
	}
	var found []*trace.TracesData
	for _, name := range names {
		if !traceObject.MatchString(id + name) {
			continue
		}
		data, err := b.get(ctx, prefix+id+name)
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

// path returns an object's name with the prefix of the configuration.
func (b *bucket) path(name string) string {
	if b.prefix == "" {
		return name
	}
	return path.Clean(b.prefix) + "/" + name
}

// errorCode returns the code of an S3 error, or "" for any other error, such as one of
// the network or TLS.
func errorCode(err error) string {
	var response minio.ErrorResponse
	if !errors.As(err, &response) {
		return ""
	}
	if response.Code == "" {
		return http.StatusText(response.StatusCode)
	}
	return response.Code
}

// checkBucket lists the bucket with the process's keys, and logs a result that changed.
func (p *process) checkBucket(ctx context.Context) {
	p.report("bucket "+p.bucket.name, p.bucket.check(ctx))
}
