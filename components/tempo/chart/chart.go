// Package chart knows the lines of the chart tempo-distributed: where each is
// published, and which of them this project has values for.
package chart

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/semver"
	"sigs.k8s.io/yaml"
)

// Defaults of a Chart. The version is the last of line 1, with Tempo 2.9.0.
const (
	DefaultName    = "tempo-distributed"
	DefaultVersion = "1.61.3"
)

// repositories are where the lines are published. grafana's chart is marked as
// deprecated since 1.61.3; grafana-community carries it on.
var repositories = map[string]string{
	"v1": "https://grafana.github.io/helm-charts",
	"v2": "https://grafana-community.github.io/helm-charts",
}

// Chart says where the chart is found.
type Chart struct {
	// Name is the chart's name in Repository, a path to a folder or an archive,
	// or an oci:// reference. Default: DefaultName.
	Name string
	// Repository is the chart repository's URL; it goes with a bare name alone.
	// Default for a bare name: the one that publishes Version's line.
	Repository string
	// Version is the chart's exact version. Default: DefaultVersion.
	Version string
}

// firstWithoutOpenCensus is the first version whose Tempo, 2.10.6, has no OpenCensus
// receiver any more. Its distributor ends at once if one is configured, which the
// chart does all the same. Source: the chart's history of appVersion, and Tempo's
// CHANGELOG.
const firstWithoutOpenCensus = "v2.23.5"

// HasOpenCensus says whether the Tempo of a version of the chart has the OpenCensus
// receiver.
func HasOpenCensus(version string) bool {
	return semver.Compare("v"+version, firstWithoutOpenCensus) < 0
}

// WithDefaults returns the chart with what is empty filled in.
func (c Chart) WithDefaults() Chart {
	if c.Name == "" {
		c.Name = DefaultName
	}
	if c.Version == "" {
		c.Version = DefaultVersion
	}
	if c.Repository == "" && IsBareName(c.Name) {
		c.Repository = repositories[semver.Major("v"+c.Version)]
	}
	return c
}

// IsBareName tells a chart's name, to be found in a repository, from a path or
// an oci:// reference, which say themselves where the chart is.
func IsBareName(name string) bool { return !strings.ContainsAny(name, `/\`) }

// FolderVersion returns the version that the chart in a folder says it has. It
// fails if there is none.
func FolderVersion(folder string) (string, error) {
	text, err := os.ReadFile(filepath.Join(folder, "Chart.yaml"))
	if err != nil {
		return "", err
	}
	var file struct {
		Version string `json:"version"`
	}
	err = yaml.Unmarshal(text, &file)
	return file.Version, err
}

// ValidateExact says that a version is not exact, or nil: of a range, Helm would
// take whatever is newest on the day.
func ValidateExact(version string) error {
	v := "v" + version
	if !semver.IsValid(v) || semver.Canonical(v) != v {
		return errors.New("is not an exact version like " + DefaultVersion)
	}
	return nil
}

// ValidateVersion says why a version of the chart will not do, or nil.
func ValidateVersion(version string) error {
	if err := ValidateExact(version); err != nil {
		return err
	}
	major := semver.Major("v" + version)
	if _, ok := repositories[major]; ok {
		return nil
	}
	if semver.Compare(major, "v3") >= 0 {
		return errors.New("has Tempo 3.0 or newer, which needs Kafka and has no ingester or compactor, so that this program's values do not fit it")
	}
	return fmt.Errorf("is of line %s, and this program has values for 1.x and 2.x", strings.TrimPrefix(major, "v"))
}
