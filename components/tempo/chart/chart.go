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

// of returns the lines of a mode.
func of(mode string) (of []line) {
	for _, l := range lines {
		if l.mode == mode {
			of = append(of, l)
		}
	}
	return of
}

// newest returns the line that is a mode's default.
func newest(mode string) (newest line) {
	for _, l := range of(mode) {
		newest = l
	}
	return newest
}

// line returns the line that the version is of; none if this project has no values for it.
func (c Chart) line() line {
	for _, l := range of(cmp.Or(c.Mode, Microservices)) {
		if l.major == semver.Major("v"+c.Version) {
			return l
		}
	}
	return line{}
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
	c.Name = cmp.Or(c.Name, newest(c.Mode).chart)
	c.Version = cmp.Or(c.Version, newest(c.Mode).version)
	l := c.line()
	if c.Version == l.version && l.deploysFixed {
		c.TempoVersion = cmp.Or(c.TempoVersion, l.fixed)
	}
	if c.Repository == "" && IsBareName(c.Name) {
		c.Repository = l.repository
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
	if err := rule.ValidateExactVersion(version, newest(Microservices).version); err != nil {
		return err
	}
	mode = cmp.Or(mode, Microservices)
	name := newest(mode).chart
	for _, l := range lines {
		if l.mode != mode && version == l.version {
			return fmt.Errorf("a version of chart %s, because mode is %s; this is one of chart %s", name, mode, l.chart)
		}
	}
	major := semver.Major("v" + version)
	var known []string
	for _, l := range of(mode) {
		if l.major == major {
			return nil
		}
		known = append(known, strings.TrimPrefix(l.major, "v")+".x")
	}
	if mode != Monolithic && semver.Compare(major, "v3") >= 0 {
		return errors.New("a version below 3, because microservices of Tempo 3 require Kafka and have no ingester or compactor")
	}
	return fmt.Errorf("a version %s of chart %s", strings.Join(known, " or "), name)
}
