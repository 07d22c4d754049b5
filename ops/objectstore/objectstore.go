// Package objectstore reads from a MinIO server what Pulumi's provider never reads back, and
// restores it. On any other S3 server it reads a bucket, and tries the keys of its user.
package objectstore

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/minio/madmin-go/v3"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

func init() { madmin.MaxRetry = 1 } // an outage is to be seen, not waited out

// Store is a MinIO server, as its administrator sees it; or another S3 server, of which
// picluster has no administrator (NewS3).
type Store struct {
	endpoint  string
	region    string // empty: the server is asked for it
	secure    bool
	transport http.RoundTripper
	s3        *minio.Client       // nil for another S3 server
	admin     *madmin.AdminClient // nil for another S3 server
}

// Settings returns a setting of Pulumi's MinIO provider by its name, like
// minioServer; empty if it is not set.
type Settings func(name string) string

// variables are the environment variables from which the provider reads a setting that is not
// set. See https://registry.terraform.io/providers/aminueza/minio/latest/docs.
var variables = map[string]string{
	"minioServer":       "MINIO_ENDPOINT",
	"minioUser":         "MINIO_USER",
	"minioPassword":     "MINIO_PASSWORD",
	"minioSessionToken": "MINIO_SESSION_TOKEN",
	"minioRegion":       "MINIO_REGION",
	"minioSsl":          "MINIO_ENABLE_HTTPS",
	"minioInsecure":     "MINIO_INSECURE",
	"minioCacertFile":   "MINIO_CACERT_FILE",
	"minioCertFile":     "MINIO_CERT_FILE",
	"minioKeyFile":      "MINIO_KEY_FILE",
}

// Names returns the names of the provider's settings that identify the server and the account.
func Names() []string { return slices.Sorted(maps.Keys(variables)) }

// New returns the server that settings name. It sends no request.
func New(settings Settings) (*Store, error) {
	setting := func(name string) string { return cmp.Or(settings(name), os.Getenv(variables[name])) }
	on := func(name string) bool {
		value, _ := strconv.ParseBool(setting(name)) // checked by the program
		return value
	}
	transport, err := transportTo(setting("minioCacertFile"))
	if err != nil {
		return nil, fmt.Errorf("minio:minioCacertFile: %w", err)
	}
	transport.TLSClientConfig.InsecureSkipVerify = on("minioInsecure") // #nosec G402 -- whoever sets it asks for that
	if path := setting("minioCertFile"); path != "" {
		certificate, err := tls.LoadX509KeyPair(path, setting("minioKeyFile"))
		if err != nil {
			return nil, fmt.Errorf("minio:minioCertFile: %w", err)
		}
		transport.TLSClientConfig.Certificates = []tls.Certificate{certificate}
	}

	s := &Store{endpoint: setting("minioServer"), secure: on("minioSsl"), transport: transport}
	keys := credentials.NewStaticV4(setting("minioUser"), setting("minioPassword"), setting("minioSessionToken"))
	if s.s3, err = s.client(keys); err != nil {
		return nil, fmt.Errorf("minio:minioServer %q: %w", s.endpoint, err)
	}
	s.admin, err = madmin.NewWithOptions(s.endpoint, &madmin.Options{Creds: keys, Secure: s.secure, Transport: transport})
	return s, err
}

// transportTo returns the transport to a server whose certificate is signed by the CA in a file.
// If the path is empty, the CA is one that the system knows.
func transportTo(caFile string) (*http.Transport, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile == "" {
		return transport, nil
	}
	ca, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	transport.TLSClientConfig.RootCAs = x509.NewCertPool()
	transport.TLSClientConfig.RootCAs.AppendCertsFromPEM(ca)
	return transport, nil
}

func (s *Store) client(keys *credentials.Credentials) (*minio.Client, error) {
	return minio.New(s.endpoint, &minio.Options{Creds: keys, Secure: s.secure, Region: s.region, Transport: s.transport, MaxRetries: 1})
}

// Endpoint is the server's host:port.
func (s *Store) Endpoint() string { return s.endpoint }

// Ping returns why the server does not take the administrator's credentials, or nil. Another
// S3 server need only respond.
func (s *Store) Ping(ctx context.Context) error {
	if s.admin == nil {
		return s.responds(ctx)
	}
	_, err := s.admin.AccountInfo(ctx, madmin.AccountOpts{})
	return err
}

// HasBucket returns whether a bucket is there.
func (s *Store) HasBucket(ctx context.Context, bucket string) (bool, error) {
	return s.s3.BucketExists(ctx, bucket)
}

// BucketPolicy returns a bucket's own policy, by which others than its user reach
// it; empty if it has none.
func (s *Store) BucketPolicy(ctx context.Context, bucket string) (string, error) {
	return s.s3.GetBucketPolicy(ctx, bucket)
}

// DeleteBucketPolicy deletes a bucket's own policy.
func (s *Store) DeleteBucketPolicy(ctx context.Context, bucket string) error {
	return s.s3.SetBucketPolicy(ctx, bucket, "")
}

// User is a user as MinIO has it.
type User struct {
	Enabled          bool
	Policies, Groups []string
}

// User returns a user, or nil if there is none.
func (s *Store) User(ctx context.Context, name string) (*User, error) {
	info, err := s.admin.GetUserInfo(ctx, name)
	if code(err) == "XMinioAdminNoSuchUser" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	policies := strings.FieldsFunc(info.PolicyName, func(r rune) bool { return r == ',' })
	slices.Sort(policies)
	return &User{info.Status == madmin.AccountEnabled, policies, info.MemberOf}, nil
}

// SetUser creates a user, or sets another secret key; the user is enabled.
func (s *Store) SetUser(ctx context.Context, name, secretKey string) error {
	return s.admin.AddUser(ctx, name, secretKey)
}

// Attach attaches a policy to a user.
func (s *Store) Attach(ctx context.Context, user, policy string) error {
	_, err := s.admin.AttachPolicy(ctx, madmin.PolicyAssociationReq{Policies: []string{policy}, User: user})
	return err
}

// Detach detaches a policy from a user.
func (s *Store) Detach(ctx context.Context, user, policy string) error {
	_, err := s.admin.DetachPolicy(ctx, madmin.PolicyAssociationReq{Policies: []string{policy}, User: user})
	return err
}

// RemoveFromGroup removes a user from a group.
func (s *Store) RemoveFromGroup(ctx context.Context, user, group string) error {
	return s.admin.UpdateGroupMembers(ctx, madmin.GroupAddRemove{Group: group, Members: []string{user}, IsRemove: true})
}

// Policy returns the document of a policy, or "" if there is none.
func (s *Store) Policy(ctx context.Context, name string) (string, error) {
	info, err := s.admin.InfoCannedPolicyV2(ctx, name)
	if code(err) == "XMinioAdminNoSuchPolicy" {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return string(info.Policy), nil
}

// SetPolicy creates a policy, or sets another document.
func (s *Store) SetPolicy(ctx context.Context, name, document string) error {
	return s.admin.AddCannedPolicy(ctx, name, []byte(document))
}

// Denial is the code with which a server denies a request.
type Denial string

// The denials that tell what is wrong.
const (
	// WrongKey is another secret key than the user's.
	WrongKey Denial = "SignatureDoesNotMatch"
	// NoUser is no user of that name, or one that is disabled.
	NoUser Denial = "InvalidAccessKeyId"
	// NotAllowed is a user whose policies do not allow it.
	NotAllowed Denial = "AccessDenied"
	// NoBucket is a user who may look, and finds no bucket.
	NoBucket Denial = "NoSuchBucket"
)

// Opens returns why the keys of a user do not open a bucket; empty if they do.
func (s *Store) Opens(ctx context.Context, accessKey, secretKey, bucket string) (Denial, error) {
	if accessKey == "" || secretKey == "" {
		return WrongKey, nil // without keys the client would ask anonymously
	}
	client, err := s.client(credentials.NewStaticV4(accessKey, secretKey, ""))
	if err != nil {
		return "", err
	}
	err = first(ctx, client, bucket) // Tempo lists it too
	if err == nil {
		return "", nil
	}
	switch denial := Denial(minio.ToErrorResponse(err).Code); denial {
	case WrongKey, NoUser, NotAllowed, NoBucket:
		return denial, nil
	}
	return "", err
}

// code is MinIO's own code of an error of its admin API.
func code(err error) string {
	var response madmin.ErrorResponse
	if errors.As(err, &response) {
		return response.Code
	}
	return ""
}
