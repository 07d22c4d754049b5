package lab

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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
	"time"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

// withoutCgo is for every build here: it needs no C compiler, and what `go test
// -race` builds is what any other command would.
const withoutCgo = "CGO_ENABLED=0"

// builder builds the parts of a checkout into the cache.
type builder struct {
	root  string // the checkout
	cache string
	log   io.Writer
}

// build returns where each part is, by name, having built those that the cache
// lacks. It waits while another build goes on in the same cache.
func (b *builder) build(ctx context.Context, parts []Part) (map[string]string, error) {
	paths := map[string]string{}
	missing := func() (left []Part, err error) {
		for _, p := range parts {
			path, err := b.path(p)
			if err != nil {
				return nil, err
			}
			if _, err := os.Stat(path); err != nil {
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
	if left, err = missing(); err != nil {
		return nil, err
	}

	var cold time.Duration
	for _, p := range left {
		cold += p.Cold
	}
	if len(left) > 0 {
		fmt.Fprintf(b.log, "lab: %d of %d parts are not in %s yet; building them takes about %s on 2 cores, once\n",
			len(left), len(parts), b.cache, cold.Round(time.Minute))
	}
	for i, p := range left {
		version, err := b.version(p)
		if err != nil {
			return nil, err
		}
		what := fmt.Sprintf("%2d/%d building %s %s (about %s)", i+1, len(left), p.Name, version, elapsed(p.Cold))
		if err := step(b.log, what, func() error { return b.buildPart(ctx, p, version, paths[p.Name]) }); err != nil {
			return nil, fmt.Errorf("building %s %s: %w", p.Name, version, err)
		}
	}
	return paths, nil
}

// buildPart builds p aside and moves it into place, so that a build that was cut
// off leaves nothing that looks finished.
func (b *builder) buildPart(ctx context.Context, p Part, version, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(filepath.Dir(path), "build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)

	args := []string{"build", "-o", filepath.Join(temp, p.Name), "-ldflags", ldflags(p, version)}
	if len(p.Embed) > 0 {
		overlay, err := b.overlay(ctx, p, version, temp)
		if err != nil {
			return err
		}
		args = append(args, "-overlay", overlay)
	}
	if _, err := b.gocmd(ctx, p, append(args, p.Package)...); err != nil {
		return err
	}
	return os.Rename(filepath.Join(temp, p.Name), path)
}

// overlay writes, for `go build -overlay`, the files that p embeds, each with
// the version that its module lacks.
func (b *builder) overlay(ctx context.Context, p Part, version, temp string) (string, error) {
	// Not `go list`, which does not know the folder of a module never used yet.
	out, err := b.gocmd(ctx, p, "mod", "download", "-json", p.Module)
	if err != nil {
		return "", err
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		return "", err
	}
	replace := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(p.Embed)) {
		text, err := os.ReadFile(filepath.Join(module.Dir, p.Embed[name]))
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

// gocmd runs the go command in p's module, and returns its output; the error has
// what the command said.
func (b *builder) gocmd(ctx context.Context, p Part, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = b.dir(p)
	// A workspace or flags of the user's own would build other versions.
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly -buildvcs=false", withoutCgo)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", args[0], err, tail(stderr.String(), 30))
	}
	return out, nil
}

func (b *builder) dir(p Part) string { return filepath.Join(b.root, filepath.FromSlash(p.Dir)) }

// version returns the version of p, from the go.mod that pins it.
func (b *builder) version(p Part) (string, error) {
	if p.Module == "" {
		return "v0.0.0", nil
	}
	path, module := filepath.Join(b.dir(p), "go.mod"), p.Module
	if p.SDK != "" {
		path, module = filepath.Join(b.root, "go.mod"), p.SDK
	}
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
			if p.SDK != "" {
				return strings.TrimPrefix(require.Mod.Version, "v"), nil
			}
			return require.Mod.Version, nil
		}
	}
	return "", fmt.Errorf("%s does not require %s", path, module)
}

// path returns where the cache has p: a folder for each version and each way of
// building it.
func (b *builder) path(p Part) (string, error) {
	version, err := b.version(p)
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	fmt.Fprintln(hash, runtime.Version(), runtime.GOOS, runtime.GOARCH, p.Package, ldflags(p, version))
	err = filepath.WalkDir(b.dir(p), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		fmt.Fprintf(hash, "%s %d\n%s", entry.Name(), len(text), text)
		return err
	})
	if err != nil {
		return "", err
	}
	key := hex.EncodeToString(hash.Sum(nil))[:12]
	return filepath.Join(b.cache, "parts", fmt.Sprintf("%s-%s-%s", p.Name, version, key), p.Name), nil
}

// ldflags strips the symbols, which nobody debugs here, and sets the version.
func ldflags(p Part, version string) string {
	major, minor, _ := strings.Cut(strings.TrimPrefix(semver.MajorMinor("v"+strings.TrimPrefix(version, "v")), "v"), ".")
	values := strings.NewReplacer("{version}", version, "{major}", major, "{minor}", minor)
	flags := "-s -w"
	for _, name := range slices.Sorted(maps.Keys(p.Vars)) {
		flags += fmt.Sprintf(" -X %s=%s", name, values.Replace(p.Vars[name]))
	}
	return flags
}
