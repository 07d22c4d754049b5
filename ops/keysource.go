package main

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/picluster/picluster/ops/drift"
	"github.com/picluster/picluster/ops/engine"
	"github.com/picluster/picluster/ops/object"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// keySource finds what an up would do to keys that pods have, because the configuration has
// them from another source than the state.
type keySource struct {
	state *engine.State
	// own returns the value of a key of the configuration, or the default.
	own func(name, def string) string
	// read returns a Secret's data; nil if there is no such Secret, which the program reports.
	read func(ctx context.Context, namespace, name string) (map[string]string, error)
}

// checkKeySource returns an error if an up would delete a user, or replace its key, while pods
// have the key.
func checkKeySource(ctx context.Context, state *engine.State, config engine.Config) error {
	return keySource{state, config.Own, func(ctx context.Context, namespace, name string) (map[string]string, error) {
		_, cluster, err := drift.Servers(ctx, config)
		if err != nil {
			return nil, err
		}
		manifest := &object.Object{}
		manifest.SetAPIVersion("v1")
		manifest.SetKind("Secret")
		manifest.SetNamespace(namespace)
		manifest.SetName(name)
		live, err := cluster.Get(ctx, manifest)
		if err != nil || live == nil {
			return nil, err
		}
		data, _, err := unstructured.NestedStringMap(live.Object, "data")
		for key, text := range data {
			value, _ := base64.StdEncoding.DecodeString(text)
			data[key] = string(value)
		}
		return data, err
	}}.check(ctx)
}

func (k keySource) check(ctx context.Context) error {
	users := k.state.Of(engine.UserType)
	version, versionErr := strconv.Atoi(k.own("keyVersion", "1"))
	manages, err := strconv.ParseBool(k.own("manageUser", "true"))
	if err != nil || versionErr != nil {
		return nil // the program reports what is no value
	}
	if len(users) == 0 {
		return k.checkOverwritten()
	}
	switch existing := k.own("credentials", "secret") == "existing"; {
	case k.own("objectStore", "minio") == "existing":
		return k.checkLeft(ctx, users)
	case existing && !manages:
		return k.checkDeleted(ctx, users)
	case existing:
		return k.checkReplaced(ctx, users, version)
	case manages:
		return errors.Join(k.checkGenerated(users, version), k.checkOverwritten())
	}
	return nil // manageUser: false requires existing
}

// checkDeleted returns an error if a Secret has the keys of one of the stack's users, all of
// which the up would delete.
func (k keySource) checkDeleted(ctx context.Context, users []*engine.Resource) error {
	for _, s := range k.secrets() {
		if s.Install != nil && !*s.Install {
			return fmt.Errorf("manageUser: got false; want true with tenant %s of install: false, because this up would delete its user, and does not see whether pods have its key. "+
				"Fix: pulumi config set manageUser true", s.Name)
		}
	}
	return k.eachSecret(ctx, func(name, accessKey, _ string) error {
		if !slices.ContainsFunc(users, func(r *engine.Resource) bool { return r.Text("name") == accessKey }) {
			return nil
		}
		return fmt.Errorf("manageUser: got false; want true while Secret %s has the keys of user %s, because this up would delete the user, and pods have its key. "+
			"Fix: pulumi config set manageUser true; or store the keys of a user that is managed elsewhere in the Secret", name, accessKey)
	})
}

// checkLeft returns an error if a Secret of objectStore existing has the keys of one of the
// stack's users in MinIO, all of which the up would delete. A user of another server can have
// the same name.
func (k keySource) checkLeft(ctx context.Context, users []*engine.Resource) error {
	return k.eachSecret(ctx, func(name, accessKey, secretKey string) error {
		for _, r := range users {
			if r.Text("name") == accessKey && r.Text("secret") == secretKey {
				return fmt.Errorf("objectStore: got existing; want minio while Secret %s has the keys of user %s, because this up would delete the user, and pods have its key. "+
					"Fix: pulumi config set objectStore minio; or store the keys of a user that is managed elsewhere in the Secret", name, accessKey)
			}
		}
		return nil
	})
}

// checkReplaced returns an error if a Secret has another key for a user whose key the stack has
// generated.
func (k keySource) checkReplaced(ctx context.Context, users []*engine.Resource, version int) error {
	return k.eachSecret(ctx, func(name, accessKey, secretKey string) error {
		for _, r := range users {
			if r.Text("name") == accessKey && k.isGenerated(r) && r.Text("secret") != secretKey {
				return fmt.Errorf("keyVersion: got %d; want %d, and access key USER.v%[2]d in Secret %s, because this up would replace the key of user %s, which pods have. "+
					"Fix: pulumi config set keyVersion %[2]d; or store the secret key that the user has in the Secret", version, version+1, name, accessKey)
			}
		}
		return nil
	})
}

// checkGenerated returns an error if the stack would generate a key for a user whose key is that
// of a Secret which is managed elsewhere.
func (k keySource) checkGenerated(users []*engine.Resource, version int) error {
	for _, r := range users {
		if r.Text("secret") == "" || versionOf(r) != version || k.isGenerated(r) { // without a secret it was imported
			continue
		}
		return fmt.Errorf("keyVersion: got %d; want %d with credentials: %s, because this up would replace the key of user %s, which pods have. Fix: pulumi config set keyVersion %[2]d",
			version, version+1, k.own("credentials", "secret"), r.Text("name"))
	}
	return nil
}

// checkOverwritten returns an error if the stack would create a Secret that it has read before as
// one that is managed elsewhere: the provider writes over what exists, and its owner would
// write the earlier keys again.
func (k keySource) checkOverwritten() error {
	if k.own("credentials", "secret") != "secret" {
		return nil
	}
	for _, s := range k.secrets() {
		id := s.Namespace + "/" + s.SecretName
		if slices.ContainsFunc(k.state.Resources, func(r *engine.Resource) bool {
			return r.External && r.Type == engine.SecretType && r.ID == id
		}) {
			return fmt.Errorf("secretName: got %q; want another name with credentials: secret, because Secret %s is managed elsewhere, and this up would write over it. Fix: pulumi config set secretName NAME",
				s.SecretName, id)
		}
	}
	return nil
}

// userName is the name of a user's resource.
var userName = regexp.MustCompile(`^(.*)-user(-(\d+))?$`)

// versionOf returns the key version that a user is of.
func versionOf(r *engine.Resource) int {
	if found := userName.FindStringSubmatch(r.URN.Name()); found != nil && found[3] != "" {
		version, _ := strconv.Atoi(found[3])
		return version
	}
	return 1
}

// isGenerated returns whether the stack has generated the key of a user.
func (k keySource) isGenerated(r *engine.Resource) bool {
	password := userName.ReplaceAllString(r.URN.Name(), "$1-secret-key$2")
	return slices.ContainsFunc(k.state.Of(engine.PasswordType), func(p *engine.Resource) bool { return p.URN.Name() == password })
}

// tenantSecret is the Secret of a tenant, or of a stack without tenants.
type tenantSecret struct {
	Name, Namespace, SecretName string
	Install                     *bool
}

// secrets returns the Secrets of the configuration.
func (k keySource) secrets() []tenantSecret {
	stack := tenantSecret{Namespace: k.own("namespace", "tempo"), SecretName: k.own("secretName", "tempo-minio-secret")}
	var tenants []tenantSecret
	if json.Unmarshal([]byte(k.own("tenants", "[]")), &tenants) != nil || len(tenants) == 0 {
		return []tenantSecret{stack}
	}
	for i, s := range tenants {
		tenants[i].Namespace = cmp.Or(s.Namespace, stack.Namespace+"-"+s.Name)
		tenants[i].SecretName = cmp.Or(s.SecretName, stack.SecretName)
	}
	return tenants
}

// eachSecret calls check with the name and the keys of each Secret of the configuration, until
// the first error.
func (k keySource) eachSecret(ctx context.Context, check func(name, accessKey, secretKey string) error) error {
	fields := engine.SecretFields{AccessKey: k.own("accessKeyField", ""), SecretKey: k.own("secretKeyField", "")}.OrDefault()
	for _, s := range k.secrets() {
		data, err := k.read(ctx, s.Namespace, s.SecretName)
		if err == nil {
			err = check(s.Namespace+"/"+s.SecretName, data[fields.AccessKey], data[fields.SecretKey])
		}
		if err != nil {
			return err
		}
	}
	return nil
}
