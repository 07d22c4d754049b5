package verify

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path"
	"time"

	"github.com/picluster/picluster/ops/objectstore"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// blockPrefix returns the prefix of Tempo's blocks in the bucket: the tenant's id, or the id that
// Tempo uses without multi-tenancy.
func (t Target) blockPrefix() string { return cmp.Or(t.OrgID, "single-tenant") + "/" }

// denials say why keys do not open a bucket.
var denials = map[objectstore.Denial]string{
	objectstore.WrongKey:   "its secret key is not the user's",
	objectstore.NoUser:     "its access key is of no user, or of one that is disabled",
	objectstore.NotAllowed: "its user may not list the bucket",
	objectstore.NoBucket:   "there is no such bucket",
}

// key reads the keys in the Secret, and looks whether they open the bucket.
func (r *run) key(ctx context.Context) (string, error) {
	if r.Secret == "" {
		return "", skip("credentials: inline: no Secret has the keys")
	}
	name := "Secret " + r.Namespace + "/" + r.Secret
	data, err := r.Cluster.Secret(ctx, r.Namespace, r.Secret)
	if apierrors.IsNotFound(err) {
		return "", at(name, r.drift(), fmt.Errorf("there is no %s", name))
	}
	if err != nil {
		return "", at(name, r.Commands.Kubectl("get", "secret", "--namespace", r.Namespace, r.Secret), reason(err))
	}
	fields := r.SecretFields.OrDefault()
	keys := objectstore.Keys{AccessKey: string(data[fields.AccessKey]), SecretKey: string(data[fields.SecretKey])}
	for _, field := range []string{fields.AccessKey, fields.SecretKey} {
		if len(data[field]) == 0 {
			return "", at(name, r.drift(), fmt.Errorf("%s has no %s", name, field))
		}
	}
	try, cancel := context.WithTimeout(ctx, tryTime)
	defer cancel()
	denial, err := r.Store.Opens(try, keys.AccessKey, keys.SecretKey, r.Bucket)
	if err != nil {
		return "", at(r.server(), r.drift(), reason(err))
	}
	if denial != "" {
		return "", at(name, r.drift(), fmt.Errorf("%s does not open bucket %s: %s", name, r.Bucket, denials[denial]))
	}
	r.keys = keys
	return fmt.Sprintf("%s opens bucket %s", name, r.Bucket), nil
}

// server is the part at fault if the S3 server does not respond.
func (r *run) server() string { return r.Store.Kind() + " at " + r.Store.Endpoint() }

// blocks returns the blocks in the bucket.
func (r *run) blocks(ctx context.Context) map[string]bool {
	if r.keys.AccessKey == "" {
		return nil
	}
	found := map[string]bool{}
	// An error is ignored here, because the step block lists again and reports it.
	prefixes, _ := r.Store.Prefixes(ctx, r.keys, r.Bucket, r.blockPrefix())
	for _, prefix := range prefixes {
		found[prefix] = true
	}
	return found
}

// block waits for a block in the bucket that covers the time of the traces.
func (r *run) block(ctx context.Context) (string, error) {
	traces := r.received()
	switch {
	case r.Wait == 0:
		return "", skip("add --wait 45m: Tempo writes a block after max_block_duration, by default 30 minutes")
	case r.Secret == "":
		return "", skip("credentials: inline: no Secret has the keys")
	case r.keys.AccessKey == "":
		return "", skip("the keys in the Secret do not open the bucket")
	case len(traces) == 0:
		return "", skip("no receiver has accepted a trace")
	}
	var found string
	err := r.poll(ctx, "block", r.Wait, func(ctx context.Context) error {
		prefixes, err := r.Store.Prefixes(ctx, r.keys, r.Bucket, r.blockPrefix())
		if err != nil {
			return at(r.server(), r.drift(), reason(err))
		}
		for _, prefix := range prefixes {
			if r.before[prefix] {
				continue
			}
			text, err := r.Store.Read(ctx, r.keys, r.Bucket, prefix+"meta.json")
			if err != nil {
				return at(r.server(), r.drift(), reason(err))
			}
			if text == nil {
				continue // not complete yet
			}
			if covers(text, traces[0].at()) {
				found = path.Base(prefix)
				return nil
			}
			r.before[prefix] = true
		}
		return at(fmt.Sprintf("ingesters of release %s/%s", r.Namespace, r.Release), r.logs(),
			fmt.Errorf("bucket %s: got no block of %s in %s; want one, which Tempo writes after max_block_duration, by default 30 minutes",
				r.Bucket, traces[0].at().Format(time.TimeOnly), r.Wait))
	})
	return "block " + found + " in bucket " + r.Bucket, err
}

// covers returns whether a block of ingesters has spans of a time, by its meta.json.
func covers(meta []byte, at time.Time) bool {
	var block struct {
		StartTime time.Time `json:"startTime"`
		EndTime   time.Time `json:"endTime"`
		// ReplicationFactor is 1 for a block of the metrics-generator, which says nothing of
		// the ingesters. Source: Tempo, tempodb/backend/block_meta.go.
		ReplicationFactor int `json:"replicationFactor"`
	}
	if json.Unmarshal(meta, &block) != nil || block.ReplicationFactor == 1 {
		return false
	}
	at = at.Truncate(time.Second) // as Tempo notes it
	return !block.StartTime.After(at.Add(time.Second)) && !block.EndTime.Before(at)
}
