package lab

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/picluster/picluster/components/tempo/chart"
)

// memcachedTags are the tags of memcached's image in the supported charts: 1.61.3 and
// 2.26.2.
var memcachedTags = []string{"1.6.39-alpine", "1.6.43-alpine"}

const (
	tempoImage     = "docker.io/grafana/tempo"
	memcachedImage = "docker.io/library/memcached" // the charts' docker.io/memcached in full
)

// standIns returns the images of the stand-in, under the names of the charts' images
// that are not among given.
func standIns(program string, given []string) (images []Image) {
	for _, version := range chart.TempoVersions() {
		images = append(images, Image{
			Ref:        []string{tempoImage + ":" + version},
			Entrypoint: []string{"/tempo"},
			User:       "10001:10001",
			Env:        []string{"STANDIN_VERSION=" + version},
			Files:      map[string]string{"/tempo": program},
		})
	}
	memcached := Image{
		Entrypoint: []string{"memcached"},
		User:       "11211:11211",
		Files:      map[string]string{"/usr/local/bin/memcached": program, "/usr/bin/pgrep": program},
	}
	for _, tag := range memcachedTags {
		memcached.Ref = append(memcached.Ref, memcachedImage+":"+tag)
	}
	images = append(images, memcached)
	for i := range images {
		images[i].Ref = slices.DeleteFunc(images[i].Ref, func(ref string) bool { return slices.Contains(given, ref) })
	}
	return slices.DeleteFunc(images, func(image Image) bool { return len(image.Ref) == 0 })
}

// announce says on log which images are the stand-in's.
func announce(log io.Writer, images []Image) {
	var refs []string
	for _, image := range images {
		refs = append(refs, image.Ref...)
	}
	if len(refs) > 0 {
		fmt.Fprintf(log, "lab: STAND-IN IMAGES of lab/standin, which are neither Tempo nor memcached: %s; for the real ones: %s=DIRECTORY\n",
			strings.Join(refs, ", "), ImagesVariable)
	}
}

// namesIn returns the names, in full, of the images in an archive of `docker save`.
func namesIn(archive string) (names []string, err error) {
	file, err := os.Open(archive)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	reader := tar.NewReader(file)
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%s: got an archive of %s without manifest.json; want one of docker save", ImagesVariable, archive)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", ImagesVariable, archive, err)
		}
		if header.Name == "manifest.json" {
			break
		}
	}
	var manifest []struct{ RepoTags []string }
	if err := json.NewDecoder(reader).Decode(&manifest); err != nil {
		return nil, fmt.Errorf("%s: %s: manifest.json: %w", ImagesVariable, archive, err)
	}
	for _, image := range manifest {
		for _, name := range image.RepoTags {
			names = append(names, fullName(name))
		}
	}
	return names, nil
}

// fullName returns an image's name with its registry, as containerd has it.
func fullName(name string) string {
	registry, _, found := strings.Cut(name, "/")
	switch {
	case !found:
		return "docker.io/library/" + name
	case registry == "docker.io" && strings.Count(name, "/") == 1:
		return "docker.io/library/" + strings.TrimPrefix(name, "docker.io/")
	case strings.ContainsAny(registry, ".:") || registry == "localhost":
		return name
	}
	return "docker.io/" + name
}
