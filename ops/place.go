package main

import (
	"cmp"
	"encoding/json"

	"github.com/picluster/picluster/internal/command"
	"github.com/picluster/picluster/ops/engine"
)

// place is where a stack, or one of its tenants, has its bucket and the Secret with the keys.
type place struct {
	namespace, secret, bucket string
	commands                  command.Names
}

// places returns the places of a configuration, as the program names them. It returns none if
// tenants is not valid, which the program reports.
func places(config engine.Config) []place {
	stack := place{
		namespace: config.Own("namespace", "tempo"),
		secret:    config.Own("secretName", "tempo-minio-secret"),
		bucket:    config.Own("bucket", "k3s-tempo"),
		commands:  config.Commands,
	}
	var tenants []struct{ Name, Bucket, Namespace, SecretName string }
	if err := json.Unmarshal([]byte(config.Own("tenants", "[]")), &tenants); err != nil {
		return nil
	}
	if len(tenants) == 0 {
		return []place{stack}
	}
	var all []place
	for _, t := range tenants {
		all = append(all, place{
			namespace: cmp.Or(t.Namespace, stack.namespace+"-"+t.Name),
			secret:    cmp.Or(t.SecretName, stack.secret),
			bucket:    cmp.Or(t.Bucket, stack.bucket+"-"+t.Name),
			commands:  stack.commands,
		})
	}
	return all
}

// secretFields returns the fields of the Secrets that a configuration names.
func secretFields(config engine.Config) engine.SecretFields {
	return engine.SecretFields{AccessKey: config.Own("accessKeyField", ""), SecretKey: config.Own("secretKeyField", "")}.OrDefault()
}

// putKeys is the command that puts keys into the Secret.
func (p place) putKeys(fields engine.SecretFields) string {
	return p.commands.Kubectl("create", "secret", "generic", p.secret, "--namespace", p.namespace,
		"--from-file", fields.AccessKey+"=FILE", "--from-file", fields.SecretKey+"=FILE", "--dry-run=client", "--output", "yaml") +
		" | " + p.commands.Kubectl("apply", "--filename", "-")
}
