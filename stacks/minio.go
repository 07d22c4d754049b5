package stacks

import (
	"cmp"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"strconv"

	"github.com/picluster/picluster/components/tempo"
	"github.com/picluster/picluster/internal/field"
	"github.com/picluster/picluster/internal/rule"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// minioProvider is the S3 server as the MinIO provider reaches it.
type minioProvider struct {
	endpoint string // host:port
	region   string
	insecure bool   // plain HTTP
	bad      bool   // whether TLS is on is not known
	ca       string // PEM; empty: a CA that every system knows
}

// readProvider reads what this program needs of the MinIO provider's own settings: where
// the server is, and which CA signed its certificate. It also checks that the provider has
// a user and a password, and that the password is encrypted if it is in the configuration.
func readProvider(from source, p *problems) minioProvider {
	setting := func(key, variable string) string {
		if value, ok := from.GetConfig("minio:" + key); ok {
			return value
		}
		return os.Getenv(variable) // the provider reads it too
	}
	server := minioProvider{
		endpoint: setting("minioServer", "MINIO_ENDPOINT"),
		region:   setting("minioRegion", "MINIO_REGION"),
		insecure: true,
	}
	if server.region == "" {
		server.region = "us-east-1" // the provider's default
	} else if err := rule.ValidateRegion(server.region); err != nil {
		p.add("minio:minioRegion: got %q; want %s. Fix: pulumi config set minio:minioRegion us-east-1", field.Shorten(server.region), err)
		server.region = "us-east-1" // one problem of it is enough
	}
	if ssl := setting("minioSsl", "MINIO_ENABLE_HTTPS"); ssl != "" {
		on, err := strconv.ParseBool(ssl)
		if err != nil {
			p.add("minio:minioSsl: got %q; want true or false. Fix: pulumi config set minio:minioSsl true", field.Shorten(ssl))
			server.bad = true
		}
		server.insecure = !on
	}
	if path := setting("minioCacertFile", "MINIO_CACERT_FILE"); path != "" {
		ca, err := readCA(path)
		if err != nil {
			p.add("minio:minioCacertFile: got %q; want %s. Fix: pulumi config set minio:minioCacertFile FILE", field.Shorten(path), err)
		}
		if server.insecure {
			p.add("minio:minioCacertFile: want nothing without TLS, because it has no effect. Fix: pulumi config set minio:minioSsl true")
		}
		server.ca = ca
	}

	const another = "s3" // one problem of the endpoint is enough
	if server.endpoint == "" {
		server.endpoint = another
		p.add("minio:minioServer: got nothing; want the host:port of MinIO. Fix: pulumi config set minio:minioServer HOST:PORT")
	} else if err := rule.ValidateHostPort(server.endpoint); err != nil {
		p.add("minio:minioServer: got %q; want %s. Fix: pulumi config set minio:minioServer HOST:PORT", field.Shorten(rule.Redact(server.endpoint)), err)
		server.endpoint = another
	}
	if setting("minioUser", "MINIO_USER") == "" {
		p.add("minio:minioUser: got nothing; want MinIO's administrator. Fix: pulumi config set minio:minioUser NAME")
	}
	const password = "minio:minioPassword" // #nosec G101 -- the name of a setting
	if setting("minioPassword", "MINIO_PASSWORD") == "" {
		p.add("%s: got nothing; want the administrator's password. Fix: pulumi config set --secret %[1]s", password)
	} else if _, ok := from.GetConfig(password); ok && !from.IsConfigSecret(password) {
		p.add("%s: got plain text; want an encrypted value. Fix: pulumi config set --secret %[1]s", password)
	}
	return server
}

// reachS3 sets how Tempo reaches the S3 server: as the MinIO provider does, unless the
// stack has keys of its own for this. Only the key s3Insecure allows plain text.
func (s *settings) reachS3(t *tempo.Args, p *problems) {
	t.Endpoint, t.Region = nil, nil
	if endpoint := cmp.Or(s.endpoint, s.provider.endpoint); endpoint != "" {
		t.Endpoint = pulumi.String(endpoint)
	}
	if region := cmp.Or(s.region, s.provider.region); region != "" {
		t.Region = pulumi.String(region)
	}
	t.Insecure = s.insecure
	switch {
	case s.objectStore == ObjectStoreExisting:
	case s.provider.bad:
	case s.endpoint == "" && s.provider.insecure && !s.insecure:
		p.add("minio:minioSsl: got false; want true, because Tempo's traces and the signatures of its requests are in plain text without TLS. Fix: pulumi config set minio:minioSsl true; or accept it: pulumi config set s3Insecure true")
	case s.endpoint == "" && !s.provider.insecure && s.insecure:
		p.add("%s:s3Insecure: got true; want false, because minio:minioSsl is true and the server is the same. Fix: pulumi config set s3Insecure false", p.project)
	}
	own := s.ownCA(p)
	if !s.insecure {
		t.CA = cmp.Or(own, s.provider.ca)
	}
}

// ownCA returns the CA of s3CaFile; empty if there is none.
func (s *settings) ownCA(p *problems) string {
	if s.caFile == "" {
		return ""
	}
	if s.insecure {
		p.add("%s:s3CaFile: want nothing without TLS, because it has no effect. Fix: pulumi config set s3Insecure false", p.project)
	}
	ca, err := readCA(s.caFile)
	if err != nil {
		p.add("%s:s3CaFile: got %q; want %s. Fix: pulumi config set s3CaFile FILE", p.project, field.Shorten(s.caFile), err)
	}
	return ca
}

// readCA returns a file of certificates as PEM.
func readCA(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", errors.New("a file that can be read")
	}
	for rest, found := text, false; ; found = true {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			if !found {
				return "", errors.New("a file with a certificate in PEM")
			}
			return string(text), nil
		}
		if block.Type != "CERTIFICATE" {
			return "", errors.New("certificates alone, without a " + block.Type)
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return "", errors.New("certificates that can be parsed")
		}
	}
}
