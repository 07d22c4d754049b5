package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/minio/minio-go/v7/pkg/s3utils"
	"github.com/picluster/picluster/ops/drift"
	"github.com/picluster/picluster/ops/engine"
	"github.com/picluster/picluster/ops/object"
	"github.com/picluster/picluster/ops/objectstore"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// tryTimeout limits all that is tried on one bucket.
const tryTimeout = 30 * time.Second

// plainKey is what Tempo can have as raw text in its configuration, which is YAML.
var plainKey = regexp.MustCompile(`^[A-Za-z0-9+/=._~-]+$`)

// checkKeys returns an error, with every problem, unless the keys in each Secret list the bucket
// and write, read and delete an object of it. It has no effect unless both objectStore and
// credentials are existing.
//
// The program does not look itself: an S3 client would be compiled into it, and each
// preview of Pulumi's would write an object.
func (o *options) checkKeys(ctx context.Context, config engine.Config) error {
	if !config.ExistingObjectStore() || config.Own("credentials", "") != "existing" {
		return nil
	}
	store, cluster, err := drift.Servers(ctx, config)
	if err != nil || store == nil {
		return err // without settings that can be used the program reports them
	}
	var problems []error
	for _, p := range places(config) {
		if s3utils.CheckValidBucketNameStrict(p.bucket) == nil { // else the program reports it
			problems = append(problems, p.check(ctx, cluster, store, secretFields(config)))
		}
	}
	return errors.Join(problems...)
}

// secrets is the part of *cluster.Cluster that reads keys.
type secrets interface {
	Get(ctx context.Context, manifest *object.Object) (*object.Object, error)
	Secret(ctx context.Context, namespace, name string) (map[string][]byte, error)
}

// trier is the part of *objectstore.Store that tries keys.
type trier interface {
	Kind() string
	Endpoint() string
	Try(ctx context.Context, keys objectstore.Keys, bucket string) ([]objectstore.Trial, error)
}

// check returns an error unless the keys in the Secret do on the bucket what Tempo does.
func (p place) check(ctx context.Context, cluster secrets, store trier, fields engine.SecretFields) error {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	keys, err := p.keys(ctx, cluster, fields)
	if err != nil {
		return err
	}
	failed, err := store.Try(ctx, keys, p.bucket)
	if err != nil || len(failed) == 0 {
		return err
	}
	var operations []string
	for _, trial := range failed {
		operations = append(operations, trial.String())
	}
	return fmt.Errorf("bucket %s on the %s %s: got %q with the keys in Secret %s/%s; want list, put, get and delete. Fix: %s",
		p.bucket, store.Kind(), store.Endpoint(), strings.Join(operations, ", "), p.namespace, p.secret, p.remedy(failed[0].Denial, fields))
}

// remedy is the command that fixes a denial.
func (p place) remedy(denial objectstore.Denial, fields engine.SecretFields) string {
	switch denial {
	case objectstore.NoBucket:
		return "create the bucket there, or pulumi config set bucket NAME"
	case objectstore.NotAllowed:
		return "allow the user s3:ListBucket, s3:PutObject, s3:GetObject and s3:DeleteObject there"
	case objectstore.WrongKey, objectstore.NoUser:
		return p.putKeys(fields)
	}
	return "pulumi config set s3Endpoint HOST:PORT"
}

// keys returns the keys in the Secret.
func (p place) keys(ctx context.Context, cluster secrets, fields engine.SecretFields) (objectstore.Keys, error) {
	data, err := cluster.Secret(ctx, p.namespace, p.secret)
	if apierrors.IsNotFound(err) {
		fix := p.putKeys(fields)
		exists, err := p.hasNamespace(ctx, cluster)
		if !exists { // one that is there is the stack's, or the stack uses it already
			fix = fmt.Sprintf("%s; pulumi config set existingNamespace true; %s", p.commands.Kubectl("create", "namespace", p.namespace), fix)
		}
		return objectstore.Keys{}, cmp.Or(err, fmt.Errorf("secret %s/%s: got nothing; want the keys of bucket %s. Fix: %s", p.namespace, p.secret, p.bucket, fix))
	}
	if err != nil {
		return objectstore.Keys{}, fmt.Errorf("secret %s/%s: %w", p.namespace, p.secret, err)
	}
	for _, name := range []string{fields.AccessKey, fields.SecretKey} {
		if !plainKey.Match(data[name]) {
			return objectstore.Keys{}, fmt.Errorf("secret %s/%s: %s: want letters, digits and + / = . _ ~ -, without a line break at the end. Fix: %s",
				p.namespace, p.secret, name, p.putKeys(fields))
		}
	}
	return objectstore.Keys{AccessKey: string(data[fields.AccessKey]), SecretKey: string(data[fields.SecretKey])}, nil
}

// hasNamespace returns whether the namespace exists.
func (p place) hasNamespace(ctx context.Context, cluster secrets) (bool, error) {
	manifest := &object.Object{}
	manifest.SetAPIVersion("v1")
	manifest.SetKind("Namespace")
	manifest.SetName(p.namespace)
	live, err := cluster.Get(ctx, manifest)
	return live != nil, err
}
