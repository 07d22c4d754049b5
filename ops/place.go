package main

import (
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/picluster/picluster/ops/engine"
)

// place is where a stack, or one of its tenants, has its bucket and the Secret with the keys.
type place struct {
	namespace, secret, bucket string
}

// places returns the places of a configuration, as the program names them. It returns none if
// tenants is not valid, which the program reports.
func places(config engine.Config) []place {
	stack := place{
		namespace: config.Own("namespace", "tempo"),
		secret:    config.Own("secretName", "tempo-minio-secret"),
		bucket:    config.Own("bucket", "k3s-tempo"),
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
	return fmt.Sprintf("kubectl create secret generic %s --namespace %s --from-file %s=FILE --from-file %s=FILE --dry-run=client --output yaml | kubectl apply --filename -",
		p.secret, p.namespace, fields.AccessKey, fields.SecretKey)
}
