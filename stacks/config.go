package stacks

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"

	"github.com/picluster/picluster/components/grafana"
	"github.com/picluster/picluster/components/kube"
	"github.com/picluster/picluster/components/objectstore"
	"github.com/picluster/picluster/components/tempo"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Config is a stack's configuration, read once and checked. Pulumi.yaml
// describes each key.
type Config struct {
	ObjectStore objectstore.Args

	Namespace  string
	SecretName string

	Release string
	Chart   tempo.Chart
	Timeout int // seconds

	S3 S3

	Loki grafana.Loki
}

// S3 is the S3 server as Tempo reaches it.
type S3 struct {
	Endpoint string // host:port
	Region   string
	Insecure bool // plain HTTP
}

// Load reads the configuration of the stack that ctx runs. Its error names every
// problem: the key, what is wrong with the value, and the command that mends it.
func Load(ctx *pulumi.Context) (*Config, error) {
	r := &reader{source: ctx, project: ctx.Project(), declared: map[string]declaration{}}
	config := load(r)
	return config, r.err(ctx.Stack())
}

func load(r *reader) *Config {
	c := &Config{
		ObjectStore: objectstore.Args{
			Bucket:       r.text("bucket", "k3s-tempo", objectstore.ValidateBucket),
			User:         r.text("user", "tempo", objectstore.ValidateIAMName),
			Policy:       r.text("policy", "tempo", objectstore.ValidateIAMName),
			DeleteBucket: !r.flag("retainBucket", true),
		},
		Namespace:  r.text("namespace", "tempo", kube.ValidateLabel),
		SecretName: r.text("secretName", "tempo-minio-secret", kube.ValidateSubdomain),
		Release:    r.text("release", "tempo", tempo.ValidateRelease),
		Chart: tempo.Chart{
			Name:       r.text("chart", tempo.DefaultChart, notEmpty),
			Repository: r.optional("chartRepository", webURL),
			Version:    r.text("chartVersion", tempo.DefaultVersion, notEmpty),
		},
		Timeout: r.number("timeout", 600, 1),
		Loki: grafana.Loki{
			URL: r.optional("lokiUrl", webURL),
			UID: r.text("lokiUid", "loki", notEmpty),
		},
	}
	if c.Chart.Repository != "" && !c.Chart.IsBareName() {
		r.problem("%s: %q is where to look for a chart's bare name, but %s is %q. Leave it out: pulumi config rm chartRepository",
			r.key("chartRepository"), c.Chart.Repository, r.key("chart"), c.Chart.Name)
	}
	c.S3 = r.s3(r.minio())
	return c
}

// minio reads what this program needs to know of the MinIO provider's own
// settings: where the server is. It also sees that the provider has credentials,
// and that they are not kept in plain text.
func (r *reader) minio() S3 {
	setting := func(key, variable string) string {
		if value, ok := r.source.GetConfig("minio:" + key); ok {
			return value
		}
		return os.Getenv(variable) // the provider reads it too
	}
	server := S3{
		Endpoint: setting("minioServer", "MINIO_ENDPOINT"),
		Region:   setting("minioRegion", "MINIO_REGION"),
		Insecure: true,
	}
	if server.Region == "" {
		server.Region = "us-east-1" // the provider's default
	}
	if ssl := setting("minioSsl", "MINIO_ENABLE_HTTPS"); ssl != "" {
		on, err := strconv.ParseBool(ssl)
		if err != nil {
			r.problem("minio:minioSsl: %q is neither true nor false. Set it: pulumi config set minio:minioSsl true", ssl)
		}
		server.Insecure = !on
	}

	if server.Endpoint == "" {
		r.problem("minio:minioServer: is missing. Set it: pulumi config set minio:minioServer HOST:PORT")
	} else if err := hostPort(server.Endpoint); err != nil {
		r.problem("minio:minioServer: %q %w. Set it: pulumi config set minio:minioServer HOST:PORT", server.Endpoint, err)
	}
	if setting("minioUser", "MINIO_USER") == "" {
		r.problem("minio:minioUser: is missing. Set it: pulumi config set minio:minioUser NAME")
	}
	const password = "minio:minioPassword"
	if setting("minioPassword", "MINIO_PASSWORD") == "" {
		r.problem("%s: is missing. Set it: pulumi config set --secret %s", password, password)
	} else if _, ok := r.source.GetConfig(password); ok && !r.source.IsConfigSecret(password) {
		r.problem("%s: stands in plain text. Encrypt it: pulumi config set --secret %s", password, password)
	}
	return server
}

// s3 reads how Tempo reaches the S3 server: as the MinIO provider does, unless
// the stack says otherwise.
func (r *reader) s3(provider S3) S3 {
	s := S3{
		Endpoint: r.optional("s3Endpoint", hostPort),
		Region:   r.optional("s3Region", notEmpty),
		Insecure: provider.Insecure,
	}
	if s.Endpoint == "" {
		s.Endpoint = provider.Endpoint
	}
	if s.Region == "" {
		s.Region = provider.Region
	}
	return s
}

func notEmpty(value string) error {
	if value == "" {
		return errors.New("is empty")
	}
	return nil
}

// hostPort takes what an S3 client takes: a host and, if it is not the
// protocol's own, a port.
func hostPort(value string) error {
	u, err := url.Parse("//" + value)
	if err != nil || u.Host != value || u.Hostname() == "" {
		return errors.New("is not a host:port, which has neither a scheme nor a path")
	}
	if u.Port() == "" {
		return nil
	}
	if n, err := strconv.Atoi(u.Port()); err != nil || n < 1 || n > 65535 {
		return fmt.Errorf("has port %s, which is not one of 1 to 65535", u.Port())
	}
	if _, _, err := net.SplitHostPort(value); err != nil {
		return errors.New("is not a host:port")
	}
	return nil
}

func webURL(value string) error {
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return errors.New("is not a URL that starts with http:// or https://")
	}
	return nil
}
