package drift

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestUnanswered(t *testing.T) {
	wrapped := func(err error) error {
		return &url.Error{Op: "Get", URL: "https://s3", Err: fmt.Errorf("tls: %w", err)}
	}
	for name, test := range map[string]struct {
		who  string
		err  error
		want string
	}{
		"down":                {"MinIO", wrapped(&net.OpError{Op: "dial", Err: errors.New("refused")}), "MinIO at s3:9000 does not answer: start it, or set minio:minioServer: "},
		"the other down":      {"Kubernetes", wrapped(&net.OpError{Op: "dial", Err: errors.New("refused")}), "Kubernetes at s3:9000 does not answer: start it, or set kubernetes:kubeconfig: "},
		"refuses":             {"MinIO", errors.New("Access Denied"), "MinIO at s3:9000 refuses: set minio:minioUser, and pulumi config set --secret minio:minioPassword: Access Denied"},
		"unknown CA":          {"MinIO", wrapped(x509.UnknownAuthorityError{}), "MinIO at s3:9000 has a certificate of a CA that is not known here: set minio:minioCacertFile"},
		"expired certificate": {"MinIO", wrapped(x509.CertificateInvalidError{Reason: x509.Expired}), "MinIO at s3:9000 has a certificate that has expired: renew it there"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Contains(t, unanswered(test.who, "s3:9000", test.err).Error(), test.want)
		})
	}
}
