package lab

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/picluster/picluster/internal/goflags"
	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

// PartsVariable names the environment variable for where parts come from: "build"
// compiles all of them, "download" fails if a release of one is not reached. By default
// each is downloaded if its release is reached, and compiled otherwise.
const PartsVariable = "LAB_PARTS"

// Values of PartsVariable.
const (
	partsBuild    = "build"
	partsDownload = "download"
)

// builder gets the parts of a checkout into the cache.
type builder struct {
	root  string // the checkout
	cache string
	log   io.Writer
	look  *look
	// later are URLs that the run asks for afterwards. If there is a look, they are part of it.
	later []string
	// goos and goarch are the system whose releases are downloaded.
	goos, goarch string
}

// builder returns a builder of this lab's checkout for this machine.
func (l *Lab) builder() *builder {
	return &builder{root: l.root, cache: l.cache, log: l.log, look: l.look, goos: runtime.GOOS, goarch: runtime.GOARCH}
}

// partsMode returns the value of PartsVariable.
func partsMode() (string, error) {
	switch mode := os.Getenv(PartsVariable); mode {
	case "", partsBuild, partsDownload:
		return mode, nil
	default:
		return "", fmt.Errorf(`%s: got %q; want %s, %s, or nothing for what is reached. Fix: unset %[1]s`, PartsVariable, mode, partsBuild, partsDownload)
	}
}

// build returns where each part is, by name, having downloaded or compiled those that the
// cache lacks. It waits while another build goes on in the same cache.
func (b *builder) build(ctx context.Context, parts []Part) (map[string]string, error) {
	mode, err := partsMode()
	if err != nil {
		return nil, err
	}
	paths := map[string]string{}
	missing := func() (left []Part, err error) {
		for _, p := range parts {
			path, err := b.find(p, mode)
			if err != nil {
				return nil, err
			}
			if path == "" {
				left = append(left, p)
			}
			paths[p.Name] = path
		}
		return left, nil
	}

	left, err := missing()
	if err != nil || len(left) == 0 {
		return paths, err
	}
	unlock, err := lock(ctx, filepath.Join(b.cache, "lock"))
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := b.removeLeftovers(); err != nil {
		return nil, err
	}
	if left, err = missing(); err != nil || len(left) == 0 {
		return paths, err
	}
	fmt.Fprintf(b.log, "lab: %d of %d parts are not in %s yet\n", len(left), len(parts), b.cache)
	if left, err = b.downloadAll(ctx, left, mode, paths); err != nil {
		return nil, err
	}
	return paths, b.compileAll(ctx, left, paths)
}

// find returns the path of p in the cache. It is empty if the cache lacks p, or has it from a
// source that mode excludes.
func (b *builder) find(p Part, mode string) (string, error) {
	compiled, err := b.path(p)
	if err != nil {
		return "", err
	}
	hasRelease := p.hasReleaseFor(b.goos)
	if hasRelease && mode != partsBuild {
		asset, err := b.asset(p)
		if err != nil {
			return "", err
		}
		if path := b.releasedPath(p, asset); exists(path) {
			return path, nil
		}
	}
	if exists(compiled) && (mode != partsDownload || !hasRelease) {
		return compiled, nil
	}
	return "", nil
}

// asset returns the release of p.
func (b *builder) asset(p Part) (asset, error) {
	of := p
	if p.release.of != "" {
		of = part(p.release.of)
	}
	version, err := b.version(of)
	return p.release.asset(version, b.goos, b.goarch), err
}

// releasedPath returns where the cache has p if it was downloaded.
func (b *builder) releasedPath(p Part, a asset) string {
	dir := fmt.Sprintf("%s-%s-%s-%s%s", p.Name, a.version, b.goos, b.goarch, released)
	return filepath.Join(b.cache, "parts", dir, p.Name)
}

// archive is the file of a release, or why there is none.
type archive struct {
	path string
	err  error
}

// downloadAll downloads the parts whose releases are reached, and returns the others.
func (b *builder) downloadAll(ctx context.Context, parts []Part, mode string, paths map[string]string) (left []Part, err error) {
	if mode == partsBuild {
		return parts, nil
	}
	assets, lists := map[string]asset{}, []string{}
	for _, p := range parts {
		if !p.hasReleaseFor(b.goos) {
			continue
		}
		a, err := b.asset(p)
		if err != nil {
			return nil, err
		}
		assets[p.Name], lists = a, append(lists, a.sums)
	}
	var found map[string]error
	if len(lists) > 0 {
		found = b.look.at(ctx, slices.Concat(lists, b.later)...)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(lists) > 0 && mode == "" && !slices.ContainsFunc(lists, func(url string) bool { return found[url] == nil }) {
		fmt.Fprintf(b.log, "lab: no official release is reached within %s\n", lookTimeout)
		return parts, nil
	}
	downloads, err := os.MkdirTemp(b.cache, "install-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(downloads)
	archives := map[string]archive{}
	slow := map[string]bool{} // by server: each file could take as long
	for _, p := range parts {
		a, hasRelease := assets[p.Name]
		switch {
		case !hasRelease:
			fmt.Fprintf(b.log, "lab: %s has no official release with checksums for %s\n", p.Name, b.goos)
		case found[a.sums] != nil:
			err = fmt.Errorf("%s is not reached: %w", a.sums, found[a.sums])
		case slow[a.server]:
			err = fmt.Errorf("%s is too slow", a.server)
		default:
			paths[p.Name] = b.releasedPath(p, a)
			what := fmt.Sprintf("downloading %s %s from %s", p.Name, p.told(a.version, p.Published), a.url)
			err = step(b.log, what, func() error { return b.download(ctx, a, downloads, archives, paths[p.Name]) })
			if err == nil {
				continue
			}
			if late := slowError(""); errors.As(err, &late) {
				slow[a.server] = true
			}
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil && mode == partsDownload {
			return nil, fmt.Errorf(`%s: got %q; want a release of %s that is reached: %w. Fix: unset %[1]s`, PartsVariable, mode, p.Name, err)
		}
		if err != nil {
			fmt.Fprintf(b.log, "lab: %s is compiled in place of its release: %v\n", p.Name, err)
		}
		err = nil
		left = append(left, p)
	}
	return left, nil
}

// download moves a program of a release into place once it is there as a whole. archives has the
// archives that were downloaded, or that failed: by their URL, because one may have several parts.
func (b *builder) download(ctx context.Context, a asset, downloads string, archives map[string]archive, path string) error {
	got, tried := archives[a.url]
	if !tried {
		got.path, got.err = a.download(ctx, downloads)
		archives[a.url] = got
	}
	if got.err != nil {
		return got.err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	temp := filepath.Join(downloads, "program")
	if err := errors.Join(os.RemoveAll(temp), a.extract(got.path, temp)); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

// compileAll compiles parts.
func (b *builder) compileAll(ctx context.Context, parts []Part, paths map[string]string) error {
	var cold time.Duration
	for _, p := range parts {
		cold += p.Cold
	}
	if len(parts) > 0 {
		fmt.Fprintf(b.log, "lab: compiling %d parts takes about %s on 2 cores, once\n", len(parts), elapsed(cold))
	}
	for i, p := range parts {
		version, err := b.version(p)
		if err != nil {
			return err
		}
		module, err := b.moduleVersion(p)
		if err != nil {
			return err
		}
		if paths[p.Name], err = b.path(p); err != nil {
			return err
		}
		told := p.told(version, strings.ReplaceAll(p.Wraps, "{module}", module))
		what := fmt.Sprintf("%2d/%d compiling %s %s (about %s)", i+1, len(parts), p.Name, told, elapsed(p.Cold))
		if err := notedStep(b.log, what, func() (string, error) { return b.buildPart(ctx, p, version, paths[p.Name]) }); err != nil {
			return fmt.Errorf("compiling %s %s: %w", p.Name, told, err)
		}
	}
	return nil
}

// told returns a version with what distinguishes it from another build of that version.
func (p Part) told(version, what string) string {
	if what == "" {
		return version
	}
	return version + " (" + what + ")"
}

// buildPart compiles p in a temporary directory and moves it into place, so that an interrupted
// build leaves nothing that looks finished. note is the CPU time and memory that it used.
func (b *builder) buildPart(ctx context.Context, p Part, version, path string) (note string, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return "", err
	}
	// Killed builds have left these. No other build runs, because this one has the lock.
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), "build-*"))
	for _, dir := range left {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	if err != nil {
		return "", err
	}
	temp, err := os.MkdirTemp(filepath.Dir(path), "build-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(temp)

	args := []string{"build", "-o", filepath.Join(temp, p.Name), "-ldflags", ldflags(p, version)}
	if len(p.Embed)+len(p.Replace) > 0 {
		module, err := b.moduleDir(ctx, p)
		if err != nil {
			return "", err
		}
		if len(p.Embed) > 0 {
			overlay, err := b.overlay(p, module, version, temp)
			if err != nil {
				return "", err
			}
			args = append(args, "-overlay", overlay)
		}
		if len(p.Replace) > 0 {
			modFile, err := b.replace(p, module, temp)
			if err != nil {
				return "", err
			}
			args = append(args, "-modfile", modFile)
		}
	}
	_, used, err := b.run(ctx, p, append(args, p.Package)...)
	if err != nil {
		return "", err
	}
	return usage(used), moveWhole(filepath.Join(temp, p.Name), path)
}

// moveWhole moves a file into place once it is on the disk, so that a machine that loses its power
// leaves no part of it there.
func moveWhole(from, to string) error {
	file, err := os.Open(from)
	if err != nil {
		return err
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(from, to)
}

// removeLeftovers removes the temporary files that killed downloads, installations and pulls have
// left in the cache. The caller has the lock, so that no other process uses one.
func (b *builder) removeLeftovers() error {
	left, err := filepath.Glob(filepath.Join(b.cache, "install-*"))
	images, _ := filepath.Glob(filepath.Join(b.cache, "images", pullPattern)) // of a pattern that is right
	for _, dir := range append(left, images...) {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return err
}

// moduleDir returns where the module cache has p's module, which it downloads.
func (b *builder) moduleDir(ctx context.Context, p Part) (string, error) {
	// Not `go list`, which does not know the directory of a module never used yet.
	out, err := b.gocmd(ctx, p, "mod", "download", "-json", p.Module)
	if err != nil {
		return "", err
	}
	var module struct{ Dir string }
	return module.Dir, json.Unmarshal(out, &module)
}

// overlay writes, for `go build -overlay`, the files that p embeds, each with
// the version that its module lacks.
func (b *builder) overlay(p Part, module, version, temp string) (string, error) {
	replace := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(p.Embed)) {
		text, err := os.ReadFile(filepath.Join(module, p.Embed[name]))
		if err != nil {
			return "", err
		}
		var document map[string]any
		if err := json.Unmarshal(text, &document); err != nil {
			return "", fmt.Errorf("%s: %w", p.Embed[name], err)
		}
		document["version"] = version
		if text, err = json.Marshal(document); err != nil {
			return "", err
		}
		made := filepath.Join(temp, name)
		if err := os.WriteFile(made, text, 0o600); err != nil {
			return "", err
		}
		replace[filepath.Join(b.dir(p), name)] = made
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path := filepath.Join(temp, "overlay.json")
	return path, os.WriteFile(path, text, 0o600)
}

// replace copies p's module, with the files of p.Replace, and writes, for `go build -modfile`, a
// go.mod that requires the copy. An overlay is not possible, because the go command rejects one
// of files in the module cache.
func (b *builder) replace(p Part, module, temp string) (string, error) {
	dir := filepath.Join(temp, "module")
	if err := os.CopyFS(dir, os.DirFS(module)); err != nil {
		return "", err
	}
	for name, with := range p.Replace {
		text, err := os.ReadFile(filepath.Join(b.dir(p), with))
		if err != nil {
			return "", err
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.Remove(path); err != nil { // one that the module lacks would replace nothing
			return "", err
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return "", err
		}
	}

	path := filepath.Join(temp, "go.mod")
	text, err := os.ReadFile(filepath.Join(b.dir(p), "go.mod"))
	if err != nil {
		return "", err
	}
	mod, err := modfile.Parse(path, text, nil)
	if err != nil {
		return "", err
	}
	if err := mod.AddReplace(p.Module, "", dir, ""); err != nil {
		return "", err
	}
	if text, err = mod.Format(); err != nil {
		return "", err
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return "", err
	}
	sums, err := os.ReadFile(filepath.Join(b.dir(p), "go.sum"))
	if err != nil {
		return "", err
	}
	return path, os.WriteFile(filepath.Join(temp, "go.sum"), sums, 0o600)
}

// gocmd runs the go command in p's module, and returns its output. The error has the end of what
// the command printed.
func (b *builder) gocmd(ctx context.Context, p Part, args ...string) ([]byte, error) {
	out, _, err := b.run(ctx, p, args...)
	return out, err
}

// run is gocmd that also returns the state of the process, once it has ended.
func (b *builder) run(ctx context.Context, p Part, args ...string) ([]byte, *os.ProcessState, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = b.dir(p)
	// A workspace or flags of the user's own would build other versions.
	cmd.Env = compilerEnv("GOWORK=off", "GOFLAGS=-mod=readonly -buildvcs=false "+strings.Join(goflags.Shared, " "))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, cmd.ProcessState, fmt.Errorf("go %s: %w\n%s", args[0], err, tail(stderr.String(), 30))
	}
	return out, cmd.ProcessState, nil
}

// usage returns the CPU time that a process and those that it has waited for have used,
// and the most memory that any one of them had.
func usage(p *os.ProcessState) string {
	text := fmt.Sprintf(", %.0f s of CPU", (p.UserTime() + p.SystemTime()).Seconds())
	if rusage, ok := p.SysUsage().(*syscall.Rusage); ok {
		unit := int64(1024) // man 2 getrusage
		if runtime.GOOS == "darwin" {
			unit = 1
		}
		text += fmt.Sprintf(", largest process %.1f GB", float64(rusage.Maxrss*unit)/1e9)
	}
	return text
}

func (b *builder) dir(p Part) string { return filepath.Join(b.root, filepath.FromSlash(p.Dir)) }

// version returns the version of p, from the go.mod that pins it.
func (b *builder) version(p Part) (string, error) {
	if p.SDK == "" {
		return b.moduleVersion(p)
	}
	version, err := required(filepath.Join(b.root, "go.mod"), p.SDK)
	return strings.TrimPrefix(version, "v"), err
}

// moduleVersion returns the version of the module that p is compiled from.
func (b *builder) moduleVersion(p Part) (string, error) {
	if p.Module == "" {
		return "v0.0.0", nil
	}
	return required(filepath.Join(b.dir(p), "go.mod"), p.Module)
}

// required returns the version of a module that the go.mod at path requires.
func required(path, module string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	mod, err := modfile.Parse(path, text, nil)
	if err != nil {
		return "", err
	}
	for _, require := range mod.Require {
		if require.Mod.Path == module {
			return require.Mod.Version, nil
		}
	}
	return "", fmt.Errorf("%s does not require %s", path, module)
}

// path returns where the cache has p: a directory for each version and each way of
// building it.
func (b *builder) path(p Part) (string, error) {
	version, err := b.version(p)
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	fmt.Fprintln(hash, runtime.Version(), runtime.GOOS, runtime.GOARCH, p.Package, ldflags(p, version))
	inputs := []string{b.dir(p)}
	for _, input := range p.Inputs {
		inputs = append(inputs, filepath.Join(b.root, input))
	}
	for _, input := range inputs {
		err := filepath.WalkDir(input, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := os.ReadFile(path) // #nosec G122 -- the checkout's own files
			fmt.Fprintf(hash, "%s %d\n%s", entry.Name(), len(text), text)
			return err
		})
		if err != nil {
			return "", err
		}
	}
	key := hex.EncodeToString(hash.Sum(nil))[:12]
	return filepath.Join(b.cache, "parts", fmt.Sprintf("%s-%s-%s", p.Name, version, key), p.Name), nil
}

// ldflags returns the linker's flags, which strip the symbols and set p.Vars.
func ldflags(p Part, version string) string {
	major, minor, _ := strings.Cut(strings.TrimPrefix(semver.MajorMinor("v"+strings.TrimPrefix(version, "v")), "v"), ".")
	values := strings.NewReplacer("{version}", version, "{major}", major, "{minor}", minor)
	flags := "-s -w"
	for _, name := range slices.Sorted(maps.Keys(p.Vars)) {
		flags += fmt.Sprintf(" -X %s=%s", name, values.Replace(p.Vars[name]))
	}
	return flags
}
