package lab

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
	"sigs.k8s.io/yaml"
)

// Stack is the name of the lab's stack.
const Stack = "lab"

// oldestPulumi is the oldest installed Pulumi that serves the lab: the engine
// that the program's SDK was released with.
const oldestPulumi = "v3.216.0"

// languageHost is the part that compiles and runs the program.
const languageHost = "pulumi-language-go"

// plugins are the parts that are plugins of Pulumi, by the provider's name.
var plugins = map[string]string{
	"kubernetes": "pulumi-resource-kubernetes",
	"minio":      "pulumi-resource-minio",
	"random":     "pulumi-resource-random",
}

func isPlugin(part string) bool { return strings.HasPrefix(part, "pulumi-resource-") }

// buildParts builds what the lab runs. An installed Pulumi of a suitable version
// spares building it.
func (l *Lab) buildParts(ctx context.Context) error {
	b := &builder{root: l.root, cache: l.cache, log: l.log}
	parts := Parts
	cli, host, found := installedPulumi(ctx)
	if found {
		parts = slices.DeleteFunc(slices.Clone(Parts), func(p Part) bool {
			return p.Name == "pulumi" || p.Name == languageHost
		})
	}
	var err error
	if l.parts, err = b.build(ctx, parts); err != nil {
		return err
	}
	if found {
		l.parts["pulumi"], l.parts[languageHost] = cli, host
	}
	return l.installPlugins(ctx, b)
}

// installedPulumi returns a Pulumi on PATH that serves, with its language host.
func installedPulumi(ctx context.Context) (cli, host string, found bool) {
	cli, err := exec.LookPath("pulumi")
	if err != nil {
		return "", "", false
	}
	if host, err = exec.LookPath(languageHost); err != nil {
		return "", "", false
	}
	out, err := exec.CommandContext(ctx, cli, "version").Output()
	version := strings.TrimSpace(string(out))
	if err != nil || semver.Major(version) != "v3" || semver.Compare(version, oldestPulumi) < 0 {
		return "", "", false
	}
	return cli, host, true
}

// home is Pulumi's folder: the plugins, shared by all labs with the same ones.
func (l *Lab) home() string {
	hash := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(plugins)) {
		fmt.Fprintln(hash, name, filepath.Base(filepath.Dir(l.parts[plugins[name]])))
	}
	return filepath.Join(l.cache, "pulumi-"+hex.EncodeToString(hash.Sum(nil))[:12])
}

// installPlugins installs the plugins where Pulumi looks for them, once.
func (l *Lab) installPlugins(ctx context.Context, b *builder) error {
	home := l.home()
	if exists(home) {
		return nil
	}
	unlock, err := lock(ctx, filepath.Join(l.cache, "lock"))
	if err != nil {
		return err
	}
	defer unlock()
	if exists(home) {
		return nil
	}
	temp, err := os.MkdirTemp(l.cache, "pulumi-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	for _, name := range slices.Sorted(maps.Keys(plugins)) {
		version, err := b.version(part(plugins[name]))
		if err != nil {
			return err
		}
		cmd := exec.CommandContext(ctx, l.parts["pulumi"], "plugin", "install", "resource", name, version, "--file", l.parts[plugins[name]])
		cmd.Env = append(os.Environ(), "PULUMI_HOME="+temp, "PULUMI_SKIP_UPDATE_CHECK=true")
		if output, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("installing the plugin %s %s: %w\n%s", name, version, err, output)
		}
	}
	return os.Rename(temp, home)
}

// wrapLanguageHost puts a script before the built language host. That one takes
// the options of Pulumi.yaml's runtime as flags, while the engine sends them in
// its request. Of the options it passes on a prebuilt binary; for the checkout's
// own Pulumi.yaml that is what compile made, which is not compiled at every run.
func (l *Lab) wrapLanguageHost() error {
	host := l.parts[languageHost]
	if !strings.HasPrefix(host, l.cache) {
		return nil // an installed one understands the request
	}
	path := filepath.Join(l.bin(), languageHost)
	if err := os.Remove(path); err != nil {
		return err
	}
	script := fmt.Sprintf(`#!/bin/sh
binary=$(sed -n 's/^ *binary: *//p' Pulumi.yaml)
exec '%s' -binary="${binary:-%s}" "$@"
`, host, l.program())
	return os.WriteFile(path, []byte(script), 0o755) // #nosec G306 -- a program
}

// compile compiles the program, so that what takes long is said, and its output
// stays out of Pulumi's.
func (l *Lab) compile(ctx context.Context) error {
	return step(l.log, "compiling the program", func() error {
		cmd := exec.CommandContext(ctx, "go", "build", "-o", l.program(), ".")
		cmd.Dir = l.root
		cmd.Env = append(os.Environ(), withoutCgo)
		if output, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("compiling the program: %w\n%s", err, tail(string(output), 30))
		}
		return nil
	})
}

// program is the compiled program.
func (l *Lab) program() string { return l.entry(programEntry) }

// ConfigFile is the path of the stack's configuration: Pulumi.lab.yaml of the
// checkout with what the lab has found out.
func (l *Lab) ConfigFile() string { return l.entry(stackEntry) }

// Pulumi returns a command of the Pulumi CLI on the lab's stack, in the checkout.
func (l *Lab) Pulumi(ctx context.Context, args ...string) *exec.Cmd {
	return l.Command(ctx, filepath.Join(l.bin(), "pulumi"), args...)
}

// Command returns a command with the lab's Pulumi, cluster and MinIO, in the
// checkout, and with real nodes in the lab's network.
func (l *Lab) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	if l.RealNodes {
		cmd = l.machine().inNetwork(cmd)
	}
	cmd.Dir = l.root
	cmd.Env = l.Env()
	return cmd
}

// StackCommand is Pulumi for those commands that run or change the stack, which
// take its configuration file too.
func (l *Lab) StackCommand(ctx context.Context, command string, args ...string) *exec.Cmd {
	return l.Pulumi(ctx, append([]string{command, "--stack", Stack, "--config-file", l.ConfigFile()}, args...)...)
}

// ConfigFileVariable names the environment variable by which the commands in ops
// are told of the stack's configuration file.
const ConfigFileVariable = "PICLUSTER_CONFIG_FILE"

// Env is this process's environment with the lab's programs, cluster and state.
func (l *Lab) Env() []string {
	// Settings of the user's own would reach past the lab.
	env := slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return strings.HasPrefix(variable, "PULUMI_") || strings.HasPrefix(variable, "MINIO_")
	})
	if l.RealNodes {
		env = withoutProxies(env)
	}
	env = append(env,
		"PATH="+l.path(),
		"TMPDIR="+l.entry(tempEntry),
		"KUBECONFIG="+l.Kubeconfig(),
		"PULUMI_HOME="+l.home(),
		"PULUMI_BACKEND_URL=file://"+l.stateDir(),
		"PULUMI_CONFIG_PASSPHRASE="+l.state.Passphrase,
		"PULUMI_SKIP_UPDATE_CHECK=true",
		"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true",
		ConfigFileVariable+"="+l.ConfigFile(),
	)
	return (&exec.Cmd{Env: env}).Environ() // each variable once
}

func (l *Lab) stateDir() string { return l.entry(stateEntry) }

// prepareStack makes the stack, if there is none, and writes its configuration.
func (l *Lab) prepareStack(ctx context.Context) error {
	if err := os.MkdirAll(l.stateDir(), 0o700); err != nil {
		return err
	}
	if !exists(l.ConfigFile()) {
		if err := l.initStack(ctx); err != nil {
			return err
		}
	}

	// The stack's own lines come from the checkout at each start, so that an edit
	// there counts; what the lab knows goes over them.
	file, err := readStackFile(filepath.Join(l.root, filepath.Base(l.ConfigFile())))
	if err != nil {
		return err
	}
	made, err := readStackFile(l.ConfigFile())
	if err != nil {
		return err
	}
	file.EncryptionSalt = made.EncryptionSalt
	chart, err := l.chart(ctx)
	if err != nil {
		return err
	}
	// What rotate and repair set: without it the next start would undo it.
	for _, key := range []string{"picluster:keyVersion", "picluster:restore"} {
		if value, found := made.Config[key]; found {
			file.Config[key] = value
		}
	}
	if l.TLS {
		file.Config["minio:minioCacertFile"] = l.CA()
	}
	for key, value := range map[string]any{
		"minio:minioPassword":       made.Config["minio:minioPassword"],
		"minio:minioServer":         l.state.MinIO,
		"minio:minioSsl":            l.TLS,
		"picluster:s3Insecure":      !l.TLS,
		"kubernetes:kubeconfig":     l.Kubeconfig(),
		"picluster:chart":           chart.Name,
		"picluster:chartRepository": chart.Repository,
		"picluster:chartVersion":    chart.Version,
	} {
		file.Config[key] = value
	}
	text, err := yaml.Marshal(file)
	if err != nil {
		return err
	}
	return os.WriteFile(l.ConfigFile(), text, 0o600)
}

// initStack makes the stack and its one secret. It does so in the lab's folder,
// since `pulumi stack init` writes the stack's file beside Pulumi.yaml.
func (l *Lab) initStack(ctx context.Context) error {
	project, err := os.ReadFile(filepath.Join(l.root, "Pulumi.yaml"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(l.entry(projectEntry), project, 0o600); err != nil {
		return err
	}
	commands := []*exec.Cmd{
		l.Pulumi(ctx, "stack", "init", Stack, "--no-select"),
		l.Pulumi(ctx, "config", "set", "--stack", Stack, "--secret", "minio:minioPassword"),
	}
	commands[1].Stdin = strings.NewReader(l.state.MinIOPassword)
	for _, cmd := range commands {
		cmd.Dir = l.Dir
		var output bytes.Buffer
		cmd.Stdout, cmd.Stderr = &output, &output
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("pulumi %s: %w\n%s", strings.Join(cmd.Args[1:], " "), err, tail(output.String(), 15))
		}
	}
	return nil
}

// stackFile is the part of a stack's file that the lab reads and writes.
type stackFile struct {
	EncryptionSalt string         `json:"encryptionsalt,omitempty"`
	Config         map[string]any `json:"config"`
}

func readStackFile(path string) (stackFile, error) {
	file := stackFile{Config: map[string]any{}}
	text, err := os.ReadFile(path)
	if err != nil {
		return file, err
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		return file, fmt.Errorf("%s: %w", path, err)
	}
	return file, nil
}
