package lab

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

// ImagesVariable names the environment variable for a directory of images, as `docker
// save` writes them, that a lab with real nodes imports.
const ImagesVariable = "LAB_IMAGES"

// pauseImage is the name of the image that holds a pod's namespaces.
const pauseImage = "registry.k8s.io/pause:lab"

// Image is a container image that the lab packs from files of this machine.
type Image struct {
	// Ref are the image's names, in full, such as docker.io/grafana/tempo:2.9.0.
	Ref []string
	// Entrypoint and Cmd are the command and its default arguments.
	Entrypoint, Cmd []string
	// User is the user, and after a colon the group, by number. Default: root.
	User string
	// Env are variables, as NAME=VALUE, besides PATH.
	Env []string
	// Files maps a path in the image to a file of this machine. Each becomes
	// executable, and readable by all.
	Files map[string]string
	// Libraries has the image contain the shared libraries that Files need.
	Libraries bool
}

// ImportImages packs images, and imports them into both nodes, for pods that start
// afterwards. The lab must run.
func (l *Lab) ImportImages(ctx context.Context, images ...Image) error {
	archives, err := l.nodes().pack(images)
	if err != nil {
		return err
	}
	return l.nodes().importArchives(ctx, archives)
}

// givenImages returns the archives in the directory of LAB_IMAGES, and the names of the
// images in them.
func givenImages() (archives, names []string, err error) {
	folder := os.Getenv(ImagesVariable)
	if folder == "" {
		return nil, nil, nil
	}
	if archives, err = filepath.Glob(filepath.Join(folder, "*.tar")); err != nil {
		return nil, nil, err
	}
	if len(archives) == 0 {
		return nil, nil, fmt.Errorf("%s: got %q, which has no *.tar; want a directory with images. Fix: docker save --output %[2]s/IMAGE.tar IMAGE", ImagesVariable, folder)
	}
	for _, archive := range archives {
		in, err := namesIn(archive)
		if err != nil {
			return nil, nil, err
		}
		names = append(names, in...)
	}
	return archives, names, nil
}

// importArchives imports archives into each node, in this order.
func (n nodes) importArchives(ctx context.Context, archives []string) error {
	return n.each(func(node node) error {
		for _, archive := range archives {
			if err := node.ctr(ctx, "images", "import", archive); err != nil {
				return err
			}
		}
		return nil
	})
}

// pack writes each image to an archive, and returns their paths.
func (n nodes) pack(images []Image) (archives []string, err error) {
	if err := os.MkdirAll(n.imageDir(), 0o700); err != nil {
		return nil, err
	}
	for _, image := range images {
		if len(image.Ref) == 0 {
			return nil, errors.New("Image.Ref: got no name; want one or more")
		}
		archive := filepath.Join(n.imageDir(), strings.NewReplacer("/", "_", ":", "_").Replace(image.Ref[0])+".tar")
		file, err := os.OpenFile(archive, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
		if err != nil {
			return nil, err
		}
		if err := errors.Join(image.write(file), file.Close()); err != nil {
			return nil, fmt.Errorf("packing %s: %w", image.Ref[0], err)
		}
		archives = append(archives, archive)
	}
	return archives, nil
}

// write writes the image as `docker save` does: a layer, a configuration and a
// manifest. The same files give the same image.
func (i Image) write(w io.Writer) error {
	layer, err := i.layer()
	if err != nil {
		return err
	}
	diff := digest(layer)
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH,
		"os":           "linux",
		"created":      epoch,
		"config": map[string]any{
			"Entrypoint": i.Entrypoint,
			"Cmd":        i.Cmd,
			"User":       i.User,
			"Env":        append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, i.Env...),
		},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + diff}},
	})
	if err != nil {
		return err
	}
	id := digest(config)
	manifest, err := json.Marshal([]any{map[string]any{
		"Config":   id + ".json",
		"RepoTags": i.Ref,
		"Layers":   []string{diff + ".tar"},
	}})
	if err != nil {
		return err
	}
	archive := tree{tar.NewWriter(w), nil}
	return errors.Join(
		archive.file(id+".json", 0o644, int64(len(config)), bytes.NewReader(config)),
		archive.file(diff+".tar", 0o644, int64(len(layer)), bytes.NewReader(layer)),
		archive.file("manifest.json", 0o644, int64(len(manifest)), bytes.NewReader(manifest)),
		archive.Close())
}

// layer returns the image's files as a tar archive.
func (i Image) layer() ([]byte, error) {
	files := maps.Clone(i.Files)
	if i.Libraries {
		for _, source := range i.Files {
			libraries, err := librariesOf(source)
			if err != nil {
				return nil, err
			}
			for _, library := range libraries {
				files[library] = library
			}
		}
	}

	var buffer bytes.Buffer
	layer := tree{tar.NewWriter(&buffer), map[string]bool{"/": true}}
	err := errors.Join(
		layer.dir("/tmp", 0o1777),
		layer.text("/etc/group", "root:x:0:\nnobody:x:65534:\n"),
		layer.text("/etc/nsswitch.conf", "hosts: files dns\n"),
		layer.text("/etc/passwd", "root:x:0:0:root:/:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n"))
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err == nil {
			err = layer.copy(name, files[name])
		}
	}
	return buffer.Bytes(), errors.Join(err, layer.Close())
}

var library = regexp.MustCompile(`(?m)(/\S+) \(0x`)

// librariesOf returns the paths of the shared libraries that a program needs, its
// loader among them.
func librariesOf(program string) (paths []string, err error) {
	out, err := exec.Command("ldd", program).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("ldd %s: %w\n%s", program, err, out)
	}
	for _, match := range library.FindAllStringSubmatch(string(out), -1) {
		paths = append(paths, match[1])
	}
	return paths, nil
}

// epoch is the time of every file, so that an image depends on its files alone.
var epoch = time.Unix(0, 0).UTC()

// tree is a tar archive that has each directory before what is in it.
type tree struct {
	*tar.Writer
	dirs map[string]bool // nil for an archive without directories
}

func (t tree) dir(name string, mode int64) error {
	if t.dirs == nil || t.dirs[name] {
		return nil
	}
	if err := t.dir(path.Dir(name), 0o755); err != nil {
		return err
	}
	t.dirs[name] = true
	return t.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: strings.TrimPrefix(name, "/") + "/", Mode: mode, ModTime: epoch})
}

func (t tree) file(name string, mode, size int64, content io.Reader) error {
	if err := t.dir(path.Dir(name), 0o755); err != nil {
		return err
	}
	header := &tar.Header{Typeflag: tar.TypeReg, Name: strings.TrimPrefix(name, "/"), Mode: mode, Size: size, ModTime: epoch}
	if err := t.WriteHeader(header); err != nil {
		return err
	}
	_, err := io.Copy(t, content)
	return err
}

func (t tree) text(name, text string) error {
	return t.file(name, 0o644, int64(len(text)), strings.NewReader(text))
}

func (t tree) copy(name, source string) error {
	file, err := os.Open(source)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	return t.file(name, 0o755, info.Size(), file)
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
