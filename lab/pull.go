package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// RegistryVariable names the environment variable for a registry in place of docker.io, such as a
// mirror, as HOST or HOST:PORT.
const RegistryVariable = "LAB_REGISTRY"

const dockerHub = "docker.io"

// pull downloads the charts' images that neither LAB_IMAGES, Lab.Images nor the cache has, and
// returns the cache's archives of those images. What cannot be pulled is left to the stand-in, and
// the log says why. Nothing is asked for unless Lab.Pull is set and parts may be downloaded.
func (l *Lab) pull(ctx context.Context) (archives []string, err error) {
	_, given, err := givenImages()
	if err != nil {
		return nil, err
	}
	for _, image := range l.Images {
		given = append(given, image.Ref...)
	}
	mode, err := partsMode()
	if err != nil || !l.Pull || mode == partsBuild {
		return nil, err
	}
	var missing []string
	for _, image := range standIns("", given) {
		for _, ref := range image.Ref {
			if path := l.pulledPath(ref); exists(path) {
				archives = append(archives, path)
			} else {
				missing = append(missing, ref)
			}
		}
	}
	if len(missing) == 0 {
		return archives, nil
	}
	unlock, err := lock(ctx, filepath.Join(l.cache, "lock"))
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := registryReached(ctx, missing[0]); err != nil {
		fmt.Fprintf(l.log, "lab: no registry of images is reached within %s: %v\n", lookTimeout, err)
		return archives, ctx.Err()
	}
	for _, ref := range missing {
		path := l.pulledPath(ref)
		err := step(l.log, "pulling "+ref, func() error { return pullImage(ctx, ref, path) })
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			fmt.Fprintf(l.log, "lab: %s is replaced by the stand-in: %v\n", ref, err)
			continue
		}
		archives = append(archives, path)
	}
	return archives, nil
}

// pulledPath returns where the cache has an image that was pulled.
func (l *Lab) pulledPath(ref string) string {
	return filepath.Join(l.cache, "images", strings.NewReplacer("/", "_", ":", "_").Replace(ref)+"-"+runtime.GOARCH+".tar")
}

// registryReached returns an error unless the registry knows ref within lookTimeout.
func registryReached(ctx context.Context, ref string) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	source, err := sourceOf(ref)
	if err == nil {
		_, err = remote.Head(source, remote.WithContext(ctx))
	}
	return err
}

// sourceOf returns where an image is pulled from.
func sourceOf(ref string) (name.Reference, error) {
	if registry := os.Getenv(RegistryVariable); registry != "" {
		ref = registry + strings.TrimPrefix(ref, dockerHub)
	}
	return name.ParseReference(ref)
}

// pullPattern is the name of a file that an image is pulled into.
const pullPattern = "pull-*"

// pullImage writes an image for this machine to path, in the format of `docker save`, once it is
// there as a whole. The registry's digests are checked.
func pullImage(ctx context.Context, ref, path string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, downloadTimeout, fmt.Errorf("it took longer than %s", downloadTimeout))
	defer cancel()
	source, err := sourceOf(ref)
	if err != nil {
		return err
	}
	tag, err := name.NewTag(ref)
	if err != nil {
		return err
	}
	image, err := remote.Image(source, remote.WithContext(ctx), remote.WithPlatform(v1.Platform{OS: "linux", Architecture: runtime.GOARCH}))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), pullPattern)
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // unless it was moved
	if err := errors.Join(tarball.Write(tag, image, file), file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
