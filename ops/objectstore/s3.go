package objectstore

import (
	"context"
	"fmt"
	"net/http"

	"github.com/picluster/picluster/internal/rule"
)

// Server is where an S3 server is.
type Server struct {
	// Endpoint is the server's host:port.
	Endpoint string
	// Region is the server's region. Default: the server is asked for the bucket's.
	Region string
	// Insecure has it reached without TLS.
	Insecure bool
	// CAFile is the path of the CA that signed its certificate, in PEM. Default: a CA that
	// the system knows.
	CAFile string
}

// NewS3 returns an S3 server of any kind. It sends no request.
func NewS3(server Server) (*Store, error) {
	if err := rule.ValidateHostPort(server.Endpoint); err != nil {
		return nil, fmt.Errorf("S3 server %q: want %w", rule.Redact(server.Endpoint), err)
	}
	transport, err := transportTo(server.CAFile)
	if err != nil {
		return nil, err
	}
	return &Store{endpoint: server.Endpoint, region: server.Region, secure: !server.Insecure, transport: transport}, nil
}

// Kind is what messages call the server.
func (s *Store) Kind() string {
	if s.admin == nil {
		return "S3 server"
	}
	return "MinIO"
}

// responds returns why the server does not respond at all, or nil.
func (s *Store) responds(ctx context.Context) error {
	url := "http://" + s.endpoint
	if s.secure {
		url = "https://" + s.endpoint
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, url, nil)
	if err != nil {
		return err
	}
	response, err := s.transport.RoundTrip(request)
	if err != nil {
		return err
	}
	return response.Body.Close()
}
