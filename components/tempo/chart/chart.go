// Package chart knows Tempo's charts: where each line is published, which of them this
// project has values for, and which Tempo each deploys.
package chart

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/picluster/picluster/internal/rule"
	"golang.org/x/mod/semver"
	"sigs.k8s.io/yaml"
)

// How Tempo runs.
const (
	// Microservices is a pod or more for each part of Tempo: chart tempo-distributed.
	Microservices = "microservices"
	// Monolithic is all parts in one pod: chart tempo.
	Monolithic = "monolithic"
)

// Modes returns the modes, the default first.
func Modes() []string { return []string{Microservices, Monolithic} }

// community is the repository in which Tempo's charts are maintained since 2026.
const community = "https://grafana-community.github.io/helm-charts"

// line is a line of versions of a chart.
type line struct {
	major      string // v1, v2, …
	repository string
}

// charts are the charts by their mode, each with the lines that this project has values
// for. grafana's chart tempo-distributed is deprecated since 1.61.3, the last of line 1.
var charts = map[string]struct {
	name, version string // the defaults
	lines         []line
}{
	Microservices: {"tempo-distributed", "2.26.2", []line{
		{"v1", "https://grafana.github.io/helm-charts"},
		{"v2", community},
	}},
	Monolithic: {"tempo", "2.2.4", []line{{"v2", community}}},
}

// Chart says which chart is deployed, and which Tempo.
type Chart struct {
	// Mode is Microservices or Monolithic. Default: Microservices.
	Mode string `pulumi:"mode,optional"`
	// Name is the chart's name in Repository, a path to a directory or an archive,
	// or an oci:// reference. Default: tempo-distributed, or tempo for Monolithic.
	Name string `pulumi:"name,optional"`
	// Repository is the chart repository's URL; it applies to a bare name alone.
	// Default for a bare name: the one that publishes Version's line.
	Repository string `pulumi:"repository,optional"`
	// Version is the chart's exact version. Default: 2.26.2, or 2.2.4 for Monolithic.
	Version string `pulumi:"version,optional"`
	// TempoVersion is the tag of Tempo's image. Default: 2.10.8 for Version 2.26.2, otherwise
	// the chart's own.
	TempoVersion string `pulumi:"tempoVersion,optional"`
}

// WithDefaults returns the chart with what is empty filled in.
func (c Chart) WithDefaults() Chart {
	c.Mode = cmp.Or(c.Mode, Microservices)
	of := charts[c.Mode]
	c.Name = cmp.Or(c.Name, of.name)
	c.Version = cmp.Or(c.Version, of.version)
	c.TempoVersion = cmp.Or(c.TempoVersion, patched[c.Mode+" "+c.Version])
	if c.Repository == "" && IsBareName(c.Name) {
		for _, line := range of.lines {
			if line.major == semver.Major("v"+c.Version) {
				c.Repository = line.repository
			}
		}
	}
	return c
}

// IsBareName returns whether name is a chart's name, which Helm looks up in a repository, and
// not a path or an oci:// reference.
func IsBareName(name string) bool { return !strings.ContainsAny(name, `/\`) }

// DirectoryVersion returns the version in the Chart.yaml of a directory. It fails if the
// directory has no Chart.yaml.
func DirectoryVersion(directory string) (string, error) {
	text, err := os.ReadFile(filepath.Join(directory, "Chart.yaml"))
	if err != nil {
		return "", err
	}
	var file struct {
		Version string `json:"version"`
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		return "", err
	}
	if file.Version == "" {
		return "", fmt.Errorf("%s/Chart.yaml: version: got nothing; want the chart's version", directory)
	}
	return file.Version, nil
}

// ValidateVersion returns an error unless this project has values for a version of the
// chart of a mode.
func ValidateVersion(mode, version string) error {
	if err := rule.ValidateExactVersion(version, charts[Microservices].version); err != nil {
		return err
	}
	mode = cmp.Or(mode, Microservices)
	of := charts[mode]
	for other, chart := range charts {
		if other != mode && version == chart.version {
			return fmt.Errorf("a version of chart %s, because mode is %s; this is one of chart %s", of.name, mode, chart.name)
		}
	}
	major := semver.Major("v" + version)
	var known []string
	for _, line := range of.lines {
		if line.major == major {
			return nil
		}
		known = append(known, strings.TrimPrefix(line.major, "v")+".x")
	}
	if mode != Monolithic && semver.Compare(major, "v3") >= 0 {
		return errors.New("a version below 3, because microservices of Tempo 3 require Kafka and have no ingester or compactor")
	}
	return fmt.Errorf("a version %s of chart %s", strings.Join(known, " or "), of.name)
}
