package chart

import (
	"errors"

	"golang.org/x/mod/semver"
)

// patched are the tags of images that are newer than a chart's own, by the chart's mode
// and version, because of security fixes. Source: Tempo's CHANGELOG, 2.10.8.
var patched = map[string]string{
	Microservices + " 2.26.2": "2.10.8", // the chart has 2.10.7
}

// openCensusDropped are the first versions of Tempo's lines that do not have the
// OpenCensus receiver, whose distributor ends at once if one is configured. Later lines
// never have it. Source: Tempo's CHANGELOG; modules/distributor/receiver/shim.go.
var openCensusDropped = map[string]string{"v2.9": "v2.9.3", "v2.10": "v2.10.6"}

// firstWithoutOpenCensus is the first version of chart tempo-distributed whose own Tempo,
// 2.10.6, does not have the receiver. Source: the chart's history of appVersion.
const firstWithoutOpenCensus = "v2.23.5"

// OpenCensus says whether the Tempo of a chart has the OpenCensus receiver, and if not,
// what dropped it.
func (c Chart) OpenCensus() (has bool, dropped string) {
	if c.TempoVersion == "" {
		if c.Mode != Monolithic && semver.Compare("v"+c.Version, firstWithoutOpenCensus) < 0 {
			return true, ""
		}
		return false, "Tempo 2.10.6"
	}
	version := "v" + c.TempoVersion
	first, known := openCensusDropped[semver.MajorMinor(version)]
	switch {
	case known && semver.Compare(version, first) >= 0:
		return false, "Tempo " + first[1:]
	case !known && semver.Compare(version, "v2.10.6") >= 0:
		return false, "Tempo 2.10.6"
	}
	return true, ""
}

// ValidateTempo returns an error unless this project has values for a version of Tempo.
func ValidateTempo(version string) error {
	v := "v" + version
	switch {
	case !semver.IsValid(v) || semver.Canonical(v) != v:
		return errors.New("is not an exact version like 2.10.8")
	case semver.Major(v) != "v2":
		return errors.New("is not of Tempo 2, which the charts configure")
	}
	return nil
}

// separateCaches is the first version of chart tempo-distributed with a cache section for
// each role.
const separateCaches = "v2.11.0"

// HasSeparateCaches says whether the chart has a section for a cache of each role.
// Source: grafana-community/helm-charts, pull request 325.
func (c Chart) HasSeparateCaches() bool {
	return c.Mode != Monolithic && semver.Compare("v"+c.Version, separateCaches) >= 0
}
