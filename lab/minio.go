package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// minioUser is the administrator of the lab's MinIO; Pulumi.lab.yaml names it too.
const minioUser = "lab"

// objectStore is a MinIO server.
type objectStore struct {
	lab *Lab
}

func (o objectStore) dir() string     { return o.lab.entry(minioEntry) }
func (o objectStore) data() string    { return filepath.Join(o.dir(), "data") }
func (o objectStore) logFile() string { return filepath.Join(o.dir(), "log") }
func (o objectStore) pidFile() string { return filepath.Join(o.dir(), "pid") }
func (o objectStore) certs() string   { return filepath.Join(o.dir(), "certs") }

// start starts the server, on the port that it had before if there is one, and
// waits until it is healthy.
func (o objectStore) start(ctx context.Context) error {
	if o.lab.state.MinIO == "" {
		address, err := o.address()
		if err != nil {
			return err
		}
		o.lab.state.MinIO = address
		if err := o.lab.save(); err != nil {
			return err
		}
	}
	if !o.lab.RealNodes { // whose MinIO is in the lab's network
		if err := sameMinIOHost(o.lab.state.MinIO); err != nil {
			return err
		}
	}
	if o.healthy(ctx) == nil {
		return nil
	}
	if ctx.Err() != nil { // it may be healthy, and another server would replace its PID file
		return context.Cause(ctx)
	}
	if err := os.MkdirAll(o.data(), 0o700); err != nil {
		return err
	}
	log, err := os.OpenFile(o.logFile(), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()

	args := []string{"server", "--address", o.lab.state.MinIO}
	if ca := o.lab.CA(); ca != "" {
		if !exists(ca) {
			text, err := makeCertificates(o.certs())
			if err != nil {
				return err
			}
			// Last, because the next start takes the certificates for whole if the CA is there.
			if err := o.lab.write(ca, text); err != nil {
				return err
			}
		}
		args = append(args, "--certs-dir", o.certs())
	}
	cmd := exec.Command(filepath.Join(o.lab.bin(), "minio"), append(args, o.data())...)
	cmd.Env = append(o.lab.owned(os.Environ()),
		"MINIO_ROOT_USER="+minioUser,
		"MINIO_ROOT_PASSWORD="+o.lab.state.MinIOPassword,
		"MINIO_BROWSER=off",
		"MINIO_UPDATE=off")
	cmd.Stdout, cmd.Stderr = log, log
	// A session of its own, so that Ctrl-C in the terminal is not meant for it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := o.lab.startInside(cmd); err != nil {
		return err
	}
	if err := os.WriteFile(o.pidFile(), []byte(strconv.Itoa(cmd.Process.Pid)), 0o600); err != nil {
		return err
	}

	wait, stopWaiting := context.WithTimeoutCause(ctx, 30*time.Second, errors.New("MinIO did not become healthy"))
	defer stopWaiting()
	wait, giveUp := context.WithCancelCause(wait)
	go func() { giveUp(fmt.Errorf("MinIO ended: %w", cmd.Wait())) }()
	if err := poll(wait, 100*time.Millisecond, func() error { return o.healthy(wait) }); err != nil {
		text, _ := os.ReadFile(o.logFile())
		return fmt.Errorf("%w\n--- the end of %s\n%s", err, o.logFile(), tail(string(text), 15))
	}
	return nil
}

func (o objectStore) healthy(ctx context.Context) error {
	// The port alone proves nothing: a stopped lab's may belong to another process by now.
	if !alive(readPID(o.pidFile())) {
		return errors.New("MinIO does not run")
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	scheme := "http://"
	if o.lab.TLS {
		scheme = "https://"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+o.lab.state.MinIO+"/minio/health/live", nil)
	if err != nil {
		return err
	}
	transport, err := o.lab.Transport()
	if err != nil {
		return err
	}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("MinIO responded with %s", response.Status)
	}
	return nil
}

func (o objectStore) stop(ctx context.Context) error {
	if err := endProcess(ctx, readPID(o.pidFile()), o.data()); err != nil {
		return fmt.Errorf("MinIO: %w", err)
	}
	return nil
}

// address returns where the server is to listen, as host:port: with real nodes
// where pods reach it.
func (o objectStore) address() (string, error) {
	if o.lab.RealNodes {
		return net.JoinHostPort(hostAddress, "9000"), nil
	}
	host, err := minioHost()
	if err != nil {
		return "", err
	}
	port, err := freePort()
	return net.JoinHostPort(host, port), err
}
