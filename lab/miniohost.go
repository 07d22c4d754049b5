package lab

import (
	"fmt"
	"net"
	"os"
)

// MinIOHostVariable names the environment variable for the IP address of this machine on which
// a new lab's MinIO listens, so that pods of another cluster reach it. Default: 127.0.0.1.
const MinIOHostVariable = "LAB_MINIO_HOST"

// minioHost returns the value of MinIOHostVariable. It fails if this machine cannot listen on it.
func minioHost() (string, error) {
	host := os.Getenv(MinIOHostVariable)
	if host == "" {
		return "127.0.0.1", nil
	}
	invalid := fmt.Errorf("%s: got %q; want an IP address of this machine. Fix: unset %[1]s", MinIOHostVariable, host)
	ip := net.ParseIP(host)
	if ip == nil || ip.IsUnspecified() { // which pods could not be told
		return "", invalid
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return "", fmt.Errorf("%w: %w", invalid, err)
	}
	return ip.String(), listener.Close()
}

// sameMinIOHost fails if MinIOHostVariable has another address than the one on which the MinIO of
// a lab listens: the stack's configuration has that one.
func sameMinIOHost(address string) error {
	want := os.Getenv(MinIOHostVariable)
	host, _, err := net.SplitHostPort(address)
	if want == "" || err != nil || net.ParseIP(want).Equal(net.ParseIP(host)) {
		return err
	}
	return fmt.Errorf("%s: got %q; want %s, where this lab's MinIO listens. Fix: unset %[1]s; or, for a new lab: make down", MinIOHostVariable, want, host)
}
