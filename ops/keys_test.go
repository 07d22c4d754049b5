package main

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/picluster/picluster/internal/command"
	"github.com/picluster/picluster/ops/engine"
	"github.com/picluster/picluster/ops/migrate"
	"github.com/picluster/picluster/ops/object"
	"github.com/picluster/picluster/ops/objectstore"
	"github.com/stretchr/testify/assert"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// secretsOf is a cluster with Secrets, by NAMESPACE/NAME, and with the namespace tempo.
type secretsOf map[string]map[string][]byte

func (s secretsOf) Secret(_ context.Context, namespace, name string) (map[string][]byte, error) {
	if data, found := s[namespace+"/"+name]; found {
		return data, nil
	}
	return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, name)
}

func (s secretsOf) Get(_ context.Context, manifest *object.Object) (*object.Object, error) {
	if manifest.GetKind() == "Namespace" && manifest.GetName() == "tempo" {
		return manifest, nil
	}
	return nil, nil
}

// tried is a server on which operations fail.
type tried []objectstore.Trial

func (tried) Kind() string     { return "S3 server" }
func (tried) Endpoint() string { return "s3:9000" }
func (t tried) Try(context.Context, objectstore.Keys, string) ([]objectstore.Trial, error) {
	return t, nil
}

func TestCheckKeys(t *testing.T) {
	const put = "kubectl --context pi create secret generic keys --namespace tempo --from-file ID=FILE --from-file KEY=FILE --dry-run=client --output yaml | kubectl --context pi apply --filename -"
	fields := engine.SecretFields{AccessKey: "ID", SecretKey: "KEY"}
	commands := command.Names{Stack: "s"}.In(func(name string) string { return map[string]string{"context": "pi"}[name] })
	with := func(id, key string) secretsOf {
		return secretsOf{"tempo/keys": {"ID": []byte(id), "KEY": []byte(key)}}
	}
	denied := objectstore.Trial{Operation: "delete", Denial: objectstore.NotAllowed, Err: errors.New("no")}
	for name, test := range map[string]struct {
		namespace string
		cluster   secretsOf
		server    tried
		want      string
	}{
		"keys that do": {"tempo", with("GK1", "a/b+c="), nil, ""},
		"no Secret":    {"tempo", nil, nil, "secret tempo/keys: got nothing; want the keys of bucket traces. Fix: " + put},
		"no namespace": {
			"other", nil, nil,
			"secret other/keys: got nothing; want the keys of bucket traces. Fix: kubectl --context pi create namespace other; pulumi config set existingNamespace true; " +
				"kubectl --context pi create secret generic keys --namespace other --from-file ID=FILE --from-file KEY=FILE --dry-run=client --output yaml | kubectl --context pi apply --filename -",
		},
		"a key with its line break": {
			"tempo", with("GK1", "hunter2\n"), nil,
			"secret tempo/keys: KEY: want letters, digits and + / = . _ ~ -, without a line break at the end. Fix: " + put,
		},
		"a Secret without the field": {
			"tempo", secretsOf{"tempo/keys": {"KEY": []byte("x")}}, nil,
			"secret tempo/keys: ID: want letters, digits and + / = . _ ~ -, without a line break at the end. Fix: " + put,
		},
		"another key": {
			"tempo", with("GK1", "hunter2"), tried{{Operation: "list", Denial: objectstore.WrongKey}},
			`bucket traces on the S3 server s3:9000: got "list: SignatureDoesNotMatch" with the keys in Secret tempo/keys; want list, put, get and delete. Fix: ` + put,
		},
		"no bucket": {
			"tempo", with("GK1", "hunter2"), tried{{Operation: "list", Denial: objectstore.NoBucket}},
			`bucket traces on the S3 server s3:9000: got "list: NoSuchBucket" with the keys in Secret tempo/keys; want list, put, get and delete. Fix: create the bucket there, or pulumi config set bucket NAME`,
		},
		"not all is allowed": {
			"tempo", with("GK1", "hunter2"), tried{{Operation: "list", Denial: objectstore.NotAllowed}, denied},
			`bucket traces on the S3 server s3:9000: got "list: AccessDenied, delete: AccessDenied" with the keys in Secret tempo/keys; want list, put, get and delete. ` +
				"Fix: allow the user s3:ListBucket, s3:PutObject, s3:GetObject and s3:DeleteObject there",
		},
		"no S3 server": {
			"tempo", with("GK1", "hunter2"), tried{{Operation: "list", Err: errors.New("EOF")}},
			`bucket traces on the S3 server s3:9000: got "list: EOF" with the keys in Secret tempo/keys; want list, put, get and delete. Fix: pulumi config set s3Endpoint HOST:PORT`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := place{namespace: test.namespace, secret: "keys", bucket: "traces", commands: commands}.check(t.Context(), test.cluster, test.server, fields)
			if test.want == "" {
				assert.NoError(t, err)
				return
			}
			assert.EqualError(t, err, test.want)
			assert.NotContains(t, err.Error(), "hunter2")
		})
	}
}

func TestMigrateFlags(t *testing.T) {
	for _, name := range []string{"PICLUSTER_FROM_ACCESS_KEY", "PICLUSTER_FROM_SECRET_KEY", "PICLUSTER_TO_ACCESS_KEY", "PICLUSTER_TO_SECRET_KEY"} {
		t.Setenv(name, "")
	}
	m := migrateOptions{from: side{name: "from", url: "https://user:hunter2@s3:9000/traces"}, to: side{name: "to", secret: "tempo"}}
	assert.EqualError(t, m.check(), `--from: got "https://xxxxx@s3:9000/traces"; want a URL without a user, whose password would be stored in plain text. Fix: --from https://HOST:PORT/BUCKET
PICLUSTER_FROM_ACCESS_KEY, PICLUSTER_FROM_SECRET_KEY: got nothing; want the keys of --from. Fix: export PICLUSTER_FROM_ACCESS_KEY=KEY PICLUSTER_FROM_SECRET_KEY=KEY; or --from-secret NAMESPACE/NAME
--to: got nothing; want a URL that starts with http:// or https:// and a host. Fix: --to https://HOST:PORT/BUCKET
--to-secret: got "tempo"; want a namespace and a Secret. Fix: --to-secret NAMESPACE/NAME`)
	m = migrateOptions{from: side{name: "from", url: "https://s3/traces", secret: "a/b"}, to: side{name: "to", url: "https://s3/traces/", secret: "a/b"}}
	assert.EqualError(t, m.check(), `--to: got "https://s3/traces/"; want another bucket than --from. Fix: --to https://HOST:PORT/BUCKET`)
	for _, url := range []string{"https://s3", "https://s3/traces/below", "https://s3/traces?x=y", "s3/traces"} {
		_, _, err := side{url: url}.parse()
		assert.Error(t, err, url)
	}
	server, name, err := side{url: "http://s3.example.com:9000/traces", ca: "ca.crt", region: "garage"}.parse()
	assert.NoError(t, err)
	assert.Equal(t, "traces", name)
	assert.Equal(t, objectstore.Server{Endpoint: "s3.example.com:9000", Region: "garage", Insecure: true, CAFile: "ca.crt"}, server)
}

func TestMigrateReport(t *testing.T) {
	var m migrateOptions
	plan := &migrate.Plan{Total: migrate.Count{Objects: 4}, Copy: []migrate.Object{{Key: "a"}, {Key: "b"}}, Differ: []migrate.Object{{Key: "c", Size: 7}}}
	result := &migrate.Result{Copied: migrate.Count{Objects: 1}, Failed: map[string]error{"b": errors.New("EOF")}}
	assert.EqualError(t, m.report(plan, result), `"b": EOF
1 of 4 objects were not copied. Fix: run the same command again, which continues
1 of 4 objects differ at the target, and were not replaced. Fix: --overwrite, if the source is right`)
	m.overwrite = true
	assert.NoError(t, m.report(plan, &migrate.Result{Copied: migrate.Count{Objects: 3}}))
	assert.NoError(t, m.report(plan, &migrate.Result{Copied: migrate.Count{Objects: 2}, Gone: []string{"a"}}))
	var shown bytes.Buffer
	m.show(&shown, plan)
	assert.Contains(t, shown.String(), "1 objects differ, and are replaced at the target (--overwrite):\n  \"c\", 7 bytes\n")
}
