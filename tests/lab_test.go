// Package tests proves the program on the real parts: the lab's Pulumi engine,
// providers, Kubernetes API and MinIO.
package tests

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/minio/madmin-go/v3"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/picluster/picluster/lab"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// commandTimeout is for any one command of Pulumi or kubectl. The longest waits
// for Tempo's pods, or for a namespace to be gone.
const commandTimeout = 5 * time.Minute

// harness is a lab of the test's own.
type harness struct {
	*testing.T
	*lab.Lab
}

// start starts a lab; it is removed when the test ends, or is interrupted. Tests with
// labs run side by side, since most of their time they wait for pods.
func start(t *testing.T, options ...func(*lab.Lab)) harness {
	t.Helper()
	t.Parallel()
	dir, err := os.MkdirTemp("", "picluster-lab-")
	require.NoError(t, err)
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	l, err := lab.Open(ctx, dir, t.Output())
	require.NoError(t, err)

	for _, option := range options {
		option(l)
	}

	remove := func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := l.Remove(ctx); err != nil {
			t.Errorf("removing the lab: %v", err)
		}
	}
	ended := make(chan struct{})
	t.Cleanup(func() {
		close(ended)
		cancel()
		if t.Failed() {
			keepLogs(t, l)
		}
		remove()
		require.NoError(t, os.RemoveAll(dir))
	})
	go func() {
		select {
		case <-ended:
		case <-ctx.Done():
			remove()
			os.Exit(1)
		}
	}()

	require.NoError(t, l.Start(ctx))
	return harness{t, l}
}

// keepLogs copies the logs of a failed test's lab, before it is removed.
func keepLogs(t *testing.T, l *lab.Lab) {
	t.Helper()
	dir, err := l.KeepLogs(t.Name() + "-" + filepath.Base(l.Dir)) // a test can have several labs
	if err != nil {
		t.Logf("the lab's logs are not all kept: %v", err)
	}
	if dir != "" {
		t.Logf("the lab's logs are in %s", dir)
	}
}

// findLab returns the lab that a command has started in a directory; nil if there is none.
func findLab(t *testing.T, dir string) *lab.Lab {
	t.Helper()
	l, err := lab.Find(dir, t.Output())
	if err != nil {
		t.Errorf("the lab in %s: %v", dir, err)
		return nil
	}
	if !l.Exists() {
		return nil
	}
	return l
}

// sub is the harness for a subtest.
func (h harness) sub(name string, f func(harness)) {
	h.T.Helper()
	h.Run(name, func(t *testing.T) { f(harness{t, h.Lab}) })
}

// stack runs a command of Pulumi on the stack, and returns what it printed.
func (h harness) stack(command string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(h.Context(), commandTimeout)
	defer cancel()
	return output(h.StackCommand(ctx, command, args...))
}

// mustStack is stack for a command that must end well.
func (h harness) mustStack(command string, args ...string) string {
	h.T.Helper()
	out, err := h.stack(command, args...)
	require.NoError(h, err, "pulumi %s %s\n%s", command, strings.Join(args, " "), out)
	return out
}

// up brings the stack up, and returns what that printed.
func (h harness) up() string {
	h.T.Helper()
	return h.mustStack("up", "--yes", "--skip-preview")
}

// commands compiles the commands of the module ops, once.
var commands = sync.OnceValues(func() (path string, err error) {
	// In the checkout, where `make` has it too: nothing is left behind.
	path, err = filepath.Abs(filepath.Join("..", "bin", "picluster"))
	if err != nil {
		return "", err
	}
	if out, err := output(exec.Command("go", "build", "-C", filepath.Join("..", "ops"), "-o", path, ".")); err != nil {
		return "", fmt.Errorf("compiling the commands: %w\n%s", err, out)
	}
	return path, nil
})

// picluster runs a command of the module ops on the stack, with variables over
// the lab's, and returns what it printed and its exit code.
func (h harness) picluster(variables []string, command string, args ...string) (out string, code int) {
	h.T.Helper()
	cmd := h.piclusterCommand(command, args...)
	cmd.Env = append(cmd.Env, variables...)
	out, err := output(cmd)
	return out, h.exitCode(cmd, err)
}

// piclusterOutput is picluster for a command whose standard output is data.
func (h harness) piclusterOutput(command string, args ...string) (out string, code int) {
	h.T.Helper()
	cmd := h.piclusterCommand(command, args...)
	text, err := cmd.Output()
	return string(text), h.exitCode(cmd, err)
}

func (h harness) piclusterCommand(command string, args ...string) *exec.Cmd {
	h.T.Helper()
	ctx, cancel := context.WithTimeout(h.Context(), commandTimeout)
	h.Cleanup(cancel)
	path, err := commands()
	require.NoError(h, err)
	return h.Command(ctx, path, append([]string{command, "--stack", lab.Stack}, args...)...)
}

// exitCode returns the exit code of a command that has run.
func (h harness) exitCode(cmd *exec.Cmd, err error) int {
	h.T.Helper()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) {
		require.NoError(h, err)
	}
	return cmd.ProcessState.ExitCode()
}

// helm runs Helm's own command, outside Pulumi.
func (h harness) helm(args ...string) {
	h.T.Helper()
	cmd := h.Command(h.Context(), "go", append([]string{"tool", "helm"}, args...)...)
	cmd.Dir = filepath.Join(cmd.Dir, "ops")
	out, err := output(cmd)
	require.NoError(h, err, "helm %s\n%s", strings.Join(args, " "), out)
}

// set sets a key of the stack's configuration. Flags come first. Without any it writes to
// the file as Pulumi does, without the time of a process.
func (h harness) set(args ...string) {
	h.T.Helper()
	if len(args) == 2 && !strings.HasPrefix(args[0], "--") {
		h.configure(func(config map[string]any) { config[fullKey(args[0])] = args[1] })
		return
	}
	h.pulumi(append([]string{"config", "set", "--config-file", h.ConfigFile()}, args...)...)
}

// unset removes a key from the stack's configuration.
func (h harness) unset(key string) {
	h.T.Helper()
	h.configure(func(config map[string]any) { delete(config, fullKey(key)) })
}

// fullKey returns a key with its namespace, which is the project's by default.
func fullKey(key string) string {
	if strings.Contains(key, ":") {
		return key
	}
	return "picluster:" + key
}

// configure changes the file of the stack's configuration.
func (h harness) configure(change func(config map[string]any)) {
	h.T.Helper()
	text, err := os.ReadFile(h.ConfigFile())
	require.NoError(h, err)
	var file map[string]any
	require.NoError(h, yaml.Unmarshal(text, &file))
	change(file["config"].(map[string]any))
	text, err = yaml.Marshal(file)
	require.NoError(h, err)
	require.NoError(h, os.WriteFile(h.ConfigFile(), text, 0o600))
}

// setting returns the value of a key of the stack's configuration.
func (h harness) setting(key string) string {
	h.T.Helper()
	return strings.TrimSpace(h.pulumi("config", "get", "--config-file", h.ConfigFile(), key))
}

// setAll sets keys of the stack's configuration, each as PATH=VALUE.
func (h harness) setAll(pairs ...string) {
	h.T.Helper()
	args := []string{"config", "set-all", "--config-file", h.ConfigFile(), "--path"}
	for _, pair := range pairs {
		args = append(args, "--plaintext", pair)
	}
	h.pulumi(args...)
}

// pulumi runs a command of Pulumi that does not run the program.
func (h harness) pulumi(args ...string) string {
	h.T.Helper()
	ctx, cancel := context.WithTimeout(h.Context(), commandTimeout)
	defer cancel()
	out, err := output(h.Pulumi(ctx, append(args, "--stack", lab.Stack)...))
	require.NoError(h, err, "pulumi %s\n%s", strings.Join(args, " "), out)
	return out
}

// outputs returns the stack's outputs.
func (h harness) outputs() map[string]string {
	h.T.Helper()
	var outputs map[string]string
	require.NoError(h, json.Unmarshal([]byte(h.pulumi("stack", "output", "--json")), &outputs))
	return outputs
}

// kubectl runs kubectl as the administrator, and returns what it printed.
func (h harness) kubectl(args ...string) string {
	h.T.Helper()
	ctx, cancel := context.WithTimeout(h.Context(), commandTimeout)
	defer cancel()
	out, err := h.Kubectl(ctx, args...)
	require.NoError(h, err)
	return string(out)
}

// get reads objects of the namespace tempo into v.
func (h harness) get(v any, args ...string) {
	h.T.Helper()
	text := h.kubectl(append([]string{"get", "--namespace=tempo", "--output=json"}, args...)...)
	require.NoError(h, json.Unmarshal([]byte(text), v))
}

// podsOf returns the uids of the release's pods, by their component.
func (h harness) podsOf(component string) string {
	h.T.Helper()
	return h.kubectl("get", "pods", "--namespace=tempo", "--selector=app.kubernetes.io/component="+component,
		"--field-selector=status.phase=Running", "--output=jsonpath={.items[*].metadata.uid}")
}

// keys are an S3 user's.
type keys struct{ access, secret string }

// administrator returns the keys of MinIO's administrator.
func (h harness) administrator() keys {
	_, user, password := h.MinIO()
	return keys{user, password}
}

// secretKeys returns the keys that the stack's Secret holds.
func (h harness) secretKeys() keys {
	h.T.Helper()
	return h.keysIn("tempo", "tempo-minio-secret")
}

// keysIn returns the keys that a Secret holds.
func (h harness) keysIn(namespace, name string) keys {
	h.T.Helper()
	var secret struct {
		Data map[string][]byte `json:"data"`
	}
	text := h.kubectl("get", "secret", "--namespace="+namespace, name, "--output=json")
	require.NoError(h, json.Unmarshal([]byte(text), &secret))
	return keys{string(secret.Data["MINIO_ACCESS_KEY_ID"]), string(secret.Data["MINIO_SECRET_ACCESS_KEY"])}
}

// s3 is MinIO's S3 API as the user of keys.
func (h harness) s3(k keys) *minio.Client {
	h.T.Helper()
	endpoint, _, _ := h.MinIO()
	transport, err := h.Transport()
	require.NoError(h, err)
	client, err := minio.New(endpoint, &minio.Options{
		Creds:     credentials.NewStaticV4(k.access, k.secret, ""),
		Secure:    h.TLS,
		Transport: transport,
	})
	require.NoError(h, err)
	return client
}

// admin is MinIO's admin API as the user of keys.
func (h harness) admin(k keys) *madmin.AdminClient {
	h.T.Helper()
	endpoint, _, _ := h.MinIO()
	transport, err := h.Transport()
	require.NoError(h, err)
	client, err := madmin.NewWithOptions(endpoint, &madmin.Options{
		Creds:     credentials.NewStaticV4(k.access, k.secret, ""),
		Secure:    h.TLS,
		Transport: transport,
	})
	require.NoError(h, err)
	return client
}

// output runs cmd and returns what it printed on both of its outputs.
func output(cmd *exec.Cmd) (string, error) {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// readAll returns what reader has.
func readAll(t *testing.T, reader io.Reader) string {
	t.Helper()
	text, err := io.ReadAll(reader)
	require.NoError(t, err)
	return string(text)
}

// eventually waits until until returns true, and fails the test after limit. It calls
// until in the test's own goroutine, which testify's Eventually does not: until may end
// the test, and nothing of it runs on after the test.
func eventually(t require.TestingT, until func() bool, limit, tick time.Duration, message ...any) {
	for end := time.Now().Add(limit); !until(); time.Sleep(tick) {
		if time.Now().After(end) {
			require.Fail(t, "not so after "+limit.String(), message...)
		}
	}
}
