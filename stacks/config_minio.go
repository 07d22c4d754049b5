package stacks

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"strconv"
)

// S3 is the S3 server as Tempo reaches it.
type S3 struct {
	Endpoint string // host:port
	Region   string
	Insecure bool   // plain HTTP
	CA       string // PEM; empty: a CA that every system knows
}

// minio reads what this program needs to know of the MinIO provider's own
// settings: where the server is, and whom it trusts. It also sees that the
// provider has credentials, and that they are not kept in plain text.
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
	} else if err := regionName(server.Region); err != nil {
		r.problem("minio:minioRegion: %q %w. Set it: pulumi config set minio:minioRegion us-east-1", server.Region, err)
	}
	if ssl := setting("minioSsl", "MINIO_ENABLE_HTTPS"); ssl != "" {
		on, err := strconv.ParseBool(ssl)
		if err != nil {
			r.problem("minio:minioSsl: %q is neither true nor false. Set it: pulumi config set minio:minioSsl true", ssl)
		}
		server.Insecure = !on
	}
	if path := setting("minioCacertFile", "MINIO_CACERT_FILE"); path != "" {
		ca, err := readCA(path)
		if err != nil {
			r.problem("minio:minioCacertFile: %q %w. Set it: pulumi config set minio:minioCacertFile FILE", path, err)
		}
		if server.Insecure {
			r.problem("minio:minioCacertFile: has no effect without TLS. Set that: pulumi config set minio:minioSsl true")
		}
		server.CA = ca
	}

	if server.Endpoint == "" {
		r.problem("minio:minioServer: is missing. Set it: pulumi config set minio:minioServer HOST:PORT")
	} else if err := hostPort(server.Endpoint); err != nil {
		r.problem("minio:minioServer: %q %w. Set it: pulumi config set minio:minioServer HOST:PORT", server.Endpoint, err)
	}
	if setting("minioUser", "MINIO_USER") == "" {
		r.problem("minio:minioUser: is missing. Set it: pulumi config set minio:minioUser NAME")
	}
	const password = "minio:minioPassword" // #nosec G101 -- the name of a setting
	if setting("minioPassword", "MINIO_PASSWORD") == "" {
		r.problem("%s: is missing. Set it: pulumi config set --secret %s", password, password)
	} else if _, ok := r.source.GetConfig(password); ok && !r.source.IsConfigSecret(password) {
		r.problem("%s: stands in plain text. Encrypt it: pulumi config set --secret %s", password, password)
	}
	return server
}

// s3 reads how Tempo reaches the S3 server: as the MinIO provider does, unless
// the stack says otherwise. Plain text it must say itself.
func (r *reader) s3(provider S3) S3 {
	s := provider
	endpoint := r.optional("s3Endpoint", hostPort)
	if endpoint != "" {
		s.Endpoint = endpoint
	}
	if region := r.optional("s3Region", regionName); region != "" {
		s.Region = region
	}
	s.Insecure = r.flag("s3Insecure", false)
	switch {
	case endpoint == "" && provider.Insecure && !s.Insecure:
		r.problem("minio:minioSsl: is not true, so Tempo's traces and its requests' signatures would go in plain text. Turn TLS on: pulumi config set minio:minioSsl true; or accept it: pulumi config set s3Insecure true")
	case endpoint == "" && !provider.Insecure && s.Insecure:
		r.problem("%s: is true, but minio:minioSsl is too, and the server is the same. Set it: pulumi config set s3Insecure false", r.key("s3Insecure"))
	}
	if s.Insecure {
		s.CA = ""
	}
	return s
}

// readCA returns a file of certificates as PEM.
func readCA(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", errors.New("cannot be read")
	}
	for rest, found := text, false; ; found = true {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			if !found {
				return "", errors.New("has no certificate in PEM")
			}
			return string(text), nil
		}
		if block.Type != "CERTIFICATE" {
			return "", errors.New("has a " + block.Type + " in it, and is to have certificates alone")
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return "", errors.New("has a certificate that cannot be read")
		}
	}
}
