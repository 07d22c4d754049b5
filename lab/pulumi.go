package lab

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/picluster/picluster/internal/goflags"
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

// pluginPrefix begins the name of a plugin's program.
const pluginPrefix = "pulumi-resource-"

func isPlugin(part string) bool { return strings.HasPrefix(part, pluginPrefix) }

// MinIOPluginVariable names the environment variable for the file of a plugin
// pulumi-resource-minio that the lab takes in place of its own.
const MinIOPluginVariable = "LAB_PLUGIN_MINIO"

// buildParts builds the parts, and those of real nodes if the lab has them. Suitable ones that are
// installed replace the lab's own, unless PartsVariable is set. The plugin that MinIOPluginVariable
// names replaces any other one.
func (l *Lab) buildParts(ctx context.Context) error {
	mode, err := partsMode()
	if err != nil {
		return err
	}
	b := l.builder()
	// Of a lab that is not there yet, the file is not either.
	if file, _ := readStackFile(l.ConfigFile()); l.looksForChart(file) {
		b.later = []string{chartIndex()}
	}
	outside := map[string]string{}
	if plugin := os.Getenv(MinIOPluginVariable); plugin != "" {
		path, err := l.givenPlugin(plugin)
		if err != nil {
			return err
		}
		outside[plugins["minio"]] = path
	}
	isOutside := func(p Part) bool { return outside[p.Name] != "" }
	parts := slices.DeleteFunc(slices.Clone(Parts), isOutside)
	if mode == "" {
		var hidden []string
		if l.RealNodes {
			hidden = maskedDirs
		}
		found, err := b.installed(ctx, parts, hidden)
		if err != nil {
			return err
		}
		maps.Copy(outside, found)
		l.installed = slices.Sorted(maps.Keys(found))
		parts = slices.DeleteFunc(parts, isOutside)
	}
	if l.RealNodes {
		parts = slices.Concat(parts, nodeParts) // of one look
	}
	if l.parts, err = b.build(ctx, parts); err != nil {
		return err
	}
	maps.Copy(l.parts, outside)
	return l.installPlugins(ctx, b)
}

// givenPlugin returns the path of the plugin that MinIOPluginVariable names. A relative one is from
// the checkout, because tests run in directories of their own.
func (l *Lab) givenPlugin(plugin string) (string, error) {
	path := plugin
	if !filepath.IsAbs(path) {
		path = filepath.Join(l.root, path)
	}
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() || info.Mode()&0o100 == 0 {
		return "", fmt.Errorf("%s: got %q; want an executable file, pulumi-resource-minio. Fix: unset %[1]s", MinIOPluginVariable, plugin)
	}
	return path, nil
}

// DescribePlugin returns the name, the version and the origin of a provider's plugin. The lab's
// own plugin of MinIO wraps another version of the Terraform provider than the published one of
// the same number.
func (l *Lab) DescribePlugin(name string) (string, error) {
	p, path := part(plugins[name]), l.parts[plugins[name]]
	b := l.builder()
	version, err := b.version(p)
	if err != nil {
		return "", err
	}
	module, err := b.moduleVersion(p)
	if err != nil {
		return "", err
	}
	what := strings.ReplaceAll(p.Wraps, "{module}", module)
	switch {
	case slices.Contains(l.installed, p.Name):
		what = p.Published + ", installed"
	case !l.isCached(path):
		what = "given: " + path
	case isReleased(path):
		what = p.Published
	}
	return p.Name + " " + p.told(version, what), nil
}

// isCached reports whether a part is one of the cache, and not installed or given.
func (l *Lab) isCached(path string) bool {
	return strings.HasPrefix(path, l.cache+string(filepath.Separator))
}

// home is Pulumi's directory: the plugins, shared by all labs with the same ones. A lab keeps the
// one that it was started with, because a plugin that is not the lab's own may change or go.
func (l *Lab) home() string {
	if l.pulumiHome != "" {
		return l.pulumiHome
	}
	hash := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(plugins)) {
		path := l.parts[plugins[name]]
		fmt.Fprintln(hash, name, filepath.Base(filepath.Dir(path)))
		if info, err := os.Stat(path); err == nil && !l.isCached(path) {
			fmt.Fprintln(hash, path, info.Size(), info.ModTime().UnixNano()) // may change
		}
	}
	return filepath.Join(l.cache, "pulumi-"+hex.EncodeToString(hash.Sum(nil))[:12])
}

// installPlugins installs the plugins where Pulumi looks for them, once.
func (l *Lab) installPlugins(ctx context.Context, b *builder) error {
	home := l.home()
	l.pulumiHome = home
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
	if err := b.removeLeftovers(); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(l.cache, "install-")
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
	// So that a lab of another cache does not take them for the published ones.
	if err := os.WriteFile(filepath.Join(temp, markEntry), []byte("The plugins of a lab of picluster.\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(temp, home)
}

// wrapLanguageHost puts a script in place of a compiled language host. The host takes the options
// of Pulumi.yaml's runtime as flags, but the engine sends them in its request. The script passes
// on the option binary, a prebuilt program. The checkout's own Pulumi.yaml has none: the script
// then passes the result of compile, so that Pulumi does not compile the program at every run.
func (l *Lab) wrapLanguageHost() error {
	host := l.parts[languageHost]
	if !l.isCached(host) || isReleased(host) {
		return nil // an installed or released host understands the request
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

// compile compiles the program before Pulumi does, so that the lab shows how long it takes,
// outside Pulumi's output. The checkout keeps the result for all labs, because linking takes
// seconds.
func (l *Lab) compile(ctx context.Context) error {
	return step(l.log, "compiling the program", func() error {
		unlock, err := lock(ctx, filepath.Join(l.cache, "compile"))
		if err != nil {
			return err
		}
		defer unlock()
		program := filepath.Join(l.root, "bin", "program")
		if err := os.MkdirAll(filepath.Dir(program), 0o750); err != nil {
			return err
		}
		cmd := exec.CommandContext(ctx, "go", "build", "-o", program, ".")
		cmd.Dir = l.root
		// GOTMPDIR is on the same disk, so that go build moves the program into place. An interrupted
		// copy would look like a whole program to go build.
		cmd.Env = compilerEnv("GOTMPDIR=" + filepath.Dir(program))
		if output, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("compiling the program: %w\n%s", err, tail(string(output), 30))
		}
		if err := os.Remove(l.program()); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return linkFile(program, l.program()) // go build never writes into a file that is there
	})
}

// program is the compiled program.
func (l *Lab) program() string { return l.entry(programEntry) }

// ConfigFile is the path of the stack's configuration: Pulumi.lab.yaml of the checkout with the
// lab's own settings.
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

// makeVariable names the environment variable that has the commands in ops name make's
// targets for the lab.
const makeVariable = "PICLUSTER_MAKE"

// simulatedVariable names the environment variable that has the commands in ops say that
// pods of the lab receive no trace.
const simulatedVariable = "PICLUSTER_SIMULATED_PODS"

// Env is this process's environment with the lab's programs, cluster and state.
func (l *Lab) Env() []string {
	// Settings of the user's own would reach past the lab.
	env := slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return strings.HasPrefix(variable, "PULUMI_") || strings.HasPrefix(variable, "MINIO_")
	})
	if l.RealNodes {
		env = withoutProxies(env)
	} else {
		env = append(env, simulatedVariable+"=yes")
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
		makeVariable+"=yes",
	)
	// Pulumi and the user's commands compile what the lab has compiled.
	for name, value := range goflags.Environment() {
		env = append(env, name+"="+value)
	}
	return (&exec.Cmd{Env: env}).Environ() // each variable once
}

func (l *Lab) stateDir() string { return l.entry(stateEntry) }

// prepareStack creates the stack, if there is none, and writes its configuration.
func (l *Lab) prepareStack(ctx context.Context) error {
	if err := os.MkdirAll(l.stateDir(), 0o700); err != nil {
		return err
	}
	if err := l.removeStaleLocks(); err != nil {
		return err
	}
	if ready, err := l.stackReady(); err != nil {
		return err
	} else if !ready {
		if err := l.initStack(ctx); err != nil {
			return err
		}
	}

	// The checkout's file is read at each start, so that an edit there has an effect. The lab's own
	// settings replace those in it.
	file, err := readStackFile(filepath.Join(l.root, filepath.Base(l.ConfigFile())))
	if err != nil {
		return err
	}
	made, err := readStackFile(l.ConfigFile())
	if err != nil {
		return err
	}
	file.EncryptionSalt = made.EncryptionSalt
	chart, err := l.chart(ctx, made)
	if err != nil {
		return err
	}
	// rotate and repair set these keys, which the next start must not undo.
	for _, key := range []string{"picluster:keyVersion", "picluster:restore"} {
		if value, found := made.Config[key]; found {
			file.Config[key] = value
		}
	}
	if l.TLS {
		file.Config["minio:minioCacertFile"] = l.CA()
	}
	for key, value := range map[string]any{
		password:                    made.Config[password],
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
	return l.write(l.ConfigFile(), text)
}

// password is the configuration key of the stack's one secret.
const password = "minio:minioPassword" // #nosec G101 -- a name

// stackReady reports whether initStack ended: its last step sets the password. A stack
// whose creation was cut off is removed, unless it has resources.
func (l *Lab) stackReady() (bool, error) {
	if exists(l.ConfigFile()) {
		file, err := readStackFile(l.ConfigFile())
		if err != nil {
			return false, err
		}
		if file.Config[password] != nil {
			return true, nil
		}
	}
	has, err := l.hasResources()
	if err != nil {
		return false, err
	}
	if has {
		return false, fmt.Errorf("%s: got no %s, but the stack in %s has resources; want the file that the lab wrote. Fix: restore it, or remove the lab with all that is in it: bin/lab stop && rm -r %s",
			l.ConfigFile(), password, l.stateDir(), l.Dir)
	}
	if err := errors.Join(os.RemoveAll(l.ConfigFile()), os.RemoveAll(l.stateDir())); err != nil {
		return false, err
	}
	return false, os.MkdirAll(l.stateDir(), 0o700)
}

// hasResources reports whether a stack of the lab's state has resources.
func (l *Lab) hasResources() (bool, error) {
	stacks, err := filepath.Glob(filepath.Join(l.stateDir(), ".pulumi", "stacks", "*", "*.json"))
	if err != nil {
		return false, err
	}
	for _, path := range stacks {
		text, err := os.ReadFile(path)
		if err != nil {
			return false, err
		}
		if bytes.Contains(text, []byte(`"urn:pulumi:`)) {
			return true, nil
		}
	}
	return false, nil
}

// removeStaleLocks removes Pulumi's locks of the lab's state whose process, of this
// machine, was killed. Source: pulumi's pkg/backend/diy/lock.go.
func (l *Lab) removeStaleLocks() error {
	hostname, err := os.Hostname()
	if err != nil {
		return err
	}
	locks, err := filepath.Glob(filepath.Join(l.stateDir(), ".pulumi", "locks", "*", "*", "*", "*.json"))
	if err != nil {
		return err
	}
	for _, path := range locks {
		text, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		var holder struct {
			PID      int    `json:"pid"`
			Hostname string `json:"hostname"`
		}
		if err != nil || json.Unmarshal(text, &holder) != nil || holder.PID == 0 || holder.Hostname != hostname || alive(holder.PID) {
			continue // Pulumi reports this lock
		}
		fmt.Fprintf(l.log, "lab: removing the lock of process %d, which was killed in the middle of an update\n", holder.PID)
		for _, file := range []string{path, path + ".attrs"} {
			if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// initStack creates the stack and its one secret. It does so in the lab's directory,
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
		l.Pulumi(ctx, "config", "set", "--stack", Stack, "--secret", password),
	}
	commands[1].Stdin = strings.NewReader(l.state.MinIOPassword)
	for _, cmd := range commands {
		cmd.Dir, cmd.Env = l.Dir, l.owned(cmd.Env)
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
