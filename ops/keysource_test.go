package main

import (
	"cmp"
	"context"
	"slices"
	"testing"

	"github.com/picluster/picluster/ops/engine"
	"github.com/stretchr/testify/assert"
)

// keysOfTest is what a Secret of the tests has.
type keysOfTest = map[string]string

func keysOf(access, secret string) keysOfTest {
	return keysOfTest{"MINIO_ACCESS_KEY_ID": access, "MINIO_SECRET_ACCESS_KEY": secret}
}

// A change of where the keys are from must leave no pod with a key that MinIO no longer has.
func TestKeySource(t *testing.T) {
	user := func(resource, name, secret string) *engine.Resource {
		return &engine.Resource{URN: named(engine.UserType, resource), Type: engine.UserType, Custom: true, Inputs: map[string]any{"name": name, "secret": secret}}
	}
	password := func(name string) *engine.Resource {
		return &engine.Resource{URN: named(engine.PasswordType, name), Type: engine.PasswordType, Custom: true}
	}
	const key, other = "generatedKey0123456789", "anotherKey0123456789"
	generated := []*engine.Resource{user("tempo-user", "tempo", key), password("tempo-secret-key")}
	second := []*engine.Resource{user("tempo-user-2", "tempo.v2", key), password("tempo-secret-key-2")}
	kept := []*engine.Resource{user("tempo-user", "tempo", key)}
	keptSecond := []*engine.Resource{user("tempo-user-2", "tempo.v2", key), password("tempo-secret-key")}
	imported := []*engine.Resource{user("tempo-user", "tempo", "")}
	tenant := []*engine.Resource{user("tempo-a-user", "tempo-a", key), password("tempo-a-secret-key")}

	read := &engine.Resource{URN: named(engine.SecretType, "tempo-secret"), Type: engine.SecretType, Custom: true, External: true, ID: "tempo/tempo-minio-secret"}
	own := &engine.Resource{URN: named(engine.SecretType, "tempo-secret"), Type: engine.SecretType, Custom: true, ID: "tempo/tempo-minio-secret"}
	const manageUser = "manageUser: got false; want true while Secret tempo/tempo-minio-secret has the keys of user tempo, because this up would delete the user"
	for name, test := range map[string]struct {
		state   []*engine.Resource
		config  map[string]string
		secrets map[string]keysOfTest
		want    string
	}{
		"nothing changes":                       {generated, nil, nil, ""},
		"no user yet":                           {nil, map[string]string{"credentials": "existing", "manageUser": "false"}, map[string]keysOfTest{"tempo/tempo-minio-secret": keysOf("tempo", key)}, ""},
		"managed elsewhere":                     {generated, map[string]string{"credentials": "existing", "manageUser": "false"}, map[string]keysOfTest{"tempo/tempo-minio-secret": keysOf("tempo", key)}, manageUser},
		"by another user":                       {generated, map[string]string{"credentials": "existing", "manageUser": "false"}, map[string]keysOfTest{"tempo/tempo-minio-secret": keysOf("vault", key)}, ""},
		"to an S3 server":                       {generated, map[string]string{"credentials": "existing", "objectStore": "existing"}, map[string]keysOfTest{"tempo/tempo-minio-secret": keysOf("tempo", other)}, ""},
		"to MinIO itself":                       {generated, map[string]string{"credentials": "existing", "objectStore": "existing"}, map[string]keysOfTest{"tempo/tempo-minio-secret": keysOf("tempo", key)}, "objectStore: got existing; want minio while Secret tempo/tempo-minio-secret has the keys of user tempo, because this up would delete the user"},
		"by a Secret to come":                   {generated, map[string]string{"credentials": "existing", "manageUser": "false"}, nil, ""},
		"of a key kept":                         {kept, map[string]string{"credentials": "existing", "manageUser": "false"}, map[string]keysOfTest{"tempo/tempo-minio-secret": keysOf("tempo", key)}, manageUser},
		"without existing":                      {generated, map[string]string{"manageUser": "false"}, nil, ""}, // the program rejects it
		"neither true nor not":                  {generated, map[string]string{"credentials": "existing", "manageUser": "maybe"}, map[string]keysOfTest{"tempo/tempo-minio-secret": keysOf("tempo", other)}, ""},
		"own field":                             {kept, map[string]string{"credentials": "existing", "manageUser": "false", "accessKeyField": "ID", "secretName": "s", "namespace": "n"}, map[string]keysOfTest{"n/s": {"ID": "tempo"}}, "manageUser: got false; want true while Secret n/s has the keys of user tempo"},
		"to an existing Secret":                 {generated, map[string]string{"credentials": "existing"}, map[string]keysOfTest{"tempo/tempo-minio-secret": keysOf("tempo", other)}, "keyVersion: got 1; want 2, and access key USER.v2 in Secret tempo/tempo-minio-secret, because this up would replace the key of user tempo, which pods have. Fix: pulumi config set keyVersion 2; or "},
		"with the same key":                     {generated, map[string]string{"credentials": "existing"}, map[string]keysOfTest{"tempo/tempo-minio-secret": keysOf("tempo", key)}, ""},
		"with another version":                  {generated, map[string]string{"credentials": "existing", "keyVersion": "2"}, map[string]keysOfTest{"tempo/tempo-minio-secret": keysOf("tempo.v2", other)}, ""},
		"that stays existing":                   {kept, map[string]string{"credentials": "existing"}, map[string]keysOfTest{"tempo/tempo-minio-secret": keysOf("tempo", other)}, ""},
		"to a generated key":                    {kept, nil, nil, "keyVersion: got 1; want 2 with credentials: secret, because this up would replace the key of user tempo, which pods have. Fix: pulumi config set keyVersion 2"},
		"inline":                                {kept, map[string]string{"credentials": "inline"}, nil, "keyVersion: got 1; want 2 with credentials: inline"},
		"of the next version":                   {kept, map[string]string{"keyVersion": "2"}, nil, ""},
		"of a second version":                   {keptSecond, map[string]string{"keyVersion": "2"}, nil, "keyVersion: got 2; want 3 with credentials: secret"},
		"of a generated second":                 {second, map[string]string{"keyVersion": "2"}, nil, ""},
		"of an imported user":                   {imported, nil, nil, ""}, // checkKeyVersion's
		"no version":                            {kept, map[string]string{"keyVersion": "?"}, nil, ""},
		"over a Secret":                         {append(slices.Clone(kept), read), map[string]string{"keyVersion": "2"}, nil, `secretName: got "tempo-minio-secret"; want another name with credentials: secret, because Secret tempo/tempo-minio-secret is managed elsewhere`},
		"two at once":                           {append(slices.Clone(kept), read), nil, nil, "Fix: pulumi config set keyVersion 2\nsecretName: got"},
		"over a Secret, back from an S3 server": {[]*engine.Resource{read}, nil, nil, `secretName: got "tempo-minio-secret"; want another name with credentials: secret`},
		"of an S3 server":                       {[]*engine.Resource{read}, map[string]string{"credentials": "existing", "objectStore": "existing"}, nil, ""},
		"beside a Secret":                       {append(slices.Clone(kept), read), map[string]string{"keyVersion": "2", "secretName": "own"}, nil, ""},
		"in no Secret":                          {append(slices.Clone(kept), read), map[string]string{"keyVersion": "2", "credentials": "inline"}, nil, ""},
		"its own Secret":                        {append(slices.Clone(generated), own), nil, nil, ""},
		"a tenant unseen": {tenant, map[string]string{"credentials": "existing", "manageUser": "false", "tenants": `[{"name":"a","install":false}]`},
			map[string]keysOfTest{"tempo-a/tempo-minio-secret": keysOf("vault", key)}, "manageUser: got false; want true with tenant a of install: false"},
		"a tenant seen": {tenant, map[string]string{"credentials": "existing", "manageUser": "false", "tenants": `[{"name":"a","install":true}]`},
			map[string]keysOfTest{"tempo-a/tempo-minio-secret": keysOf("vault", key)}, ""},
		"of a tenant": {tenant, map[string]string{"credentials": "existing", "manageUser": "false", "tenants": `[{"name":"b"},{"name":"a"}]`},
			map[string]keysOfTest{"tempo/tempo-minio-secret": keysOf("tempo-a", key), "tempo-a/tempo-minio-secret": keysOf("tempo-a", key)}, "manageUser: got false; want true while Secret tempo-a/tempo-minio-secret has the keys of user tempo-a"},
		"of a tenant's own names": {tenant, map[string]string{"credentials": "existing", "tenants": `[{"name":"a","namespace":"n","secretName":"s"}]`},
			map[string]keysOfTest{"n/s": keysOf("tempo-a", other)}, "access key USER.v2 in Secret n/s"},
	} {
		t.Run(name, func(t *testing.T) {
			err := keySource{
				state: &engine.State{Resources: test.state},
				own:   func(name, def string) string { return cmp.Or(test.config[name], def) },
				read: func(_ context.Context, namespace, name string) (map[string]string, error) {
					return test.secrets[namespace+"/"+name], nil
				},
			}.check(t.Context())
			if test.want == "" {
				assert.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, test.want)
			assert.NotContains(t, err.Error(), key)
			assert.NotContains(t, err.Error(), other)
		})
	}

	failed := keySource{
		state: &engine.State{Resources: kept},
		own:   func(name, def string) string { return cmp.Or(map[string]string{"credentials": "existing"}[name], def) },
		read:  func(context.Context, string, string) (map[string]string, error) { return nil, assert.AnError },
	}
	assert.ErrorIs(t, failed.check(t.Context()), assert.AnError, "what cannot be read is not taken for harmless")
}
