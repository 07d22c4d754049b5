package stacks

import (
	"encoding/json"
	"os"

	"github.com/picluster/picluster/components/kube"
	"github.com/picluster/picluster/components/objectstore"
	"github.com/picluster/picluster/components/tempo"
	"github.com/picluster/picluster/components/tempo/chart"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Config is a stack's configuration, read once and checked. Pulumi.yaml
// describes each key.
type Config struct {
	// Tenant is the tenant's name; empty if the stack is of one alone.
	Tenant string
	// Tenants are the configurations of the tenants, if the stack has some; it makes
	// nothing for itself then.
	Tenants []*Config
	// ValuesOnly leaves the release to somebody else, who gets its values.
	ValuesOnly bool

	ObjectStore objectstore.Args

	Namespace   string
	PodSecurity string
	SecretName  string
	Credentials string

	Release string
	Chart   chart.Chart
	Timeout int // seconds
	// Restore is how many times each release was restored, by NAMESPACE/RELEASE.
	Restore map[string]int
	S3      S3
	Tempo   tempo.Options
	Network *tempo.Network

	Grafana Grafana
}

// Load reads the configuration of the stack that ctx runs. Its error names every
// problem: the key, what is wrong with the value, and the command that mends it.
func Load(ctx *pulumi.Context) (*Config, error) {
	r := newReader(ctx, ctx.Project())
	config := load(r)
	r.unknown(allKeys())
	return config, r.err(ctx.Stack())
}

// allKeys returns the keys that the stack sets. The SDK hands out single keys
// only; it reads this variable itself. A program that runs inside another
// process has none, and no unknown keys are found then.
func allKeys() (keys []string) {
	var config map[string]string
	if json.Unmarshal([]byte(os.Getenv(pulumi.EnvConfig)), &config) != nil {
		return nil
	}
	for key := range config {
		keys = append(keys, key)
	}
	return keys
}

func load(r *reader) *Config {
	c := &Config{
		ObjectStore: objectstore.Args{
			KeyVersion:    r.number("keyVersion", 1, 1),
			Bucket:        r.text("bucket", "k3s-tempo", objectstore.ValidateBucket),
			User:          r.text("user", "tempo", objectstore.ValidateUser),
			Policy:        r.text("policy", "tempo", objectstore.ValidateIAMName),
			BucketOnly:    !r.flag("manageUser", true),
			Unprotected:   !r.flag("protectBucket", true),
			DeleteBucket:  !r.flag("retainBucket", true),
			DeleteObjects: r.flag("forceDestroy", false),
		},
		Namespace:   r.text("namespace", "tempo", kube.ValidateLabel),
		PodSecurity: r.choice("podSecurity", kube.PodSecurityLevels[0], kube.PodSecurityLevels...),
		SecretName:  r.text("secretName", "tempo-minio-secret", kube.ValidateSubdomain),
		Credentials: r.choice("credentials", CredentialsSecret, CredentialsSecret, CredentialsInline, CredentialsExisting),
		Release:     r.text("release", "tempo", tempo.ValidateRelease),
		Chart:       r.chart(),
		Timeout:     r.number("timeout", 600, 1),
	}
	c.Tempo = r.tempo(c.Chart)
	r.removed("keyGeneration", "is replaced by keyVersion, and the key stays as it is")
	if c.ObjectStore.DeleteObjects && !c.ObjectStore.DeleteBucket {
		r.problem("%s: has no effect with %s: true, which keeps the bucket and its objects. Take it out: pulumi config rm forceDestroy",
			r.key("forceDestroy"), r.key("retainBucket"))
	}
	c.S3 = r.s3(r.minio())
	c.Grafana = r.grafana(c)
	c.Network = r.network(c.Grafana.Namespace)
	r.credentials(c)
	c.Tenants = r.tenants(c)
	r.restore(c)
	r.driftIgnore()
	return c
}
