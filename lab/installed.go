package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/mod/semver"
)

// installedTimeout limits how long an installed program takes to say its version. Tests shorten it.
var installedTimeout = 3 * time.Second

// installable is how the lab finds an installed program that replaces a part.
type installable struct {
	args    []string                         // have the program say its version
	version *regexp.Regexp                   // its group is the version
	want    func(version, pin string) string // what is suitable; empty if version is
	// directory is one, from the user's home, that is searched after PATH.
	directory string
	// companion is another part that must be installed with it.
	companion string
}

// installables are the parts that may be installed, besides the plugins.
var installables = map[string]installable{
	"pulumi":                  {args: []string{"version"}, version: regexp.MustCompile(`(?m)^(v\S+)`), want: oldestOrNewer, directory: ".pulumi/bin", companion: languageHost},
	"kube-apiserver":          {args: []string{"--version"}, version: kubernetesVersion, want: patchOrNewer},
	"kube-controller-manager": {args: []string{"--version"}, version: kubernetesVersion, want: patchOrNewer},
	"kube-scheduler":          {args: []string{"--version"}, version: kubernetesVersion, want: patchOrNewer},
	// Up to 1.27, kubectl prints a Go value.
	"kubectl": {args: []string{"version", "--client"}, version: regexp.MustCompile(`(?m)^Client Version:.*?\b(v\d[^\s"]*)`), want: patchOrNewer},
	"etcd":    {args: []string{"--version"}, version: regexp.MustCompile(`(?m)^etcd Version: (\S+)`), want: patchOrNewer},
	"kwok":    {args: []string{"--version"}, version: regexp.MustCompile(`(?m)^kwok version (\S+)`), want: patchOrNewer},
	"kwokctl": {args: []string{"--version"}, version: regexp.MustCompile(`(?m)^kwokctl version (\S+)`), want: patchOrNewer},
	"minio":   {args: []string{"--version"}, version: regexp.MustCompile(`(?m)^minio version (\S+)`), want: releaseOrNewer},
}

var kubernetesVersion = regexp.MustCompile(`(?m)^Kubernetes (v\S+)`)

// patchOrNewer wants the pinned patch version, or a newer one of the same minor version.
func patchOrNewer(version, pin string) string {
	version = "v" + strings.TrimPrefix(version, "v")
	if semver.MajorMinor(version) == semver.MajorMinor(pin) && semver.Compare(version, pin) >= 0 {
		return ""
	}
	return fmt.Sprintf("%s or newer of %s", pin, semver.MajorMinor(pin))
}

// oldestOrNewer wants oldestPulumi, or a newer one of the same major version.
func oldestOrNewer(version, _ string) string {
	if semver.Major(version) == semver.Major(oldestPulumi) && semver.Compare(version, oldestPulumi) >= 0 {
		return ""
	}
	return fmt.Sprintf("%s or newer of %s", oldestPulumi, semver.Major(oldestPulumi))
}

// releaseOrNewer wants a release of MinIO, whose version is its time, that is not older than pin.
func releaseOrNewer(version, pin string) string {
	if strings.HasPrefix(version, "RELEASE.") && version >= pin {
		return ""
	}
	return pin + " or newer"
}

// finding is an installed part, and what was found and is not suitable.
type finding struct {
	paths      map[string]string // by part
	unsuitable []string
}

// installed returns where those of some parts are that are installed in a suitable version, and
// logs a line for each one. It does so for those that are not suitable too, unless the cache has
// the part already. A program below a hidden directory is not suitable.
func (b *builder) installed(ctx context.Context, parts []Part, hidden []string) (map[string]string, error) {
	findings := make([]finding, len(parts))
	errs := make([]error, len(parts))
	var group sync.WaitGroup
	for i, p := range parts {
		group.Go(func() { findings[i], errs[i] = b.installedPart(ctx, p, hidden) })
	}
	group.Wait()
	if err := errors.Join(append(errs, ctx.Err())...); err != nil {
		return nil, err
	}
	paths := map[string]string{}
	for i, p := range parts {
		cached, err := b.find(p, "")
		if err != nil {
			return nil, err
		}
		if cached == "" {
			for _, line := range findings[i].unsuitable {
				fmt.Fprintf(b.log, "lab: %s\n", line)
			}
		}
		maps.Copy(paths, findings[i].paths)
		if path := findings[i].paths[p.Name]; path != "" {
			fmt.Fprintf(b.log, "lab: %s is the installed one: %s\n", p.Name, path)
		}
	}
	return paths, nil
}

// installedPart looks for one part.
func (b *builder) installedPart(ctx context.Context, p Part, hidden []string) (f finding, err error) {
	pin, err := b.version(p)
	if err != nil {
		return f, err
	}
	if p.release != nil {
		pin = cmp.Or(p.release.version, pin)
	}
	if isPlugin(p.Name) {
		if path := b.installedPlugin(p, pin); path != "" {
			f.paths = map[string]string{p.Name: path}
		}
		return f, nil
	}
	search, found := installables[p.Name]
	if !found {
		return f, nil
	}
	dirs := filepath.SplitList(os.Getenv("PATH"))
	if home, err := os.UserHomeDir(); err == nil && search.directory != "" {
		dirs = append(dirs, filepath.Join(home, search.directory))
	}
	for _, path := range b.candidates(p.Name, dirs) {
		paths := map[string]string{p.Name: path}
		if search.companion != "" {
			beside := append([]string{filepath.Dir(path)}, dirs...)
			if with := b.candidates(search.companion, beside); len(with) > 0 {
				paths[search.companion] = with[0]
			}
		}
		why := search.unsuitable(ctx, path, pin, hidden)
		if why == "" && len(paths) == 1 && search.companion != "" {
			why = fmt.Sprintf("has no %s; want it beside it, or on PATH", search.companion)
		}
		if why == "" {
			f.paths = paths
			break
		}
		f.unsuitable = append(f.unsuitable, fmt.Sprintf("%s at %s %s", p.Name, path, why))
	}
	return f, nil
}

// unsuitable returns why a program is not suitable, or an empty text.
func (p installable) unsuitable(ctx context.Context, path, pin string, hidden []string) string {
	for _, dir := range hidden {
		if strings.HasPrefix(resolved(path), dir+"/") {
			return "is in " + dir + "; want a directory that a lab with real nodes sees"
		}
	}
	version, err := p.ask(ctx, path)
	if err != nil {
		return fmt.Sprintf("%v; want %s", err, p.want("", pin))
	}
	if want := p.want(version, pin); want != "" {
		return fmt.Sprintf("is %s; want %s", version, want)
	}
	return ""
}

// ask returns the version that a program prints.
func (p installable) ask(ctx context.Context, path string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, installedTimeout, fmt.Errorf("prints no version within %s", installedTimeout))
	defer cancel()
	cmd := exec.CommandContext(ctx, path, p.args...)
	cmd.Env = append(os.Environ(), "PULUMI_SKIP_UPDATE_CHECK=true")
	// A script may have started others, which have its output.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if cause := context.Cause(ctx); cause != nil {
		return "", cause
	}
	if err != nil {
		return "", fmt.Errorf("prints no version: %w", err)
	}
	version := p.version.FindSubmatch(out)
	if version == nil {
		return "", errors.New("prints no version")
	}
	return string(version[1]), nil
}

// candidates returns the programs of a name in some directories, each file once. The programs of
// labs, whose directories may be on PATH, are not among them.
func (b *builder) candidates(name string, dirs []string) (paths []string) {
	var files []string
	for _, dir := range dirs {
		path, err := exec.LookPath(filepath.Join(dir, name))
		if err != nil || !filepath.IsAbs(dir) {
			continue
		}
		file := resolved(path)
		if b.isOwn(dir) || b.isOwn(filepath.Dir(file)) || slices.Contains(files, file) {
			continue
		}
		paths, files = append(paths, path), append(files, file)
	}
	return paths
}

// installedPlugin returns the path of the published plugin of a version in Pulumi's own directory,
// which has it in a directory of its own. It is empty if it is not there as a whole.
func (b *builder) installedPlugin(p Part, version string) string {
	home := os.Getenv("PULUMI_HOME")
	if user, err := os.UserHomeDir(); err == nil {
		home = cmp.Or(home, filepath.Join(user, ".pulumi"))
	}
	name := fmt.Sprintf("resource-%s-v%s", strings.TrimPrefix(p.Name, pluginPrefix), version)
	all := filepath.Join(home, "plugins")
	path, err := exec.LookPath(filepath.Join(all, name, p.Name))
	// Pulumi has such a file while it installs one. In a shell of the lab, the directory is the lab's.
	if err != nil || !filepath.IsAbs(path) || exists(filepath.Join(all, name+".partial")) || b.isOwn(all) {
		return ""
	}
	return path
}

// isOwn reports whether a directory is one of the cache, or of a lab, which marks the one above.
func (b *builder) isOwn(dir string) bool {
	for _, cache := range []string{b.cache, resolved(b.cache)} {
		if strings.HasPrefix(dir, cache+string(filepath.Separator)) {
			return true
		}
	}
	return exists(filepath.Join(filepath.Dir(dir), markEntry))
}

// resolved returns a path without symbolic links; the path itself if it is none of a file.
func resolved(path string) string {
	if file, err := filepath.EvalSymlinks(path); err == nil {
		return file
	}
	return path
}
